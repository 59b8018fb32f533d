/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 36114. Class: resource deadlock, double locking.
 *
 * A service locks itself and calls a helper that locks it again. In weir that is misuse, with both sites, rather than
 * a hang. Fix: the helper does not lock. */
#include "bugs.h"

struct service {
	weir_mutex m;
	int attached;
	bool bad;
};

static void detach(weir_ctx *ctx, struct service *sv)
{
	if (sv->bad)
		weir_mutex_lock(ctx, &sv->m);
	sv->attached--;
	if (sv->bad)
		weir_mutex_unlock(&sv->m);
}

static int hot_remove(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct service *sv = arg;
	(void)err;
	weir_mutex_lock(ctx, &sv->m);
	detach(ctx, sv);
	weir_mutex_unlock(&sv->m);
	return 0;
}

static int shut_down(weir_ctx *ctx, bool bad)
{
	struct service sv = {.attached = 1, .bad = bad};
	weir_scope s;
	weir_mutex_init(&sv.m, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "hot remove", hot_remove, &sv);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(sv.attached, 0);
	weir_mutex_fini(&sv.m);
	return 0;
}

static int moby_36114_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return shut_down(ctx, true);
}

static int moby_36114_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return shut_down(ctx, false);
}

WEIR_BUG(moby_36114, "Resource: double locking", WEIR_SIM_MISUSE, false);
