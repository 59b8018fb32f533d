/* SPDX-License-Identifier: MIT
 *
 * Arrays as the stages that make them see them (stage/array.h): places that several lanes fill at once, and the shelf
 * the memory comes from. */
#ifndef WEIR_SRC_STAGE_ARRAY_H
#define WEIR_SRC_STAGE_ARRAY_H

#include <weir/core.h>
#include <weir/rt.h>
#include <weir/stage/array.h>

#include "crew.h"

/* Where the memory of arrays comes back to; one task takes from it at a time. Made with the first array. */
struct weir__shelf;

/* As weir_array_new, with the memory of an array that came back if there is one it fits in. */
int weir__shelf_array(struct weir__shelf **shelf, weir_rt *rt, const weir_type *of, size_t n, weir_array *out);

/* The one who takes goes; NULL is allowed. */
void weir__shelf_leave(struct weir__shelf *shelf);

/* The type of the values of an array that has places. */
const weir_type *weir__array_of(const weir_array *a);

bool weir__type_is_array(const weir_type *type);

/* Whether a second owner of a value can be made. */
static inline bool weir__type_copies(const weir_type *type)
{
	return type->copy || !type->drop;
}

WEIR__SHARED int weir__type_copy(const weir_type *type, const void *from, void *to);

/* The i-th place, and that it holds a value now (or not: it has moved). Different places may be used at the same
 * time. */
void *weir__array_place(const weir_array *a, size_t i);
void weir__array_holds(const weir_array *a, size_t i, bool holds);

/* n places of a from the i-th on, as an array that is only read. */
weir_array weir__array_view(const weir_array *a, size_t i, size_t n);

#endif
