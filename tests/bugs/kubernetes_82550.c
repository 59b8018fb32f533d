/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 82550. Class: traditional, data race.
 *
 * Ten equal tasks make an object if there is none yet: some find none at the same time, all of those make one, and the
 * last one stays. Go's collector hides the others; here they are a leak of memory. The pointer is a weir_atomic, each
 * use of which another task can come in front of: what is found is what the race does, not the race, and an object
 * that is seen half made is not found at all. Fix: once. */
#include "bugs.h"

#define TASKS 10

struct provider {
	weir_once once;
	weir_atomic object; /* address, or 0 */
	bool guards;
};

static int make_object(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct provider *p = arg;
	int *object = weir_rt_alloc(weir_ctx_rt(ctx), sizeof(*object));
	(void)err;
	WEIR_SIM_ASSERT(object);
	*object = 82550;
	weir_atomic_store(&p->object, (uintptr_t)object);
	return 0;
}

static int use_object(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct provider *p = arg;
	int rc = 0;
	if (p->guards)
		rc = weir_once_do(ctx, &p->once, make_object, p, err);
	else if (weir_atomic_load(&p->object) == 0)
		rc = make_object(ctx, err, p);
	if (rc == 0)
		WEIR_SIM_EQ(*(int *)(uintptr_t)weir_atomic_load(&p->object), 82550);
	return rc;
}

static int provide(weir_ctx *ctx, bool guards)
{
	struct provider p = {.guards = guards};
	weir_scope s;
	weir_once_init(&p.once, weir_ctx_rt(ctx));
	weir_atomic_init(&p.object, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < TASKS; i++)
		bug_spawn(&s, "user", use_object, &p);
	bug_join(ctx, &s);
	weir_rt_release(weir_ctx_rt(ctx), (void *)(uintptr_t)weir_atomic_load(&p.object));
	weir_atomic_fini(&p.object);
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

WEIR_BUG(kubernetes_82550, "Traditional: data race", WEIR_SIM_LEAK, false);
