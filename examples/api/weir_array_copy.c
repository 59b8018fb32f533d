/* SPDX-License-Identifier: MIT
 *
 * weir_array_copy: a second array, with a copy of each value. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int alive;

static void word_free(int *word)
{
	(void)word;
	alive--;
}

static int word_dup(const int *from, int *to)
{
	*to = *from;
	alive++;
	return 0;
}
WEIR_TYPE_OWNED_COPY(word, int, word_free, word_dup);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_array a, b;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), word_type(), 2, &a) == 0);
	CHECK(weir_array_put(&a, 1, &(int){7}) == 0);
	alive = 1;
	CHECK(weir_array_copy(&a, &b) == 0);
	CHECK(alive == 2);
	weir_array_drop(&a);
	CHECK(*(int *)weir_array_at(&b, 1) == 7);
	CHECK(weir_array_at(&b, 0) == NULL); /* as it was */
	weir_array_drop(&b);
	CHECK(alive == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
