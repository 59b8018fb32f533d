/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 80284. Class: traditional, data race.
 *
 * Two equal tasks each make an object and put it into the same field. Go's collector hides that one of them is lost;
 * here whoever replaces an object gives the old one back, and if both have read the field before either has written
 * it, an object is left that nobody knows. Fix: read and write it under a lock. */
#include "bugs.h"

struct config {
	weir_mutex m;
	void *on_rotate; /* or NULL */
	bool locks;
};

static int set_on_rotate(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct config *c = arg;
	void *object = weir_rt_alloc(weir_ctx_rt(ctx), 16);
	(void)err;
	WEIR_SIM_ASSERT(object);
	if (c->locks)
		weir_mutex_lock(ctx, &c->m);
	void *old = WEIR_SIM_GET(c->on_rotate);
	WEIR_SIM_SET(c->on_rotate, object);
	if (c->locks)
		weir_mutex_unlock(&c->m);
	weir_rt_release(weir_ctx_rt(ctx), old);
	return 0;
}

static int update_config(weir_ctx *ctx, bool locks)
{
	struct config c = {.locks = locks};
	weir_scope s;
	weir_mutex_init(&c.m, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "first", set_on_rotate, &c);
	bug_spawn(&s, "second", set_on_rotate, &c);
	bug_join(ctx, &s);
	weir_rt_release(weir_ctx_rt(ctx), WEIR_SIM_GET(c.on_rotate));
	weir_mutex_fini(&c.m);
	return 0;
}

static int kubernetes_80284_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return update_config(ctx, false);
}

static int kubernetes_80284_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return update_config(ctx, true);
}

WEIR_BUG(kubernetes_80284, "Traditional: data race", WEIR_SIM_RACE, false);
