/* SPDX-License-Identifier: MIT
 *
 * weir_chan_new: a channel and its two ends; what cannot be is refused, and the ends stay as they were. */
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
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, SIZE_MAX, &tx, &rx) == WEIR_EOVERFLOW);
	CHECK(weir_chan_new(weir_ctx_rt(ctx), NULL, 4, &tx, &rx) == WEIR_EINVAL);
	CHECK(!tx && !rx);
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 4, &tx, &rx) == 0); /* room for four */
	CHECK(weir_tx_send(ctx, tx, &(int){7}) == 0);
	CHECK(weir_rx_recv(ctx, rx, &n) == 1 && n == 7);
	weir_tx_close(&tx);
	weir_rx_close(&rx); /* and the channel is gone */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
