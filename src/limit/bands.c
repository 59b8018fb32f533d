/* SPDX-License-Identifier: MIT
 *
 * Several limits, all or none: see limit/bands.h.
 *
 *  B1  A take is tried on copies of all bands, which become the bands only if every one of them agreed.
 *  B2  Tokens only become more while nobody takes: so when each band alone could grant n, all can, and the time for all
 *      is the latest of theirs.
 *  B3  A band per period: `have` tokens, and next_at, when more come. It is brought up to now before it is looked at.
 *  B4  The line is the semaphore `turn`; `line` is how many are in it, the one that has the turn included. While there
 *      is one, allow grants nothing, so who has slept until its tokens are there finds them.
 *  B5  The shared face is the pure one under a lock; the clock is read before. To hooks it is an atomic (guard.h), and
 *      each call, and each look of the first in line, is one exchange.
 *  B6  Who has the turn alone is granted anything, so what it looks at only becomes more: if that is never enough, or
 *      not before its deadline, it leaves. Those in front of it may have taken what never comes back.
 *
 * The rules of the bands are those of bucket4j. Locks: WEIR__RANK_SYNC, and nothing under it. Anything may run at the
 * same time but init and fini. */
#include <weir/core/ctx.h>
#include <weir/core/sync.h>
#include <weir/limit/bands.h>

#include "gcra.h"
#include "guard.h"

struct band {
	struct weir__gcra g; /* EVENLY; of the others the burst alone */
	uint64_t have;       /* B3 */
	int64_t next_at, period_ns;
	uint64_t tokens;
	bool per_period;
};

struct __attribute__((may_alias)) state {
	size_t n;
	int64_t seen; /* the latest now */
	struct band bands[WEIR_BANDS_MAX];
};

struct __attribute__((may_alias)) bands {
	struct weir__guard guard;
	weir_sem turn;
	uint64_t line; /* under the lock */
	weir_bands_state state;
};

_Static_assert(sizeof(struct state) <= sizeof(weir_bands_state), "it fits");
_Static_assert(sizeof(struct bands) <= sizeof(weir_bands), "it fits");

static struct state *pure(const weir_bands_state *st)
{
	return (struct state *)(uintptr_t)st;
}

/* ---- bands per period ---- */

/* from + periods * period_ns. */
static int64_t after(int64_t from, uint64_t periods, int64_t period_ns)
{
	weir__u128 ns = (weir__u128)periods * (uint64_t)period_ns;
	return ns > (weir__u128)WEIR_FOREVER ? WEIR_FOREVER : weir_time_add(from, (int64_t)ns);
}

static void refill(struct band *b, int64_t now) /* B3 */
{
	if (now < b->next_at || b->next_at == WEIR_FOREVER)
		return;
	uint64_t periods = (uint64_t)(now - b->next_at) / (uint64_t)b->period_ns + 1;
	weir__u128 have = (weir__u128)periods * b->tokens + b->have;
	b->have = have > b->g.burst ? b->g.burst : (uint64_t)have;
	b->next_at = after(b->next_at, periods, b->period_ns);
}

/* When n of them are there. */
static int64_t there_at(const struct band *b, uint64_t n, int64_t now)
{
	if (n <= b->have)
		return now;
	if (n > b->g.burst || b->tokens == 0)
		return WEIR_FOREVER;
	return after(b->next_at, (n - b->have - 1) / b->tokens, b->period_ns);
}

/* What the rest of the first period would have, had it been used evenly. */
static uint64_t rest_of_period(const struct band *b, int64_t now)
{
	int64_t left = b->next_at - now;
	if (left >= b->period_ns)
		return b->g.burst;
	uint64_t rest = b->g.burst > b->tokens ? b->g.burst - b->tokens : 0;
	rest += (uint64_t)((weir__u128)b->tokens * (uint64_t)left / (uint64_t)b->period_ns);
	return rest < b->g.burst ? rest : b->g.burst;
}

static int begin_per_period(struct band *b, const struct weir_band *as, int64_t now)
{
	if (b->period_ns < 0 || b->tokens > WEIR__GCRA_MOST || as->first_at < 0 || (as->partial && as->spent))
		return WEIR_EINVAL;
	b->next_at = as->first_at ? as->first_at : weir_time_add(now, b->period_ns);
	if (b->next_at <= now) /* on the same grid, after now */
		b->next_at = after(b->next_at, (uint64_t)(now - b->next_at) / (uint64_t)b->period_ns + 1, b->period_ns);
	b->have = b->g.burst - as->spent;
	if (as->partial && as->first_at > now)
		b->have = rest_of_period(b, now);
	return 0;
}

