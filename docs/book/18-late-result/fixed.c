/* SPDX-License-Identifier: MIT
 *
 * Chapter 18, the late result: broken.c, repaired. Who is let in gets a permit with the number of the period, and a
 * result of another period is not counted.
 *
 * A service goes down while a slow call is under way, which still gets its answer. The breaker opens, and later lets
 * one call try; until that call is back, nobody else is to be let in. */
#include <weir/resilience/breaker.h>
#include <weir/sim.h>

static weir_breaker b;
static bool up; /* the service */

static bool let_in(weir_ctx *ctx, struct weir_breaker_permit *permit)
{
	return weir_breaker_acquire(ctx, &b, permit, NULL) == 0;
}

static void report(weir_ctx *ctx, struct weir_breaker_permit *permit, bool worked)
{
	weir_breaker_report(ctx, &b, permit, worked ? WEIR_OUTCOME_SUCCESS : WEIR_OUTCOME_FAILURE);
}

static int slow_call(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_breaker_permit permit;
	(void)err, (void)arg;
	if (!let_in(ctx, &permit))
		return 0;
	bool worked = up;
	int rc = weir_sleep(ctx, WEIR_MS(15));
	report(ctx, &permit, worked);
	return rc;
}

WEIR_SIM_TEST(one_trial_decides)
{
	struct weir_breaker_opts opts = {.failures = 1, .open_ns = WEIR_MS(10), .half_open_ns = WEIR_SEC(1)};
	struct weir_breaker_permit permit, other;
	weir_scope s;
	WEIR_SIM_EQ(weir_breaker_init(&b, ctx, &opts), 0);
	weir_scope_init(&s, ctx);
	up = true;
	WEIR_SIM_EQ(weir_scope_spawn(&s, "slow", slow_call, NULL), 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	up = false;
	if (let_in(ctx, &permit)) /* fails at once: the breaker opens */
		report(ctx, &permit, up);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	if (let_in(ctx, &permit)) { /* the trial */
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(8)), 0);
		WEIR_SIM_ASSERT(!let_in(ctx, &other));
		report(ctx, &permit, up);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_breaker_fini(&b);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
