/* SPDX-License-Identifier: MIT
 *
 * weir_array_at: the value in a place, or NULL. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a = {0};
	int value = 7, *seven;
	(void)err, (void)arg;
	CHECK(weir_array_at(&a, 0) == NULL); /* no places at all */
	CHECK(weir_array_new(weir_ctx_rt(ctx), &num, 2, &a) == 0);
	CHECK(weir_array_put(&a, 1, &value) == 0);
	CHECK(weir_array_at(&a, 0) == NULL); /* an empty one */
	CHECK(weir_array_at(&a, 2) == NULL); /* there is none */
	seven = weir_array_at(&a, 1);
	CHECK(seven && *seven == 7);
	*seven = 8; /* the array's own */
	CHECK(*(int *)weir_array_at(&a, 1) == 8);
	weir_array_drop(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
