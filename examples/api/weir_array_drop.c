/* SPDX-License-Identifier: MIT
 *
 * weir_array_drop: drops all values and the memory; what is zeroed or NULL has none. */
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
	int value = 1;
	(void)err, (void)arg;
	live = 3;
	CHECK(weir_array_new(weir_ctx_rt(ctx), &token, 5, &a) == 0);
	for (size_t i = 0; i < 3; i++)
		CHECK(weir_array_put(&a, i, &value) == 0);
	weir_array_drop(&a);
	CHECK(live == 0); /* two places were empty */
	weir_array_drop(&a);
	weir_array_drop(NULL);
	CHECK(a.n == 0 && live == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
