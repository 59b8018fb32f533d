/* SPDX-License-Identifier: MIT
 *
 * WEIR_TYPE_PLAIN: one token for a C type whose values own nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct point {
	int x, y;
};
WEIR_TYPE_PLAIN(point, struct point);

int main(void)
{
	point_t a = {.x = 1, .y = 2}, b;
	const weir_type *type = point_type();
	CHECK(strcmp(type->name, "point") == 0 && type->size == sizeof(struct point));
	CHECK(type->align == _Alignof(struct point) && !type->drop);
	CHECK(point_copy(&a, &b) == 0 && b.x == 1 && b.y == 2);
	point_drop(&b); /* nothing to free: for symmetry with types that own something */
	CHECK(b.x == 1);
	return 0;
}
