/* SPDX-License-Identifier: MIT
 *
 * The pure face of the token bucket: the caller's opaque words around the arithmetic of gcra.h. No lock and no clock;
 * one task at a time. */
#include "gcra.h"

struct __attribute__((may_alias)) state {
	struct weir__gcra g;
};

_Static_assert(sizeof(struct state) <= sizeof(weir_bucket_state), "it fits");

static struct weir__gcra *inside(const weir_bucket_state *st)
{
	return &((struct state *)(uintptr_t)st)->g;
}

int weir_bucket_state_init(weir_bucket_state *st, const struct weir_bucket_opts *opts, int64_t now)
{
	return weir__gcra_init(inside(st), opts, now);
}

int weir_bucket_state_take(weir_bucket_state *st, int64_t now, uint64_t n, int64_t max_wait_ns,
			   struct weir_bucket_grant *out)
{
	return weir__gcra_take(inside(st), now, n, max_wait_ns, out);
}

uint64_t weir_bucket_state_cancel(weir_bucket_state *st, int64_t now, struct weir_bucket_grant *grant)
{
	if (!grant)
		return 0;
	uint64_t back = weir__gcra_cancel(inside(st), now, grant, 0);
	memset(grant, 0, sizeof(*grant));
	return back;
}

int weir_bucket_state_set_rate(weir_bucket_state *st, int64_t now, uint64_t tokens, int64_t period_ns)
{
	return weir__gcra_set_rate(inside(st), now, tokens, period_ns);
}

int weir_bucket_state_set_burst(weir_bucket_state *st, int64_t now, uint64_t burst)
{
	return weir__gcra_set_burst(inside(st), now, burst);
}

void weir_bucket_state_view(const weir_bucket_state *st, int64_t now, uint64_t n, struct weir_bucket_view *out)
{
	weir__gcra_view(inside(st), now, n, out);
}
