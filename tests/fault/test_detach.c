/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn that a detached timeout makes fails once: the stage, the call, the block of its
 * helpers, the child's calls with the helpers in them, and the tasks. A clear code; whatever was made before goes, and
 * the outer scope can be joined. */
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

static int alive;

static void item_free(int *item)
{
	(void)item;
	alive--;
}

static int item_dup(const int *from, int *to)
{
	alive++;
	*to = *from;
	return 0;
}

WEIR_TYPE_OWNED_COPY(item, int, item_free, item_dup);

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

static const struct {
	const char *name;
	weir_task_fn *fn;
	uint64_t faults; /* at least: allocations + spawns */
} tests[] = {
	{"in_time", in_time, 2 + 1 + 1 + 2 * 2 + 2},
	{"abandoned", abandoned, 2 + 1 + 1 + 2 * 2 + 2},
	{"hedged_in_time", hedged_in_time, 3 + 1 + 1 + 2 * 3 + 4},
	{"hedged_abandoned", hedged_abandoned, 3 + 1 + 1 + 2 * 3 + 4},
	{"both_in_time", both_in_time, 3 + 1 + 2 + 2 * (1 + 2 * 2 + 2)},
	{"both_abandoned", both_abandoned, 3 + 1 + 2 + 2 * (1 + 2 * 2 + 2)},
};

int main(void)
{
	size_t n = sizeof(tests) / sizeof(tests[0]), failed = 0;
	for (size_t i = 0; i < n; i++) {
		const struct weir_sim_opts opts = {.name = tests[i].name,
						   .fault_sweep = true,
						   .schedules = 20,
						   .no_early = true};
		struct weir_sim_result r;
		int rc = weir_sim_run(&opts, tests[i].fn, NULL, &r);
		bool ok = rc == 0 && r.faults >= tests[i].faults;
		printf("%-4s %-40s %llu faults, at least %llu wanted\n", ok ? "ok" : "FAIL", tests[i].name,
		       (unsigned long long)r.faults, (unsigned long long)tests[i].faults);
		failed += !ok;
	}
	printf("%zu passed, %zu failed\n", n - failed, failed);
	return failed ? 1 : 0;
}
