/* SPDX-License-Identifier: MIT
 *
 * WEIR_ARRAY_DECLARE: arrays of a token whose places the compiler checks. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	nums_t a, b;
	int value = 7;
	(void)err, (void)arg;
	CHECK(nums_new(weir_ctx_rt(ctx), 2, &a) == 0);
	CHECK(nums_put(&a, 0, &value) == 0);
	CHECK(nums_copy(&a, &b) == 0);
	CHECK(nums_take(&a, 0, &value));
	CHECK(nums_len(&a) == 2 && nums_at(&a, 0) == NULL);
	CHECK(*nums_at(&b, 0) == 7);
	CHECK(nums_type()->size == sizeof(nums_t));
	nums_drop(&a);
	nums_drop(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
