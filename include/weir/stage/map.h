/* SPDX-License-Identifier: MIT
 *
 * weir/stage/map.h - the same stage for each value of an array.
 *
 * A MAP takes an array and makes one with as many places, in the same order: what its stage makes of each value. The
 * array and its values stay the caller's: the stage borrows them, several at the same time. A stage that takes
 * (stage.h) is given copies, and is refused where the type has a drop but no copy. An empty array gives an empty one,
 * and the stage is not called. An empty place in what it is given fails it (WEIR_EINVAL).
 *
 * FAIL FAST (default): the first failure, in time, is the map's: it cancels the others (cause: sibling), which are
 * waited for, values that were not begun are not, and what was made is dropped. err has its code, the name of the stage
 * and the index of the value ("fetch[3]"), and as members the other failures; that one was cancelled because of it is
 * none. A context that ended before all were done is its own code; if all were done, the end comes too late, and it is
 * a success.
 *
 * COLLECT: all values are tried. If some fail the code is WEIR_EPARTIAL, and out holds an array all the same, which is
 * the caller's: weir_array_at gives NULL where it failed. err has a member for each failure, by index
 * (weir_err_member). When the context ends, no more are begun; what is done by then is kept: again WEIR_EPARTIAL, and
 * one member, at the first value that was not done, has the context's code (weir_err_is finds it). Only where the
 * context had ended before anything was begun is its code the map's, and out holds nothing.
 *
 * The array is the only memory that is allocated, and that is used again (array.h). */
#ifndef WEIR_STAGE_MAP_H
#define WEIR_STAGE_MAP_H

#include <weir/stage/array.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* How many at a time, where nothing is said. Not the number of processors: stages that wait gain from more, and a
 * program that behaves differently on another machine cannot be tested on this one. */
#define WEIR_MAP_CONCURRENCY 4

struct weir_map_opts {
	size_t concurrency; /* 0: WEIR_MAP_CONCURRENCY; 1: in the calling task, in order */
	bool collect;
};

/* Takes arrays of what the child takes. A call has concurrency - 1 helper tasks, and its memory for each of them and
 * itself. opts may be NULL.
 * Owner: takes the child, also where it fails. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (no child, one that is part of another stage, one that takes what cannot be copied, a concurrency over
 * 65536), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_map(weir_stage *child, const struct weir_map_opts *opts);

WEIR_EXTERN_C_END

#endif
