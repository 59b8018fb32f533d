/* SPDX-License-Identifier: MIT
 *
 * weir_array_take: moves a value out; the place is empty from then on. */
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
	int value = 1, out = 0;
	(void)err, (void)arg;
	live = 1;
	CHECK(weir_array_new(weir_ctx_rt(ctx), &token, 2, &a) == 0);
	CHECK(weir_array_put(&a, 0, &value) == 0);
	CHECK(weir_array_take(&a, 0, &out) && out == 1);
	CHECK(!weir_array_take(&a, 0, &out)); /* it is empty */
	CHECK(!weir_array_take(&a, 7, &out)); /* there is none */
	weir_array_drop(&a);
	CHECK(live == 1); /* ours */
	drop(&out, NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
