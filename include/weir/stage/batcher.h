/* SPDX-License-Identifier: MIT
 *
 * weir/stage/batcher.h - a task between two channels: values in, arrays of them out.
 *
 * A BATCHER receives values and sends them on as arrays (stage/array.h), in order, none of which is empty. A batch goes
 * on its way as soon as it has `items` values, or `bytes` bytes or more (the value that reaches the limit is in it), or
 * `age_ns` has passed since its first value was received; what is left when `in` closes goes too. Sending waits while
 * `out` is full, and nothing is received meanwhile: a slow receiver slows the senders. Its memory is that of one batch,
 * and arrays come back to it when the receiver has dropped them.
 *
 * When its context ends, or nobody will receive any more, what it holds is dropped through its type, and counted. It
 * closes both of its ends when it returns, on every path: senders get WEIR_EPIPE, receivers the end.
 *     received = sent + dropped                    when it has returned.
 *
 *     struct weir_batcher b = {.in = rx, .out = tx, .of = num_type(), .items = 100, .age_ns = WEIR_MS(5)};
 *     rc = weir_scope_spawn(&s, "batcher", weir_batcher_run, &b);
 *
 * PAIRWISE THREAD-SAFETY: a weir_batcher belongs to the task that runs it until it has returned. */
#ifndef WEIR_STAGE_BATCHER_H
#define WEIR_STAGE_BATCHER_H

#include <weir/base.h>
#include <weir/core/chan.h>

WEIR_EXTERN_C_BEGIN

struct weir_batcher {
	weir_rx *in;                                      /* of `of` */
	weir_tx *out;                                     /* of weir_array_type(of) */
	const weir_type *of;                              /* the channels cannot be asked: it must be right */
	size_t items;                                     /* at least 1: every batch has a limit */
	size_t bytes;                                     /* 0: no limit */
	int64_t age_ns;                                   /* 0: none */
	size_t (*bytes_of)(const void *value, void *arg); /* NULL: the size of the type */
	void *arg;
	/* What it did, to be read afterwards. The last four say why batches were sent. */
	struct weir_batcher_stats {
		uint64_t received, sent, dropped;
		uint64_t batches, by_items, by_bytes, by_age, by_close;
	} stats;
};

/* Runs the batcher that `batcher` points to, until `in` is closed and drained: a weir_task_fn.
 * Owner: takes in and out, which are NULL afterwards. Threads: one per batcher. Blocks: until then or ctx ends. Fails:
 * WEIR_EINVAL (no type, no items, an age below 0, a type that fits into no array), WEIR_EBADF (an end that is NULL),
 * WEIR_EPIPE (nobody will receive any more), WEIR_ENOMEM, WEIR_EOVERFLOW. After cancel: drops what it has, and returns
 * its code. */
WEIR_API WEIR_MUST_CHECK int weir_batcher_run(weir_ctx *ctx, weir_err *err, void *batcher);

WEIR_EXTERN_C_END

#endif
