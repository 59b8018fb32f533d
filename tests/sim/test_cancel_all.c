/* SPDX-License-Identifier: MIT
 *
 * Every combinator, and the context of its caller cancelled at every visible operation: one table, one scenario.
 *
 * What must hold for each: a success is the whole value, the one that is made when nothing is cancelled; a failure is
 * WEIR_ECANCELED, or a part (WEIR_EPARTIAL) that is not the whole and has WEIR_ECANCELED among its reasons, and only
 * where the combinator promises parts; the input is the caller's as before; and every value that was made and not given
 * out is dropped once. The functions ask their context, or are deaf to it: then what is around them has to, and begins
 * no more of them than each of its lanes had in hand. (A chain and a filter leave it to the functions, as they say.)
 *
 * Values are counted, and what comes out is compared as text: 7, [1 2 -] with a - for an empty place.
 * The last test checks that each row saw a success, a cancel, and a part where there can be one. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"

static int late; /* functions that were begun after the end */
static bool deaf;

WEIR_ARRAY_DECLARE(rows, items);

/* ---- functions ---- */

/* Another task may run; 0, or that the context has ended, if anybody listens. */
static int moment(weir_ctx *ctx)
{
	late += weir_ctx_err(ctx) != 0;
	weir_rt_yield(weir_ctx_rt(ctx));
	return deaf ? 0 : weir_ctx_err(ctx);
}

static int plus(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)err, (void)arg;
	if (rc == 0)
		*out = item_new(in->id + 1);
	return rc;
}
WEIR_STAGE_DECLARE(plus, item, item);

static int sum(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	int rc = moment(ctx), all = 0;
	(void)err, (void)arg;
	for (size_t i = 0; i < in->n; i++)
		all += ((const struct item *)weir_array_at(in, i))->id;
	if (rc == 0)
		*(struct item *)out = item_new(all);
	return rc;
}

static int even(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)err, (void)arg;
	return rc < 0 ? rc : ((const struct item *)in)->id % 2 == 0;
}

static int both(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)in, (void)err, (void)arg;
	WEIR_SIM_EQ(cap, 2);
	picks[0] = 1;
	picks[1] = 0;
	return rc < 0 ? rc : 2;
}

static int parity_of(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)err, (void)arg;
	if (rc == 0) /* a key that owns something is counted too */
		*(struct item *)key = item_new(((const struct item *)value)->id % 2);
	return rc;
}

static int by_parity(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct item *)a)->id % 2 - ((const struct item *)b)->id % 2;
}

/* ---- the table ---- */

static weir_rt *rt;

static weir_stage *one(void)
{
	return plus_stage(rt, NULL);
}

static weir_stage *two(void)
{
	return weir_then(one(), one());
}

static weir_stage *summing(void)
{
	return weir_fan_in(rt, item_type(), item_type(), sum, NULL);
}

static weir_stage *chain(void)
{
	return weir_then(two(), one());
}

static weir_stage *fan_out(void)
{
	return weir_fan_out((weir_stage *const[]){one(), two()}, 2, 0);
}

static weir_stage *fan_out_inline(void)
{
	return weir_fan_out((weir_stage *const[]){one(), two()}, 2, 1);
}

static weir_stage *fan_out_taking(void)
{
	return weir_fan_out((weir_stage *const[]){weir_filter(rt, item_type(), even, NULL), one()}, 2, 1);
}

static weir_stage *parallel(void)
{
	return weir_parallel((weir_stage *const[]){one(), one()}, 2, 0, summing());
}

static weir_stage *map(void)
{
	return weir_map(one(), &(struct weir_map_opts){.concurrency = 2});
}

static weir_stage *map_inline(void)
{
	return weir_map(two(), &(struct weir_map_opts){.concurrency = 1});
}

static weir_stage *map_collect(void)
{
	return weir_map(one(), &(struct weir_map_opts){.concurrency = 2, .collect = true});
}

static weir_stage *filter(void)
{
	return weir_filter(rt, item_type(), even, NULL);
}

static weir_stage *router(void)
{
	return weir_router((weir_stage *const[]){one(), two()}, 2,
			   &(struct weir_router_opts){.selector = both, .concurrency = 1});
}

static weir_stage *router_together(void)
{
	return weir_router((weir_stage *const[]){one(), one()}, 2, &(struct weir_router_opts){.selector = both});
}

