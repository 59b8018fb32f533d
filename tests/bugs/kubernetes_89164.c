/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 89164. Class: traditional, data race.
 *
 * Each task empties a shared array under a lock, unlocks, and only then walks it. The test runs its own tasks one
 * after the other, so what looks safe is: only the task that the constructor has started is there as well, and takes
 * the array away from one of them. Here a task fills the array before it unlocks, so that its walk can see whose array
 * it is. Fix: walk it under the lock. */
#include "bugs.h"

struct broadcaster {
	weir_rwlock m;
	uint64_t length, event; /* room for one */
	bool walks_locked;
};

struct call {
	struct broadcaster *b;
	uint64_t event;
};

static void walk(struct call *call)
{
	WEIR_SIM_EQ(WEIR_SIM_GET(call->b->length), 1);
	WEIR_SIM_EQ(WEIR_SIM_GET(call->b->event), call->event);
}

static int dispatch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct call *call = arg;
	struct broadcaster *b = call->b;
	(void)err;
	weir_rwlock_write_lock(ctx, &b->m);
	WEIR_SIM_SET(b->length, 0);
	WEIR_SIM_SET(b->event, call->event);
	WEIR_SIM_SET(b->length, 1);
	if (b->walks_locked)
		walk(call);
	weir_rwlock_write_unlock(&b->m);
	if (!b->walks_locked)
		walk(call);
	return 0;
}

static int broadcast(weir_ctx *ctx, bool walks_locked)
{
	struct broadcaster b = {.walks_locked = walks_locked};
	struct call calls[] = {{&b, 0}, {&b, 1}, {&b, 2}, {&b, 3}};
	weir_scope made, one;
	weir_rwlock_init(&b.m, weir_ctx_rt(ctx));
	weir_scope_init(&made, ctx);
	bug_spawn(&made, "constructor", dispatch, &calls[0]);
	for (int i = 1; i < 4; i++) {
		weir_scope_init(&one, ctx);
		bug_spawn(&one, "event", dispatch, &calls[i]);
		bug_join(ctx, &one);
	}
	bug_join(ctx, &made);
	weir_rwlock_fini(&b.m);
	return 0;
}

static int kubernetes_89164_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return broadcast(ctx, false);
}

static int kubernetes_89164_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return broadcast(ctx, true);
}

WEIR_BUG(kubernetes_89164, "Traditional: data race", WEIR_SIM_RACE, false);
