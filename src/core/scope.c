/* SPDX-License-Identifier: MIT
 *
 * Scopes: tasks that cannot outlive their block.
 *
 *  P1  n_running is the length of `running`. A task is in `running` from before its thread exists until its function
 *      has returned, then in `finished` until its thread was joined.
 *  P2  The last thing a task does with the scope is to leave `running`, under the lock; the join of its thread comes
 *      after that, so the scope's memory outlives every touch of it.
 *  P3  rc and err are those of the first task that failed for a reason of its own. ECANCELED, EDEADLINE and EPIPE are
 *      what a task is told about others: while the scope has ended they are consequences, not causes. Before that EPIPE
 *      cancels the siblings as any failure does, but gives way to one that is told later: a receiver that fails closes
 *      its end first, so its sender often fails before it.
 *  P4  joiner is set only while the owner waits in join, and is claimed by the task that makes n_running 0.
 *  P5  Nothing is done in between two failures: who records the first error also cancels the siblings, after unlocking.
 *  P6  A scope is over when its owner has come to join and only watchers (on_end.c) are left: then those that are idle
 *      are told to leave. Whatever can make that true looks: the join, a task that leaves, a watcher about to wait.
 *
 * Finished threads are joined at the next spawn and at the join, so a scope that lives long and spawns often does not
 * pile them up.
 *
 * Lock order: WEIR__RANK_SCOPE; nothing else is taken under it. May run at the same time: spawn, cancel, the ends of
 * tasks, and the one join. See chapter 11 of docs/book. */
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>

#include "rtcore.h"

_Static_assert(sizeof(struct weir__scope) <= sizeof(weir_scope) * 3 / 4, "a quarter of weir_scope stays spare");

struct weir__scope_task {
	struct weir__scope_task *prev, *next;
	struct weir__scope *scope;
	weir_task *task; /* set by the task itself when it starts */
	weir_task_fn *fn;
	void *arg;
	bool watcher;
	char name[32];
};

static void list_add(struct weir__scope_task **list, struct weir__scope_task *t)
{
	t->prev = NULL;
	t->next = *list;
	if (t->next)
		t->next->prev = t;
	*list = t;
}

static void list_remove(struct weir__scope_task **list, struct weir__scope_task *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		*list = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

/* The runtime's list of open scopes, for a dump. */
static void scope_list(struct weir__scope *s, bool add)
{
	struct weir__rtcore *core = weir__rtcore(s->rt);
	uint32_t rank = weir__lock(&core->registry_lock, WEIR__RANK_REGISTRY);
	struct weir__scope **before = s->prev ? &s->prev->next : &core->scopes;
	if (add) {
		s->next = core->scopes;
		core->scopes = s;
		if (s->next)
			s->next->prev = s;
	} else {
		*before = s->next;
		if (s->next)
			s->next->prev = s->prev;
	}
	weir__unlock(&core->registry_lock, rank);
}

void weir_scope_init(weir_scope *s, weir_ctx *parent)
{
	struct weir__scope *scope = weir__scope(s);
	memset(s, 0, sizeof(*s));
	weir__ctx_init(&scope->ctx, parent, WEIR_FOREVER, WEIR__CTX_SCOPE, WEIR__SITE());
	scope->obj.kind = WEIR_OBJ_SCOPE;
	scope->rt = weir__ctx_rt(parent);
	scope->open = true;
	scope->site = WEIR__SITE();
	scope->owner = scope->rt->vt->self(scope->rt);
	scope_list(scope, true);
	weir__created(scope->rt, &scope->obj, &weir__ctx(&scope->ctx)->obj, scope->site);
}

weir_ctx *weir_scope_ctx(weir_scope *s)
{
	return &weir__scope(s)->ctx;
}

weir_scope *weir_scope_of(weir_ctx *ctx)
{
	for (struct weir__ctx *c = weir__ctx(ctx); c; c = c->parent)
		if (c->flags & WEIR__CTX_SCOPE)
			return (weir_scope *)c;
	return NULL;
}

/* ---- the life of a task ---- */

/* P3: a code that tells of what others did. */
static bool of_others(int rc)
{
	return rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE || rc == WEIR_EPIPE;
}

/* P3, P5 */
static void record_failure(struct weir__scope *s, const char *name, int rc, weir_err *err)
{
	bool first = false;
	if (!of_others(rc) || !weir__ctx_ended(&s->ctx)) {
		if (err->code == 0)
			weir_fail(err, rc, "task \"%s\" failed", name);
		uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
		first = s->rc == 0;
		if (first || (s->rc == WEIR_EPIPE && rc != WEIR_EPIPE)) {
			weir_err was = s->err;
			s->rc = rc;
			s->err = *err; /* moved: a plain copy, and what was there leaves by err */
			*err = was;
		}
		weir__unlock(&s->lock, rank);
	}
	weir_err_fini(err);
	if (first)
		weir__ctx_end(&s->ctx, WEIR_CAUSE_SIBLING, "a task of the scope failed");
}

void weir__scope_settle(struct weir__scope *s, struct weir__wake *wake)
{
	assert(s->n_watchers <= s->n_running);
	if (!s->joiner || s->n_running > s->n_watchers)
		return;
	weir__queue_release(&s->idle, 0, wake); /* P6 */
	if (s->n_running == 0 && weir__claim(s->joiner, WEIR__CLAIM_CASE))
		weir__wake_add(wake, s->joiner); /* P4 */
}

/* P1, P2; finished: where the task goes, NULL: it never started. */
static void leave(struct weir__scope *s, struct weir__scope_task *t, struct weir__scope_task **finished)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	list_remove(&s->running, t);
	if (finished)
		list_add(finished, t);
	assert(s->n_running > 0);
	s->n_running--;
	s->n_watchers -= t->watcher;
	weir__scope_settle(s, &wake);
	weir__unlock(&s->lock, rank);
	weir__wake_all(&wake);
}

