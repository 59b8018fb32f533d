/* SPDX-License-Identifier: MIT
 *
 * weir_array_put: moves a value into an empty place; what is refused is still the caller's. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), 1, &a) == 0);
	CHECK(weir_array_put(&a, 0, &(int){7}) == 0);
	CHECK(weir_array_put(&a, 0, &(int){8}) == WEIR_EBUSY); /* it holds one */
	CHECK(weir_array_put(&a, 1, &(int){8}) == WEIR_EINVAL);
	CHECK(*(int *)weir_array_at(&a, 0) == 7);
	weir_array_drop(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
