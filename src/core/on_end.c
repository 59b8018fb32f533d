/* SPDX-License-Identifier: MIT
 *
 * A function that runs when a context ends: a task of a scope that waits for it.
 *
 *  Y1  state goes from WAITING to STOPPED, or to RUNNING and then to DONE, once, under the scope's lock (DONE: by the
 *      only task that may change it then). Who moves it away from WAITING decides: stop, or the task that saw the end
 *      of the context. So the function runs or was stopped, never both and never neither.
 *  Y2  The task waits on two things with one waiter: the context, and a gate in the scope's list of idle watchers.
 *      Through the gate come stop and the end of the scope (P6 of scope.c). What woke it does not matter: it looks at
 *      the state, and at the context, in that order.
 *  Y3  gate is set, under the lock, only while the link is on the task's stack; a stop that finds it claims the
 *      waiter and takes the link out, or finds it claimed already and leaves it to the task.
 *  Y4  Once the state is STOPPED or DONE a stop reads it and touches nothing else: the scope may be gone.
 *  Y5  The watched context is looked at by the task until it leaves the scope: it must live as long.
 *
 * The scope's own end does not stop a watcher before the join does: cleanup that hangs on a context is wanted most
 * while everything is coming down.
 *
 * Where it takes effect: in the simulator the wait, the return of the function and stop are operations of the
 * registration, so a stop is seen before, during and after the function.
 *
 * Lock order: WEIR__RANK_SCOPE; nothing else is taken under it. May run at the same time: stops, the task, the join. */
#include "scope.h"

enum { NEVER, WAITING, RUNNING, DONE, STOPPED };

_Static_assert(sizeof(struct weir__on_end) <= sizeof(weir_on_end) * 3 / 4, "a quarter of weir_on_end stays spare");

static struct weir_op op_of(struct weir__on_end *h, enum weir_op_kind kind, weir_ctx *ctx, const void *site)
{
	return (struct weir_op){.kind = (uint8_t)kind,
				.access = WEIR_ACCESS_WRITE,
				.may_park = ctx != NULL,
				.obj = {&h->obj, ctx ? &weir__ctx(ctx)->obj : NULL},
				.at = WEIR_FOREVER,
				.site = site};
}

/* Whether the function is to run. */
static bool wait_for_end(struct weir__on_end *h)
{
	struct weir__scope *s = h->scope;
	struct weir__waiter w;
	struct weir__link gate;
	struct weir__wake wake;
	weir__wake_init(&wake);
	weir__waiter_init(&w, s->rt, h->ctx, "end of a context", NULL);
	weir__link_init(&gate, &w, WEIR__CLAIM_CASE, NULL);
	uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	bool waits = weir__load32(&h->state) == WAITING;
	if (waits) {
		weir__queue_add(&s->idle, &gate);
		h->gate = &gate;
		weir__scope_settle(s, &wake); /* it may be this task's own waiter that is claimed */
	}
	weir__unlock(&s->lock, rank);
	weir__wake_all(&wake);
	if (waits)
		weir__wait(&w, h->ctx, WEIR_FOREVER);
	bool ended = weir__ctx_ended(h->ctx) < 0;
	rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
	h->gate = NULL; /* Y3 */
	if (gate.linked)
		weir__queue_remove(&s->idle, &gate);
	bool mine = weir__load32(&h->state) == WAITING; /* Y1, Y2 */
	if (mine)
		weir__store32(&h->state, ended ? RUNNING : STOPPED);
	weir__unlock(&s->lock, rank);
	return mine && ended;
}

static int watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir__on_end *h = arg;
	weir_rt *rt = h->rt;
	bool hooked = weir__hooked(rt), runs;
	(void)ctx, (void)err;
	if (hooked) {
		struct weir_op op = op_of(h, WEIR_OP_ON_END, h->ctx, NULL);
		weir__choice(rt, &op);
		runs = wait_for_end(h);
		weir__result(rt, &op, runs);
	} else {
		runs = wait_for_end(h);
	}
	if (runs) {
		struct weir_op op = op_of(h, WEIR_OP_ON_END_DONE, NULL, NULL);
		h->fn(h->arg);
		assert(weir__locks_held() == 0);
		if (hooked)
			weir__choice(rt, &op);
		weir__store32(&h->state, DONE);
		if (hooked)
			weir__result(rt, &op, 0);
	}
	weir__gone(rt, &h->obj);
	return 0;
}

int weir_scope_on_end(weir_scope *s, weir_ctx *ctx, void (*fn)(void *arg), void *arg, weir_on_end *handle)
{
	struct weir__scope *scope = weir__scope(s);
	struct weir__on_end *h = (struct weir__on_end *)handle;
	if (!h)
		return WEIR_EINVAL;
	memset(handle, 0, sizeof(*handle));
	if (!scope || scope->obj.kind != WEIR_OBJ_SCOPE || !ctx || !fn || weir__ctx_rt(ctx) != scope->rt)
		return WEIR_EINVAL;
	*h = (struct weir__on_end){
		.obj.kind = WEIR_OBJ_ON_END, .rt = scope->rt, .scope = scope, .ctx = ctx, .fn = fn, .arg = arg};
	weir__store32(&h->state, WAITING);
	weir__created(scope->rt, &h->obj, &scope->obj, WEIR__SITE());
	int rc = weir__scope_spawn_watcher(s, watch, h, WEIR__SITE());
	if (rc < 0) {
		weir__gone(scope->rt, &h->obj);
		memset(handle, 0, sizeof(*handle));
	}
	return rc;
}

static enum weir_on_end_state stop(struct weir__on_end *h)
{
	uint32_t state = weir__load32(&h->state);
	if (state == WAITING) { /* Y4: else the scope may be gone */
		struct weir__scope *s = h->scope;
		struct weir__wake wake;
		weir__wake_init(&wake);
		uint32_t rank = weir__lock(&s->lock, WEIR__RANK_SCOPE);
		state = weir__load32(&h->state);
		if (state == WAITING) {
			weir__store32(&h->state, state = STOPPED);
			if (h->gate && h->gate->linked && weir__claim(h->gate->waiter, h->gate->claim)) { /* Y3 */
				weir__wake_add(&wake, h->gate->waiter);
				weir__queue_remove(&s->idle, h->gate);
			}
		}
		weir__unlock(&s->lock, rank);
		weir__wake_all(&wake);
	}
	return state == RUNNING ? WEIR_ON_END_RUNNING : state == DONE ? WEIR_ON_END_DONE : WEIR_ON_END_STOPPED;
}

enum weir_on_end_state weir_on_end_stop(weir_on_end *handle)
{
	struct weir__on_end *h = (struct weir__on_end *)handle;
	if (!h || weir__load32(&h->state) == NEVER)
		return WEIR_ON_END_STOPPED;
	weir_rt *rt = h->rt;
	if (!weir__hooked(rt))
		return stop(h);
	struct weir_op op = op_of(h, WEIR_OP_ON_END_STOP, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	enum weir_on_end_state state = stop(h);
	weir__result(rt, &op, (int)state);
	return state;
}
