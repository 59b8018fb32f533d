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
	bool open;
	struct weir__scope_task *running, *finished; /* finished: its function is over, its thread not yet joined */
	size_t n_running;
	struct weir__waiter *joiner;
	struct weir__owned *owned;
	const void *site; /* of the init */
	int rc;           /* of the first task that failed, with its detail */
	weir_err err;
};

static inline struct weir__scope *weir__scope(weir_scope *s)
{
	return (struct weir__scope *)s;
}

int weir__scope_spawn(weir_scope *s, const char *name, weir_task_fn *fn, void *arg, const void *site);
void weir__scope_own(weir_scope *s, struct weir__owned *owned);

/* Names of the tasks that still run, ", "-separated, cut to cap with "..." at the end. */
void weir__scope_names(struct weir__scope *s, char *buf, size_t cap);

#endif
