/* SPDX-License-Identifier: MIT
 *
 * weir/core/dump.h - who is there, and what is everybody waiting for: in production, at any time.
 *
 * A dump lists the tasks of every open scope, and the tasks that own those scopes: name, scope, what the task is
 * blocked in and since when, and the contexts above it. It stops nobody: each line is consistent in itself, and a task
 * that starts or ends meanwhile may be missing. Typical use: on SIGQUIT, from the task that reads signals.
 *
 * PAIRWISE THREAD-SAFETY: may run at the same time as anything on the runtime, itself included, but weir_rt_free. */
#ifndef WEIR_CORE_DUMP_H
#define WEIR_CORE_DUMP_H

#include <weir/base.h>
#include <weir/core/ctx.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_DUMP_CONTEXTS 4

struct weir_task_view {
	const char *name;   /* of the task; "main" for one that weir did not name */
	const void *scope;  /* where the scope it runs in was opened (an address of code), NULL: in none */
	const char *what;   /* "send", "receive", "select", "join", ...; "" while it runs */
	const char *object; /* name of what it waits at: a channel's type, a pipeline; "" where there is none */
	int64_t since_at;   /* weir_rt_now when it blocked; 0 while it runs */
	int64_t wakes_at;   /* the earliest deadline that would end the wait; WEIR_FOREVER: none */
	/* The scope's context and those above it, nearest first. */
	size_t n_contexts; /* at most WEIR_DUMP_CONTEXTS; more are left out */
	struct {
		int64_t deadline_at;
		enum weir_cause cause; /* NONE: has not ended, or nobody has looked since */
		const char *why;
	} contexts[WEIR_DUMP_CONTEXTS];
};

/* view and the texts in it are valid during the call only. fn may call anything. */
typedef void weir_dump_fn(const struct weir_task_view *view, void *arg);

/* Calls fn(view, arg) for each task, with no lock held. Returns how many there were.
 * Owner: arg stays the caller's. Threads: any. Blocks: no. Fails: WEIR_ENOMEM (room for one copy of the list),
 * WEIR_EINVAL (no runtime, no function). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_rt_dump(weir_rt *rt, weir_dump_fn *fn, void *arg);

/* One line for a person: `worker: send "num", for 120 ms; context ends in 880 ms`. Always terminated if cap > 0;
 * returns the length it has without a limit.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API size_t weir_task_view_format(const struct weir_task_view *view, int64_t now, char *buf, size_t cap);

WEIR_EXTERN_C_END

#endif
