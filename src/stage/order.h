/* SPDX-License-Identifier: MIT
 *
 * The order of the values of an array, for the stages that group them: join_by_key and reduce. */
#ifndef WEIR_SRC_STAGE_ORDER_H
#define WEIR_SRC_STAGE_ORDER_H

#include <weir/stage/map_reduce.h>

#include "array.h"

struct weir__order {
	weir_order_fn *fn; /* NULL: by their bytes */
	void *arg;
};

/* The type of arrays that indices are kept in, from value to value (weir__shelf_array). */
extern const weir_type weir__index_type;

/* The i-th value of a against the j-th. */
int weir__order_of(const struct weir__order *o, const weir_array *a, size_t i, size_t j);

/* The indices of a's values in ascending order; equal values stay as they stand. x and y have a place for each, and one
 * of them is returned. n log n comparisons, no recursion, no memory of its own. */
size_t *weir__sort(const struct weir__order *o, const weir_array *a, size_t *x, size_t *y);

#endif