static void task_main(void *arg)
{
	struct weir__scope_task *t = arg;
	struct weir__scope *s = t->scope;
	weir_rt *rt = s->rt;
	weir_err err = {0};
	weir_task *self = rt->vt->self(rt);
	self->core_[WEIR__TASK_SCOPE] = s;
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	t->task = self; /* a dump may be looking */
	weir__unlock(&s->lock, rank);
	int rc = t->fn(&s->ctx, &err, t->arg);
	assert(weir__locks_held() == 0);
	if (rc > 0)
		rc = weir_fail(&err, WEIR_EINVAL, "task \"%s\" returned %d: 0 is success, negative an error", t->name,
			       rc);
	if (weir__hooked(rt)) {
		struct weir_op op = {.kind = WEIR_OP_TASK_END,
				     .access = WEIR_ACCESS_WRITE,
				     .obj = {&s->obj},
				     .at = WEIR_FOREVER};
		weir__choice(rt, &op);
		weir__result(rt, &op, rc);
	}
	if (rc < 0)
		record_failure(s, t->name, rc, &err);
	else
		weir_err_fini(&err); /* a detail somebody wrote and then did not return */
	leave(s, t, &s->finished);
}

/* Joins the threads of tasks that are over. */
static void reap(struct weir__scope *s)
{
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	struct weir__scope_task *t = s->finished;
	s->finished = NULL;
	weir__unlock(&s->lock, rank);
	while (t) {
		struct weir__scope_task *next = t->next;
		s->rt->vt->join(s->rt, t->task);
		s->rt->vt->release(s->rt, t);
		t = next;
	}
}

static int scope_spawn(struct weir__scope *s, const char *name, weir_task_fn *fn, void *arg, bool watcher,
		       const void *site)
{
	weir_task *unused;
	int rc = weir__ctx_ended(&s->ctx);
	if (rc < 0)
		return rc;
	reap(s);
	struct weir__scope_task *t = s->rt->vt->alloc(s->rt, sizeof(*t), site);
	if (!t)
		return WEIR_ENOMEM;
	*t = (struct weir__scope_task){.scope = s, .fn = fn, .arg = arg, .watcher = watcher};
	(void)memccpy(t->name, name ? name : "task", '\0', sizeof(t->name) - 1);
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	list_add(&s->running, t);
	s->n_running++;
	s->n_watchers += watcher;
	weir__unlock(&s->lock, rank);
	rc = s->rt->vt->spawn(s->rt, t->name, task_main, t, site, &unused);
	if (rc < 0) {
		leave(s, t, NULL);
		s->rt->vt->release(s->rt, t);
	}
	return rc;
}

