/* SPDX-License-Identifier: MIT
 *
 * Adaptive limits, after Netflix concurrency-limits (VegasLimit, Gradient2Limit, AIMDLimit, WindowedLimit).
 *
 *  L1  min <= limit <= max after each sample; AIMD's is a whole number always.
 *  L2  A dropped sample says nothing about time: it does not change the fastest or the averages. (There a call that was
 *      shed at once counts as fast.)
 *  L3  The limit grows only if at least half of it was in use.
 *  L4  A window that is over is used or forgotten as a whole; the sample that ends it belongs to it.
 *
 * Logarithms are of whole numbers and cut, as there: no libm. Pure. */
#include <assert.h>
#include <weir/core/err.h>
#include <weir/limit/adaptive.h>

enum { LONG_WINDOW = 600, WARM_UP = 10, PROBE = 30 };

struct __attribute__((may_alias)) state {
	struct weir_adaptive_opts o;
	double limit;
	double fastest;             /* VEGAS; 0: not known */
	double probe_after, probed; /* samples */
	double long_rtt, warm_sum;  /* GRADIENT2 */
	uint32_t warm;
	/* the window */
	int64_t ends_at;
	double rtt_sum;
	uint32_t timed, samples, most;
	bool dropped;
};

_Static_assert(sizeof(struct state) <= sizeof(weir_adaptive_state), "it fits");

struct sample {
	double rtt; /* of a dropped one: not used */
	uint32_t under_way;
	bool dropped;
};

static struct state *inside(const weir_adaptive_state *st)
{
	return (struct state *)(uintptr_t)st;
}

static void defaults(struct weir_adaptive_opts *o)
{
	bool vegas = o->rule == WEIR_ADAPTIVE_VEGAS;
	o->initial = o->initial ? o->initial : 20;
	o->min = o->min ? o->min : vegas ? 1 : 20;
	o->max = o->max ? o->max : vegas ? 1000 : 200;
	o->smoothing = o->smoothing == 0 ? (o->rule == WEIR_ADAPTIVE_GRADIENT2 ? 0.2 : 1) : o->smoothing;
	o->tolerance = o->tolerance == 0 ? 1.5 : o->tolerance;
	o->queue = o->queue == 0 ? 4 : o->queue;
	o->ratio = o->ratio == 0 && !vegas ? 0.9 : o->ratio;
	o->timeout_ns = o->timeout_ns ? o->timeout_ns : WEIR_SEC(5);
	o->window_ns = o->window_ns ? o->window_ns : WEIR_SEC(1);
	o->min_samples = o->min_samples ? o->min_samples : 10;
}

int weir_adaptive_state_init(weir_adaptive_state *st, const struct weir_adaptive_opts *opts, int64_t now)
{
	struct weir_adaptive_opts o = opts ? *opts : (struct weir_adaptive_opts){0};
	bool ratio_unset = o.ratio == 0;
	defaults(&o);
	bool rule = (unsigned)o.rule <= WEIR_ADAPTIVE_AIMD;
	bool limits = o.min <= o.initial && o.initial <= o.max && o.max <= INT32_MAX;
	bool shape = o.smoothing > 0 && o.smoothing <= 1 && o.tolerance >= 1 && o.queue > 0 && o.queue <= 1e6;
	bool ratio = ratio_unset || (o.ratio >= 0.5 && o.ratio < 1);
	if (!rule || !limits || !shape || !ratio || o.timeout_ns < 0 || o.window_ns < 0 || now < 0)
		return WEIR_EINVAL;
	*inside(st) = (struct state){.o = o,
				     .limit = o.initial,
				     .probe_after = PROBE,
				     .ends_at = weir_time_add(now, o.window_ns)};
	return 0;
}

static double clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static double log_of(double limit)
{
	double log = 0;
	for (int64_t n = (int64_t)limit; n >= 10; n /= 10)
		log++;
	return log < 1 ? 1 : log;
}

static double ceiling(double x)
{
	double whole = (double)(int64_t)x;
	return whole < x ? whole + 1 : whole;
}

