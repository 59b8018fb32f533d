/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 82550. Class: traditional, data race.
 *
 * Ten equal tasks make an object if there is none yet: some find none at the same time, all of those make one, and the
 * last one stays. Go's collector hides the others; here they are a leak of memory, and an object may be seen half made.
 * Fix: once. */
#include "bugs.h"

#define TASKS 10

struct provider {
	weir_once once;
	int *object; /* or NULL */
	bool guards;
};

static int make_object(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct provider *p = arg;
	int *object = weir_rt_alloc(weir_ctx_rt(ctx), sizeof(*object));
	(void)err;
	WEIR_SIM_ASSERT(object);
	WEIR_SIM_SET(*object, 82550);
	WEIR_SIM_SET(p->object, object);
	return 0;
}

static int use_object(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct provider *p = arg;
	int rc = 0;
	if (p->guards)
		rc = weir_once_do(ctx, &p->once, make_object, p, err);
	else if (!WEIR_SIM_GET(p->object))
		rc = make_object(ctx, err, p);
	int *object = WEIR_SIM_GET(p->object);
	if (rc == 0)
		WEIR_SIM_EQ(WEIR_SIM_GET(*object), 82550);
	return rc;
}

static int provide(weir_ctx *ctx, bool guards)
{
	struct provider p = {.guards = guards};
	weir_scope s;
	weir_once_init(&p.once, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < TASKS; i++)
		bug_spawn(&s, "user", use_object, &p);
	bug_join(ctx, &s);
	weir_rt_release(weir_ctx_rt(ctx), WEIR_SIM_GET(p.object));
	weir_once_fini(&p.once);
	return 0;
}

static int kubernetes_82550_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return provide(ctx, false);
}

static int kubernetes_82550_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return provide(ctx, true);
}

WEIR_BUG(kubernetes_82550, "Traditional: data race", WEIR_SIM_RACE, false);
