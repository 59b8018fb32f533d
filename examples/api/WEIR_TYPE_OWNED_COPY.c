/* SPDX-License-Identifier: MIT
 *
 * WEIR_TYPE_OWNED_COPY: the same for values that can be copied; copying may fail, and then there is no copy. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int words; /* how many there are */

static void word_free(char **word)
{
	free(*word);
	words--;
}

static int word_dup(char *const *from, char **to)
{
	*to = strdup(*from);
	words += *to != NULL;
	return *to ? 0 : WEIR_ENOMEM;
}
WEIR_TYPE_OWNED_COPY(word, char *, word_free, word_dup);

int main(void)
{
	word_t word = NULL, copy = NULL;
	char hello[] = "hello", *from = hello;
	CHECK(word_copy(&from, &word) == 0 && words == 1);
	CHECK(word_copy(&word, &copy) == 0 && copy != word && strcmp(copy, "hello") == 0);
	CHECK(word_type()->copy && word_type()->drop);
	word_drop(&word);
	weir_type_drop(word_type(), &copy); /* the same, where the type is not known */
	CHECK(words == 0);
	return 0;
}
