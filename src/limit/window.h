/* SPDX-License-Identifier: MIT
 *
 * Two sums over the last while, in ten slices: the oldest is forgotten as a whole. Pure; a clock that goes back is
 * taken to stand still. */
#ifndef WEIR_SRC_LIMIT_WINDOW_H
#define WEIR_SRC_LIMIT_WINDOW_H

#include <assert.h>
#include <string.h>
#include <weir/base.h>

enum { WEIR__SLICES = 10 };

struct weir__window {
	int64_t slice_ns;
	int64_t slice; /* now / slice_ns, of the latest now */
	int64_t a[WEIR__SLICES];
	uint32_t b[WEIR__SLICES];
};

static inline struct weir__window weir__window_of(int64_t length_ns, int64_t now)
{
	int64_t slice_ns = length_ns / WEIR__SLICES;
	assert(slice_ns > 0);
	return (struct weir__window){.slice_ns = slice_ns, .slice = now / slice_ns};
}

/* Forgets what is too old, and returns the slice of now. */
static inline size_t weir__window_at(struct weir__window *w, int64_t now)
{
	int64_t slice = now / w->slice_ns;
	for (int i = 0; i < WEIR__SLICES && w->slice + i < slice; i++) {
		size_t gone = (size_t)((w->slice + i + 1) % WEIR__SLICES);
		w->a[gone] = 0;
		w->b[gone] = 0;
	}
	if (slice > w->slice)
		w->slice = slice;
	return (size_t)(w->slice % WEIR__SLICES);
}

static inline int64_t weir__window_a(const struct weir__window *w)
{
	int64_t sum = 0;
	for (size_t i = 0; i < WEIR__SLICES; i++)
		sum += w->a[i];
	return sum;
}

static inline uint64_t weir__window_b(const struct weir__window *w)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < WEIR__SLICES; i++)
		sum += w->b[i];
	return sum;
}

#endif
