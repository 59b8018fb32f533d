/* SPDX-License-Identifier: MIT
 *
 * The dump: a walk over the open scopes of a runtime.
 *
 * Scopes are in a list of their runtime from init to join. The walk holds the registry's lock (so no scope goes) and
 * each scope's lock in turn (so none of its tasks goes: P2), and copies; the caller's function is called afterwards,
 * with nothing held. What a task waits for it has published itself (blocked.h), so the walk waits for nobody and nobody
 * waits for the walk but who opens or closes a scope, starts or ends a task.
 *
 * The owner of a scope is a task of another scope, or one that weir did not start; those are listed once, by the first
 * scope they own. A task that owns no scope and runs in none is not known here.
 *
 * Lock order: WEIR__RANK_REGISTRY, then WEIR__RANK_SCOPE. */
#include <weir/core/dump.h>

#include <stdio.h>

#include "blocked.h"
#include "rtcore.h"
#include "scope.h"

#define MORE 16 /* tasks that may start between the count and the walk */

struct entry {
	struct weir_task_view view;
	weir_task *task;
	char name[sizeof(((weir_task *)0)->name)];
};

struct walk {
	struct entry *entries;
	size_t n, cap; /* n may become larger than cap: then nothing more is written */
};

static void add_contexts(struct weir_task_view *view, const weir_ctx *ctx)
{
	for (struct weir__ctx *c = weir__ctx(ctx); c && view->n_contexts < WEIR_DUMP_CONTEXTS; c = c->parent) {
		size_t i = view->n_contexts++;
		view->contexts[i].deadline_at = c->deadline_at;
		view->contexts[i].cause = weir__ctx_mark((const weir_ctx *)c, &view->contexts[i].why);
	}
}

static bool is_listed(const struct walk *w, const weir_task *task)
{
	for (size_t i = 0; i < w->n && i < w->cap; i++)
		if (w->entries[i].task == task)
			return true;
	return false;
}

/* Under the lock that keeps the task from going. scope NULL: it runs in none. */
static void add_task(struct walk *w, weir_task *task, struct weir__scope *scope, const weir_ctx *ctx)
{
	if (w->n++ >= w->cap)
		return;
	struct entry *e = &w->entries[w->n - 1];
	*e = (struct entry){.task = task};
	memcpy(e->name, task->name[0] ? task->name : "main", task->name[0] ? sizeof(task->name) : sizeof("main"));
	e->view.scope = scope ? scope->site : NULL;
	weir__blocked_get(task, &e->view.what, &e->view.object, &e->view.since_at, &e->view.wakes_at);
	add_contexts(&e->view, ctx);
}

static void add_scope_task(weir_task *task, void *arg, struct weir__scope *scope)
{
	add_task(arg, task, scope, &scope->ctx);
}

static void walk(weir_rt *rt, struct walk *w)
{
	struct weir__rtcore *core = weir__rtcore(rt);
	uint32_t rank = weir__lock(&core->registry_lock, WEIR__RANK_REGISTRY);
	for (struct weir__scope *s = core->scopes; s; s = s->next) {
		/* Only the owner closes the scope, and it needs this lock for that: it is there. */
		if (!s->owner->core_[WEIR__TASK_SCOPE] && !is_listed(w, s->owner))
			add_task(w, s->owner, NULL, (const weir_ctx *)weir__ctx(&s->ctx)->parent);
		weir__scope_each(s, add_scope_task, w);
	}
	weir__unlock(&core->registry_lock, rank);
}

int weir_rt_dump(weir_rt *rt, weir_dump_fn *fn, void *arg)
{
	struct walk w = {0};
	if (!rt || !fn)
		return WEIR_EINVAL;
	for (walk(rt, &w); w.n > w.cap; walk(rt, &w)) { /* the first time to count */
		weir_rt_release(rt, w.entries);
		w.cap = w.n + MORE;
		w.n = 0;
		w.entries = weir_rt_alloc(rt, w.cap * sizeof(*w.entries));
		if (!w.entries)
			return WEIR_ENOMEM;
	}
	for (size_t i = 0; i < w.n; i++) {
		struct weir_task_view *view = &w.entries[i].view;
		view->name = w.entries[i].name;
		view->what = view->what ? view->what : "";
		view->object = view->object ? view->object : "";
		fn(view, arg);
	}
	weir_rt_release(rt, w.entries);
	return w.n > INT32_MAX ? INT32_MAX : (int)w.n;
}

static long long ms(int64_t ns)
{
	return (long long)(ns / 1000000);
}

size_t weir_task_view_format(const struct weir_task_view *view, int64_t now, char *buf, size_t cap)
{
	char wait[160] = "runs", end[120] = "";
	if (view->what[0])
		snprintf(wait, sizeof(wait), "%s%s%.60s%s, for %lld ms", view->what, view->object[0] ? " \"" : "",
			 view->object, view->object[0] ? "\"" : "", ms(now - view->since_at));
	if (view->n_contexts && view->contexts[0].cause != WEIR_CAUSE_NONE)
		snprintf(end, sizeof(end), "; context ended: %s, %.60s", weir_cause_name(view->contexts[0].cause),
			 view->contexts[0].why);
	else if (view->what[0] && view->wakes_at != WEIR_FOREVER)
		snprintf(end, sizeof(end), "; until %lld ms from now", ms(view->wakes_at - now));
	int n = snprintf(buf, cap, "%s: %s%s", view->name, wait, end);
	return n < 0 ? 0 : (size_t)n;
}
