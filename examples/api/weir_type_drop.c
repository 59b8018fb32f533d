/* SPDX-License-Identifier: MIT
 *
 * weir_type_drop: code that handles values of any type lets go of one as the type says. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static void text_drop(void *item, void *arg)
{
	(void)arg;
	free(*(char **)item);
}
static const weir_type text = {.name = "text", .size = sizeof(char *), .drop = text_drop};

static void drop_all(const weir_type *type, void *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		weir_type_drop(type, (char *)items + i * type->size);
}

int main(void)
{
	const weir_type num = {.name = "num", .size = sizeof(int)};
	char *words[2] = {strdup("one"), strdup("two")};
	int numbers[2] = {1, 2};
	CHECK(words[0] && words[1]);
	drop_all(&text, words, 2);
	drop_all(&num, numbers, 2); /* a type without a drop: nothing to do */
	CHECK(numbers[1] == 2);
	weir_type_drop(&text, NULL); /* allowed */
	return 0;
}
