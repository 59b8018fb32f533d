/* SPDX-License-Identifier: MIT
 *
 * weir_array_new: an array of n empty places, each of which is filled with weir_array_put; it owns what is put into
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), 3, &a) == 0);
	CHECK(a.n == 3);
	for (int i = 0; i < 3; i++)
		CHECK(weir_array_put(&a, (size_t)i, &i) == 0);
	CHECK(((int *)a.items)[2] == 2);
	weir_array_drop(&a);
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), SIZE_MAX, &a) == WEIR_EOVERFLOW);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
