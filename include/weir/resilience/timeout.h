/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/timeout.h - a stage that is given so long for each value.
 *
 * The child runs under a context of its own, which ends when the time is over. It runs in the caller's task and is not
 * killed: a timeout ends what the child waits for, and the child returns when it looks. So nothing it was given is used
 * after process has returned, and a child that never looks takes as long as it takes: such calls are overdue, and can
 * be counted while they are (weir_timeout_stats_read). For a child that must not hold up its caller: detach.h.
 *
 * If the child then says WEIR_EDEADLINE, that is WEIR_ETIMEOUT (its value: the limit), with what the child said beneath
 * it. A deadline or cancel of the caller's stays the caller's code, and of two deadlines at the same time the caller's
 * is the one. A success that comes late is a success, and any other failure is itself. */
#ifndef WEIR_RESILIENCE_TIMEOUT_H
#define WEIR_RESILIENCE_TIMEOUT_H

#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

struct weir_timeout_opts {
	int64_t limit_ns; /* above 0; WEIR_FOREVER: none */
	const char *name; /* of the stage, static; NULL: "timeout" */
	bool gauge;       /* for weir_timeout_stats_read: two atomic stores for each value */
};

struct weir_timeout_stats {
	uint32_t running;   /* values that are with the child now */
	uint32_t overdue;   /* those of them whose time is over */
	int64_t overdue_ns; /* by how much, of the one that is longest so */
};

/* The stage "timeout".
 * Owner: takes the child, also where it fails. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (a limit that is not above 0, a child that is NULL or part of another stage), WEIR_ENOMEM.
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_timeout(weir_stage *child, int64_t limit_ns);
WEIR_API WEIR_MUST_CHECK weir_stage *weir_timeout_with(weir_stage *child, const struct weir_timeout_opts *opts);

/* How the calls of st, a timeout stage with a gauge, stand. Values are looked at one after the other.
 * Owner: none. Threads: any, while st lives. Blocks: no (a lock that is held for a few instructions). Fails:
 * WEIR_EINVAL (another stage, or one without a gauge). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_timeout_stats_read(weir_ctx *ctx, weir_stage *st, struct weir_timeout_stats *out);

WEIR_EXTERN_C_END

#endif
