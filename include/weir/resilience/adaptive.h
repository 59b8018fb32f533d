/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/adaptive.h - a bulkhead that finds out by itself how many calls may be under way at once; by itself,
 * or around a stage.
 *
 * The line and its rules are those of resilience/bulkhead.h, the limit that of limit/adaptive.h: each call that ends is
 * a sample (how long it took since it was let in, how many were under way then, whether it was dropped). The wait in
 * line is no part of the time. A limit that falls below what is under way ends no call: the next is let in when enough
 * have ended.
 *
 * Two steps: acquire, then release with what came of the call, in every case. What the refused are told is
 * WEIR_EOVERLOAD, whose value is how long the last call took that succeeded (0: none has yet); and a probe is told
 * REJECTED, with the name.
 *
 * PAIRWISE THREAD-SAFETY (same limit)   init   fini   any other operation
 *   init, fini                          no     no     no
 *   any other operation                 no     no     yes
 * Not movable between init and fini. */
#ifndef WEIR_RESILIENCE_ADAPTIVE_H
#define WEIR_RESILIENCE_ADAPTIVE_H

#include <weir/base.h>
#include <weir/core/sync.h>
#include <weir/limit/adaptive.h>
#include <weir/resilience/bulkhead.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

enum weir_adaptive_outcome {
	WEIR_ADAPTIVE_SUCCESS, /* it took as long as it took */
	WEIR_ADAPTIVE_DROPPED, /* it was refused, or not answered in time: there is too much */
	WEIR_ADAPTIVE_IGNORED  /* it says nothing: no sample */
};

struct weir_adaptive_init_opts {
	const char *name;                /* static, or outliving it; NULL: "adaptive" */
	struct weir_adaptive_opts limit; /* the rule, and its numbers */
	uint32_t max_waiting;            /* 0: nobody waits */
	int64_t max_wait_ns;             /* 0: until the caller's context ends */
	/* What a failure of the stage's child is; NULL: see weir_adaptive_stage. */
	enum weir_adaptive_outcome (*classify)(int rc, const weir_err *err, void *arg);
	void *classify_arg;
};

typedef struct weir_adaptive {
	uint64_t opaque_[136];
} weir_adaptive;

/* What one call has, from acquire to release. */
struct weir_adaptive_permit {
	int64_t at; /* when it was let in */
	uint32_t under_way;
	bool live;
};

struct weir_adaptive_snapshot {
	struct weir_bulkhead_snapshot line; /* the limit, who is inside and in line, who was refused */
	uint64_t succeeded, dropped, ignored;
	int64_t took_ns; /* the last that succeeded; 0: none has */
};

/* Empty, on the runtime of ctx. opts NULL: all defaults.
 * Owner: a is the caller's memory until weir_adaptive_fini; opts is copied. Threads: one. Blocks: no. Fails:
 * WEIR_EINVAL (numbers of the rule out of range, a negative wait, or one without a line); a is zeroed then. After
 * cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_adaptive_init(weir_adaptive *a, weir_ctx *ctx,
						const struct weir_adaptive_init_opts *opts);

/* Finishes it, and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: one. Blocks: no. Fails: misuse while tasks wait in line. After cancel:
 * unchanged. */
WEIR_API void weir_adaptive_fini(weir_adaptive *a);

/* Is let in, if fewer than the limit are under way and nobody waits; else waits in line.
 * Owner: *out is to be released once; it is empty where this fails. Threads: any. Blocks: until it is its turn,
 * max_wait_ns is over or ctx ends. Fails: WEIR_EOVERLOAD (the line is full, or the wait was too long), WEIR_ECANCELED,
 * WEIR_EDEADLINE, WEIR_EINVAL (another runtime). After cancel: returns its code, and has no permit. */
WEIR_API WEIR_MUST_CHECK int weir_adaptive_acquire(weir_ctx *ctx, weir_adaptive *a, struct weir_adaptive_permit *out,
						   weir_err *err);

/* The call has ended: its sample is taken, the limit moves, and those in line that there is room for go in. An empty
 * permit is left alone. By any task.
 * Owner: empties *permit. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel:
 * unchanged. */
WEIR_API void weir_adaptive_release(weir_ctx *ctx, weir_adaptive *a, struct weir_adaptive_permit *permit,
				    enum weir_adaptive_outcome outcome);

/* How many may be under way, now.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint32_t weir_adaptive_limit(const weir_adaptive *a);

/* What is so now, and what has been. `line` is read number by number.
 * Owner: none. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel: unchanged. */
WEIR_API void weir_adaptive_snapshot_get(weir_ctx *ctx, weir_adaptive *a, struct weir_adaptive_snapshot *out);

/* child, with a permit, which is given back however it returns. What its end is:
 *   0                                                                  a success
 *   the caller's context has ended, and the failure is a consequence   ignored, whatever classify would say: the call
 *     (WEIR_ECANCELED, WEIR_EDEADLINE, also further down in err)         may have been let in a moment before
 *   classify, if there is one                                          what it says
 *   WEIR_ETIMEOUT, WEIR_EDEADLINE, WEIR_EOVERLOAD, WEIR_ELIMITED,      dropped
 *     also further down in err
 *   WEIR_ECANCELED, WEIR_EFILTERED, WEIR_ENOROUTE, WEIR_EOPEN          ignored: nobody has worked on it, or not long
 *   any other code                                                     a success: an answer, which took its time
 * Only timeouts inside of it can show it a service that never answers: put one there. It takes (stage.h) if child does.
 * Owner: takes child, borrows the limit until the stage is freed. Threads: any. Blocks: as weir_adaptive_acquire, and
 * as child does. Fails: never NULL; weir_stage_check says WEIR_EINVAL (no child, no limit, or one that is not made or
 * of another runtime), WEIR_ENOMEM; calls fail as weir_adaptive_acquire, and as child. After cancel: as both. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_adaptive_stage(weir_stage *child, weir_adaptive *adaptive);

WEIR_EXTERN_C_END

#endif
