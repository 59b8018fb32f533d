/* SPDX-License-Identifier: MIT
 *
 * weir_type_equal: two types are the same if all their fields are, wherever they stand. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	const weir_type mine = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};
	const weir_type theirs = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};
	weir_type other = mine;
	CHECK(weir_type_equal(&mine, &mine));
	CHECK(weir_type_equal(&mine, &theirs));
	other.name = "count"; /* the same memory, another meaning */
	CHECK(!weir_type_equal(&mine, &other));
	return 0;
}
