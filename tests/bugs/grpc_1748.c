/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 1748. Class: traditional, data race.
 *
 * A test sets a global timeout to a value of its own and writes the old one back at its end, while connections that a
 * watcher has started still read it: a late one works with the value of somebody else. Fix: write it back when the
 * connections are gone, which is what the join of a scope says. */
#include "bugs.h"

#define TESTS_OWN 7

struct dialer {
	weir_mutex m;
	bool balancer; /* under m */
	uint64_t timeout;
};

static int connect_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dialer *d = arg;
	(void)ctx, (void)err;
	WEIR_SIM_EQ(WEIR_SIM_GET(d->timeout), TESTS_OWN);
	return 0;
}

static int watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dialer *d = arg;
	(void)err;
	for (int i = 0; i < 10; i++) {
		weir_mutex_lock(ctx, &d->m);
		bool set = d->balancer;
		weir_mutex_unlock(&d->m);
		if (set)
			bug_spawn(weir_scope_of(ctx), "connection", connect_one, d);
	}
	return 0;
}

static int dial(weir_ctx *ctx, bool joins_first)
{
	struct dialer d = {.balancer = false};
	weir_scope s;
	weir_mutex_init(&d.m, weir_ctx_rt(ctx));
	d.timeout = 20;
	uint64_t saved = WEIR_SIM_GET(d.timeout);
	WEIR_SIM_SET(d.timeout, TESTS_OWN);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "watcher", watch, &d);
	weir_mutex_lock(ctx, &d.m);
	d.balancer = true;
	weir_mutex_unlock(&d.m);
	weir_rt_yield(weir_ctx_rt(ctx)); /* the test */
	if (!joins_first)
		WEIR_SIM_SET(d.timeout, saved);
	bug_join(ctx, &s);
	WEIR_SIM_SET(d.timeout, saved);
	weir_mutex_fini(&d.m);
	return 0;
}

static int grpc_1748_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return dial(ctx, false);
}

static int grpc_1748_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return dial(ctx, true);
}

WEIR_BUG(grpc_1748, "Traditional: data race", WEIR_SIM_RACE, false);
