/* SPDX-License-Identifier: MIT
 *
 * weir_rx_stats: the same account, from the receiving side. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	struct weir_chan_stats stats;
	int n = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 4, &tx, &rx) == 0);
	CHECK(weir_tx_send(ctx, tx, &(int){1}) == 0);
	CHECK(weir_tx_send(ctx, tx, &(int){2}) == 0);
	CHECK(weir_rx_recv(ctx, rx, &n) == 1);
	weir_tx_close(&tx);
	weir_rx_stats(rx, &stats);
	CHECK(stats.accepted == 2 && stats.delivered == 1 && stats.buffered == 1 && stats.dropped == 0);
	CHECK(stats.tx_handles == 0); /* there will be no more than these */
	weir_rx_close(&rx);
	weir_rx_stats(rx, &stats); /* no handle: zeros */
	CHECK(stats.accepted == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