static void vegas(struct state *s, const struct sample *x, uint64_t random)
{
	double limit = s->limit, log = log_of(limit), next = limit;
	double less = s->o.ratio == 0 ? limit - log : limit * s->o.ratio;
	if (!x->dropped && !s->o.no_probe && ++s->probed >= s->probe_after * limit) {
		s->probe_after = PROBE * (0.5 + (double)(random >> 11) * 0x1p-54);
		s->probed = 0;
		s->fastest = x->rtt;
		return;
	}
	if (!x->dropped && (s->fastest == 0 || x->rtt < s->fastest)) {
		s->fastest = x->rtt;
		return;
	}
	if (x->dropped) {
		next = less;
	} else if (x->under_way >= limit / 2) { /* L3 */
		double queue = ceiling(limit * (1 - s->fastest / x->rtt));
		if (queue <= log)
			next = limit + 6 * log;
		else if (queue < 3 * log)
			next = limit + log;
		else if (queue > 6 * log)
			next = less;
		else
			return;
	} else {
		return;
	}
	next = clamp(next, s->o.min, s->o.max);
	s->limit = (1 - s->o.smoothing) * limit + s->o.smoothing * next;
}

static double long_average(struct state *s, double rtt)
{
	if (s->warm < WARM_UP) {
		s->warm_sum += rtt;
		s->long_rtt = s->warm_sum / ++s->warm;
	} else {
		s->long_rtt += (rtt - s->long_rtt) * 2 / (LONG_WINDOW + 1);
	}
	return s->long_rtt;
}

static void gradient2(struct state *s, const struct sample *x)
{
	double g = 0.5; /* dropped: as if it had taken for ever */
	if (!x->dropped) {
		double rtt = x->rtt, slow = long_average(s, rtt);
		if (slow / rtt > 2)
			s->long_rtt *= 0.95;
		if (x->under_way < s->limit / 2) /* L3 */
			return;
		g = clamp(s->o.tolerance * slow / rtt, 0.5, 1);
	}
	double next = s->limit * g + s->o.queue;
	if (x->dropped && next > s->limit)
		return;
	next = s->limit * (1 - s->o.smoothing) + next * s->o.smoothing;
	s->limit = clamp(next, s->o.min, s->o.max);
}

static void aimd(struct state *s, const struct sample *x)
{
	double next = s->limit;
	if (x->dropped || x->rtt > (double)s->o.timeout_ns)
		next = (double)(int64_t)(s->limit * s->o.ratio);
	else if (x->under_way >= s->limit / 2) /* L3 */
		next = s->limit + 1;
	s->limit = clamp(next, s->o.min, s->o.max);
}

static void apply(struct state *s, const struct sample *x, uint64_t random)
{
	if (s->o.rule == WEIR_ADAPTIVE_VEGAS)
		vegas(s, x, random);
	else if (s->o.rule == WEIR_ADAPTIVE_GRADIENT2)
		gradient2(s, x);
	else
		aimd(s, x);
	assert(s->limit >= s->o.min && s->limit <= s->o.max); /* L1 */
}

/* Adds x to the window; true: it is over, enough was in it, and *x is what became of it (L4). */
static bool gathered(struct state *s, int64_t now, struct sample *x)
{
	s->samples++;
	s->dropped |= x->dropped;
	s->most = x->under_way > s->most ? x->under_way : s->most;
	if (!x->dropped) {
		s->rtt_sum += x->rtt;
		s->timed++;
	}
	if (now < s->ends_at)
		return false;
	*x = (struct sample){.rtt = s->timed ? s->rtt_sum / s->timed : 0, .under_way = s->most, .dropped = s->dropped};
	bool enough = s->samples >= s->o.min_samples;
	s->ends_at = weir_time_add(now, s->o.window_ns);
	s->rtt_sum = 0;
	s->timed = s->samples = s->most = 0;
	s->dropped = false;
	return enough;
}

uint32_t weir_adaptive_state_sample(weir_adaptive_state *st, int64_t now, int64_t rtt_ns, uint32_t under_way,
				    bool dropped, uint64_t random)
{
	struct state *s = inside(st);
	struct sample x = {.rtt = rtt_ns > 0 ? (double)rtt_ns : 1, .under_way = under_way, .dropped = dropped};
	if (s->o.each_sample || gathered(s, now, &x))
		apply(s, &x, random);
	return weir_adaptive_state_limit(st);
}

uint32_t weir_adaptive_state_limit(const weir_adaptive_state *st)
{
	return (uint32_t)inside(st)->limit;
}
