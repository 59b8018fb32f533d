/* SPDX-License-Identifier: MIT
 *
 * A client throttle that tasks share: the state of limit/throttle.h under a lock, and counters beside it.
 *
 *  H1  A request is counted when it asks, and accepted when its answer is there: what is under way counts as not
 *      accepted yet. That is the rule's, and why k is at least 1.
 *  H2  The clock is read, and the random number drawn, before the lock is taken; a clock that goes back is taken to
 *      stand still (src/limit/window.h).
 *
 * Locks: the mutex alone, and no user code under it. Anything may run at the same time but init and fini. */
#include <weir/core/ctx.h>
#include <weir/core/err.h>
#include <weir/core/probe.h>
#include <weir/resilience/throttle.h>
#include <weir/rt.h>

#include "wrap.h"

struct __attribute__((may_alias)) throttle {
	weir_rt *rt; /* NULL: not made */
	weir_probe *probe;
	const char *name;
	bool (*accepted)(int rc, const weir_err *err, void *arg);
	void *accepted_arg;
	weir_mutex lock;
	weir_throttle_state state; /* from here on: under the lock */
	uint64_t n_asked, n_accepted, n_refused;
};

_Static_assert(sizeof(struct throttle) <= sizeof(weir_throttle) * 7 / 8, "an eighth is spare, beside its parts' own");
_Static_assert(_Alignof(struct throttle) <= _Alignof(weir_throttle), "aligned for its inside");

static struct throttle *inside(weir_throttle *t)
{
	struct throttle *throttle = (struct throttle *)t;
	assert(throttle->rt); /* zeroed, or finished */
	return throttle;
}

int weir_throttle_init(weir_throttle *t, weir_ctx *ctx, const struct weir_throttle_init_opts *opts)
{
	static const struct weir_throttle_init_opts defaults;
	const struct weir_throttle_init_opts *o = opts ? opts : &defaults;
	struct throttle *throttle = (struct throttle *)t;
	weir_rt *rt = weir_ctx_rt(ctx);
	memset(t, 0, sizeof(*t));
	int rc = weir_throttle_state_init(&throttle->state, &o->limit, weir_rt_now(rt));
	if (rc < 0)
		return rc;
	throttle->rt = rt;
	throttle->probe = weir_probe_of(rt);
	throttle->name = o->name ? o->name : "throttle";
	throttle->accepted = o->accepted;
	throttle->accepted_arg = o->accepted_arg;
	weir_mutex_init(&throttle->lock, rt);
	return 0;
}

void weir_throttle_fini(weir_throttle *t)
{
	if (!t || !((struct throttle *)t)->rt)
		return;
	weir_mutex_fini(&((struct throttle *)t)->lock);
	memset(t, 0, sizeof(*t));
}

/* Where it says WEIR_EOVERLOAD, nobody has been told yet. */
static int ask(weir_ctx *ctx, struct throttle *throttle)
{
	int rc = weir_ctx_rt(ctx) == throttle->rt ? weir_ctx_err(ctx) : WEIR_EINVAL;
	if (rc < 0)
		return rc;
	int64_t now = weir_rt_now(throttle->rt); /* H2 */
	uint64_t random = weir_rt_random(throttle->rt, 0);
	weir_mutex_lock(ctx, &throttle->lock);
	rc = weir_throttle_state_ask(&throttle->state, now, random);
	throttle->n_asked++;
	throttle->n_refused += rc < 0;
	weir_mutex_unlock(&throttle->lock);
	return rc;
}

int weir_throttle_ask(weir_ctx *ctx, weir_throttle *t, weir_err *err)
{
	struct throttle *throttle = inside(t);
	int rc = ask(ctx, throttle);
	if (rc != WEIR_EOVERLOAD)
		return rc;
	if (throttle->probe)
		weir_probe_emit(throttle->probe, &(struct weir_probe_event){.kind = WEIR_PROBE_REJECTED,
									    .code = rc,
									    .name = throttle->name,
									    .parent = weir_probe_current(ctx),
									    .index = WEIR_PROBE_NO_INDEX});
	weir_err_fini(err);
	return weir_err_wrap(err, rc, 0);
}

void weir_throttle_accepted(weir_ctx *ctx, weir_throttle *t)
{
	struct throttle *throttle = inside(t);
	int64_t now = weir_rt_now(throttle->rt);
	weir_mutex_lock(ctx, &throttle->lock);
	weir_throttle_state_accepted(&throttle->state, now);
	throttle->n_accepted++;
	weir_mutex_unlock(&throttle->lock);
}

void weir_throttle_snapshot_get(weir_ctx *ctx, weir_throttle *t, struct weir_throttle_snapshot *out)
{
	struct throttle *throttle = inside(t);
	int64_t now = weir_rt_now(throttle->rt);
	weir_mutex_lock(ctx, &throttle->lock);
	*out = (struct weir_throttle_snapshot){.chance = weir_throttle_state_chance(&throttle->state, now),
					       .asked = throttle->n_asked,
					       .accepted = throttle->n_accepted,
					       .refused = throttle->n_refused};
	weir_mutex_unlock(&throttle->lock);
}

/* ---- the stage ---- */

struct throttle_stage {
	weir_stage base;
	weir_throttle *throttle;
};

static bool is_accepted(const struct throttle *t, int rc, const weir_err *err)
{
	if (rc == 0)
		return true;
	if (t->accepted)
		return t->accepted(rc, err, t->accepted_arg);
	return rc != WEIR_EOVERLOAD && rc != WEIR_ELIMITED && !weir_err_is(err, WEIR_EOVERLOAD) &&
	       !weir_err_is(err, WEIR_ELIMITED);
}

static int throttle_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct weir__wrap *w = arg;
	weir_throttle *t = ((const struct throttle_stage *)w->st)->throttle;
	int rc = ask(ctx, inside(t));
	if (rc < 0)
		return rc == WEIR_EOVERLOAD ? weir__refused(w->probed, rc, 0, 0, err) : rc;
	weir_err *detail = weir__wrap_detail(w, err);
	rc = weir__run(ctx, &w->child, WEIR__NO_INDEX, in, out, detail);
	if (is_accepted(inside(t), rc, detail))
		weir_throttle_accepted(ctx, t);
	weir__wrap_forget(w);
	return rc;
}

static void throttle_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)weir__wrap_bind(b, st, sizeof(struct weir__wrap), throttle_process, out);
}

static const struct weir__stage_ops throttle_ops = {.bind = throttle_bind};

weir_stage *weir_throttle_stage(weir_stage *child, weir_throttle *throttle)
{
	weir_stage *st = weir__wrap_make(child, &throttle_ops, "throttle", sizeof(struct throttle_stage),
					 sizeof(struct weir__wrap));
	const struct throttle *t = (const struct throttle *)throttle;
	if (!weir__stage_ok(st))
		return st;
	if (!t || !t->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "has no throttle: weir_throttle_init makes one");
	else if (t->rt != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "its throttle is of another runtime");
	else
		st->name = t->name;
	((struct throttle_stage *)st)->throttle = throttle;
	return st;
}
