/* SPDX-License-Identifier: MIT
 *
 * weir/stage/map_reduce.h - map an array, group what comes out by a key, and make one value of each group.
 *
 * A REDUCE takes an array, groups its values by an order (those that compare equal are a group), and runs its stage,
 * which takes arrays, on each group. It makes an array of the results in ascending order of the groups; within a group
 * the values have the order of the input. So the result does not depend on who was first. The values stay the caller's:
 * a group is a part of an array that is only read. A MAP-REDUCE is a map (stage/map.h) and then a reduce, the two named
 * as such in err: the key is a part of the value that the mapper makes. The map is complete before the first group is
 * reduced.
 *
 * In both phases: at most so many at a time, the first failure cancels the others, which are waited for, and is the
 * result; an ended context is its own code. An empty array gives an empty one, and no stage is called. Order functions
 * are called by the calling task only, n log n times. */
#ifndef WEIR_STAGE_MAP_REDUCE_H
#define WEIR_STAGE_MAP_REDUCE_H

#include <weir/stage/array.h>
#include <weir/stage/map.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* Below, at or above 0: a's group is before, the same as, or after b's. */
typedef int weir_order_fn(const void *a, const void *b, void *arg);

struct weir_reduce_opts {
	weir_order_fn *order;
	void *arg;              /* borrowed */
	size_t concurrency;     /* groups at a time; 0: WEIR_MAP_CONCURRENCY */
	size_t map_concurrency; /* of a map-reduce: values at a time; likewise */
};

/* Groups and reduces. The child takes arrays, and so does this.
 * Owner: takes the child, also where it fails. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (no child, no order, one that is part of another stage, one that takes what cannot be copied, a
 * concurrency over 65536), WEIR_ETYPE (the child does not take arrays), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_reduce(weir_stage *child, const struct weir_reduce_opts *opts);

/* The reducer takes arrays of what the mapper makes.
 * Owner: takes both, also where it fails. Threads: any. Blocks: no. Fails: as weir_map, weir_reduce and weir_then.
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_map_reduce(weir_stage *mapper, weir_stage *reducer,
						     const struct weir_reduce_opts *opts);

WEIR_EXTERN_C_END

#endif
