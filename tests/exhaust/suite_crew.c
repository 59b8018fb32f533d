/* SPDX-License-Identifier: MIT
 *
 * The helpers of a call (src/stage/crew.h): who does which item, who leaves last, and an end in between.
 *
 * What each schedule is held to: an item is done once, in no task after process has returned, and its value is in its
 * place; process does not depend on helpers, which leave when the scope ends or the call is freed, whenever that is.
 * Nobody waits for ever, nothing is left, and nothing is touched after it was freed: that the simulator sees by itself.
 * A batch that is kept is none of these: under hooks there is none. */
#include <string.h>
#include <weir/stage.h>

#include "exhaust.h"

static struct {
	weir_task *owner;
	int done[4], inside, most, helped;
} st;

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

static int item(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int *done = arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err;
	st.inside++;
	st.most = st.inside > st.most ? st.inside : st.most;
	if (rt->vt->self(rt) != st.owner)
		st.helped++;
	WEIR_SIM_EQ((*done)++, 0);
	weir_rt_yield(rt);
	*(int *)out = *(const int *)in + (int)(done - st.done);
	st.inside--;
	return 0;
}

static weir_stage *stage(weir_rt *rt, size_t i)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = "item",
							    .in = &number,
							    .out = &number,
							    .process = item,
							    .arg = &st.done[i]});
}

static weir_stage *two(weir_ctx *ctx)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	memset(&st, 0, sizeof(st));
	st.owner = rt->vt->self(rt);
	return weir_fan_out((weir_stage *[]){stage(rt, 0), stage(rt, 1)}, 2, 0);
}

static void process(weir_ctx *ctx, weir_call *call)
{
	weir_array out;
	memset(st.done, 0, sizeof(st.done));
	WEIR_SIM_EQ(weir_call_process(ctx, call, &(int){5}, &out, NULL), 0);
	WEIR_SIM_EQ(st.inside, 0);
	for (size_t i = 0; i < 2; i++) {
		WEIR_SIM_EQ(st.done[i], 1);
		WEIR_SIM_EQ(*(int *)weir_array_at(&out, i), 5 + (int)i);
	}
	weir_array_drop(&out);
}

/* Outcomes: 0 the owner did all, 1 the helper did something, 2 both were inside at once. */
static void saw_help(void)
{
	exhaust_saw(st.helped == 0 ? 0 : 1);
	if (st.most == 2)
		exhaust_saw(2);
}

/* Two items and one helper, once or (arg) twice: the second batch can come before the helper has left the first, or
 * while it is about to sleep. Then the call and its stage are freed, wherever the helper is. */
static void batches(weir_ctx *ctx, const void *arg)
{
	weir_stage *root = two(ctx);
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, root, &call), 0);
	for (int i = 0; i < *(const int *)arg; i++)
		process(ctx, call);
	weir_call_free(&call);
	weir_stage_free(&root);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.inside, 0);
	if (*(const int *)arg)
		saw_help();
	else
		exhaust_saw(0);
}

static int ends(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_scope_cancel(arg, "enough");
	return 0;
}

/* The scope of the helper ends meanwhile; the context of process does not. */
static void scope_ends(weir_ctx *ctx, const void *arg)
{
	weir_stage *root = two(ctx);
	weir_call *call = NULL;
	weir_scope s, outer;
	(void)arg;
	weir_scope_init(&s, ctx);
	weir_scope_init(&outer, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, root, &call), 0);
	exhaust_start(&outer, "ends", ends, &s);
	process(ctx, call);
	weir_call_free(&call);
	weir_stage_free(&root);
	exhaust_join(ctx, &outer);
	exhaust_join(ctx, &s);
	saw_help();
}

static int ends_own(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	weir_scope_cancel(*(weir_scope **)arg, "by an item");
	return item(ctx, in, out, err, &st.done[0]);
}

/* The first item ends the scope whose tasks the helpers are. */
static void item_ends_scope(weir_ctx *ctx, const void *arg)
{
	static weir_scope *of_helper;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_scope s;
	(void)arg;
	memset(&st, 0, sizeof(st));
	st.owner = rt->vt->self(rt);
	of_helper = &s;
	weir_stage *first = weir_stage_new(rt, &(struct weir_stage_opts){.name = "ends",
									 .in = &number,
									 .out = &number,
									 .process = ends_own,
									 .arg = &of_helper});
	weir_stage *root = weir_fan_out((weir_stage *[]){first, stage(rt, 1)}, 2, 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, root, &call), 0);
	process(ctx, call);
	weir_call_free(&call);
	weir_stage_free(&root);
	exhaust_join(ctx, &s);
	saw_help();
}

/* A fan-out within a fan-out: two helpers, who may be in either. */
static void nested(weir_ctx *ctx, const void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *inner = two(ctx);
	weir_call *call = NULL;
	weir_array out;
	weir_scope s;
	(void)arg;
	weir_stage *other = weir_fan_out((weir_stage *[]){stage(rt, 2), stage(rt, 3)}, 2, 1);
	weir_stage *root = weir_fan_out((weir_stage *[]){inner, other}, 2, 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, root, &call), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &(int){5}, &out, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		WEIR_SIM_EQ(st.done[i], 1);
		WEIR_SIM_EQ(*(int *)weir_array_at(weir_array_at(&out, i / 2), i % 2), 5 + (int)i);
	}
	WEIR_SIM_EQ(st.inside, 0);
	weir_array_drop(&out);
	weir_call_free(&call);
	weir_stage_free(&root);
	exhaust_join(ctx, &s);
	saw_help();
}

static const int never = 0, once = 1, twice = 2;

#define ROW(name_, fn_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                                          \
	{                                                                                                             \
		.name = "crew_" name_, .fn = fn_, .arg = arg_, .outcomes = outcomes_, .quick = quick_, .deep = deep_, \
		.inner = inner_, .inner_deep = inner_deep_                                                            \
	}

const struct exhaust_row exhaust_crew[] = {
	ROW("freed", batches, &never, 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("two_items", batches, &once, 0x7, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs2", "dfs3"),
	ROW("two_batches", batches, &twice, 0x7, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs2", "dfs3"),
	ROW("scope_ends", scope_ends, NULL, 0x7, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs2", "dfs2"),
	ROW("item_ends_scope", item_ends_scope, NULL, 0x7, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs2", "dfs3"),
	ROW("nested", nested, NULL, 0x7, WITHIN("dfs2", 0), WITHIN("dfs3", 0), "dfs1", "dfs2"),
};
const size_t exhaust_n_crew = sizeof(exhaust_crew) / sizeof(exhaust_crew[0]);
