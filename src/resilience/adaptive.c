/* SPDX-License-Identifier: MIT
 *
 * An adaptive limit that tasks share: a bulkhead, and the state of limit/adaptive.h, which sets the bulkhead's limit.
 *
 *  A1  The bulkhead decides who goes in; the state decides only how many. So there is one line, with one set of rules.
 *  A2  The state, the counters and the setting of the limit are under the lock: the bulkhead's limit is that of the
 *      state whenever the lock is free. Samples come in the order in which calls took the lock; a clock that was read
 *      earlier by one that comes later does no harm (limit/adaptive.h).
 *  A3  The limit is set before the place is given back: one that ends because there is too much does not let in the
 *      next first.
 *  A4  A permit is given back on every path of the stage: between acquire and release nothing but the child runs, and
 *      the child always returns.
 *
 * Locks: the mutex alone, and no user code under it. Anything may run at the same time but init and fini. */
#include <weir/core/ctx.h>
#include <weir/core/err.h>
#include <weir/resilience/adaptive.h>
#include <weir/rt.h>

#include "bulkhead.h"
#include "wrap.h"

struct __attribute__((may_alias)) adaptive {
	weir_rt *rt; /* NULL: not made */
	bool draws;  /* the rule looks at random numbers */
	enum weir_adaptive_outcome (*classify)(int rc, const weir_err *err, void *arg);
	void *classify_arg;
	weir_bulkhead places;
	weir_atomic took_ns; /* written under the lock */
	weir_mutex lock;
	weir_adaptive_state state; /* from here on: under the lock */
	uint64_t counts[WEIR_ADAPTIVE_IGNORED + 1];
};

_Static_assert(sizeof(struct adaptive) <= sizeof(weir_adaptive) * 7 / 8, "an eighth is spare, beside its parts' own");
_Static_assert(_Alignof(struct adaptive) <= _Alignof(weir_adaptive), "aligned for its inside");

static struct adaptive *inside(const weir_adaptive *a)
{
	struct adaptive *adaptive = (struct adaptive *)(uintptr_t)a;
	assert(adaptive->rt); /* zeroed, or finished */
	return adaptive;
}

int weir_adaptive_init(weir_adaptive *a, weir_ctx *ctx, const struct weir_adaptive_init_opts *opts)
{
	static const struct weir_adaptive_init_opts defaults;
	const struct weir_adaptive_init_opts *o = opts ? opts : &defaults;
	struct adaptive *adaptive = (struct adaptive *)a;
	weir_rt *rt = weir_ctx_rt(ctx);
	memset(a, 0, sizeof(*a));
	int rc = weir_adaptive_state_init(&adaptive->state, &o->limit, weir_rt_now(rt));
	if (rc == 0)
		rc = weir_bulkhead_init(&adaptive->places, ctx,
					&(struct weir_bulkhead_opts){.name = o->name ? o->name : "adaptive",
								     .max_concurrent = weir_adaptive_state_limit(
									     &adaptive->state),
								     .max_waiting = o->max_waiting,
								     .max_wait_ns = o->max_wait_ns});
	if (rc < 0) {
		memset(a, 0, sizeof(*a));
		return rc;
	}
	adaptive->rt = rt;
	adaptive->draws = o->limit.rule == WEIR_ADAPTIVE_VEGAS && !o->limit.no_probe;
	adaptive->classify = o->classify;
	adaptive->classify_arg = o->classify_arg;
	weir_atomic_init(&adaptive->took_ns, rt, 0);
	weir_mutex_init(&adaptive->lock, rt);
	return 0;
}

void weir_adaptive_fini(weir_adaptive *a)
{
	struct adaptive *adaptive = (struct adaptive *)a;
	if (!a || !adaptive->rt)
		return;
	weir_bulkhead_fini(&adaptive->places);
	weir_atomic_fini(&adaptive->took_ns);
	weir_mutex_fini(&adaptive->lock);
	memset(a, 0, sizeof(*a));
}

/* Where it says WEIR_EOVERLOAD, nobody has been told yet. */
static int acquire(weir_ctx *ctx, struct adaptive *adaptive, struct weir_adaptive_permit *out)
{
	uint64_t running = 0;
	*out = (struct weir_adaptive_permit){0};
	int rc = weir__bulkhead_enter(ctx, &adaptive->places, &running);
	if (rc == 0)
		*out = (struct weir_adaptive_permit){.at = weir_rt_now(adaptive->rt),
						     .under_way = (uint32_t)running,
						     .live = true};
	return rc;
}

static int64_t took_ns(const struct adaptive *adaptive)
{
	return (int64_t)weir_atomic_load(&adaptive->took_ns);
}

int weir_adaptive_acquire(weir_ctx *ctx, weir_adaptive *a, struct weir_adaptive_permit *out, weir_err *err)
{
	struct adaptive *adaptive = inside(a);
	int rc = acquire(ctx, adaptive, out);
	if (rc == WEIR_EOVERLOAD)
		rc = weir__bulkhead_overload(ctx, &adaptive->places, took_ns(adaptive), err);
	return rc;
}

