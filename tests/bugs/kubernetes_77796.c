/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 77796. Class: traditional, data race.
 *
 * Each task empties a shared array under a lock, unlocks, and only then walks it: another task has emptied it, or has
 * put something into it. Here a task fills the array before it unlocks, so that its walk can see whose array it is.
 * Fix: copy the array under the lock and walk the copy. */
#include "bugs.h"

struct recorder {
	weir_mutex m;
	uint64_t length, event; /* room for one */
	bool copies;
};

struct call {
	struct recorder *r;
	uint64_t event;
};

static uint64_t look(struct recorder *r)
{
	WEIR_SIM_EQ(WEIR_SIM_GET(r->length), 1);
	return WEIR_SIM_GET(r->event);
}

static int dispatch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct call *call = arg;
	struct recorder *r = call->r;
	uint64_t copy = 0;
	(void)err;
	weir_mutex_lock(ctx, &r->m);
	WEIR_SIM_SET(r->length, 0);
	WEIR_SIM_SET(r->event, call->event);
	WEIR_SIM_SET(r->length, 1);
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
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++) {
		calls[i] = (struct call){&r, (uint64_t)i};
		bug_spawn(&s, i == 0 ? "constructor" : "event", dispatch, &calls[i]);
		if (i > 0)
			WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	}
	bug_join(ctx, &s);
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

WEIR_BUG(kubernetes_77796, "Traditional: data race", WEIR_SIM_RACE, false);
