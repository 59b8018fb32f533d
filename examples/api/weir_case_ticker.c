/* SPDX-License-Identifier: MIT
 *
 * weir_case_ticker: collects items, and writes them out at the next tick, in one go. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	struct weir_ticker flush;
	int n, pending = 0, written = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 8, &tx, &rx) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(weir_tx_send(ctx, tx, &i) == 0);
	weir_ticker_init(&flush, weir_ctx_rt(ctx), weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(50)),
			 WEIR_US(50));
	while (written < 8) {
		weir_case cases[2] = {weir_case_recv(rx, &n), weir_case_ticker(&flush)};
		int i = weir_select(ctx, cases, 2);
		if (i < 0)
			return i;
		if (i == 0) {
			pending++;
		} else {
			CHECK(cases[1].rc >= 1);
			written += pending;
			pending = 0;
		}
	}
	CHECK(pending == 0);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
