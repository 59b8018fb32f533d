/* SPDX-License-Identifier: MIT
 *
 * weir_tx_stats: how full is it? The producer sees the account of the whole channel. */
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
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 4, &tx, &rx) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(weir_tx_send(ctx, tx, &i) == 0);
	weir_tx_stats(tx, &stats);
	CHECK(stats.buffered == 3 && stats.capacity == 4);
	CHECK(stats.tx_handles == 1 && stats.rx_handles == 1);
	CHECK(stats.accepted == stats.delivered + stats.dropped + stats.buffered); /* always */
	weir_rx_close(&rx);
	weir_tx_stats(tx, &stats);
	CHECK(stats.dropped == 3 && stats.buffered == 0 && stats.rx_handles == 0);
	weir_tx_close(&tx);
	weir_tx_stats(tx, &stats); /* no handle: zeros */
	CHECK(stats.accepted == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
