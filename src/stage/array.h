/* SPDX-License-Identifier: MIT
 *
 * Arrays as the stages that make them see them (stage/array.h): places that several lanes fill at once, and the shelf
 * the memory comes from. */
#ifndef WEIR_SRC_STAGE_ARRAY_H
#define WEIR_SRC_STAGE_ARRAY_H

#include <string.h>
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

bool weir__type_is_array(const weir_type *type);

/* Whether a second owner of a value can be made. */
static inline bool weir__type_copies(const weir_type *type)
{
	return type->copy || !type->drop;
}

WEIR__SHARED int weir__type_copy(const weir_type *type, const void *from, void *to);

/* The head of the memory of an array: see array.c. */
struct weir__block {
	struct weir__shelf *home; /* NULL: the runtime's */
	weir_rt *rt;
	struct weir__block *following;
	size_t room; /* bytes, this head included */
	weir_type of;
};

/* The opaque words of a weir_array. */
struct weir__inside {
	size_t n;
	unsigned char *items, *holds;
	struct weir__block *block;
};

static inline struct weir__inside weir__array_inside(const weir_array *a)
{
	struct weir__inside in;
	memcpy(&in, a, sizeof(in));
	return in;
}

/* The type of the values of an array that has places. */
static inline const weir_type *weir__array_of(const weir_array *a)
{
	return &weir__array_inside(a).block->of;
}

/* The i-th place, and that it holds a value now (or not: it has moved). Different places may be used at the same
 * time. */
static inline void *weir__array_place(const weir_array *a, size_t i)
{
	struct weir__inside in = weir__array_inside(a);
	return in.items + i * in.block->of.size;
}

static inline void weir__array_holds(const weir_array *a, size_t i, bool holds)
{
	weir__array_inside(a).holds[i] = holds;
}

/* weir_array_at, which is called for each value of a map. */
static inline void *weir__array_at(const weir_array *a, size_t i)
{
	return i < a->n && weir__array_inside(a).holds[i] ? weir__array_place(a, i) : NULL;
}

/* Moves what the places of `from` hold into those of `to` from the at-th on, empty ones included. */
void weir__array_move(const weir_array *from, const weir_array *to, size_t at);

/* n places of a from the i-th on, as an array that is only read. */
weir_array weir__array_view(const weir_array *a, size_t i, size_t n);

#endif
