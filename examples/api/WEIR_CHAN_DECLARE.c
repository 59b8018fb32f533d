/* SPDX-License-Identifier: MIT
 *
 * WEIR_CHAN_DECLARE: channels whose ends and items the compiler checks: every function that is declared, once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_CHAN_DECLARE(num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	num_tx tx, more[2];
	num_rx rx, others[2];
	struct weir_chan_stats stats;
	num_t in = 7, out = 0;
	(void)err, (void)arg;
	CHECK(num_chan_new(weir_ctx_rt(ctx), 1, &tx, &rx) == 0);
	CHECK(num_tx_clone(tx, &more[0]) == 0 && num_rx_clone(rx, &others[0]) == 0);
	num_tx_close(&more[0]);
	num_rx_close(&others[0]);
	CHECK(num_tx_clone_n(tx, 2, more) == 0 && num_rx_clone_n(rx, 2, others) == 0);
	num_tx_stats(tx, &stats);
	CHECK(stats.tx_handles == 3);
	CHECK(num_send(ctx, tx, &in) == 0 && num_tx_try_send(more[1], &in) == WEIR_EAGAIN);
	num_rx_stats(rx, &stats);
	CHECK(stats.buffered == 1);
	CHECK(num_recv(ctx, rx, &out) == 1 && num_rx_try_recv(others[1], &out) == WEIR_EAGAIN && out == 7);
	weir_case cases[2] = {num_tx_case(tx, &in), num_rx_case(rx, &out)};
	CHECK(weir_select(ctx, cases, 2) == 0 && weir_select(ctx, cases, 2) == 1);
	num_rx_shut(rx);
	CHECK(num_send(ctx, tx, &in) == WEIR_EPIPE && num_recv(ctx, rx, &out) == 0);
	for (int i = 0; i < 2; i++) {
		num_tx_close(&more[i]);
		num_rx_close(&others[i]);
	}
	num_tx_close(&tx);
	num_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
