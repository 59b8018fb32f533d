/* SPDX-License-Identifier: MIT
 *
 * The inside of a scope, for scope.c, pipeline.c and inspect.c; the essay is in scope.c. */
#ifndef WEIR_SRC_CORE_SCOPE_H
#define WEIR_SRC_CORE_SCOPE_H

#include <weir/core/scope.h>

#include "ctx.h"

struct weir__scope_task;

/* Something that lives until the scope's tasks are gone; finished in reverse order of weir__scope_own. */
struct weir__owned {
	struct weir__owned *next;
	void (*fini)(struct weir__owned *owned);
};

struct __attribute__((may_alias)) weir__scope {
	weir_ctx ctx; /* first: weir_scope_of finds the scope from its node */
	struct weir_obj obj;
	weir_rt *rt;
	struct weir__lock lock;
	bool open, joining;
	struct weir__scope_task *running, *finished; /* finished: its function is over, its thread not yet joined */
	size_t n_running, n_watchers;                /* watchers: those of n_running that on_end started */
	struct weir__queue idle;                     /* the watchers that wait for a context */
	struct weir__waiter *joiner;
	struct weir__owned *owned;
	struct weir__scope *prev, *next; /* of the runtime's open scopes */
	weir_task *owner;                /* that opened it, and joins it */
	const void *site;                /* of the init */
	int rc;                          /* of the first task that failed, with its detail */
	weir_err err;
};

static inline struct weir__scope *weir__scope(weir_scope *s)
{
	return (struct weir__scope *)s;
}

int weir__scope_spawn(weir_scope *s, const char *name, weir_task_fn *fn, void *arg, const void *site);

/* A task that does not keep the scope; see P6. */
int weir__scope_spawn_watcher(weir_scope *s, weir_task_fn *fn, void *arg, const void *site);

/* P4 and P6: under the lock, after anything that they depend on has changed. */
void weir__scope_settle(struct weir__scope *s, struct weir__wake *wake);

/* Calls fn(task, arg, s) for each task that has started and not ended, under the scope's lock. */
void weir__scope_each(struct weir__scope *s, void (*fn)(weir_task *task, void *arg, struct weir__scope *s), void *arg);

void weir__scope_own(weir_scope *s, struct weir__owned *owned);

/* A registration of weir_scope_on_end; see on_end.c. */
struct __attribute__((may_alias)) weir__on_end {
	struct weir_obj obj;
	weir_rt *rt;
	weir__a32 state;
	struct weir__scope *scope; /* gone after its join */
	weir_ctx *ctx;
	void (*fn)(void *arg);
	void *arg;
	struct weir__link *gate; /* in scope->idle, while its task waits */
};

/* Names of the tasks that still run, ", "-separated, cut to cap with "..." at the end. */
void weir__scope_names(struct weir__scope *s, char *buf, size_t cap);

#endif
