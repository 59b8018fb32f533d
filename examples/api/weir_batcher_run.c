/* SPDX-License-Identifier: MIT
 *
 * weir_batcher_run: a task that makes arrays of what comes through a channel: so many values, or what came in a
 * while. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_CHAN_DECLARE(num);
WEIR_CHAN_DECLARE(nums);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	num_tx tx;
	num_rx in;
	nums_tx out;
	nums_rx rx;
	nums_t batch;
	weir_scope s;
	(void)err, (void)arg;
	CHECK(num_chan_new(rt, 5, &tx, &in) == 0);
	CHECK(nums_chan_new(rt, 0, &out, &rx) == 0);
	struct weir_batcher b = {.in = in.end, .out = out.end, .of = num_type(), .items = 2, .age_ns = WEIR_SEC(1)};
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "batcher", weir_batcher_run, &b) == 0);
	for (int i = 0; i < 5; i++)
		CHECK(num_send(ctx, tx, &i) == 0);
	num_tx_close(&tx);
	for (size_t i = 0; i < 5; i += 2) {
		CHECK(nums_recv(ctx, rx, &batch) == 1);
		CHECK(nums_len(&batch) == (i < 4 ? 2 : 1)); /* the rest goes at the end */
		nums_drop(&batch);
	}
	CHECK(nums_recv(ctx, rx, &batch) == 0);
	nums_rx_close(&rx);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_batcher_run(ctx, NULL, &b) == WEIR_EBADF); /* it has closed its ends */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
