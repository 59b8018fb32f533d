/* SPDX-License-Identifier: MIT
 *
 * weir_rx_try_recv: takes what is there, and goes on with something else. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int n = 0, rc, taken = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 4, &tx, &rx) == 0);
	CHECK(weir_rx_try_recv(rx, &n) == WEIR_EAGAIN); /* nothing yet */
	for (int i = 1; i <= 3; i++)
		CHECK(weir_tx_send(ctx, tx, &i) == 0);
	while ((rc = weir_rx_try_recv(rx, &n)) > 0)
		taken++;
	CHECK(rc == WEIR_EAGAIN && taken == 3 && n == 3);
	weir_tx_close(&tx);
	CHECK(weir_rx_try_recv(rx, &n) == 0); /* nothing any more */
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
