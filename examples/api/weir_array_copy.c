/* SPDX-License-Identifier: MIT
 *
 * weir_array_copy: a second array, with copies of all values. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static void drop(void *item, void *arg)
{
	(void)item, (void)arg;
}

static const weir_type token = {.name = "token", .size = sizeof(int), .align = _Alignof(int), .drop = drop};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a = {0}, b = {0};
	int value = 4;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), &num, 2, &a) == 0);
	CHECK(weir_array_put(&a, 1, &value) == 0);
	CHECK(weir_array_copy(&a, &b) == 0);
	CHECK(b.n == 2 && weir_array_at(&b, 0) == NULL); /* empty places stay empty */
	CHECK(*(int *)weir_array_at(&b, 1) == 4 && weir_array_at(&b, 1) != weir_array_at(&a, 1));
	weir_array_drop(&a);
	weir_array_drop(&b);
	CHECK(weir_array_new(weir_ctx_rt(ctx), &token, 1, &a) == 0);
	CHECK(weir_array_put(&a, 0, &value) == 0);
	CHECK(weir_array_copy(&a, &b) == WEIR_EINVAL); /* tokens have a drop, but no copy */
	weir_array_drop(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
