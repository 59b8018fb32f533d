/* SPDX-License-Identifier: MIT
 *
 * Sorting indices by merging, from runs of 1 upwards: D. Knuth, "The Art of Computer Programming" 3, 5.2.4, algorithm L
 * without its lists. Each round merges pairs of runs from one row of indices into the other, and the rows change
 * places; so there is no recursion, and who calls brings both rows.
 *
 *  W1  A run is in order, and of two equal values the one that stands further in front is taken first: stable. */
#include "order.h"

#include <string.h>

const weir_type weir__index_type = {.name = "index", .size = sizeof(size_t), .align = _Alignof(size_t)};

int weir__order_of(const struct weir__order *o, const weir_array *a, size_t i, size_t j)
{
	const void *x = weir__array_place(a, i), *y = weir__array_place(a, j);
	return o->fn ? o->fn(x, y, o->arg) : memcmp(x, y, weir__array_of(a)->size);
}

/* Merges from[left, middle) and from[middle, end) into `to`, at the same place. */
static void merge(const struct weir__order *o, const weir_array *a, const size_t *from, size_t *to, size_t left,
		  size_t middle, size_t end)
{
	for (size_t right = middle, at = left; at < end; at++) {
		bool first = left < middle && (right == end || weir__order_of(o, a, from[left], from[right]) <= 0);
		to[at] = first ? from[left++] : from[right++]; /* W1 */
	}
}

size_t *weir__sort(const struct weir__order *o, const weir_array *a, size_t *x, size_t *y)
{
	size_t n = a->n;
	for (size_t i = 0; i < n; i++)
		x[i] = i;
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t left = 0; left < n; left += 2 * run) {
			size_t middle = left + run < n ? left + run : n, end = middle + run < n ? middle + run : n;
			merge(o, a, x, y, left, middle, end);
		}
		size_t *swapped = x;
		x = y;
		y = swapped;
	}
	return x;
}
