/* SPDX-License-Identifier: MIT
 *
 * weir_case_timer: waits for an item, but not longer than it is worth; a point in time, not a length. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int n = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx, &rx) == 0);
	int64_t at = weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(200));
	weir_case cases[2] = {weir_case_recv(rx, &n), weir_case_timer(at)};
	CHECK(weir_select(ctx, cases, 2) == 1); /* nobody sends */
	CHECK(cases[1].rc == 0 && weir_rt_now(weir_ctx_rt(ctx)) >= at);
	CHECK(weir_tx_send(ctx, tx, &(int){3}) == 0);
	cases[1] = weir_case_timer(WEIR_FOREVER); /* off */
	CHECK(weir_select(ctx, cases, 2) == 0 && n == 3);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
