/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of the token bucket that allow does not need: settings, waiting times, giving back. The invariants
 * G1 to G4 are in gcra.h.
 *
 *  G5  Giving back follows golang.org/x/time/rate: n tokens less what was promised to later reservations, because those
 *      have been told their times, and tokens given out anew would be used at the same times. A grant remembers its
 *      own v; how far v is beyond that now is what came later.
 *  G6  A change of the settings keeps the level, in tokens: what is owed costs the new price from now on. Rounding is
 *      against the caller, by less than a unit.
 *
 * Pure: no lock, no clock, one task at a time. */
#include "gcra.h"

/* Opaque words of a grant. */
enum { GRANT_SLOT, GRANT_BASE, GRANT_GENERATION };

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* a * b / c, rounded up, at most WEIR__GCRA_HALF. */
static uint64_t scaled(uint64_t a, uint64_t b, uint64_t c)
{
	if (c == 0)
		return 0;
	weir__u128 q = ((weir__u128)a * b + c - 1) / c;
	return q > WEIR__GCRA_HALF ? WEIR__GCRA_HALF : (uint64_t)q;
}

static int terms_of(struct weir__gcra_terms *t, uint64_t tokens, int64_t period_ns, uint64_t burst, int64_t now)
{
	if (period_ns < 0 || burst > WEIR__GCRA_MOST || now < 0)
		return WEIR_EINVAL;
	*t = (struct weir__gcra_terms){.cost = 1, .full = burst, .burst = burst, .base = now};
	if (tokens == 0)
		return 0; /* G4 */
	uint64_t common = gcd(tokens, (uint64_t)period_ns), den = (uint64_t)period_ns / common;
	t->num = tokens / common;
	if (t->num > WEIR__GCRA_MOST)
		return WEIR_EINVAL;
	while (((den - 1) >> t->shift) + 1 > WEIR__GCRA_HALF / burst)
		t->shift++; /* G1 */
	t->cost = ((den - 1) >> t->shift) + 1;
	t->full = t->cost * burst;
	assert(t->full <= WEIR__GCRA_HALF);
	return 0;
}

static struct weir__gcra_terms without_limit(int64_t now)
{
	return (struct weir__gcra_terms){.burst = UINT64_MAX, .base = now}; /* G4 */
}

int weir__gcra_init(struct weir__gcra *g, const struct weir_bucket_opts *opts, int64_t now)
{
	struct weir__gcra made = {.tokens = opts ? opts->tokens : 0,
				  .period_ns = opts && opts->period_ns ? opts->period_ns : WEIR_SEC(1),
				  .burst = opts && opts->burst ? opts->burst : 1,
				  .seen = now,
				  .changed_at = now};
	int rc = terms_of(&made.t, made.tokens, made.period_ns, made.burst, now);
	if (rc == 0 && opts && opts->spent > made.burst)
		rc = WEIR_EINVAL;
	if (rc < 0)
		return rc;
	if (opts && opts->unlimited)
		made.t = without_limit(now);
	else if (opts)
		made.v = opts->spent * made.t.cost;
	*g = made;
	return 0;
}

/* The first nanosecond at which `units` have passed. */
static int64_t time_of(const struct weir__gcra_terms *t, uint64_t units)
{
	if (units == 0)
		return t->base;
	if (t->num == 0)
		return WEIR_FOREVER;
	weir__u128 ns = (((weir__u128)units << t->shift) + t->num - 1) / t->num;
	return ns > (weir__u128)WEIR_FOREVER ? WEIR_FOREVER : weir_time_add(t->base, (int64_t)ns);
}

int64_t weir__gcra_due(const struct weir__gcra *g, uint64_t v)
{
	return v <= g->t.full ? g->t.base : time_of(&g->t, v - g->t.full);
}

static int64_t see(struct weir__gcra *g, int64_t now)
{
	if (now > g->seen)
		g->seen = now;
	return g->seen;
}

void weir__gcra_rebase(struct weir__gcra *g, int64_t now)
{
	uint64_t at = weir__gcra_at(&g->t, now);
	g->v = g->v > at ? g->v - at : 0;
	g->t.base = now;
}

int weir__gcra_take(struct weir__gcra *g, int64_t now, uint64_t n, int64_t max_wait_ns, struct weir_bucket_grant *out)
{
	if (max_wait_ns < 0)
		return WEIR_EINVAL;
	if (n > g->t.burst)
		return WEIR_EOVERFLOW;
	now = see(g, now);
	uint64_t at = weir__gcra_at(&g->t, now), v = g->v;
	if (weir__gcra_late(at)) {
		weir__gcra_rebase(g, now);
		at = 0;
		v = g->v;
	}
	int64_t due = now;
	if (weir__gcra_step(&g->t, at, n, &v) < 0) {
		due = weir__gcra_due(g, v);
		if (v >= WEIR__GCRA_END || due == WEIR_FOREVER || due - now > max_wait_ns)
			return WEIR_ELIMITED; /* G3 */
	}
	if (n)
		g->v = v;
	if (out)
		*out = (struct weir_bucket_grant){.n = n,
						  .at = due,
						  .delay_ns = due - now,
						  .opaque_ = {[GRANT_SLOT] = v,
							      [GRANT_BASE] = (uint64_t)g->t.base,
							      [GRANT_GENERATION] = g->generation}};
	return 0;
}

