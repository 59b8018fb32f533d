/* SPDX-License-Identifier: MIT
 *
 * weir_array_at: where a value is, or NULL where a place is empty or there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), 2, &a) == 0);
	CHECK(weir_array_put(&a, 1, &(int){7}) == 0);
	CHECK(weir_array_at(&a, 0) == NULL);
	CHECK(*(int *)weir_array_at(&a, 1) == 7);
	CHECK(weir_array_at(&a, 2) == NULL);
	weir_array_drop(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