static weir_stage *join(void)
{
	return weir_join_by_key(rt, item_type(),
				&(struct weir_join_opts){.key_of = parity_of, .key = item_type(), .order = by_parity});
}

static weir_stage *reduce(void)
{
	return weir_reduce(summing(), &(struct weir_reduce_opts){.order = by_parity, .concurrency = 2});
}

static weir_stage *map_reduce(void)
{
	return weir_map_reduce(one(), summing(),
			       &(struct weir_reduce_opts){.order = by_parity, .concurrency = 1, .map_concurrency = 2});
}

static weir_stage *batch(void)
{
	return weir_batch(map_inline(), &(struct weir_batch_opts){.size = 2});
}

static weir_stage *batch_whole(void)
{
	return weir_batch(map_inline(), &(struct weir_batch_opts){.size = 2, .whole = true});
}

/* It is asked about the end of the context like about anything else, and has no value either. */
static int no_value(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)in, (void)out, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	return err->code;
}

static weir_stage *on_error(void)
{
	return weir_on_error(two(), &(struct weir_on_error_opts){.fn = no_value});
}

static weir_service svc;

static weir_stage *service(void)
{
	weir_service_init(&svc, rt, NULL);
	return weir_service_stage(two(), &svc);
}

enum { VALUE, ARRAY };
enum { WHOLE = 1, CANCELED = 2, PART = 4, BEFORE = 8 };

static struct row {
	const char *name;
	weir_stage *(*build)(void);
	int takes;         /* 4, or [0 1 2] */
	const char *makes; /* when nothing is cancelled */
	int late;          /* at most so many begin after the end */
	unsigned can;      /* end so */
	unsigned seen;
} rows[] = {
	{"chain", chain, VALUE, "7", 3, WHOLE | CANCELED, 0},
	{"fan_out", fan_out, VALUE, "[5 6]", 3, WHOLE | CANCELED, 0},
	{"fan_out_inline", fan_out_inline, VALUE, "[5 6]", 2, WHOLE | CANCELED, 0},
	{"fan_out_taking", fan_out_taking, VALUE, "[4 5]", 1, WHOLE | CANCELED, 0},
	{"fan_in", summing, ARRAY, "3", 1, WHOLE | CANCELED, 0},
	{"parallel", parallel, VALUE, "10", 2, WHOLE | CANCELED, 0},
	{"map", map, ARRAY, "[1 2 3]", 2, WHOLE | CANCELED, 0},
	{"map_inline", map_inline, ARRAY, "[2 3 4]", 2, WHOLE | CANCELED, 0},
	{"map_collect", map_collect, ARRAY, "[1 2 3]", 2, WHOLE | CANCELED | PART, 0},
	{"filter", filter, VALUE, "4", 1, WHOLE | CANCELED, 0},
	{"router", router, VALUE, "[6 5]", 2, WHOLE | CANCELED, 0},
	{"router_together", router_together, VALUE, "[5 5]", 2, WHOLE | CANCELED, 0},
	{"join_by_key", join, ARRAY, "[[0 2] [1]]", 1, WHOLE | CANCELED, 0},
	{"reduce", reduce, ARRAY, "[2 1]", 2, WHOLE | CANCELED, 0},
	{"map_reduce", map_reduce, ARRAY, "[2 4]", 2, WHOLE | CANCELED, 0},
	{"batch", batch, ARRAY, "[2 3 4]", 2, WHOLE | CANCELED | PART, 0},
	{"batch_whole", batch_whole, ARRAY, "[2 3 4]", 2, WHOLE | CANCELED, 0},
	{"on_error", on_error, VALUE, "6", 2, WHOLE | CANCELED, 0},
	{"service", service, VALUE, "6", 2, WHOLE | CANCELED | BEFORE, 0},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- one row ---- */

static void write_value(const weir_type *type, const void *value, char **to)
{
	if (type->size == sizeof(struct item)) {
		WEIR_SIM_EQ(((const struct item *)value)->dropped, 0);
		*to += sprintf(*to, "%d", ((const struct item *)value)->id);
		return;
	}
	const weir_array *a = value;
	*to += sprintf(*to, "[");
	for (size_t i = 0; i < a->n; i++) {
		const void *at = weir_array_at(a, i);
		*to += sprintf(*to, "%s%s", i ? " " : "", at ? "" : "-");
		if (at)
			write_value(weir_type_equal(type, rows_type()) ? items_type() : item_type(), at, to);
	}
	*to += sprintf(*to, "]");
}

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "enough");
	return 0;
}

