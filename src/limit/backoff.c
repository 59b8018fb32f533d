/* SPDX-License-Identifier: MIT
 *
 * Waits between attempts: the formulas are in backoff.h; full, equal and decorrelated jitter as in "Exponential Backoff
 * And Jitter" (AWS Architecture Blog), ratio as in gRPC's connection backoff.
 *
 *  F1  Powers are taken in double, by squaring: powers of 2 are exact as far as int64_t goes, others to 15 digits, and
 *      what is too large is infinite. The way back to int64_t saturates.
 *  F2  Jitter is a whole number of nanoseconds out of [low, high], both included, each equally likely but for 1 in
 *      2^64.
 *
 * Pure: no lock, no clock, no state. */
#include <assert.h>
#include <weir/core/err.h>
#include <weir/limit/backoff.h>

__extension__ typedef unsigned __int128 weir__u128;

int weir_backoff_check(const struct weir_backoff_opts *o)
{
	if (!o)
		return 0;
	bool growth = o->growth == WEIR_BACKOFF_EXPONENTIAL || o->growth == WEIR_BACKOFF_LINEAR ||
		      o->growth == WEIR_BACKOFF_CONSTANT;
	bool jitter = (unsigned)o->jitter <= WEIR_JITTER_DECORRELATED;
	bool numbers = o->base_ns >= 0 && o->max_ns >= 0 && o->span_ns >= 0 && o->ratio >= 0 && o->ratio <= 1;
	return growth && jitter && numbers && (o->factor == 0 || o->factor >= 1) ? 0 : WEIR_EINVAL;
}

/* F1 */
static int64_t saturate(double ns)
{
	return ns >= 9223372036854775807.0 ? WEIR_FOREVER : ns > 0 ? (int64_t)(ns + 0.5) : 0;
}

static double power(double x, uint64_t n)
{
	double p = 1;
	for (; n; n >>= 1, x *= x)
		if (n & 1)
			p *= x;
	return p;
}

/* F2 */
static int64_t between(int64_t low, int64_t high, uint64_t random)
{
	if (high <= low)
		return low;
	weir__u128 steps = (weir__u128)((uint64_t)high - (uint64_t)low) + 1;
	return low + (int64_t)((steps * random) >> 64);
}

static int64_t grown(const struct weir_backoff_opts *o, uint64_t n, double factor)
{
	switch (o->growth) {
	case WEIR_BACKOFF_CONSTANT:
		return o->base_ns;
	case WEIR_BACKOFF_LINEAR: {
		weir__u128 t = (weir__u128)(uint64_t)o->base_ns * ((weir__u128)n + 1);
		return t > (weir__u128)WEIR_FOREVER ? WEIR_FOREVER : (int64_t)t;
	}
	default:
		return saturate((double)o->base_ns * power(factor, n));
	}
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t weir_backoff_ns(const struct weir_backoff_opts *o, uint64_t n, int64_t last_ns, uint64_t random)
{
	if (!o || o->base_ns <= 0)
		return 0;
	int64_t max = o->max_ns > 0 ? o->max_ns : WEIR_FOREVER, base = o->base_ns;
	double factor = o->factor >= 1 ? o->factor : o->jitter == WEIR_JITTER_DECORRELATED ? 3 : 2;
	double ratio = o->ratio > 0 && o->ratio <= 1 ? o->ratio : 0.2;
	int64_t t = least(grown(o, n, factor), max), span = o->span_ns > 0 ? o->span_ns : 0, hard;
	switch (o->jitter) {
	case WEIR_JITTER_NONE:
		return t;
	case WEIR_JITTER_EQUAL:
		return between(t - t / 2, t, random);
	case WEIR_JITTER_DECORRELATED:
		return least(between(base, saturate((double)(last_ns > base ? last_ns : base) * factor), random), max);
	case WEIR_JITTER_RATIO:
		span = saturate((double)t * ratio);
		break;
	case WEIR_JITTER_SPAN:
		break;
	default:
		return between(0, t, random);
	}
	hard = o->max_is_hard ? max : WEIR_FOREVER;
	return least(between(t > span ? t - span : 0, weir_time_add(t, span), random), hard);
}