/* A2: what the sample changes. */
static void take_sample(struct adaptive *a, const struct weir_adaptive_permit *permit, int64_t now, uint64_t random,
			bool dropped)
{
	uint32_t before = weir_adaptive_state_limit(&a->state);
	int64_t took = now - permit->at;
	uint32_t limit = weir_adaptive_state_sample(&a->state, now, took, permit->under_way, dropped, random);
	if (!dropped)
		weir_atomic_store(&a->took_ns, (uint64_t)took);
	if (limit != before) {
		int rc = weir_bulkhead_set_limit(&a->places, limit);
		assert(rc == 0); /* the least there is, is 1 */
		(void)rc;
	}
}

void weir_adaptive_release(weir_ctx *ctx, weir_adaptive *a, struct weir_adaptive_permit *permit,
			   enum weir_adaptive_outcome outcome)
{
	struct adaptive *adaptive = inside(a);
	if (!permit->live)
		return;
	assert((unsigned)outcome <= WEIR_ADAPTIVE_IGNORED);
	int64_t now = weir_rt_now(adaptive->rt);
	uint64_t random = adaptive->draws ? weir_rt_random(adaptive->rt, 0) : 0;
	weir_mutex_lock(ctx, &adaptive->lock);
	adaptive->counts[outcome]++;
	if (outcome != WEIR_ADAPTIVE_IGNORED)
		take_sample(adaptive, permit, now, random, outcome == WEIR_ADAPTIVE_DROPPED);
	weir_mutex_unlock(&adaptive->lock);
	*permit = (struct weir_adaptive_permit){0};
	weir_bulkhead_leave(&adaptive->places); /* A3 */
}

uint32_t weir_adaptive_limit(const weir_adaptive *a)
{
	return (uint32_t)weir_atomic_load(&weir__bulkhead(&inside(a)->places)->limit);
}

void weir_adaptive_snapshot_get(weir_ctx *ctx, weir_adaptive *a, struct weir_adaptive_snapshot *out)
{
	struct adaptive *adaptive = inside(a);
	weir_bulkhead_snapshot_get(&adaptive->places, &out->line);
	weir_mutex_lock(ctx, &adaptive->lock);
	out->succeeded = adaptive->counts[WEIR_ADAPTIVE_SUCCESS];
	out->dropped = adaptive->counts[WEIR_ADAPTIVE_DROPPED];
	out->ignored = adaptive->counts[WEIR_ADAPTIVE_IGNORED];
	weir_mutex_unlock(&adaptive->lock);
	out->took_ns = took_ns(adaptive);
}

/* ---- the stage ---- */

struct adaptive_stage {
	weir_stage base;
	weir_adaptive *adaptive;
};

static bool says(int rc, const weir_err *err, const int *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rc == codes[i] || weir_err_is(err, codes[i]))
			return true;
	return false;
}

static enum weir_adaptive_outcome outcome_of(weir_ctx *ctx, const struct adaptive *a, int rc, const weir_err *err)
{
	static const int ends[] = {WEIR_ECANCELED, WEIR_EDEADLINE};
	static const int drops[] = {WEIR_ETIMEOUT, WEIR_EDEADLINE, WEIR_EOVERLOAD, WEIR_ELIMITED};
	if (says(rc, err, ends, 2) && weir_ctx_err(ctx) < 0)
		return WEIR_ADAPTIVE_IGNORED;
	if (a->classify)
		return a->classify(rc, err, a->classify_arg);
	if (says(rc, err, drops, 4))
		return WEIR_ADAPTIVE_DROPPED;
	return weir__is_no_fault(rc) || rc == WEIR_ENOROUTE ? WEIR_ADAPTIVE_IGNORED : WEIR_ADAPTIVE_SUCCESS;
}

static int adaptive_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct weir__wrap *w = arg;
	weir_adaptive *a = ((const struct adaptive_stage *)w->st)->adaptive;
	struct weir_adaptive_permit permit;
	enum weir_adaptive_outcome outcome = WEIR_ADAPTIVE_SUCCESS;
	int rc = acquire(ctx, inside(a), &permit);
	if (rc < 0)
		return rc == WEIR_EOVERLOAD ? weir__refused(w->probed, rc, 0, took_ns(inside(a)), err) : rc;
	weir_err *detail = weir__wrap_detail(w, err);
	rc = weir__run(ctx, &w->child, WEIR__NO_INDEX, in, out, detail);
	if (rc < 0)
		outcome = outcome_of(ctx, inside(a), rc, detail);
	weir_adaptive_release(ctx, a, &permit, outcome); /* A4 */
	weir__wrap_forget(w);
	return rc;
}

static void adaptive_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)weir__wrap_bind(b, st, sizeof(struct weir__wrap), adaptive_process, out);
}

static const struct weir__stage_ops adaptive_ops = {.bind = adaptive_bind};

weir_stage *weir_adaptive_stage(weir_stage *child, weir_adaptive *adaptive)
{
	weir_stage *st = weir__wrap_make(child, &adaptive_ops, "adaptive", sizeof(struct adaptive_stage),
					 sizeof(struct weir__wrap));
	const struct adaptive *a = (const struct adaptive *)adaptive;
	if (!weir__stage_ok(st))
		return st;
	if (!a || !a->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "has no adaptive limit: weir_adaptive_init makes one");
	else if (a->rt != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "its adaptive limit is of another runtime");
	else
		st->name = weir__bulkhead(&a->places)->opts.name;
	((struct adaptive_stage *)st)->adaptive = adaptive;
	return st;
}