/* Runs the row's input through the call, and returns how it ended. */
static unsigned run_row(weir_ctx *ctx, const struct row *row, const weir_stage *st, weir_call *call)
{
	union {
		struct item value;
		weir_array array;
	} in = {.value = {.id = 4}}, out;
	char text[64] = "", *end = text;
	weir_err err = {0};
	if (row->takes == ARRAY)
		WEIR_SIM_EQ(items_new(rt, 3, (items_t *)(void *)&in.array), 0);
	for (int i = 0; i < 3 && row->takes == ARRAY; i++)
		WEIR_SIM_EQ(weir_array_put(&in.array, (size_t)i, &(struct item){.id = i}), 0);
	late = 0;
	int ours = alive = row->takes == ARRAY ? 3 : 1;
	int rc = weir_call_process(ctx, call, &in, &out, &err);
	bool has_value = rc == 0 || rc == WEIR_EPARTIAL, moved = rc == 0 && weir_stage_takes(st);
	if (has_value)
		write_value(weir_stage_out(st), &out, &end);
	if (has_value)
		weir_stage_out(st)->drop(&out, weir_stage_out(st)->arg);
	WEIR_SIM_EQ(alive, moved ? 0 : ours);
	if (!moved)
		weir_stage_in(st)->drop(&in, weir_stage_in(st)->arg);
	WEIR_SIM_EQ(err.code, rc);
	WEIR_SIM_ASSERT(late <= row->late);
	if (rc < 0)
		WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_ECANCELED));
	weir_err_fini(&err);
	if (has_value && (strcmp(text, row->makes) == 0) != (rc == 0))
		weir_sim_fail(__FILE__, __LINE__, "%d: made %s, and not %s", rc, text, row->makes);
	WEIR_SIM_ASSERT(has_value || rc == WEIR_ECANCELED);
	return rc == 0 ? WHOLE : rc == WEIR_EPARTIAL ? PART : CANCELED;
}

static int canceled_anywhere(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct row *row = arg;
	weir_call *call = NULL;
	weir_scope s, other;
	weir_ctx own;
	bool is_service = row->build == service;
	(void)err;
	rt = weir_ctx_rt(ctx);
	deaf = weir_sim_choose(2, "whether the functions ask their context");
	weir_stage *st = row->build();
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	weir_scope_init(&s, ctx);
	weir_scope_init(&other, ctx);
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&other, "canceller", cancel_it, &own), 0);
	int rc = is_service ? weir_service_start(&own, &svc, NULL) : 0;
	if (rc < 0) {
		WEIR_SIM_EQ(rc, WEIR_ECANCELED);
		row->seen |= BEFORE;
	} else {
		row->seen |= run_row(&own, row, st, call);
	}
	if (is_service) /* also under a context that has ended: nobody is inside */
		WEIR_SIM_EQ(weir_service_stop(&own, &svc, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &other, 0, NULL), 0);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	if (is_service)
		weir_service_fini(&svc);
	return 0;
}

static int all_outcomes_were_seen(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	if (getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* fewer may not see all */
		return 0;
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].seen != rows[i].can)
			weir_sim_fail(__FILE__, __LINE__, "%s: ended as %u, and can as %u", rows[i].name, rows[i].seen,
				      rows[i].can);
	return 0;
}

int main(int argc, char **argv)
{
	static struct weir_sim_test tests[ROWS + 1];
	struct weir_sim_test *list[ROWS + 1];
	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct weir_sim_test){.name = rows[i].name,
						  .fn = canceled_anywhere,
						  .arg = &rows[i],
						  .opts = {.strategy = "dfs2"}};
	tests[ROWS] = (struct weir_sim_test){.name = "all_outcomes_were_seen",
					     .fn = all_outcomes_were_seen,
					     .opts = {.schedules = 1, .allow_no_decisions = true}};
	for (size_t i = 0; i < ROWS + 1; i++)
		list[i] = &tests[i];
	return weir_sim_main_tests(argc, argv, list, ROWS + 1);
}
