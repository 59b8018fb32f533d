/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn that a detached timeout makes fails once: the stage, the call, the block of its
 * helpers, the child's calls with the helpers in them, and the tasks. A clear code; whatever was made before goes, and
 * the outer scope can be joined. */
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"
#include "kit.h"

static int64_t takes_ns;

static int slow(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	weir_ctx shield;
	(void)err, (void)arg;
	weir_ctx_init_shield(&shield, ctx, WEIR_SEC(60));
	int rc = weir_sleep(&shield, takes_ns);
	weir_ctx_fini(&shield);
	*out = *in + 1;
	alive++;
	return rc;
}
WEIR_STAGE_DECLARE(slow, item, item);

enum where { NOWHERE, INSIDE, AROUND }; /* a hedge, which has helpers too */

static int build_and_run(weir_ctx *ctx, enum where hedge, int64_t ns, int expected)
{
	weir_err err = {0};
	weir_call *call = NULL;
	weir_scope s, outer;
	int in = 1, out;
	alive = 0;
	takes_ns = ns;
	weir_scope_init(&outer, ctx);
	weir_scope_init(&s, ctx);
	weir_stage *child = slow_stage(weir_ctx_rt(ctx), NULL);
	weir_stage *st = weir_timeout_detach(hedge == INSIDE ? weir_hedge(child, NULL) : child,
					     &(struct weir_timeout_detach_opts){.outer = &outer,
										.limit_ns = WEIR_MS(5),
										.max_abandoned = 2});
	if (hedge == AROUND)
		st = weir_hedge(st, NULL);
	WEIR_SIM_ASSERT(st != NULL);
	int rc = weir_stage_check(st, &err);
	WEIR_SIM_EQ(err.code, rc);
	weir_err_fini(&err);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	WEIR_SIM_EQ(call != NULL, rc == 0);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	if (rc == 0) {
		int got = weir_call_process(ctx, call, &in, &out, &err);
		WEIR_SIM_EQ(got, expected);
		WEIR_SIM_EQ(err.code, got);
		weir_err_fini(&err);
		alive -= got == 0;
	}
	weir_call_free(&call);
	if (rc < 0)
		weir_stage_free(&st); /* no child runs */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &outer, 0, NULL), 0);
	weir_stage_free(&st);
	WEIR_SIM_EQ(alive, 0);
	return rc;
}

#define RUN(name, hedge, ns, expected)                           \
	static int name(weir_ctx *ctx, weir_err *err, void *arg) \
	{                                                        \
		(void)err, (void)arg;                            \
		return build_and_run(ctx, hedge, ns, expected);  \
	}

RUN(in_time, NOWHERE, WEIR_MS(1), 0)
RUN(abandoned, NOWHERE, WEIR_MS(7), WEIR_ETIMEOUT)
RUN(hedged_in_time, INSIDE, WEIR_MS(1), 0)
RUN(hedged_abandoned, INSIDE, WEIR_MS(7), WEIR_ETIMEOUT)
RUN(both_in_time, AROUND, WEIR_MS(1), 0)
RUN(both_abandoned, AROUND, WEIR_MS(7), WEIR_EEXHAUSTED)

static const struct fault_test tests[] = {
	{"in_time", in_time, 2 + 1 + 1 + 2 * 2 + 2, false},
	{"abandoned", abandoned, 2 + 1 + 1 + 2 * 2 + 2, false},
	{"hedged_in_time", hedged_in_time, 3 + 1 + 1 + 2 * 3 + 4, false},
	{"hedged_abandoned", hedged_abandoned, 3 + 1 + 1 + 2 * 3 + 4, false},
	{"both_in_time", both_in_time, 3 + 1 + 2 + 2 * (1 + 2 * 2 + 2), false},
	{"both_abandoned", both_abandoned, 3 + 1 + 2 + 2 * (1 + 2 * 2 + 2), false},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 20, .no_early = true);
}
