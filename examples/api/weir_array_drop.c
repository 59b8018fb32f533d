/* SPDX-License-Identifier: MIT
 *
 * weir_array_drop: drops what an array holds, and its memory; it is an array of none then, and may be dropped again. */
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
	weir_array a;
	(void)err, (void)arg;
	CHECK(weir_array_new(weir_ctx_rt(ctx), word_type(), 3, &a) == 0);
	for (size_t i = 0; i < 2; i++, alive++)
		CHECK(weir_array_put(&a, i, &(int){7}) == 0);
	weir_array_drop(&a);
	CHECK(alive == 0); /* two, each once; an empty place is nothing */
	CHECK(a.n == 0);
	weir_array_drop(&a);
	weir_array_drop(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
