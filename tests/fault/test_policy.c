/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn that the stages of resilience make fails once: while a tree is built, while a call
 * is made, while values fail, are tried again and are buried, and while letters are written and read. A clear code, no
 * value lost (`alive` counts them), no task and no memory left, which the simulator counts. */
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"
#include "kit.h"

WEIR_TYPE_PLAIN(num, int);

/* Fails for odd calls. */
static int flaky(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	unsigned *calls = arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	if (++*calls % 2)
		return weir_fail(err, WEIR_EUSER, "call %u", *calls);
	*out = *in + 1;
	alive++;
	return 0;
}
WEIR_STAGE_DECLARE(flaky, item, item);

static int fail(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	return weir_fail(err, WEIR_EUSER, "as it must");
}
WEIR_STAGE_DECLARE(fail, item, item);

static unsigned calls;

typedef weir_stage *build_fn(weir_rt *rt);

static int no_grave(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	(void)ctx, (void)dead, (void)arg;
	return weir_fail(err, WEIR_EUSER - 1, "no grave");
}

static weir_stage *build_retry(weir_rt *rt)
{
	return weir_retry(weir_timeout(flaky_stage(rt, &calls), WEIR_SEC(1)), NULL);
}

static weir_stage *build_hedge(weir_rt *rt)
{
	return weir_hedge(flaky_stage(rt, &calls), &(struct weir_hedge_opts){.max_attempts = 3});
}

static weir_stage *build_all_fail(weir_rt *rt)
{
	return weir_hedge(fail_stage(rt, NULL), NULL);
}

static weir_stage *build_fallback(weir_rt *rt)
{
	return weir_fallback(fail_stage(rt, NULL), &(struct weir_fallback_opts){.value = &(int){7}});
}

static weir_budget budget;

static weir_stage *nest(weir_stage *child)
{
	const struct weir_retry_opts retry = {.budget = &budget};
	const struct weir_hedge_opts hedge = {.budget = &budget, .delay_ns = WEIR_FOREVER};
	return weir_retry(weir_hedge(weir_retry(child, &retry), &hedge), &retry);
}

static weir_stage *build_nested(weir_rt *rt)
{
	return nest(flaky_stage(rt, &calls));
}

static weir_stage *build_nested_fail(weir_rt *rt)
{
	return nest(fail_stage(rt, NULL));
}

static weir_stage *build_policy(weir_rt *rt)
{
	return weir_policy(fail_stage(rt, NULL), &(struct weir_policy_opts){.dead_letter.fn = no_grave,
									    .total_timeout_ns = WEIR_SEC(9),
									    .retry = &(struct weir_retry_opts){0},
									    .attempt_timeout_ns = WEIR_SEC(1)});
}

static int build_and_run(weir_ctx *ctx, build_fn *build, int expected)
{
	weir_err err = {0};
	weir_call *call = NULL;
	weir_scope s;
	int in = 1, out;
	calls = 0;
	alive = 0;
	weir_stage *st = build(weir_ctx_rt(ctx));
	WEIR_SIM_ASSERT(st != NULL);
	int kept = alive; /* the stage's own */
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, &err);
	WEIR_SIM_EQ(err.code, rc);
	weir_err_fini(&err);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	WEIR_SIM_EQ(call != NULL, rc == 0);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	if (rc == 0) {
		int got = weir_call_process(ctx, call, &in, &out, &err);
		WEIR_SIM_EQ(got, expected); /* members without memory are counted: the code stays */
		WEIR_SIM_EQ(err.code, got);
		WEIR_SIM_EQ(alive, kept + (got == 0));
		weir_err_fini(&err);
		alive -= got == 0;
	}
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(alive, 0);
	return rc;
}

#define TREE(name, expected)                                       \
	static int name(weir_ctx *ctx, weir_err *err, void *arg)   \
	{                                                          \
		(void)err, (void)arg;                              \
		return build_and_run(ctx, build_##name, expected); \
	}

TREE(retry, 0)
TREE(hedge, 0)
TREE(all_fail, WEIR_EEXHAUSTED)
TREE(fallback, 0)
TREE(policy, WEIR_EEXHAUSTED)

/* What is left of 20 tokens is told by tenths: a failed attempt costs ten, one that succeeded earns one, and there is
 * no retry at 100; whatever has no memory. */
static int with_budget(weir_ctx *ctx, build_fn *build, int expected, int left)
{
	const struct weir_budget_opts tokens = {.kind = WEIR_BUDGET_TOKENS, .tokens = 20};
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx), &tokens), 0);
	int rc = build_and_run(ctx, build, expected);
	WEIR_SIM_EQ((int)(weir_budget_left(&budget) * 10 + 0.5), rc == 0 ? left : 200);
	weir_budget_fini(&budget);
	return rc;
}

static int nested(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return with_budget(ctx, build_nested, 0, 191);
}

static int nested_fail(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return with_budget(ctx, build_nested_fail, WEIR_EEXHAUSTED, 100);
}

/* ---- a log of letters, and its replay ---- */

struct paper {
	char line[256];
	size_t len;
	bool read;
};

static int write_paper(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg)
{
	struct paper *p = arg;
	(void)ctx, (void)err;
	WEIR_SIM_ASSERT(len <= sizeof(p->line));
	memcpy(p->line, line, len);
	p->len = len;
	return 0;
}

static int read_paper(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg)
{
	struct paper *p = arg;
	(void)ctx, (void)err;
	if (p->read)
		return 0;
	WEIR_SIM_ASSERT(p->len <= cap);
	memcpy(line, p->line, p->len);
	*len = p->len;
	p->read = true;
	return 1;
}

static int letters(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct paper p = {.len = 0};
	struct weir_dead_log log = {.write = write_paper, .arg = &p, .line_bytes = 256};
	struct weir_dead_report report = {0};
	weir_call *call = NULL;
	weir_scope s;
	int in = 1, out;
	(void)err, (void)arg;
	weir_stage *st = weir_dead_letter(
		weir_stage_new(weir_ctx_rt(ctx),
			       &(struct weir_stage_opts){.in = num_type(), .out = num_type(), .process = fail_handler}),
		weir_dead_log_write, &log);
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	if (rc == 0) {
		WEIR_SIM_EQ(weir_call_process(ctx, call, &in, &out, NULL), WEIR_EUSER);
		if (p.len == 0)
			rc = WEIR_ENOMEM; /* no letter without memory, and its stage says so to who asks */
	}
	if (rc == 0)
		rc = weir_dead_replay(ctx, call, st, &(struct weir_dead_replay_opts){.next = read_paper, .arg = &p},
				      &report, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM);
	WEIR_SIM_EQ(report.failed, rc == 0);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc;
}

static const struct fault_test tests[] = {
	{"retry", retry, 3 + 1, true},
	{"hedge", hedge, 2 + 1 + 2 * 2, false},
	{"all_fail", all_fail, 2 + 1 + 2 + 2, false}, /* and a member for each attempt */
	{"fallback", fallback, 2 + 1 + 1, true},
	{"policy", policy, 5 + 1 + 1, true}, /* and the member of the handler */
	{"nested", nested, 4 + 1 + 2, false},
	{"nested_fail", nested_fail, 4 + 1 + 2 + 4, false}, /* and members */
	{"letters", letters, 2 + 1 + 1 + 1, true},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 20);
}
