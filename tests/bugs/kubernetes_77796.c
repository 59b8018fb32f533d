/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 77796. Class: traditional, data race.
 *
 * Each task empties a shared array under a lock, unlocks, and only then walks it: another task has emptied it, or has
 * put something into it. Here a task fills the array before it unlocks, so that its walk can see whose array it is.
 * The words are weir_atomic, each use of which another task can come in front of: what is found is what the race does,
 * not the race. Fix: copy the array under the lock and walk the copy. */
#include "bugs.h"

struct recorder {
	weir_mutex m;
	weir_atomic length, event; /* room for one */
	bool copies;
};

struct call {
	struct recorder *r;
	uint64_t event;
};

static uint64_t look(struct recorder *r)
{
	WEIR_SIM_EQ(weir_atomic_load(&r->length), 1);
	return weir_atomic_load(&r->event);
}

static int dispatch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct call *call = arg;
	struct recorder *r = call->r;
	uint64_t copy = 0;
	(void)err;
	weir_mutex_lock(ctx, &r->m);
	weir_atomic_store(&r->length, 0);
	weir_atomic_store(&r->event, call->event);
	weir_atomic_store(&r->length, 1);
	if (r->copies)
		copy = look(r);
	weir_mutex_unlock(&r->m);
	WEIR_SIM_EQ(r->copies ? copy : look(r), call->event);
	return 0;
}

static int record(weir_ctx *ctx, bool copies)
{
	struct recorder r = {.copies = copies};
	struct call calls[4];
	weir_scope s;
	weir_mutex_init(&r.m, weir_ctx_rt(ctx));
	weir_atomic_init(&r.length, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&r.event, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++) {
		calls[i] = (struct call){&r, (uint64_t)i};
		bug_spawn(&s, i == 0 ? "constructor" : "event", dispatch, &calls[i]);
		if (i > 0)
			WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	}
	bug_join(ctx, &s);
	weir_atomic_fini(&r.event);
	weir_atomic_fini(&r.length);
	weir_mutex_fini(&r.m);
	return 0;
}

static int kubernetes_77796_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return record(ctx, false);
}

static int kubernetes_77796_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return record(ctx, true);
}

WEIR_BUG(kubernetes_77796, "Traditional: data race", WEIR_SIM_ASSERTION, false);
