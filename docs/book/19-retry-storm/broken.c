/* SPDX-License-Identifier: MIT
 *
 * WRONG ON PURPOSE: chapter 19, the retry storm.
 *
 * Three callers need a service that is down. Each tries four times, as one failed call may mean nothing. The service
 * is built for these callers: it bears twice their calls, and not more. */
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
	int in = 1, out, rc = WEIR_EUSER;
	for (int attempt = 1; attempt <= ATTEMPTS && rc == WEIR_EUSER; attempt++)
		rc = weir_call_process(ctx, arg, &in, &out, err);
	return rc < 0 ? 0 : 1; /* does without the page */
}

WEIR_SIM_TEST(a_service_that_is_down_is_left_alone)
{
	weir_call *call[CALLERS] = {0};
	weir_scope s;
	calls = 0;
	weir_stage *st = service_stage(weir_ctx_rt(ctx), NULL);
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
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