static int spawn_at(weir_scope *s, const char *name, weir_task_fn *fn, void *arg, bool watcher, const void *site)
{
	struct weir__scope *scope = weir__scope(s);
	if (!scope || !fn || scope->obj.kind != WEIR_OBJ_SCOPE || !scope->open)
		return WEIR_EINVAL;
	assert(weir__locks_held() == 0);
	if (!weir__hooked(scope->rt))
		return scope_spawn(scope, name, fn, arg, watcher, site);
	struct weir_op op = {.kind = WEIR_OP_SPAWN,
			     .access = WEIR_ACCESS_WRITE,
			     .obj = {&scope->obj, &weir__ctx(&scope->ctx)->obj},
			     .at = WEIR_FOREVER,
			     .site = site};
	weir__choice(scope->rt, &op);
	return weir__result(scope->rt, &op, scope_spawn(scope, name, fn, arg, watcher, site));
}

int weir__scope_spawn(weir_scope *s, const char *name, weir_task_fn *fn, void *arg, const void *site)
{
	return spawn_at(s, name, fn, arg, false, site);
}

int weir__scope_spawn_watcher(weir_scope *s, weir_task_fn *fn, void *arg, const void *site)
{
	return spawn_at(s, "on_end", fn, arg, true, site);
}

int weir_scope_spawn(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	return weir__scope_spawn(s, name, fn, arg, WEIR__SITE());
}

void weir_scope_cancel(weir_scope *s, const char *why)
{
	struct weir__scope *scope = weir__scope(s);
	if (!scope || scope->obj.kind != WEIR_OBJ_SCOPE)
		return;
	struct weir_op op = {.kind = WEIR_OP_CTX_CANCEL,
			     .access = WEIR_ACCESS_WRITE,
			     .obj = {&weir__ctx(&scope->ctx)->obj},
			     .at = WEIR_FOREVER,
			     .site = WEIR__SITE()};
	bool hooked = weir__hooked(scope->rt);
	if (hooked)
		weir__choice(scope->rt, &op);
	weir__ctx_end(&scope->ctx, WEIR_CAUSE_USER, why);
	if (hooked)
		weir__result(scope->rt, &op, 0);
}

void weir__scope_each(struct weir__scope *s, void (*fn)(weir_task *task, void *arg, struct weir__scope *s), void *arg)
{
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	for (struct weir__scope_task *t = s->running; t; t = t->next)
		if (t->task)
			fn(t->task, arg, s);
	weir__unlock(&s->lock, rank);
}

void weir__scope_own(weir_scope *s, struct weir__owned *owned)
{
	struct weir__scope *scope = weir__scope(s);
	uint32_t rank = weir__lock(&scope->lock, WEIR__RANK_SCOPE);
	owned->next = scope->owned;
	scope->owned = owned;
	weir__unlock(&scope->lock, rank);
}

/* ---- the join ---- */

void weir__scope_names(struct weir__scope *s, char *buf, size_t cap)
{
	size_t at = 0;
	assert(cap >= 8);
	buf[0] = '\0';
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	for (struct weir__scope_task *t = s->running; t; t = t->next) {
		size_t n = strlen(t->name), sep = at ? 2 : 0;
		if (at + sep + n + 6 > cap) {
			memcpy(buf + at, ", ...", 6);
			break;
		}
		memcpy(buf + at, ", ", sep);
		memcpy(buf + at + sep, t->name, n + 1);
		at += sep + n;
	}
	weir__unlock(&s->lock, rank);
}

static void report_stuck(struct weir__scope *s, int64_t waited_ns)
{
	char names[256], text[384];
	weir__scope_names(s, names, sizeof(names));
	snprintf(text, sizeof(text), "weir: a scope has waited %lld ms for tasks that do not stop: %s\n",
		 (long long)(waited_ns / 1000000), names);
	s->rt->vt->say(s->rt, text);
	if (s->rt->stuck_abort)
		abort();
}

/* One wait for the last task: true when there is none any more. */
static bool wait_for_last(struct weir__scope *s, weir_ctx *ctx, int64_t deadline_at)
{
	struct weir__waiter w;
	struct weir__wake wake;
	weir__wake_init(&wake);
	weir__waiter_init(&w, s->rt, ctx, "join", NULL);
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	bool gone = s->n_running == 0;
	if (!gone) {
		s->joiner = &w;
		weir__scope_settle(s, &wake);
	}
	weir__unlock(&s->lock, rank);
	weir__wake_all(&wake);
	if (gone)
		return true;
	uint32_t claim = weir__wait(&w, ctx, deadline_at);
	rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	s->joiner = NULL;
	weir__unlock(&s->lock, rank);
	return claim == WEIR__CLAIM_CASE;
}

