/* SPDX-License-Identifier: MIT
 *
 * weir_tx_close: the last sending end ends the channel for receivers; one exit path closes whatever is there. */
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
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 2, &tx, &rx) == 0);
	CHECK(weir_tx_send(ctx, tx, &(int){5}) == 0);
	weir_tx_close(&tx);
	CHECK(tx == NULL);
	CHECK(weir_rx_recv(ctx, rx, &n) == 1 && n == 5); /* what was accepted is still there */
	CHECK(weir_rx_recv(ctx, rx, &n) == 0);           /* and then the end */
	weir_tx_close(&tx);                              /* again, and without any: allowed */
	weir_tx_close(NULL);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
