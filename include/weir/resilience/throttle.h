/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/throttle.h - a client throttle that tasks share, and the stage that asks it first.
 *
 * The rule is that of limit/throttle.h: the less of what was asked for is accepted, the more is held back before it is
 * asked for. Two steps: ask, then accepted, if the service took the request on, whether it went well otherwise or not.
 * Whoever is held back is told WEIR_EOVERLOAD, and a probe (core/probe.h) REJECTED, with the name. Chance is the
 * runtime's: in the simulator it can be repeated.
 *
 * PAIRWISE THREAD-SAFETY (same throttle)   init   fini   any other operation
 *   init, fini                             no     no     no
 *   any other operation                    no     no     yes
 * Not movable between init and fini. */
#ifndef WEIR_RESILIENCE_THROTTLE_H
#define WEIR_RESILIENCE_THROTTLE_H

#include <weir/base.h>
#include <weir/core/sync.h>
#include <weir/limit/throttle.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

struct weir_throttle_init_opts {
	const char *name;                /* static, or outliving it; NULL: "throttle" */
	struct weir_throttle_opts limit; /* the rule's numbers */
	/* Whether the service accepted what failed in the stage's child; NULL: see weir_throttle_stage. */
	bool (*accepted)(int rc, const weir_err *err, void *arg);
	void *accepted_arg;
};

typedef struct weir_throttle {
	uint64_t opaque_[56];
} weir_throttle;

struct weir_throttle_snapshot {
	double chance;                     /* from 0 to 1, that the next one is held back */
	uint64_t asked, accepted, refused; /* since init; refused: held back here, and among the asked */
};

/* Nothing asked yet, on the runtime of ctx. opts NULL: all defaults.
 * Owner: t is the caller's memory until weir_throttle_fini; opts is copied. Threads: one. Blocks: no. Fails:
 * WEIR_EINVAL (numbers out of range); t is zeroed then. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_throttle_init(weir_throttle *t, weir_ctx *ctx,
						const struct weir_throttle_init_opts *opts);

/* Finishes it, and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_throttle_fini(weir_throttle *t);

/* Counts a request, and says whether to make it.
 * Owner: none. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: WEIR_EOVERLOAD (do not make it),
 * WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (another runtime). After cancel: returns its code, and counts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_throttle_ask(weir_ctx *ctx, weir_throttle *t, weir_err *err);

/* The service has accepted a request (not refused it because there is too much).
 * Owner: none. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel: unchanged. */
WEIR_API void weir_throttle_accepted(weir_ctx *ctx, weir_throttle *t);

/* What is so now, and what has been.
 * Owner: none. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel: unchanged. */
WEIR_API void weir_throttle_snapshot_get(weir_ctx *ctx, weir_throttle *t, struct weir_throttle_snapshot *out);

/* child, where the throttle lets through. What child then says is accepted, but for WEIR_EOVERLOAD and WEIR_ELIMITED,
 * also further down in err; `accepted`, if there is one, decides about every failure instead. So a request whose caller
 * left before the answer counts as accepted: nothing is known against it. It takes (stage.h) if child does.
 * Owner: takes child, borrows the throttle until the stage is freed. Threads: any. Blocks: as child does. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (no child, no throttle, or one that is not made or of another runtime),
 * WEIR_ENOMEM; calls fail as weir_throttle_ask, and as child. After cancel: as both. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_throttle_stage(weir_stage *child, weir_throttle *throttle);

WEIR_EXTERN_C_END

#endif
