/* SPDX-License-Identifier: MIT
 *
 * WRONG ON PURPOSE: chapter 18, the late result.
 *
 * A service goes down while a slow call is under way, which still gets its answer. The breaker opens, and later lets
 * one call try; until that call is back, nobody else is to be let in. */
#include <weir/sim.h>

struct breaker {
	weir_mutex lock;
	enum { CLOSED, OPEN, HALF_OPEN } mode;
	int64_t open_until;
};

static struct breaker b;
static bool up; /* the service */

static bool let_in(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &b.lock);
	bool trial = b.mode == OPEN && weir_rt_now(weir_ctx_rt(ctx)) >= b.open_until;
	bool in = trial || b.mode == CLOSED;
	if (trial)
		b.mode = HALF_OPEN;
	weir_mutex_unlock(&b.lock);
	return in;
}

static void report(weir_ctx *ctx, bool worked)
{
	weir_mutex_lock(ctx, &b.lock);
	if (worked && b.mode == HALF_OPEN) {
		b.mode = CLOSED;
	} else if (!worked) {
		b.mode = OPEN;
		b.open_until = weir_rt_now(weir_ctx_rt(ctx)) + WEIR_MS(10);
	}
	weir_mutex_unlock(&b.lock);
}

static int slow_call(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	if (!let_in(ctx))
		return 0;
	bool worked = up;
	int rc = weir_sleep(ctx, WEIR_MS(15));
	report(ctx, worked);
	return rc;
}

WEIR_SIM_TEST(one_trial_decides)
{
	weir_scope s;
	b = (struct breaker){.mode = CLOSED};
	weir_mutex_init(&b.lock, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	up = true;
	WEIR_SIM_EQ(weir_scope_spawn(&s, "slow", slow_call, NULL), 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	up = false;
	if (let_in(ctx)) /* fails at once: the breaker opens */
		report(ctx, up);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	if (let_in(ctx)) { /* the trial */
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(8)), 0);
		WEIR_SIM_ASSERT(!let_in(ctx));
		report(ctx, up);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_mutex_fini(&b.lock);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
