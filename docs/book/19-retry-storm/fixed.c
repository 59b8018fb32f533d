/* SPDX-License-Identifier: MIT
 *
 * Chapter 19, the retry storm: broken.c, repaired. All callers take their retries from one budget, and wait before each
 * for a time that is drawn at random.
 *
 * Three callers need a service that is down. Each tries four times, as one failed call may mean nothing. The service
 * is built for these callers: it bears twice their calls, and not more. */
#include <weir/resilience/retry.h>
#include <weir/sim.h>
#include <weir/stage.h>
WEIR_TYPE_PLAIN(page, int);

enum { CALLERS = 3, ATTEMPTS = 4 };
static int calls; /* that the service has got */

static int service(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)in, (void)out, (void)arg;
	calls++;
	weir_rt_yield(weir_ctx_rt(ctx));
	return weir_fail(err, WEIR_EUSER, "down");
}
WEIR_STAGE_DECLARE(service, page, page);

static int caller(weir_ctx *ctx, weir_err *err, void *arg)
{
	int in = 1, out, rc = weir_call_process(ctx, arg, &in, &out, err);
	return rc < 0 ? 0 : 1; /* does without the page */
}

WEIR_SIM_TEST(a_service_that_is_down_is_left_alone)
{
	weir_call *call[CALLERS] = {0};
	weir_budget budget;
	weir_scope s;
	calls = 0;
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx),
				     &(struct weir_budget_opts){.kind = WEIR_BUDGET_TOKENS, .tokens = 2 * CALLERS}),
		    0);
	struct weir_retry_opts opts = {.max_attempts = ATTEMPTS, .base_ns = WEIR_MS(10), .budget = &budget};
	weir_stage *st = weir_retry(service_stage(weir_ctx_rt(ctx), NULL), &opts);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < CALLERS; i++) {
		WEIR_SIM_EQ(weir_call_new(&s, st, &call[i]), 0);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", caller, call[i]), 0);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(calls <= 2 * CALLERS);
	for (int i = 0; i < CALLERS; i++)
		weir_call_free(&call[i]);
	weir_stage_free(&st);
	weir_budget_fini(&budget);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
