/* SPDX-License-Identifier: MIT
 *
 * Times of calls, in classes: see limit/latency.h.
 *
 *  L1  Class 0 is below 2^10 ns, the last one from 2^40 ns on. Between them a class is an eighth of its power of two:
 *      the three bits behind the highest say which.
 *  L2  Two halves: `now` of the current window and the one before it. When a window is over the older half is
 *      forgotten. So what is remembered is between one and two windows old.
 *  L3  The shared face is the pure one under a lock; the clock is read before. To hooks it is an atomic (guard.h).
 *
 * Locks: WEIR__RANK_SYNC, and nothing under it. Anything may run at the same time but init and fini. */
#include <weir/core/err.h>
#include <weir/limit/latency.h>

#include "guard.h"

#include <string.h>

enum { LOW = 10, HIGH = 40, SUB_BITS = 3, CLASSES = (HIGH - LOW) * (1 << SUB_BITS) + 2 };

struct half {
	uint32_t n;
	uint32_t classes[CLASSES];
};

struct __attribute__((may_alias)) state {
	int64_t window_ns, window; /* now / window_ns, of the latest now */
	uint32_t min_samples;
	struct half halves[2]; /* L2: of the window w, halves[w % 2] */
};

struct __attribute__((may_alias)) latency {
	struct weir__guard guard;
	weir_latency_state state;
};

_Static_assert(sizeof(struct state) <= sizeof(weir_latency_state), "it fits");
_Static_assert(sizeof(struct latency) <= sizeof(weir_latency), "it fits");

static struct state *pure(const weir_latency_state *st)
{
	return (struct state *)(uintptr_t)st;
}

static unsigned class_of(int64_t ns) /* L1 */
{
	if (ns < (INT64_C(1) << LOW))
		return 0;
	if (ns >= (INT64_C(1) << HIGH))
		return CLASSES - 1;
	unsigned top = 63 - (unsigned)__builtin_clzll((unsigned long long)ns);
	unsigned sub = (unsigned)(ns >> (top - SUB_BITS)) & ((1U << SUB_BITS) - 1);
	return 1 + (top - LOW) * (1U << SUB_BITS) + sub;
}

/* The longest time of a class; of the last one the shortest. */
static int64_t longest(unsigned class)
{
	if (class == CLASSES - 1)
		return INT64_C(1) << HIGH;
	unsigned octave = class / (1U << SUB_BITS), sub = class % (1U << SUB_BITS); /* class 0 ends where 1 begins */
	int64_t step = INT64_C(1) << (LOW - SUB_BITS + octave);
	return (INT64_C(1) << (LOW + octave)) + (int64_t)sub * step - 1;
}

/* The half of now, what is too old forgotten. */
static struct half *half_at(struct state *s, int64_t now)
{
	int64_t window = now / s->window_ns;
	for (int i = 0; i < 2 && s->window + i < window; i++)
		memset(&s->halves[(s->window + i + 1) % 2], 0, sizeof(s->halves[0]));
	if (window > s->window)
		s->window = window;
	return &s->halves[s->window % 2];
}

int weir_latency_state_init(weir_latency_state *st, const struct weir_latency_opts *opts, int64_t now)
{
	int64_t window_ns = opts && opts->window_ns ? opts->window_ns : WEIR_SEC(60);
	if (window_ns < 0 || now < 0)
		return WEIR_EINVAL;
	memset(st, 0, sizeof(*st));
	pure(st)->window_ns = window_ns;
	pure(st)->window = now / window_ns;
	pure(st)->min_samples = opts && opts->min_samples ? opts->min_samples : 50;
	return 0;
}

void weir_latency_state_add(weir_latency_state *st, int64_t now, int64_t ns)
{
	struct half *h = half_at(pure(st), now);
	if (h->n == UINT32_MAX)
		return; /* four billion in a window say enough */
	h->n++;
	h->classes[class_of(ns)]++;
}

int64_t weir_latency_state_percentile(const weir_latency_state *st, int64_t now, double percent)
{
	struct state s = *pure(st);
	(void)half_at(&s, now);
	uint64_t n = (uint64_t)s.halves[0].n + s.halves[1].n, seen = 0;
	if (n < s.min_samples || !(percent > 0))
		return -1;
	double wanted = (double)n * (percent < 100 ? percent : 100) / 100;
	for (unsigned i = 0; i < CLASSES; i++) {
		seen += (uint64_t)s.halves[0].classes[i] + s.halves[1].classes[i];
		if (seen > 0 && (double)seen >= wanted)
			return longest(i);
	}
	return longest(CLASSES - 1);
}

/* ---- shared (L3) ---- */

static struct latency *inside(weir_latency *l)
{
	return (struct latency *)l;
}

int weir_latency_init(weir_latency *l, weir_rt *rt, const struct weir_latency_opts *opts)
{
	weir_latency_state st;
	int rc = weir_latency_state_init(&st, opts, weir_rt_now(rt));
	if (rc < 0)
		return rc;
	memset(l, 0, sizeof(*l));
	inside(l)->state = st;
	weir__guard_init(&inside(l)->guard, rt, __builtin_return_address(0));
	return 0;
}

void weir_latency_fini(weir_latency *l)
{
	if (!l || !weir__guard_fini(&inside(l)->guard))
		return;
	memset(l, 0, sizeof(*l));
}

void weir_latency_add(weir_latency *l, int64_t ns)
{
	struct weir__entry e = weir__guard_enter(&inside(l)->guard, __builtin_return_address(0));
	weir_latency_state_add(&inside(l)->state, e.now, ns);
	weir__guard_leave(&inside(l)->guard, &e, true);
}

int64_t weir_latency_percentile(weir_latency *l, double percent)
{
	struct weir__entry e = weir__guard_enter(&inside(l)->guard, __builtin_return_address(0));
	int64_t ns = weir_latency_state_percentile(&inside(l)->state, e.now, percent);
	weir__guard_leave(&inside(l)->guard, &e, false);
	return ns;
}
