/* SPDX-License-Identifier: MIT
 *
 * A call is one task's at a time (weir_call_process). Two tasks that use one at the same time would share its memory in
 * silence, and so would a function that uses the call it runs in: the simulator names both. It does not name calls of
 * each one's own, also one within another, nor a call that is handed on, also one whose use was cut short. */
#include <weir/sim.h>
#include <weir/stage.h>

#include "kit.h"

WEIR_TYPE_PLAIN(num, int);

static int slow(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = *in * 2;
	return weir_sleep(ctx, WEIR_MS(2));
}
WEIR_STAGE_DECLARE(slow, num, num);

/* Runs the call that its argument points to. */
static int within(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *call)
{
	return weir_call_process(ctx, *(weir_call **)call, in, out, err);
}
WEIR_STAGE_DECLARE(within, num, num);

static int use(weir_ctx *ctx, weir_err *err, void *call)
{
	int in = 21, out = 0;
	int rc = weir_call_process(ctx, call, &in, &out, err);
	WEIR_SIM_ASSERT(rc < 0 || out == 42);
	return rc;
}

/* Two tasks at the same time, with a call each or with the same. */
static void two(weir_ctx *ctx, bool own)
{
	weir_stage *st = slow_stage(weir_ctx_rt(ctx), NULL);
	weir_scope s, users;
	weir_scope_init(&s, ctx);
	weir_scope_init(&users, ctx);
	weir_call *first = call_of(&s, st), *second = own ? call_of(&s, st) : first;
	WEIR_SIM_EQ(weir_scope_spawn(&users, "first", use, first), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&users, "second", use, second), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &users, 0, NULL), 0);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(2));
	if (own)
		weir_call_free(&second);
	weir_call_free(&first);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
}

static int share(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	two(ctx, false);
	return 0;
}

/* A function runs a call: the one that it runs in, or one of another stage. */
static void one_within_another(weir_ctx *ctx, bool itself)
{
	weir_call *used = NULL;
	weir_stage *outer = within_stage(weir_ctx_rt(ctx), &used), *inner = slow_stage(weir_ctx_rt(ctx), NULL);
	weir_scope s;
	weir_scope_init(&s, ctx);
	weir_call *a = call_of(&s, outer), *b = call_of(&s, inner);
	used = itself ? a : b;
	for (int i = 1; i <= 2; i++) {
		WEIR_SIM_EQ(use(ctx, NULL, a), 0);
		WEIR_SIM_EQ(use(ctx, NULL, b), 0);
		WEIR_SIM_EQ(now(ctx), i * WEIR_MS(4));
	}
	weir_call_free(&a);
	weir_call_free(&b);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&outer);
	weir_stage_free(&inner);
}

static int use_itself(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	one_within_another(ctx, true);
	return 0;
}

WEIR_SIM_TEST_WITH(two_tasks_with_a_call_each, .strategy = "dfs")
{
	two(ctx, true);
}

WEIR_SIM_TEST_WITH(another_call_within_a_call, .schedules = 1, .allow_no_decisions = true)
{
	one_within_another(ctx, false);
}

/* Depth: a function that runs another call of its own stage, as a walk through a tree does. */
static weir_call *levels[3];
static int level;

static int descend(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)arg;
	int rc = 0;
	*out = *in + 1;
	if (level < 2)
		rc = weir_call_process(ctx, levels[++level], in, out, err);
	*out += 1;
	return rc;
}
WEIR_STAGE_DECLARE(descend, num, num);

WEIR_SIM_TEST_WITH(a_stage_within_itself_by_calls_of_its_own, .schedules = 1, .allow_no_decisions = true)
{
	weir_stage *st = descend_stage(weir_ctx_rt(ctx), NULL);
	weir_scope s;
	int in = 0, out = 0;
	weir_scope_init(&s, ctx);
	level = 0;
	for (int i = 0; i < 3; i++)
		levels[i] = call_of(&s, st);
	WEIR_SIM_EQ(weir_call_process(ctx, levels[0], &in, &out, NULL), 0);
	WEIR_SIM_EQ(out, 4);
	for (int i = 0; i < 3; i++)
		weir_call_free(&levels[i]);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
}

/* The first user's context ends before or while it uses the call; by the time it was joined it has let go. */
WEIR_SIM_TEST_WITH(a_call_is_handed_on_after_a_cancel, .strategy = "dfs")
{
	weir_stage *st = slow_stage(weir_ctx_rt(ctx), NULL);
	weir_scope s, first;
	weir_scope_init(&s, ctx);
	weir_call *call = call_of(&s, st);
	weir_scope_init(&first, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&first, "first", use, call), 0);
	weir_scope_cancel(&first, "enough");
	int rc = weir_scope_join(ctx, &first, 0, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(now(ctx), 0); /* cut short */
	WEIR_SIM_EQ(use(ctx, NULL, call), 0);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(2));
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
}

static struct weir_sim_test must_fail[] = {
	{.name = "two_tasks_share_a_call", .fn = share, .opts = {.strategy = "dfs"}},
	{.name = "a_call_uses_itself", .fn = use_itself, .opts = {.schedules = 1, .allow_no_decisions = true}},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(must_fail) / sizeof(must_fail[0]); i++) {
		must_fail[i].expect = WEIR_SIM_MISUSE;
		weir_sim_register(&must_fail[i]);
	}
	return weir_sim_main(argc, argv);
}
