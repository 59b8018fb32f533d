/* SPDX-License-Identifier: MIT
 *
 * weir_array_put: moves a value into an empty place; if it cannot, the value is still the caller's. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int live;

static void drop(void *item, void *arg)
{
	(void)item, (void)arg;
	live--;
}

static const weir_type token = {.name = "token", .size = sizeof(int), .align = _Alignof(int), .drop = drop};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a = {0};
	int first = 1, second = 2;
	(void)err, (void)arg;
	live = 2;
	CHECK(weir_array_new(weir_ctx_rt(ctx), &token, 1, &a) == 0);
	CHECK(weir_array_put(&a, 0, &first) == 0);
	CHECK(weir_array_put(&a, 0, &second) == WEIR_EBUSY);  /* it holds a value */
	CHECK(weir_array_put(&a, 1, &second) == WEIR_EINVAL); /* there is no such place */
	weir_array_drop(&a);
	CHECK(live == 1); /* the first: the array owned it */
	drop(&second, NULL);
	CHECK(live == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
