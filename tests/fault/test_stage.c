/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn that stages make fails once, under 20 schedules each: while a tree is built (it is
 * never NULL, says so when it is checked, and frees all of it), while a call is made (no call, no helper left behind,
 * and the stage can be freed at once), and while arrays are made (the code, and no value lost: `alive` counts them).
 * The simulator counts tasks and memory. Each scenario names how many failures the sweep must have reached. */
#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"
#include "kit.h"

WEIR_ARRAY_DECLARE(items, item);

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	*out = *in + 1;
	alive++;
	return 0;
}
WEIR_STAGE_DECLARE(plus, item, item);

static int fail(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	return weir_fail(err, WEIR_EUSER, "as it must");
}
WEIR_STAGE_DECLARE(fail, item, item);

static int sum(weir_ctx *ctx, const items_t *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = 0;
	for (size_t i = 0; i < items_len(in); i++)
		*out += *items_at(in, i);
	alive++;
	return 0;
}
WEIR_STAGE_DECLARE(sum, items, item);

static int by_value(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a - *(const int *)b;
}

static int select_twice(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)err, (void)arg;
	WEIR_SIM_EQ(cap, 2);
	picks[0] = picks[1] = 1;
	return 2;
}

/* ---- trees ---- */

typedef weir_stage *build_fn(weir_rt *rt);

static int as_it_was(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	return err->code;
}

static weir_stage *build_chain(weir_rt *rt)
{
	weir_stage *two = weir_then(plus_stage(rt, NULL), plus_stage(rt, NULL));
	return weir_then(weir_on_error(two, &(struct weir_on_error_opts){.fn = as_it_was}), plus_stage(rt, NULL));
}

static weir_stage *build_fan_out(weir_rt *rt)
{
	weir_stage *const three[] = {plus_stage(rt, NULL), plus_stage(rt, NULL), build_chain(rt)};
	return weir_parallel(three, 3, 0, sum_stage(rt, NULL));
}

static weir_stage *build_router(weir_rt *rt)
{
	weir_stage *const two[] = {plus_stage(rt, NULL), build_chain(rt)};
	return weir_then(weir_router(two, 2, &(struct weir_router_opts){.selector = select_twice}),
			 sum_stage(rt, NULL));
}

static weir_stage *build_map(weir_rt *rt)
{
	return weir_map(weir_then(plus_stage(rt, NULL), build_fan_out(rt)), &(struct weir_map_opts){.concurrency = 2});
}

static weir_stage *build_map_reduce(weir_rt *rt)
{
	return weir_map_reduce(plus_stage(rt, NULL), sum_stage(rt, NULL),
			       &(struct weir_reduce_opts){.order = by_value, .concurrency = 2, .map_concurrency = 2});
}

static weir_stage *build_collect(weir_rt *rt)
{
	return weir_map(fail_stage(rt, NULL), &(struct weir_map_opts){.concurrency = 2, .collect = true});
}

/* Processes a value, or an array of three, twice: what comes out has gone when this returns. */
static int process(weir_ctx *ctx, weir_call *call, const weir_stage *st, int expected)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	bool takes_array = weir_stage_in(st)->size != sizeof(int);
	int rc = 0, value = 1;
	union {
		int one;
		items_t many;
	} out;
	items_t in = {0};
	if (takes_array)
		rc = items_new(rt, 3, &in);
	for (size_t i = 0; i < items_len(&in); i++)
		WEIR_SIM_EQ(items_put(&in, i, &(const int){1}), 0);
	alive = (int)items_len(&in);
	for (int i = 0; i < 2 && rc == 0; i++) {
		weir_err err = {0};
		rc = weir_call_process(ctx, call, takes_array ? (const void *)&in : &value, &out, &err);
		WEIR_SIM_EQ(err.code, rc);
		if (rc == 0 || rc == WEIR_EPARTIAL)
			weir_stage_out(st)->drop(&out, weir_stage_out(st)->arg);
		WEIR_SIM_EQ(alive, items_len(&in));
		weir_err_fini(&err);
		rc = rc == expected ? 0 : rc;
	}
	items_drop(&in);
	return rc;
}

static int build_and_run(weir_ctx *ctx, build_fn *build, int expected)
{
	weir_err err = {0};
	weir_call *call = NULL;
	weir_scope s;
	weir_stage *st = build(weir_ctx_rt(ctx));
	WEIR_SIM_ASSERT(st != NULL);
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, &err);
	WEIR_SIM_EQ(err.code, rc);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM);
	weir_err_fini(&err);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	WEIR_SIM_EQ(call != NULL, rc == 0);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	if (rc == 0)
		rc = process(ctx, call, st, expected);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc;
}

static int chain(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return build_and_run(ctx, build_chain, 0);
}

static int fan_out(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return build_and_run(ctx, build_fan_out, 0);
}

static int router(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return build_and_run(ctx, build_router, 0);
}

static int map(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return build_and_run(ctx, build_map, 0);
}

static int map_reduce(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return build_and_run(ctx, build_map_reduce, 0);
}

/* Members without memory are counted: the code stays. */
static int collect(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return build_and_run(ctx, build_collect, WEIR_EPARTIAL);
}

/* What is wrong is a copy of what the stage keeps: each has its own. What err held before is let go of, with its
 * members, and the stage says the same again. */
static int check(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_err first = {0}, second = {0}, member = {0};
	char texts[2][200];
	weir_stage *st = weir_then(weir_map(plus_stage(rt, NULL), NULL), sum_stage(rt, NULL));
	weir_stage *wrong = weir_then(st, weir_stage_new(rt, NULL));
	(void)weir_fail(&member, WEIR_EUSER, "a member");
	weir_err_add(&first, rt, 0, &member);
	WEIR_SIM_EQ(first.code, WEIR_EUSER);
	int rc = weir_stage_check(wrong, &first);
	WEIR_SIM_ASSERT(rc == WEIR_EINVAL || rc == WEIR_ENOMEM);
	WEIR_SIM_EQ(weir_stage_check(wrong, &second), rc);
	WEIR_SIM_ASSERT(first.code == rc && second.code == rc && !weir_err_member(&first, 0, NULL));
	weir_err_format(&first, texts[0], sizeof(texts[0]));
	weir_err_fini(&first);
	weir_err_format(&second, texts[1], sizeof(texts[1]));
	WEIR_SIM_ASSERT(strcmp(texts[0], texts[1]) == 0);
	weir_stage_free(&wrong);
	weir_err_fini(&second);
	return rc == WEIR_ENOMEM ? rc : 0;
}

static const struct fault_test tests[] = {
	{"chain", chain, 6 + 1, true},
	/* 5 functions, 2 chains and an on_error in it, sum, fan-out, chain; call; 2 tasks and their records; shelf,
	 * block */
	{"fan_out", fan_out, 5 + 3 + 3 + 1 + 2 + 2 + 2, false},
	{"router", router, 4 + 3 + 3 + 1 + 1 + 1 + 2, false},
	{"map", map, 5 + 3 + 3 + 3 + 1 + 5 + 5 + 1 + 2 + 2, false},
	{"map_reduce", map_reduce, 5 + 1 + 2 + 2 + 1 + 2 * 4, false},
	/* 3 functions, a map and 2 chains; the member */
	{"check", check, 6 + 1, true},
	{"collect", collect, 2 + 1 + 1 + 1 + 1 + 2 + 6, false},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 20);
}
