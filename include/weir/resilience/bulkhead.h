/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/bulkhead.h - at most so many at once, with a line of limited length; by itself, or around a stage.
 *
 * The line is first come, first served: nobody overtakes, and a place that is free belongs to the first in line before
 * anybody else can ask. Who gives up (cancelled, waited too long) leaves the line at once, and those behind move up.
 * Who finds the line full is refused at once; so is, if service_ns says how long a call takes, who could not be served
 * before its deadline or max_wait_ns: better no than too late. Who is refused is told to a probe (core/probe.h), as
 * REJECTED.
 *
 * The limit may change at any time. Where it falls below what is inside, nobody is made to leave, and nobody is let in
 * until enough have left; those that are too many take up places in line. resilience/adaptive.h is a bulkhead that sets
 * its own limit.
 *
 * PAIRWISE THREAD-SAFETY (same bulkhead)   init   fini   any other operation
 *   init, fini                             no     no     no
 *   any other operation                    no     no     yes
 * Not movable between init and fini. */
#ifndef WEIR_RESILIENCE_BULKHEAD_H
#define WEIR_RESILIENCE_BULKHEAD_H

#include <weir/base.h>
#include <weir/core/sync.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

struct weir_bulkhead_opts {
	const char *name;        /* static, or outliving the bulkhead; NULL: "bulkhead" */
	uint32_t max_concurrent; /* 0: 16 */
	uint32_t max_waiting;    /* 0: nobody waits */
	int64_t max_wait_ns;     /* 0: until the caller's context ends */
	int64_t service_ns;      /* how long a call takes, as far as is known; 0: not known, nobody is refused for it */
};

typedef struct weir_bulkhead {
	uint64_t opaque_[64];
} weir_bulkhead;

struct weir_bulkhead_snapshot {
	uint64_t running, waiting; /* each is read for itself */
	uint32_t limit;
	uint64_t refused; /* since init: at once */
	uint64_t gave_up; /* since init: waited max_wait_ns, or were cancelled in line */
};

/* Empty, on the runtime of ctx. opts NULL: all defaults.
 * Owner: b is the caller's memory until weir_bulkhead_fini; opts is copied. Threads: one. Blocks: no. Fails:
 * WEIR_EINVAL (a negative time; max_wait_ns without max_waiting); b is zeroed then. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bulkhead_init(weir_bulkhead *b, weir_ctx *ctx, const struct weir_bulkhead_opts *opts);

/* Finishes it, and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: one. Blocks: no. Fails: misuse while tasks wait in line. After cancel:
 * unchanged. */
WEIR_API void weir_bulkhead_fini(weir_bulkhead *b);

/* Takes a place, waiting for it in line.
 * Owner: 0: the caller has a place until weir_bulkhead_leave. Threads: any. Blocks: until it is its turn, max_wait_ns
 * is over or ctx ends. Fails: WEIR_EOVERLOAD (the line is full, the wait would be or was too long; the detail's value
 * is service_ns), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (another runtime). After cancel: returns its code, and
 * has no place. */
WEIR_API WEIR_MUST_CHECK int weir_bulkhead_enter(weir_ctx *ctx, weir_bulkhead *b, weir_err *err);

/* Gives the place back; it is the first in line's. By any task.
 * Owner: takes the place. Threads: any. Blocks: no. Fails: misuse where nobody is inside. After cancel: unchanged. */
WEIR_API void weir_bulkhead_leave(weir_bulkhead *b);

/* How many may be inside at once, from now on; those in line that there is room for go in. Of several that set it at
 * the same time, one is the last.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_EINVAL (0), and nothing has changed. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bulkhead_set_limit(weir_bulkhead *b, uint32_t max_concurrent);

/* How full it is.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_bulkhead_snapshot_get(const weir_bulkhead *b, struct weir_bulkhead_snapshot *out);

/* child, with a place of the bulkhead, which is given back however it returns. It takes (stage.h) if child does.
 * Owner: takes child, borrows the bulkhead until the stage is freed. Threads: any. Blocks: as weir_bulkhead_enter, and
 * as child does. Fails: never NULL; weir_stage_check says WEIR_EINVAL (no child, no bulkhead, or one that is not made),
 * WEIR_ENOMEM; calls fail as weir_bulkhead_enter, and as child. After cancel: as both. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_bulkhead_stage(weir_stage *child, weir_bulkhead *bulkhead);

WEIR_EXTERN_C_END

#endif