/* ---- one band ---- */

static int begin(struct band *b, const struct weir_band *as, int64_t now)
{
	struct weir_bucket_opts o = {.tokens = as->tokens, .period_ns = as->period_ns, .spent = as->spent};
	o.burst = as->burst ? as->burst : as->tokens;
	if (as->per_period)
		o.tokens = 0;
	else if (as->first_at || as->partial)
		return WEIR_EINVAL;
	int rc = weir__gcra_init(&b->g, &o, now);
	b->tokens = as->tokens;
	b->period_ns = as->period_ns ? as->period_ns : WEIR_SEC(1);
	b->per_period = as->per_period;
	return rc == 0 && as->per_period ? begin_per_period(b, as, now) : rc;
}

static int take(struct band *b, int64_t now, uint64_t n)
{
	if (!b->per_period)
		return weir__gcra_take(&b->g, now, n, 0, NULL);
	refill(b, now);
	if (n > b->g.burst)
		return WEIR_EOVERFLOW;
	if (n > b->have)
		return WEIR_ELIMITED;
	b->have -= n;
	return 0;
}

static void view(struct band *b, int64_t now, uint64_t n, struct weir_bucket_view *out)
{
	if (!b->per_period) {
		weir__gcra_view(&b->g, now, n, out);
		return;
	}
	refill(b, now);
	int64_t got = there_at(b, n, now), full = there_at(b, b->g.burst, now);
	*out = (struct weir_bucket_view){.available = (int64_t)b->have,
					 .burst = b->g.burst,
					 .retry_ns = got == WEIR_FOREVER ? got : got - now,
					 .full_ns = full == WEIR_FOREVER ? full : full - now};
}

/* ---- all of them, pure ---- */

int weir_bands_state_init(weir_bands_state *st, const struct weir_band *bands, size_t n, int64_t now)
{
	struct state s = {.n = n, .seen = now};
	int rc = bands && n > 0 && n <= WEIR_BANDS_MAX && now >= 0 ? 0 : WEIR_EINVAL;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = begin(&s.bands[i], &bands[i], now);
	if (rc == 0)
		*pure(st) = s;
	return rc;
}

static int64_t see(struct state *s, int64_t now)
{
	if (now > s->seen)
		s->seen = now;
	return s->seen;
}

int weir_bands_state_take(weir_bands_state *st, int64_t now, uint64_t tokens)
{
	struct state *s = pure(st), tried = *s; /* B1 */
	int rc = 0;
	now = see(&tried, now);
	for (size_t i = 0; i < s->n; i++) {
		int no = take(&tried.bands[i], now, tokens);
		if (rc == 0 || no == WEIR_EOVERFLOW) /* never is more than not now */
			rc = no;
	}
	if (rc == 0)
		*s = tried;
	else
		s->seen = tried.seen;
	return rc;
}

void weir_bands_state_view(const weir_bands_state *st, int64_t now, uint64_t tokens, struct weir_bucket_view *out)
{
	struct state s = *pure(st);
	now = see(&s, now);
	*out = (struct weir_bucket_view){.available = INT64_MAX, .burst = UINT64_MAX};
	for (size_t i = 0; i < s.n; i++) { /* B2 */
		struct weir_bucket_view one;
		view(&s.bands[i], now, tokens, &one);
		out->available = one.available < out->available ? one.available : out->available;
		out->burst = one.burst < out->burst ? one.burst : out->burst;
		out->retry_ns = one.retry_ns > out->retry_ns ? one.retry_ns : out->retry_ns;
		out->full_ns = one.full_ns > out->full_ns ? one.full_ns : out->full_ns;
	}
}

/* ---- shared (B4, B5) ---- */

static struct bands *inside(weir_bands *b)
{
	return (struct bands *)b;
}

int weir_bands_init(weir_bands *b, weir_rt *rt, const struct weir_band *bands, size_t n)
{
	weir_bands_state st;
	int rc = weir_bands_state_init(&st, bands, n, weir_rt_now(rt));
	if (rc < 0)
		return rc;
	memset(b, 0, sizeof(*b));
	inside(b)->state = st;
	weir_sem_init(&inside(b)->turn, rt, 1);
	weir__guard_init(&inside(b)->guard, rt, __builtin_return_address(0));
	return 0;
}