static void wait_for_tasks(struct weir__scope *s, weir_ctx *ctx)
{
	int64_t since = 0, every = s->rt->stuck_after_ns;
	if (wait_for_last(s, ctx, WEIR_FOREVER))
		return;
	/* ctx has ended; the scope may hang on another one */
	weir__ctx_end(&s->ctx, WEIR_CAUSE_USER, "the context of the join ended");
	if (every > 0)
		since = s->rt->vt->now(s->rt);
	for (int64_t n = 1; !wait_for_last(s, NULL, every > 0 ? weir_time_add(since, every * n) : WEIR_FOREVER); n++)
		report_stuck(s, every * n);
}

/* The order of what join returns; see scope.h. The block, too, may only pass on what the end of the scope told it
 * (P3). */
static int outcome(struct weir__scope *s, int rc, weir_err *err)
{
	int parent = weir__ctx_ended((weir_ctx *)weir__ctx(&s->ctx)->parent);
	if (s->rc == 0 || (rc < 0 && !of_others(rc))) {
		weir_err_fini(&s->err);
		if (rc == WEIR_EPIPE && parent < 0)
			weir_err_fini(err); /* what it says is not what is returned */
		else if (rc < 0)
			return rc;
		return parent;
	}
	if (err)
		weir_err_move(err, &s->err);
	else
		weir_err_fini(&s->err);
	return s->rc;
}

static int scope_join(weir_ctx *ctx, struct weir__scope *s, int rc, weir_err *err)
{
	if (rc < 0)
		weir__ctx_end(&s->ctx, WEIR_CAUSE_SIBLING, "the block that owns the scope failed");
	wait_for_tasks(s, ctx);
	s->open = false;
	reap(s);
	assert(s->n_running == 0 && !s->running && !s->finished); /* P1 */
	while (s->owned) {
		struct weir__owned *owned = s->owned;
		s->owned = owned->next;
		owned->fini(owned);
	}
	return outcome(s, rc, err);
}

static bool claim_join(struct weir__scope *s)
{
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	bool first = !s->joining;
	s->joining = true;
	weir__unlock(&s->lock, rank);
	return first;
}

int weir_scope_join(weir_ctx *ctx, weir_scope *s, int rc, weir_err *err)
{
	struct weir__scope *scope = weir__scope(s);
	if (!scope || scope->obj.kind != WEIR_OBJ_SCOPE)
		return rc; /* zeroed or joined: nothing to wait for */
	weir_rt *rt = scope->rt;
	if (rt->vt->self(rt)->core_[WEIR__TASK_SCOPE] == scope)
		return WEIR_EDEADLK;
	if (!claim_join(scope)) {
		weir__misuse(rt, "two tasks join one scope: only its owner does, once", "scope", WEIR__SITE(),
			     scope->site);
		return WEIR_EBUSY;
	}
	assert(weir__locks_held() == 0);
	struct weir_op op = {.kind = WEIR_OP_SCOPE_JOIN,
			     .access = WEIR_ACCESS_WRITE,
			     .may_park = true,
			     .obj = {&scope->obj, &weir__ctx(ctx)->obj},
			     .at = WEIR_FOREVER,
			     .site = WEIR__SITE()};
	bool hooked = weir__hooked(rt);
	if (hooked)
		weir__choice(rt, &op);
	rc = scope_join(ctx, scope, rc, err);
	if (hooked)
		weir__result(rt, &op, rc);
	scope_list(scope, false);
	weir__gone(rt, &scope->obj);
	weir_ctx_fini(&scope->ctx);
	memset(s, 0, sizeof(*s));
	return rc;
}

int weir_scope_run(weir_ctx *ctx, weir_task_fn *body, void *arg, weir_err *err)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = body(weir_scope_ctx(&s), err, arg);
	if (rc > 0)
		rc = weir_fail(err, WEIR_EINVAL, "the body of a scope returned %d: 0 is success, negative an error",
			       rc);
	return weir_scope_join(ctx, &s, rc, err);
}
