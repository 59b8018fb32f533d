/* SPDX-License-Identifier: MIT
 *
 * The client throttle: two sums over a window (window.h) and one formula, which is in the header. a counts requests, b
 * accepts; an answer may come in a later slice than its request, and both are forgotten by their own time. Pure. */
#include <weir/core/err.h>
#include <weir/limit/throttle.h>

#include "window.h"

struct __attribute__((may_alias)) state {
	double k, most;
	uint32_t min_requests;
	struct weir__window window;
};

_Static_assert(sizeof(struct state) <= sizeof(weir_throttle_state), "it fits");

static struct state *inside(const weir_throttle_state *st)
{
	return (struct state *)(uintptr_t)st;
}

int weir_throttle_state_init(weir_throttle_state *st, const struct weir_throttle_opts *opts, int64_t now)
{
	struct weir_throttle_opts o = opts ? *opts : (struct weir_throttle_opts){0};
	if (o.k == 0)
		o.k = 2;
	if (o.most == 0)
		o.most = 0.9;
	if (o.window_ns == 0)
		o.window_ns = WEIR_SEC(120);
	if (!(o.k >= 1 && o.k <= 1e9 && o.most > 0 && o.most <= 1) || o.window_ns < WEIR__SLICES || now < 0)
		return WEIR_EINVAL;
	*inside(st) = (struct state){.k = o.k,
				     .most = o.most,
				     .min_requests = o.min_requests,
				     .window = weir__window_of(o.window_ns, now)};
	return 0;
}

static double chance(const struct state *s)
{
	double requests = (double)weir__window_a(&s->window), accepts = (double)weir__window_b(&s->window);
	double p = (requests - s->k * accepts) / (requests + 1);
	if (requests < s->min_requests || p < 0)
		return 0;
	return p > s->most ? s->most : p;
}

int weir_throttle_state_ask(weir_throttle_state *st, int64_t now, uint64_t random)
{
	struct state *s = inside(st);
	size_t at = weir__window_at(&s->window, now);
	double p = chance(s);
	s->window.a[at]++;
	return (double)(random >> 11) * 0x1p-53 < p ? WEIR_EOVERLOAD : 0;
}

void weir_throttle_state_accepted(weir_throttle_state *st, int64_t now)
{
	struct state *s = inside(st);
	s->window.b[weir__window_at(&s->window, now)]++;
}

double weir_throttle_state_chance(const weir_throttle_state *st, int64_t now)
{
	struct state s = *inside(st);
	weir__window_at(&s.window, now);
	return chance(&s);
}