void weir_bands_fini(weir_bands *b)
{
	if (!b || !weir__guard_fini(&inside(b)->guard))
		return;
	weir_sem_fini(&inside(b)->turn);
	memset(b, 0, sizeof(*b));
}

int weir_bands_allow_n(weir_bands *b, uint64_t tokens)
{
	struct bands *bands = inside(b);
	struct weir__entry e;
	weir__guard_enter(&bands->guard, &e, __builtin_return_address(0));
	struct weir_bucket_view v;
	int rc = WEIR_ELIMITED;
	if (bands->line == 0 || tokens == 0) {
		rc = weir_bands_state_take(&bands->state, e.now, tokens);
	} else {
		weir_bands_state_view(&bands->state, e.now, tokens, &v);
		if (tokens > v.burst)
			rc = WEIR_EOVERFLOW;
	}
	weir__guard_leave(&bands->guard, &e, rc == 0 && tokens);
	return rc;
}

/* What came of a look: 0; 1: they are worth a wait, of *out_ns for the first in line; WEIR_ELIMITED: they are not, and
 * would take *out_ns; WEIR_EOVERFLOW. */
static int look(struct bands *b, uint64_t tokens, bool first, int64_t deadline_at, int64_t *out_ns, const void *site)
{
	struct weir__entry e;
	weir__guard_enter(&b->guard, &e, site);
	struct weir_bucket_view v;
	int rc = WEIR_ELIMITED;
	if (first || b->line == 0 || tokens == 0)
		rc = weir_bands_state_take(&b->state, e.now, tokens);
	weir_bands_state_view(&b->state, e.now, tokens, &v);
	*out_ns = v.retry_ns;
	if (tokens > v.burst)
		rc = WEIR_EOVERFLOW;
	/* At the deadline itself ctx has ended. */
	bool hopeless = v.retry_ns == WEIR_FOREVER || weir_time_add(e.now, v.retry_ns) >= deadline_at;
	bool waits = rc == WEIR_ELIMITED && !hopeless;
	b->line += waits && !first;
	weir__guard_leave(&b->guard, &e, (waits && !first) || (rc == 0 && tokens));
	return waits ? 1 : rc;
}

static void leave_line(struct bands *b)
{
	struct weir__entry e;
	weir__guard_enter(&b->guard, &e, __builtin_return_address(0));
	b->line--;
	weir__guard_leave(&b->guard, &e, true);
}

static int stand_in_line(weir_ctx *ctx, struct bands *b, uint64_t tokens, int64_t *out_ns, const void *site)
{
	int rc = weir_sem_acquire(ctx, &b->turn, 1);
	if (rc < 0) {
		leave_line(b);
		return rc;
	}
	while ((rc = weir_ctx_err(ctx)) == 0) {
		rc = look(b, tokens, true, weir_ctx_deadline(ctx), out_ns, site);
		if (rc <= 0 || (rc = weir_sleep(ctx, *out_ns)) < 0) /* B6 */
			break;
	}
	leave_line(b);
	weir_sem_release(&b->turn, 1);
	return rc;
}

int weir_bands_wait(weir_ctx *ctx, weir_bands *b, uint64_t tokens, weir_err *err)
{
	struct bands *bands = inside(b);
	const void *site = __builtin_return_address(0);
	int64_t ns = 0;
	int rc = weir_ctx_rt(ctx) != bands->guard.rt ? WEIR_EINVAL : weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	rc = look(bands, tokens, false, weir_ctx_deadline(ctx), &ns, site);
	if (rc == 1)
		rc = stand_in_line(ctx, bands, tokens, &ns, site);
	if (rc != WEIR_ELIMITED)
		return rc;
	weir_err_fini(err);
	return weir_err_wrap(err, rc, ns);
}

void weir_bands_view_now(weir_bands *b, uint64_t tokens, struct weir_bucket_view *out)
{
	struct bands *bands = inside(b);
	struct weir__entry e;
	weir__guard_enter(&bands->guard, &e, __builtin_return_address(0));
	weir_bands_state_view(&bands->state, e.now, tokens, out);
	weir__guard_leave(&bands->guard, &e, false);
}

int64_t weir_bands_align(weir_rt *rt, int64_t period_ns)
{
	int64_t period = period_ns > 0 ? period_ns : 1, into = weir_rt_wall(rt) % period;
	return weir_time_add(weir_rt_now(rt), into < 0 ? -into : period - into); /* below 0: before 1970 */
}
