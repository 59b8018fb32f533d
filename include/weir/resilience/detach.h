/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/detach.h - a timeout that ends the caller's wait, also where the child does not look at its context.
 *
 * weir_timeout (resilience/timeout.h) waits until the child has returned: use that where you can. This one is for a
 * child that cannot be told to stop (a library that blocks, a computation that never looks). The child runs in a helper
 * task. When the limit is over, process returns WEIR_ETIMEOUT (its value: the limit) at once; when the caller's context
 * ends, its code. The child's context has ended by then too, and a child that has begun is ABANDONED: it goes on until
 * it returns, and what it makes is dropped. Nothing is killed, and nothing is hidden:
 *   - The helpers are tasks of `outer`, a scope that outlives the calls. Its join waits for abandoned children too. The
 *     child sees the values of outer's context, not those of the caller's.
 *   - The child gets a copy of the value, out of memory that is its own, and a call of its own (its scratch, its
 *     helpers, which are tasks of outer too). A plain type is copied as it is: if that is a pointer, what it points to
 *     must live until outer is joined, like everything else that the child's functions borrow.
 *   - Each call has `max_abandoned` helpers, made when it is made. When all of them have an abandoned child, the next
 *     value is refused at once: WEIR_EOVERLOAD. A helper whose child has returned can be used again.
 *   - weir_timeout_detach_stats_read counts.
 *
 * An answer that is there when the caller looks is the result, also where its time is over by then: a success that
 * comes late is a success, but one that nobody waits for any more is dropped. WEIR_EDEADLINE of a child that did look
 * is WEIR_ETIMEOUT as with weir_timeout. A value whose helper had not begun with it is withdrawn, and not abandoned.
 * A probe hears of an abandoned child's end after that of the stage.
 *
 * THE ORDER OF THE END. Calls are freed, outer is joined, the stage is freed. weir_call_free does not wait for
 * abandoned children; as long as one runs, the stage is in use, and weir_stage_free of its tree is misuse. If none
 * does, which weir_timeout_detach_stats_read says, the stage may be freed before outer is joined.
 *
 * OUTER'S END. If outer is cancelled, or its parent is, the children are told, helpers that have nothing to do leave,
 * and process fails with outer's code and starts nothing more. So a join of outer waits for the children, and for calls
 * that have not been freed unless outer has ended. */
#ifndef WEIR_RESILIENCE_DETACH_H
#define WEIR_RESILIENCE_DETACH_H

#include <weir/core/scope.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_DETACH_ABANDONED 4
#define WEIR_DETACH_MAX 64

struct weir_timeout_detach_opts {
	weir_scope *outer;      /* of the helpers: open before calls are made, and joined after they are freed */
	int64_t limit_ns;       /* above 0; WEIR_FOREVER: only the caller's end abandons */
	uint32_t max_abandoned; /* of each call, at a time; 0: WEIR_DETACH_ABANDONED; at most WEIR_DETACH_MAX */
	const char *name;       /* of the stage, static; NULL: "timeout" */
};

/* Of all calls of the stage, in one moment: abandoned_all = abandoned + late_ok + late_failed. */
struct weir_timeout_detach_stats {
	uint32_t abandoned;     /* children that run now, and nobody waits for */
	uint64_t abandoned_all; /* so far */
	uint64_t late_ok;       /* of them: succeeded, and what they made was dropped */
	uint64_t late_failed;   /* of them: failed */
	uint64_t refused;       /* values: WEIR_EOVERLOAD */
};

/* The stage "timeout", detached. A call has max_abandoned helpers in outer, and so many calls of the child. It does not
 * take: a child that does is given the copy.
 * Owner: takes the child, also where it fails; outer is borrowed, see above. Threads: any. Blocks: no. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (no outer, one of another runtime, a limit that is not above 0, too many
 * helpers, values that cannot be copied, a child that is NULL or part of another stage), WEIR_ENOMEM. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_timeout_detach(weir_stage *child,
							 const struct weir_timeout_detach_opts *opts);

/* How the abandoned children of st, a detached timeout, stand.
 * Owner: none. Threads: any, while st lives. Blocks: no (a lock that is held for a few instructions). Fails:
 * WEIR_EINVAL (NULL, another stage). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_timeout_detach_stats_read(weir_ctx *ctx, weir_stage *st,
							    struct weir_timeout_detach_stats *out);

WEIR_EXTERN_C_END

#endif
