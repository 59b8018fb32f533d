/* SPDX-License-Identifier: MIT
 *
 * WEIR_ARRAY_DECLARE: arrays of a token, with values that the compiler knows; the array is a token again. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_CHAN_DECLARE(nums);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	nums_t a, b;
	nums_tx tx;
	nums_rx rx;
	int out;
	(void)err, (void)arg;
	CHECK(nums_new(weir_ctx_rt(ctx), 3, &a) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(nums_put(&a, (size_t)i, &i) == 0);
	CHECK(nums_len(&a) == 3 && *nums_at(&a, 2) == 2);
	CHECK(nums_copy(&a, &b) == 0);
	CHECK(nums_take(&a, 0, &out) && nums_at(&a, 0) == NULL);
	nums_drop(&a);
	CHECK(nums_chan_new(weir_ctx_rt(ctx), 1, &tx, &rx) == 0);
	CHECK(nums_send(ctx, tx, &b) == 0 && nums_recv(ctx, rx, &a) == 1);
	CHECK(*nums_at(&a, 0) == 0);
	nums_drop(&a);
	nums_tx_close(&tx);
	nums_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
