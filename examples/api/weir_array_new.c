/* SPDX-License-Identifier: MIT
 *
 * weir_array_new: an array of empty places, of a type that is known only when the program runs. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a = {0};
	int value = 5;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), NULL, 3, &a) == WEIR_EINVAL); /* of what? */
	CHECK(weir_array_new(weir_ctx_rt(ctx), &num, SIZE_MAX, &a) == WEIR_EOVERFLOW);
	CHECK(weir_array_new(weir_ctx_rt(ctx), &num, 3, &a) == 0 && a.n == 3);
	CHECK(weir_array_at(&a, 0) == NULL); /* all places are empty */
	CHECK(weir_array_put(&a, 0, &value) == 0);
	CHECK(*(int *)weir_array_at(&a, 0) == 5);
	weir_array_drop(&a);
	CHECK(a.n == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
