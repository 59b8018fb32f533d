/* SPDX-License-Identifier: MIT
 *
 * Retry budgets. SHARE is Finagle's RetryBudget, TOKENS gRPC's retry throttling (proposal A6).
 *
 *  B1  Whole numbers only: a retry is a million parts, a token a thousand. So many small earnings add up to what they
 *      should.
 *  B2  SHARE: the balance is what the window holds (earnings less retries) and the reserve, min_per_s times ttl. A
 *      retry leaves the window as what was earned does: nobody is in debt for ever. It is taken only if the balance
 *      is at least one. It may end below zero as earnings expire before retries.
 *  B3  TOKENS: 0 <= count <= full. A retry takes nothing: its result does.
 *  B4  The shared face is the pure one under a lock, nothing else in the section; the clock is read before. To hooks
 *      it is an atomic (bucket.c, K5), and each call is one exchange.
 *
 * Locks: WEIR__RANK_SYNC, and nothing under it. Anything may run at the same time but init and fini. */
#include <weir/core/err.h>
#include <weir/limit/budget.h>
#include <weir/rt.h>

#include "guard.h"
#include "window.h"

#define RETRY INT64_C(1000000) /* B1 */
#define TOKEN INT64_C(1000)

struct __attribute__((may_alias)) state {
	bool tokens;
	int64_t count, full, earned; /* TOKENS; earned: SHARE too */
	int64_t reserve;
	struct weir__window window;
};

struct __attribute__((may_alias)) budget {
	struct weir__guard guard;
	weir_budget_state state;
};

_Static_assert(sizeof(struct state) <= sizeof(weir_budget_state), "it fits");
_Static_assert(sizeof(struct budget) <= sizeof(weir_budget), "it fits");

static struct state *pure(const weir_budget_state *st)
{
	return (struct state *)(uintptr_t)st;
}

static int begin_share(struct state *s, const struct weir_budget_opts *o, int64_t now)
{
	double share = o->share, least = o->min_per_s;
	int64_t ttl = o->ttl_ns ? o->ttl_ns : WEIR_SEC(10);
	if (share == 0 && least == 0)
		share = 0.2, least = 10;
	if (!(share >= 0 && share <= 1000 && least >= 0 && least <= 1e6) || ttl < WEIR_SEC(1) || ttl > WEIR_SEC(60))
		return WEIR_EINVAL;
	s->earned = (int64_t)(share * (double)RETRY + 0.5);
	s->reserve = (int64_t)(least * (double)ttl / 1e9 * (double)RETRY + 0.5);
	s->window = weir__window_of(ttl, now);
	return 0;
}

static int begin_tokens(struct state *s, const struct weir_budget_opts *o)
{
	double ratio = o->ratio == 0 ? 0.1 : o->ratio;
	if (o->tokens > 1000 || !(ratio >= 0.001 && ratio <= 1000))
		return WEIR_EINVAL;
	s->tokens = true;
	s->count = s->full = (o->tokens ? (int64_t)o->tokens : 100) * TOKEN;
	s->earned = (int64_t)(ratio * (double)TOKEN); /* A6: decimals beyond the third are cut */
	if ((double)(s->earned + 1) <= ratio * (double)TOKEN + 1e-6)
		s->earned++; /* 0.29 * 1000 is a hair below 290 */
	return 0;
}

int weir_budget_state_init(weir_budget_state *st, const struct weir_budget_opts *opts, int64_t now)
{
	static const struct weir_budget_opts defaults;
	const struct weir_budget_opts *o = opts ? opts : &defaults;
	struct state s = {.tokens = false};
	int rc = WEIR_EINVAL;
	if (now >= 0 && o->kind == WEIR_BUDGET_SHARE)
		rc = begin_share(&s, o, now);
	else if (now >= 0 && o->kind == WEIR_BUDGET_TOKENS)
		rc = begin_tokens(&s, o);
	if (rc == 0)
		*pure(st) = s;
	return rc;
}

void weir_budget_state_call(weir_budget_state *st, int64_t now)
{
	struct state *s = pure(st);
	if (!s->tokens)
		s->window.a[weir__window_at(&s->window, now)] += s->earned;
}

void weir_budget_state_result(weir_budget_state *st, int64_t now, int rc)
{
	struct state *s = pure(st);
	(void)now;
	if (!s->tokens)
		return;
	s->count += rc < 0 ? -TOKEN : s->earned;
	if (s->count < 0)
		s->count = 0;
	if (s->count > s->full)
		s->count = s->full; /* B3 */
}

int weir_budget_state_retry(weir_budget_state *st, int64_t now)
{
	struct state *s = pure(st);
	if (s->tokens)
		return s->count * 2 > s->full ? 0 : WEIR_ELIMITED;
	size_t at = weir__window_at(&s->window, now);
	if (weir__window_a(&s->window) + s->reserve < RETRY)
		return WEIR_ELIMITED;
	s->window.a[at] -= RETRY; /* B2 */
	return 0;
}

double weir_budget_state_left(const weir_budget_state *st, int64_t now)
{
	struct state s = *pure(st);
	if (s.tokens)
		return (double)s.count / (double)TOKEN;
	weir__window_at(&s.window, now);
	return (double)(weir__window_a(&s.window) + s.reserve) / (double)RETRY;
}

/* ---- shared (B4) ---- */

static struct budget *inside(weir_budget *b)
{
	return (struct budget *)b;
}

int weir_budget_init(weir_budget *b, weir_rt *rt, const struct weir_budget_opts *opts)
{
	weir_budget_state st;
	int rc = weir_budget_state_init(&st, opts, weir_rt_now(rt));
	if (rc < 0)
		return rc;
	memset(b, 0, sizeof(*b));
	inside(b)->state = st;
	weir__guard_init(&inside(b)->guard, rt, __builtin_return_address(0));
	return 0;
}

void weir_budget_fini(weir_budget *b)
{
	if (!b || !weir__guard_fini(&inside(b)->guard))
		return;
	memset(b, 0, sizeof(*b));
}

void weir_budget_call(weir_budget *b)
{
	struct weir__entry e;
	weir__guard_enter(&inside(b)->guard, &e, __builtin_return_address(0));
	weir_budget_state_call(&inside(b)->state, e.now);
	weir__guard_leave(&inside(b)->guard, &e, true);
}

void weir_budget_result(weir_budget *b, int rc)
{
	struct weir__entry e;
	weir__guard_enter(&inside(b)->guard, &e, __builtin_return_address(0));
	weir_budget_state_result(&inside(b)->state, e.now, rc);
	weir__guard_leave(&inside(b)->guard, &e, true);
}

double weir_budget_left(weir_budget *b)
{
	struct weir__entry e;
	weir__guard_enter(&inside(b)->guard, &e, __builtin_return_address(0));
	double left = weir_budget_state_left(&inside(b)->state, e.now);
	weir__guard_leave(&inside(b)->guard, &e, false);
	return left;
}

int weir_budget_retry(weir_budget *b)
{
	struct weir__entry e;
	weir__guard_enter(&inside(b)->guard, &e, __builtin_return_address(0));
	int rc = weir_budget_state_retry(&inside(b)->state, e.now);
	weir__guard_leave(&inside(b)->guard, &e, rc == 0);
	return rc;
}
