/* SPDX-License-Identifier: MIT
 *
 * weir_array_type: the type of arrays of a type: for channels, stages, and arrays of arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_type nums = weir_array_type(num_type());
	weir_array a;
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	(void)err, (void)arg;
	CHECK(nums.size == sizeof(weir_array));
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &nums, 1, &tx, &rx) == 0);
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), 5, &a) == 0);
	CHECK(weir_tx_send(ctx, tx, &a) == 0); /* it has moved, all five with it */
	CHECK(weir_rx_recv(ctx, rx, &a) == 1);
	CHECK(a.n == 5);
	weir_array_drop(&a);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
