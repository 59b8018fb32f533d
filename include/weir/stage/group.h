/* SPDX-License-Identifier: MIT
 *
 * weir/stage/group.h - stages that cut an array into smaller ones: by key, and by number.
 *
 * A JOIN BY KEY takes an array and makes an array of arrays: its groups, values with the same key together. The groups
 * stand in the order in which their keys are first seen, and the values of a group in the order of the input. The
 * values stay the caller's: the groups have copies, so a type with a drop but no copy is refused. (A stage that makes
 * something of each group is weir_reduce of stage/map_reduce.h, which needs no copies.) The context is asked before
 * each key; the first that fails ends it, and its index is told.
 *
 * A BATCH takes an array, gives its stage, which takes and makes arrays, so many values of it at a time (the last time
 * as many as are left) in order, and makes one array of all that comes out, in order; a batch may make any number. The
 * values stay the caller's: a batch is a part of the array that is only read. A stage that takes (stage.h) is given a
 * copy, and is refused where the values cannot be copied. The context is asked before each batch.
 * If one fails, or the context ends between two, no more are begun: WEIR_EPARTIAL, out holds what the batches before
 * made, maybe nothing, as an array that is the caller's, and the value of the code (weir_err_as) is the offset in the
 * input of the first value that was not done. What failed is found in err, with the number of its batch as the index.
 * What a batch that failed has made itself is dropped. Only where the context had ended before anything was begun is
 * its code the result, and out holds nothing. `whole`: any failure is the result itself, and out holds nothing.
 *
 * Both: an empty array gives an empty one, and nothing is called. All memory is the call's (stage/array.h), and used
 * again: there is no other, pooled, kind of batch. */
#ifndef WEIR_STAGE_GROUP_H
#define WEIR_STAGE_GROUP_H

#include <weir/stage/array.h>
#include <weir/stage/map_reduce.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* Makes the key of a value, of the type in the options: 0, or a negative code. The memory of key is zeroed before. A
 * key may point into the value; where its type has a drop, it is dropped. */
typedef int weir_key_fn(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg);

struct weir_join_opts {
	weir_key_fn *key_of;
	const weir_type *key; /* copied */
	weir_order_fn *order; /* of keys; NULL: by their bytes, padding included */
	void *arg;            /* of both, borrowed */
};

/* The stage "join_by_key" for arrays of `of`.
 * Owner: the caller, see stage.h. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says WEIR_EINVAL (no
 * key_of, a bad type, values that cannot be copied), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_join_by_key(weir_rt *rt, const weir_type *of,
						      const struct weir_join_opts *opts);

struct weir_batch_opts {
	size_t size; /* values in a batch; at least 1 */
	bool whole;  /* all or nothing */
	/* Told when a batch is done: how many values it was given, and has made. By the task that calls; NULL: none. */
	void (*on_batch)(size_t given, size_t made, void *arg);
	void *arg;
};

/* The stage "batch", which takes and makes what the child does.
 * Owner: takes the child, also where it fails. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (no child, one that is part of another stage, one that takes what cannot be copied, a size of 0),
 * WEIR_ETYPE (the child does not take, or make, arrays), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_batch(weir_stage *child, const struct weir_batch_opts *opts);

WEIR_EXTERN_C_END

#endif