/* What is owed under old settings, under new ones; the new burst counts (G6). Both in units from the same time. */
static uint64_t owed(const struct weir__gcra_terms *old, const struct weir__gcra_terms *new, uint64_t units)
{
	uint64_t now_owed = scaled(units, new->cost, old->cost);
	if (old->burst == UINT64_MAX || new->burst == UINT64_MAX)
		return 0;
	if (new->burst >= old->burst)
		return now_owed + (new->burst - old->burst) * new->cost;
	uint64_t less = (old->burst - new->burst) * new->cost;
	return now_owed > less ? now_owed - less : 0;
}

/* What is left, from the base of t on, of units that were counted from another one before it. */
static uint64_t since(const struct weir__gcra_terms *t, int64_t base, uint64_t units)
{
	struct weir__gcra_terms then = *t;
	then.base = base;
	uint64_t passed = weir__gcra_at(&then, t->base);
	return units > passed ? units - passed : 0;
}

/* The v of a grant that was made under these settings or those before; false: too long ago. */
static bool slot_of(const struct weir__gcra *g, const struct weir_bucket_grant *grant, uint64_t *out)
{
	int64_t base = (int64_t)grant->opaque_[GRANT_BASE];
	*out = grant->opaque_[GRANT_SLOT];
	if (grant->opaque_[GRANT_GENERATION] != g->generation) {
		if (grant->opaque_[GRANT_GENERATION] + 1 != g->generation)
			return false;
		*out = owed(&g->before, &g->t, since(&g->before, base, *out));
		base = g->changed_at;
	}
	*out = since(&g->t, base, *out);
	return true;
}

uint64_t weir__gcra_cancel(struct weir__gcra *g, int64_t now, const struct weir_bucket_grant *grant, uint64_t v_line)
{
	uint64_t slot, mine = grant->n * g->t.cost;
	now = see(g, now);
	if (grant->n == 0 || g->t.cost == 0 || grant->at < now || !slot_of(g, grant, &slot))
		return 0;
	uint64_t v = g->v > v_line ? g->v - v_line : 0;
	uint64_t later = v > slot ? v - slot : 0; /* G5 */
	if (later >= mine)
		return 0;
	mine -= later;
	g->v = g->v > mine ? g->v - mine : 0;
	return mine / g->t.cost;
}

void weir__gcra_give(struct weir__gcra *g, uint64_t n)
{
	uint64_t units = n * g->t.cost;
	g->v = g->v > units ? g->v - units : 0;
}

static void change(struct weir__gcra *g, int64_t now, const struct weir__gcra_terms *terms)
{
	weir__gcra_rebase(g, now);
	g->before = g->t;
	g->v = owed(&g->t, terms, g->v);
	g->t = *terms;
	g->changed_at = now;
	g->generation++;
}

int weir__gcra_set_rate(struct weir__gcra *g, int64_t now, uint64_t tokens, int64_t period_ns)
{
	struct weir__gcra_terms terms;
	now = see(g, now);
	if (period_ns == 0)
		period_ns = WEIR_SEC(1);
	int rc = terms_of(&terms, tokens, period_ns, g->burst, now);
	if (rc < 0)
		return rc;
	change(g, now, &terms);
	g->tokens = tokens;
	g->period_ns = period_ns;
	return 0;
}

int weir__gcra_set_burst(struct weir__gcra *g, int64_t now, uint64_t burst)
{
	struct weir__gcra_terms terms;
	now = see(g, now);
	if (burst == 0)
		burst = 1;
	int rc = terms_of(&terms, g->tokens, g->period_ns, burst, now);
	if (rc < 0)
		return rc;
	if (g->t.burst != UINT64_MAX)
		change(g, now, &terms);
	g->burst = burst;
	return 0;
}

void weir__gcra_view(const struct weir__gcra *g, int64_t now, uint64_t n, struct weir_bucket_view *out)
{
	struct weir__gcra copy = *g;
	now = see(&copy, now);
	weir__gcra_rebase(&copy, now);
	const struct weir__gcra_terms *t = &copy.t;
	*out = (struct weir_bucket_view){.available = INT64_MAX, .burst = t->burst};
	if (t->burst == UINT64_MAX)
		return;
	uint64_t owes = copy.v > t->full ? copy.v - t->full : 0; /* rounded up: what is not whole is not there */
	out->available = owes ? -(int64_t)((owes - 1) / t->cost + 1) : (int64_t)((t->full - copy.v) / t->cost);
	out->full_ns = time_of(t, copy.v);
	out->full_ns -= out->full_ns == WEIR_FOREVER ? 0 : now;
	out->retry_ns = n > t->burst ? WEIR_FOREVER : weir__gcra_due(&copy, n ? copy.v + n * t->cost : 0);
	out->retry_ns -= out->retry_ns == WEIR_FOREVER ? 0 : now;
}
