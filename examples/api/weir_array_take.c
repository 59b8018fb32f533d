/* SPDX-License-Identifier: MIT
 *
 * weir_array_take: moves a value out of its place, which is empty then: the caller owns it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a;
	int value = 0;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), 1, &a) == 0);
	CHECK(weir_array_put(&a, 0, &(int){7}) == 0);
	CHECK(weir_array_take(&a, 0, &value));
	CHECK(value == 7);
	CHECK(!weir_array_take(&a, 0, &value)); /* nothing is left */
	weir_array_drop(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
