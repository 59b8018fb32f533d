/* SPDX-License-Identifier: MIT
 *
 * weir_array_type: arrays as elements of a channel, and of other arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_type nums = weir_array_type(&num), rows = weir_array_type(&nums), same = weir_array_type(&num);
	weir_array a = {0}, got = {0};
	weir_tx *tx;
	weir_rx *rx;
	(void)err, (void)arg;
	CHECK(weir_type_equal(&nums, &same) && !weir_type_equal(&nums, &rows));
	CHECK(nums.size == sizeof(weir_array));
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &nums, 1, &tx, &rx) == 0);
	CHECK(weir_array_new(weir_ctx_rt(ctx), &num, 3, &a) == 0);
	CHECK(weir_tx_send(ctx, tx, &a) == 0); /* moved: ours no more */
	CHECK(weir_rx_recv(ctx, rx, &got) == 1 && got.n == 3);
	weir_array_drop(&got);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
