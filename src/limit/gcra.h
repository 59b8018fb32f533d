/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of the token bucket, for both of its faces.
 *
 * GCRA (ITU-T I.371, generic cell rate algorithm; throttled and redis-cell use it): instead of a number of tokens and
 * the time it was last looked at, one number is kept, the time at which the bucket will be full again. Here it is `v`.
 * Taking n tokens moves it on by n times the cost of a token, from now if it lies in the past; they are there if it is
 * then no more than the cost of a full burst ahead.
 *
 *  G1  Time is counted in units of which a token costs a whole number: with a rate of num tokens in den nanoseconds (no
 *      common divisor), 1 / num ns, and a token costs den. Nothing is ever rounded, so nothing drifts. Only where a
 *      full burst would not fit, the unit is made 2^shift times as long, and a token costs up to a unit too much.
 *  G2  Units are counted from `base`, a time not in the future. at() is the units that have passed, rounded down; when
 *      they become too many, base moves to now (weir__gcra_rebase).
 *  G3  Below WEIR__GCRA_HALF is what has passed and a full burst; v stays below WEIR__GCRA_END, and so fits into 56
 *      bits. Beyond, a take is refused. So no sum here can overflow.
 *  G4  Rate 0: num = 0, no time passes, a token costs 1. Unlimited: a token costs 0, and no number is above the burst.
 *      Neither needs a test of its own here (bucket.c has one, to spare the clock). */
#ifndef WEIR_SRC_LIMIT_GCRA_H
#define WEIR_SRC_LIMIT_GCRA_H

#include <assert.h>
#include <string.h>
#include <weir/core/err.h>
#include <weir/limit/bucket.h>

__extension__ typedef unsigned __int128 weir__u128;

#define WEIR__GCRA_HALF (UINT64_C(1) << 54)
#define WEIR__GCRA_END (UINT64_C(3) << 54)
#define WEIR__GCRA_MOST (UINT64_C(1) << 32) /* tokens of a burst, and of a reduced rate */

/* What allow reads. */
struct weir__gcra_terms {
	uint64_t num, shift, cost;
	uint64_t full;  /* the cost of a burst */
	uint64_t burst; /* UINT64_MAX: unlimited */
	int64_t base;
};

struct weir__gcra {
	struct weir__gcra_terms t;
	uint64_t v;
	uint64_t tokens, burst; /* as they were set */
	int64_t period_ns;
	int64_t seen; /* the latest now: time does not go back */
	/* The last change of the settings, to understand grants made before it. */
	struct weir__gcra_terms before;
	uint64_t generation;
	int64_t changed_at;
};

static inline uint64_t weir__gcra_at(const struct weir__gcra_terms *t, int64_t now)
{
	if (now <= t->base)
		return 0;
	weir__u128 units = ((weir__u128)(uint64_t)(now - t->base) * t->num) >> t->shift;
	return units > WEIR__GCRA_END ? WEIR__GCRA_END : (uint64_t)units;
}

/* One step: 0 and *v moved on; or WEIR_ELIMITED, and *v is where it would be. n is at most the burst. */
static inline int weir__gcra_step(const struct weir__gcra_terms *t, uint64_t at, uint64_t n, uint64_t *v)
{
	if (*v < at)
		*v = at;
	*v += n * t->cost; /* unlimited: n * 0 */
	return n == 0 || *v <= at + t->full ? 0 : WEIR_ELIMITED;
}

int weir__gcra_init(struct weir__gcra *g, const struct weir_bucket_opts *opts, int64_t now);

/* Each of these takes a clock that went back for one that stands. */
int weir__gcra_take(struct weir__gcra *g, int64_t now, uint64_t n, int64_t max_wait_ns, struct weir_bucket_grant *out);
/* v_line: what the tokens of the line cost, which is behind all grants. Returns the tokens that came back. */
uint64_t weir__gcra_cancel(struct weir__gcra *g, int64_t now, const struct weir_bucket_grant *grant, uint64_t v_line);
int weir__gcra_set_rate(struct weir__gcra *g, int64_t now, uint64_t tokens, int64_t period_ns);
int weir__gcra_set_burst(struct weir__gcra *g, int64_t now, uint64_t burst);
void weir__gcra_view(const struct weir__gcra *g, int64_t now, uint64_t n, struct weir_bucket_view *out);

/* The time at which v is no more than a burst ahead. */
int64_t weir__gcra_due(const struct weir__gcra *g, uint64_t v);

/* n tokens are given back whose time is not fixed. */
void weir__gcra_give(struct weir__gcra *g, uint64_t n);

/* Whether base should move, and the move. */
static inline bool weir__gcra_late(uint64_t at)
{
	return at > WEIR__GCRA_HALF;
}

void weir__gcra_rebase(struct weir__gcra *g, int64_t now);

#endif
