/* SPDX-License-Identifier: MIT
 *
 * Stages that do several things at once, under every interleaving: helpers that join in, leave and are let go, who
 * fails first, what a cancel at any operation leaves behind, and memory of arrays that comes back from another task.
 *
 * Values are items that are counted: `alive` goes up when a stage makes or copies one and down when one is dropped, and
 * a dropped one is marked, so that a second drop, or a use after it, shows. When process has returned with a failure
 * only what the test itself holds is alive. `inside` counts the functions that run: 0 whenever process has returned.
 *
 * A test of a race sets a bit for what happened; the test at the end checks that the search saw every outcome.
 * Bounds: "dfs" is every schedule, "dfsN" every schedule with at most N preemptions; a bound of time on the larger
 * trees is given by the number of schedules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"
#include "kit.h"

static int inside;

WEIR_ARRAY_DECLARE(rows, items);

/* ---- the parts ---- */

struct part {
	int add, rc;     /* makes id + add, or fails with rc */
	int64_t ns;      /* after so long */
	bool wait;       /* ... or when its context ends */
	bool stubborn;   /* ... and succeeds all the same */
	bool always, at; /* rc counts for all ids, or for `id` alone */
	int id;
};

static int work(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	const struct part *p = arg;
	WEIR_SIM_EQ(in->dropped, 0);
	inside++;
	int id = in->id, rc = 0;
	if (p->ns)
		rc = weir_sleep(ctx, p->ns);
	else if (p->wait)
		rc = weir_sleep(ctx, WEIR_SEC(3600));
	else
		weir_rt_yield(weir_ctx_rt(ctx));
	inside--;
	WEIR_SIM_EQ(in->dropped, 0); /* it was borrowed all the time */
	WEIR_SIM_EQ(in->id, id);
	if (p->stubborn)
		rc = 0;
	if (rc == 0 && p->rc && (!p->at || p->id == id))
		rc = weir_fail(err, p->rc, "part %d", p->add);
	if (rc == 0)
		*out = item_new(id + p->add);
	return rc;
}
WEIR_STAGE_DECLARE(work, item, item);

/* Passes its value through, as part of a fan-out: of a copy. */
static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)err;
	weir_rt_yield(weir_ctx_rt(ctx));
	if (p->rc)
		return p->rc;
	memcpy(out, in, sizeof(struct item));
	return 0;
}

static weir_stage *part(weir_ctx *ctx, struct part *p)
{
	return work_stage(weir_ctx_rt(ctx), p);
}

static weir_stage *passing(weir_ctx *ctx, struct part *p)
{
	return weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "pass",
									  .in = item_type(),
									  .out = item_type(),
									  .process = pass,
									  .arg = p,
									  .takes = true});
}

static weir_stage *parts(weir_ctx *ctx, struct part *p, size_t n, size_t concurrency)
{
	weir_stage *children[8];
	for (size_t i = 0; i < n; i++)
		children[i] = part(ctx, &p[i]);
	return weir_fan_out(children, n, concurrency);
}

/* A scope of helpers, a stage and its call. */
struct run {
	weir_scope s;
	weir_stage *st;
	weir_call *call;
};

static void open_run(struct run *r, weir_ctx *ctx, weir_stage *st)
{
	alive = inside = 0;
	*r = (struct run){.st = st};
	weir_scope_init(&r->s, ctx);
	r->call = call_of(&r->s, st);
}

static void close_run(struct run *r, weir_ctx *ctx)
{
	weir_call_free(&r->call);
	weir_stage_free(&r->st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &r->s, 0, NULL), 0);
	WEIR_SIM_EQ(alive, 0);
}

/* Runs item 1 through the call: what comes out, if anything does, is checked to be `n` values of 1 + add. */
static int process(weir_ctx *ctx, weir_call *call, items_t *out, weir_err *err)
{
	struct item in = item_new(1);
	int rc = weir_call_process(ctx, call, &in, out, err);
	WEIR_SIM_EQ(inside, 0);
	WEIR_SIM_EQ(in.dropped, 0); /* still ours */
	item_free(&in);
	if (rc < 0)
		WEIR_SIM_EQ(alive, 0);
	return rc;
}

static void expect_items(items_t *out, const struct part *p, size_t n)
{
	WEIR_SIM_EQ(items_len(out), n);
	for (size_t i = 0; i < n; i++) {
		WEIR_SIM_ASSERT(items_at(out, i) != NULL);
		WEIR_SIM_EQ(items_at(out, i)->id, 1 + p[i].add);
	}
	items_drop(out);
	WEIR_SIM_EQ(alive, 0);
}

struct canceller {
	weir_ctx *ctx;
	weir_scope *scope;
	uint32_t patience; /* operations before */
};

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct canceller *c = arg;
	(void)err;
	for (uint32_t i = 0; i < c->patience; i++)
		weir_rt_yield(weir_ctx_rt(ctx));
	if (c->scope)
		weir_scope_cancel(c->scope, "enough");
	else
		weir_ctx_cancel(c->ctx, "enough");
	return 0;
}

/* ---- fan-out ---- */

static unsigned seen_cancel, seen_first, seen_scope, seen_map, seen_reduce, seen_router;

WEIR_SIM_TEST_WITH(fan_out_in_order, .strategy = "dfs2")
{
	struct part p[] = {{.add = 1}, {.add = 2}, {.add = 3}};
	struct run r;
	items_t out;
	open_run(&r, ctx, parts(ctx, p, 3, 0));
	WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), 0);
	expect_items(&out, p, 3);
	close_run(&r, ctx);
}

/* All at once, or so many at a time: exact in virtual time. */
WEIR_SIM_TEST_WITH(fan_out_takes_as_long_as_its_lanes, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	static const int64_t ms[] = {10, 40, 20, 20, 10, 10}; /* by concurrency; 5 is more than n */
	struct part p[4] = {{.ns = WEIR_MS(10), .add = 1},
			    {.ns = WEIR_MS(10), .add = 2},
			    {.ns = WEIR_MS(10), .add = 3},
			    {.ns = WEIR_MS(10), .add = 4}};
	for (size_t c = 0; c < 6; c++) {
		struct run r;
		items_t out;
		open_run(&r, ctx, parts(ctx, p, 4, c));
		for (int i = 0; i < 2; i++) { /* the helpers are there the second time too */
			int64_t from = weir_rt_now(weir_ctx_rt(ctx));
			WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), 0);
			WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)) - from, WEIR_MS(ms[c]));
			expect_items(&out, p, 4);
		}
		close_run(&r, ctx);
	}
}

/* Each child in turn fails; the others wait for the end of their context, or have made something. */
WEIR_SIM_TEST_WITH(fan_out_fails_with_each_child, .strategy = "dfs1")
{
	for (size_t bad = 0; bad < 3; bad++) {
		struct part p[3] = {{.wait = true}, {.wait = true}, {.wait = true}};
		struct weir_err_info info;
		weir_err err = {0};
		struct run r;
		items_t out;
		p[bad] = (struct part){.rc = WEIR_EUSER - 3, .add = (int)bad};
		p[(bad + 1) % 3].stubborn = true; /* succeeds late: its value is dropped */
		open_run(&r, ctx, parts(ctx, p, 3, 0));
		WEIR_SIM_EQ(process(ctx, r.call, &out, &err), WEIR_EUSER - 3);
		WEIR_SIM_EQ(err.code, WEIR_EUSER - 3);
		WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EUSER - 3, &info));
		WEIR_SIM_EQ(strcmp(info.name, "work"), 0);
		WEIR_SIM_EQ(info.index, bad);
		WEIR_SIM_ASSERT(!weir_err_is(&err, WEIR_ECANCELED)); /* a consequence is no failure */
		WEIR_SIM_ASSERT(weir_err_member(&err, 0, NULL) == NULL);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
		weir_err_fini(&err);
		close_run(&r, ctx);
	}
}

/* Two fail: the first is the result, the other a member of it, or was not begun. */
WEIR_SIM_TEST_WITH(fan_out_fails_twice, .strategy = "dfs2")
{
	struct part p[] = {{.rc = WEIR_EUSER - 1}, {.rc = WEIR_EUSER - 2}};
	weir_err err = {0};
	uint32_t index = 7;
	struct run r;
	items_t out;
	open_run(&r, ctx, parts(ctx, p, 2, 0));
	int rc = process(ctx, r.call, &out, &err);
	WEIR_SIM_ASSERT(rc == WEIR_EUSER - 1 || rc == WEIR_EUSER - 2);
	size_t other = rc == WEIR_EUSER - 1;
	const weir_err *member = weir_err_member(&err, 0, &index);
	if (member) {
		WEIR_SIM_EQ(index, other);
		WEIR_SIM_EQ(member->code, p[other].rc);
		WEIR_SIM_ASSERT(weir_err_member(&err, 1, NULL) == NULL);
	}
	seen_first |= 1u << (other ? 0 : 1) | (member ? 4u : 8u);
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* One fails, and the other one, which its end makes fail too: in time it was second, wherever it stands. */
WEIR_SIM_TEST_WITH(fan_out_tells_the_first_in_time, .strategy = "dfs1", .no_early = true)
{
	for (size_t first = 0; first < 2; first++) {
		struct part p[2];
		weir_err err = {0};
		uint32_t index = 7;
		struct run r;
		items_t out;
		p[first] = (struct part){.rc = WEIR_EUSER - 1, .ns = WEIR_MS(10)};
		p[!first] = (struct part){.rc = WEIR_EUSER - 2, .ns = WEIR_MS(20), .stubborn = true};
		open_run(&r, ctx, parts(ctx, p, 2, 0));
		int64_t from = weir_rt_now(weir_ctx_rt(ctx));
		WEIR_SIM_EQ(process(ctx, r.call, &out, &err), WEIR_EUSER - 1);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)) - from, WEIR_MS(10));
		WEIR_SIM_EQ(err.code, WEIR_EUSER - 1);
		WEIR_SIM_ASSERT(weir_err_member(&err, 0, &index) != NULL);
		WEIR_SIM_EQ(weir_err_member(&err, 0, NULL)->code, WEIR_EUSER - 2);
		WEIR_SIM_EQ(index, !first);
		weir_err_fini(&err);
		close_run(&r, ctx);
	}
}

/* The caller's context is cancelled at any operation: all values, or its code and none. */
static void fan_out_canceled(weir_ctx *ctx, struct part *p, size_t n, size_t concurrency, unsigned *seen)
{
	struct run r;
	weir_ctx own;
	items_t out;
	weir_scope s;
	open_run(&r, ctx, parts(ctx, p, n, concurrency));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	int rc = process(&own, r.call, &out, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	*seen |= rc ? 1 : 2;
	if (rc == 0)
		expect_items(&out, p, n);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(fan_out_canceled_anywhere, .strategy = "dfs2")
{
	struct part p[] = {{.add = 1}, {.add = 2}};
	fan_out_canceled(ctx, p, 2, 0, &seen_cancel);
}

WEIR_SIM_TEST_WITH(fan_out_canceled_anywhere_inline, .strategy = "dfs")
{
	struct part p[] = {{.add = 1}, {.add = 2}};
	unsigned seen = 0;
	fan_out_canceled(ctx, p, 2, 1, &seen);
	seen_cancel |= seen << 2;
}

/* A child that fails, and a cancel: one of the two is the result, never a success. */
WEIR_SIM_TEST_WITH(fan_out_fails_and_is_canceled, .strategy = "dfs1")
{
	struct part p[] = {{.wait = true}, {.rc = WEIR_EUSER - 1}};
	struct run r;
	weir_ctx own;
	items_t out;
	open_run(&r, ctx, parts(ctx, p, 2, 0));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope s;
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	int rc = process(&own, r.call, &out, NULL);
	WEIR_SIM_ASSERT(rc == WEIR_EUSER - 1 || rc == WEIR_ECANCELED);
	seen_cancel |= rc == WEIR_ECANCELED ? 16 : 32;
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* A deadline ends it exactly then, and is its own code; so is a context that had ended before, and nobody is called. */
WEIR_SIM_TEST_WITH(fan_out_and_a_deadline, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	struct part p[] = {{.ns = WEIR_MS(10)},
			   {.ns = WEIR_MS(3), .rc = WEIR_EUSER - 1, .at = true},
			   {.ns = WEIR_MS(10)}};
	struct item zero = {0};
	struct run r;
	weir_ctx own;
	items_t out;
	open_run(&r, ctx, parts(ctx, p, 3, 0));
	WEIR_SIM_EQ(weir_call_process(ctx, r.call, &zero, &out, NULL), WEIR_EUSER - 1); /* forgotten by the next */
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(3));
	weir_ctx_init(&own, ctx, WEIR_MS(8));
	WEIR_SIM_EQ(process(&own, r.call, &out, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(8));
	WEIR_SIM_EQ(process(&own, r.call, &out, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(8));
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* The helpers' scope ends at any operation: process goes on, by itself where they have left. */
WEIR_SIM_TEST_WITH(fan_out_outlives_its_helpers, .strategy = "dfs2")
{
	struct part p[] = {{.add = 1}, {.add = 2}};
	struct run r;
	items_t out;
	weir_scope s;
	open_run(&r, ctx, parts(ctx, p, 2, 0));
	weir_scope_init(&s, ctx);
	struct canceller c = {.scope = &r.s};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), 0);
	seen_scope |= weir_ctx_err(weir_scope_ctx(&r.s)) ? 1 : 2;
	expect_items(&out, p, 2);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), 0); /* nobody helps */
	expect_items(&out, p, 2);
	close_run(&r, ctx);
}

/* A call that was never used, freed while its helpers begin, wait, or leave because of their scope. */
WEIR_SIM_TEST_WITH(call_freed_at_any_time, .strategy = "dfs2")
{
	struct part p[] = {{.add = 1}, {.add = 2}};
	struct run r;
	weir_scope s;
	open_run(&r, ctx, parts(ctx, p, 2, 0));
	weir_scope_init(&s, ctx);
	struct canceller c = {.scope = &r.s};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	weir_call_free(&r.call);
	weir_stage_free(&r.st); /* no helper needs it */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	close_run(&r, ctx);
}

/* A stage that takes has a copy of its own, which is dropped if it fails; one that does not sees the caller's. */
WEIR_SIM_TEST_WITH(fan_out_copies_for_those_that_take, .strategy = "dfs2")
{
	for (int bad = 0; bad < 2; bad++) {
		struct part p[] = {{.rc = bad ? WEIR_EFILTERED : 0}, {.add = 5}};
		struct run r;
		items_t out;
		open_run(&r, ctx, weir_fan_out((weir_stage *const[]){passing(ctx, &p[0]), part(ctx, &p[1])}, 2, 0));
		WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), bad ? WEIR_EFILTERED : 0);
		if (!bad)
			expect_items(&out, p, 2);
		close_run(&r, ctx);
	}
}

/* A value that comes out is dropped by another task while the call makes the next, and is freed. */
struct dropper {
	items_t a;
};

static int drop_items(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dropper *d = arg;
	(void)ctx, (void)err;
	items_drop(&d->a);
	return 0;
}

WEIR_SIM_TEST_WITH(arrays_come_back_from_another_task, .strategy = "dfs2")
{
	struct part p[] = {{.add = 1}, {.add = 2}};
	struct run r;
	struct dropper d[2];
	weir_scope s;
	open_run(&r, ctx, parts(ctx, p, 2, 1));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		struct item in = item_new(1);
		WEIR_SIM_EQ(weir_call_process(ctx, r.call, &in, &d[i].a, NULL), 0);
		item_free(&in);
		WEIR_SIM_EQ(items_at(&d[i].a, 1)->id, 3);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "dropper", drop_items, &d[i]), 0);
	}
	weir_call_free(&r.call); /* the last array takes the rest with it */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	close_run(&r, ctx);
}

static int read_out(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	unsigned char *bytes = out, seen = bytes[0];
	(void)in, (void)err, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	bytes[0] = (unsigned char)(seen + 1);
	return 0;
}

/* A function that reads what it is to write finds the same pattern each time, in a chain too, and not what was
 * there. */
WEIR_SIM_TEST_WITH(out_is_filled_before_each_value, .allow_no_decisions = true, .schedules = 2)
{
	static const weir_type byte = {.name = "byte", .size = 1};
	struct weir_stage_opts o = {.in = &byte, .out = &byte, .process = read_out};
	weir_rt *rt = weir_ctx_rt(ctx);
	unsigned char in = 1, out = 2;
	struct run r;
	open_run(&r, ctx, weir_then(weir_stage_new(rt, &o), weir_stage_new(rt, &o)));
	for (int i = 0; i < 3; i++) {
		WEIR_SIM_EQ(weir_call_process(ctx, r.call, &in, &out, NULL), 0);
		WEIR_SIM_EQ(out, 0xA6);
	}
	close_run(&r, ctx);
}

/* ---- trees of them ---- */

static weir_stage *two_by_two(weir_ctx *ctx, struct part *p)
{
	return weir_fan_out((weir_stage *const[]){parts(ctx, p, 2, 0), parts(ctx, p + 2, 2, 0)}, 2, 0);
}

static int process_rows(weir_ctx *ctx, weir_call *call, const struct part *p)
{
	struct item in = item_new(1);
	rows_t out;
	int rc = weir_call_process(ctx, call, &in, &out, NULL);
	WEIR_SIM_EQ(inside, 0);
	item_free(&in);
	for (size_t i = 0; rc == 0 && i < 4; i++)
		WEIR_SIM_EQ(items_at(rows_at(&out, i / 2), i % 2)->id, 1 + p[i].add);
	if (rc == 0)
		rows_drop(&out);
	WEIR_SIM_EQ(alive, 0);
	return rc;
}

WEIR_SIM_TEST_WITH(fan_outs_in_a_fan_out, .strategy = "portfolio", .schedules = 1000)
{
	struct part p[] = {{.add = 1}, {.add = 2}, {.add = 3}, {.add = 4}};
	struct run r;
	open_run(&r, ctx, two_by_two(ctx, p));
	WEIR_SIM_EQ(process_rows(ctx, r.call, p), 0);
	WEIR_SIM_EQ(process_rows(ctx, r.call, p), 0);
	close_run(&r, ctx);
}

/* All four at once: the helpers of the outer and of the inner ones are enough, whoever takes which. */
WEIR_SIM_TEST_WITH(fan_outs_in_a_fan_out_run_together, .strategy = "portfolio", .schedules = 1000, .no_early = true)
{
	struct part p[4] = {{.ns = WEIR_MS(1)}, {.ns = WEIR_MS(1)}, {.ns = WEIR_MS(1)}, {.ns = WEIR_MS(1)}};
	struct run r;
	open_run(&r, ctx, two_by_two(ctx, p));
	WEIR_SIM_EQ(process_rows(ctx, r.call, p), 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(1));
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(fan_outs_in_a_fan_out_canceled, .strategy = "portfolio", .schedules = 2000)
{
	struct part p[] = {{.add = 1}, {.add = 2}, {.add = 3}, {.rc = WEIR_EUSER - 1, .at = true, .id = 1}};
	struct run r;
	weir_ctx own;
	weir_scope s;
	p[3].rc = weir_sim_choose(2, "whether the last one fails") ? WEIR_EUSER - 1 : 0;
	p[3].add = 4;
	open_run(&r, ctx, two_by_two(ctx, p));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	int rc = process_rows(&own, r.call, p);
	WEIR_SIM_ASSERT(rc == WEIR_ECANCELED || rc == p[3].rc);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* ---- map ---- */

/* Maps 0 .. n - 1 by p: what is there is id + add. Returns the code; *made says how many are there. */
static int map_items(weir_ctx *ctx, weir_call *call, int n, const struct part *p, int *made, weir_err *err)
{
	items_t in = items_of(ctx, n), out;
	int rc = weir_call_process(ctx, call, &in, &out, err);
	WEIR_SIM_EQ(inside, 0);
	*made = 0;
	if (rc == 0 || rc == WEIR_EPARTIAL) {
		WEIR_SIM_EQ(items_len(&out), n);
		for (int i = 0; i < n; i++) {
			const struct item *at = items_at(&out, (size_t)i);
			*made += at != NULL;
			WEIR_SIM_ASSERT(at || rc == WEIR_EPARTIAL);
			if (at)
				WEIR_SIM_EQ(at->id, i + p->add);
		}
		items_drop(&out);
	}
	WEIR_SIM_EQ(alive, n);
	items_drop(&in);
	WEIR_SIM_EQ(alive, 0);
	return rc;
}

WEIR_SIM_TEST_WITH(map_takes_as_long_as_its_lanes, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	static const int64_t ms[] = {20, 50, 30, 20, 20, 10, 10};
	struct part p = {.ns = WEIR_MS(10), .add = 100};
	for (size_t c = 0; c < 7; c++) {
		struct run r;
		int made;
		open_run(&r, ctx, weir_map(part(ctx, &p), &(struct weir_map_opts){.concurrency = c}));
		int64_t from = weir_rt_now(weir_ctx_rt(ctx));
		WEIR_SIM_EQ(map_items(ctx, r.call, 5, &p, &made, NULL), 0);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)) - from, WEIR_MS(ms[c]));
		WEIR_SIM_EQ(map_items(ctx, r.call, 0, &p, &made, NULL), 0);
		close_run(&r, ctx);
	}
}

static void map_canceled(weir_ctx *ctx, bool collect)
{
	struct part p = {.add = 100};
	struct run r;
	weir_ctx own;
	weir_scope s;
	int made;
	open_run(&r, ctx, weir_map(part(ctx, &p), &(struct weir_map_opts){.concurrency = 2, .collect = collect}));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	weir_err err = {0};
	int rc = map_items(&own, r.call, 3, &p, &made, &err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED || (rc == WEIR_EPARTIAL && collect));
	WEIR_SIM_ASSERT(rc == 0 || weir_err_is(&err, WEIR_ECANCELED));
	WEIR_SIM_ASSERT(rc != WEIR_EPARTIAL || made < 3);
	seen_map |= (rc == 0 ? 1u : rc == WEIR_ECANCELED ? 2u : made ? 4u : 8u) << (collect ? 4 : 0);
	weir_err_fini(&err);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(map_canceled_anywhere, .strategy = "dfs2")
{
	map_canceled(ctx, false);
}

WEIR_SIM_TEST_WITH(map_that_collects_canceled_anywhere, .strategy = "dfs2")
{
	map_canceled(ctx, true);
}

/* Each value in turn fails: the others are cancelled, or kept. */
WEIR_SIM_TEST_WITH(map_fails_at_each_value, .strategy = "dfs1")
{
	for (int bad = 0; bad < 3; bad++) {
		for (int collect = 0; collect < 2; collect++) {
			struct part p = {.add = 9, .rc = WEIR_EUSER - 1, .at = true, .id = bad};
			struct weir_err_info info;
			weir_err err = {0};
			uint32_t index;
			struct run r;
			int made;
			open_run(&r, ctx,
				 weir_map(part(ctx, &p),
					  &(struct weir_map_opts){.concurrency = 2, .collect = collect}));
			int rc = map_items(ctx, r.call, 3, &p, &made, &err);
			WEIR_SIM_EQ(rc, collect ? WEIR_EPARTIAL : WEIR_EUSER - 1);
			WEIR_SIM_EQ(made, collect ? 2 : 0);
			WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EUSER - 1, &info));
			if (collect) {
				WEIR_SIM_EQ(weir_err_member(&err, 0, &index)->code, WEIR_EUSER - 1);
				WEIR_SIM_EQ(index, bad);
				WEIR_SIM_ASSERT(weir_err_member(&err, 1, NULL) == NULL);
				WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EPARTIAL, &info));
				WEIR_SIM_EQ(info.value, bad);
			} else {
				WEIR_SIM_EQ(info.index, bad);
			}
			weir_err_fini(&err);
			close_run(&r, ctx);
		}
	}
}

/* What is there at the deadline is kept; the rest has one member. */
WEIR_SIM_TEST_WITH(map_collects_until_the_deadline, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	struct part p = {.ns = WEIR_MS(10), .add = 1};
	weir_err err = {0};
	weir_ctx own;
	struct run r;
	uint32_t index;
	int made;
	open_run(&r, ctx, weir_map(part(ctx, &p), &(struct weir_map_opts){.concurrency = 2, .collect = true}));
	weir_ctx_init(&own, ctx, WEIR_MS(25));
	WEIR_SIM_EQ(map_items(&own, r.call, 9, &p, &made, &err), WEIR_EPARTIAL);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(25));
	WEIR_SIM_EQ(made, 4);
	WEIR_SIM_EQ(weir_err_member(&err, 0, &index)->code, WEIR_EDEADLINE);
	WEIR_SIM_EQ(index, 4);
	WEIR_SIM_ASSERT(weir_err_member(&err, 1, NULL) == NULL);
	weir_err_fini(&err);
	WEIR_SIM_EQ(map_items(&own, r.call, 9, &p, &made, NULL), WEIR_EDEADLINE);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* What has failed has a member of its own, beside the one for all that was not done. */
WEIR_SIM_TEST_WITH(map_collects_a_failure_and_the_deadline, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	struct part p = {.ns = WEIR_MS(10), .add = 1, .rc = WEIR_EUSER - 1, .at = true, .id = 1};
	struct weir_err_info info;
	weir_err err = {0};
	weir_ctx own;
	struct run r;
	uint32_t index;
	int made;
	open_run(&r, ctx, weir_map(part(ctx, &p), &(struct weir_map_opts){.concurrency = 2, .collect = true}));
	weir_ctx_init(&own, ctx, WEIR_MS(25));
	WEIR_SIM_EQ(map_items(&own, r.call, 9, &p, &made, &err), WEIR_EPARTIAL);
	WEIR_SIM_EQ(made, 3);
	WEIR_SIM_EQ(weir_err_member(&err, 0, &index)->code, WEIR_EUSER - 1);
	WEIR_SIM_EQ(index, 1);
	WEIR_SIM_ASSERT(weir_err_member(&err, 1, NULL) != NULL);
	WEIR_SIM_EQ(weir_err_member(&err, 1, &index)->code, WEIR_EDEADLINE);
	WEIR_SIM_EQ(index, 4);
	WEIR_SIM_ASSERT(weir_err_member(&err, 2, NULL) == NULL);
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EPARTIAL, &info));
	WEIR_SIM_EQ(info.value, 1);
	weir_err_fini(&err);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* A map of chains of fan-outs: helpers of all levels at once, cancelled at any time. */
static int sum_items(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	int sum = 0;
	(void)ctx, (void)err, (void)arg;
	for (size_t i = 0; i < in->n; i++)
		sum += ((const struct item *)weir_array_at(in, i))->id;
	*(struct item *)out = item_new(sum);
	return 0;
}

WEIR_SIM_TEST_WITH(map_of_chains_of_fan_outs, .strategy = "portfolio", .schedules = 2000)
{
	struct part p[] = {{.add = 0}, {.add = 100}, {.add = 1000}};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *const two[] = {part(ctx, &p[1]), part(ctx, &p[1])};
	weir_stage *sum = weir_fan_in(rt, item_type(), item_type(), sum_items, NULL);
	weir_stage *st = weir_map(weir_then(part(ctx, &p[0]), weir_parallel(two, 2, 0, sum)),
				  &(struct weir_map_opts){.concurrency = 2});
	items_t in, out;
	weir_ctx own;
	struct run r;
	weir_scope s;
	open_run(&r, ctx, st);
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	bool cancel = weir_sim_choose(2, "cancel");
	struct canceller c = {.ctx = &own, .patience = weir_sim_choose(60, "how long the canceller waits")};
	if (cancel)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	in = items_of(ctx, 3);
	int rc = weir_call_process(&own, r.call, &in, &out, NULL);
	WEIR_SIM_ASSERT(rc == 0 || (cancel && rc == WEIR_ECANCELED));
	for (size_t i = 0; rc == 0 && i < 3; i++)
		WEIR_SIM_EQ(items_at(&out, i)->id, 2 * (int)i + 200);
	if (rc == 0)
		items_drop(&out);
	items_drop(&in);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* ---- router ---- */

static int select_by_bits(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	const struct item *item = in;
	size_t n = 0;
	(void)ctx, (void)err, (void)arg;
	for (size_t i = 0; i < 3 && n < cap; i++)
		if (item->id >> (2 - i) & 1)
			picks[n++] = 2 - i;
	return (int)n;
}

/* Routes 2, 1, 0 by the bits of the value, cancelled at any operation. */
WEIR_SIM_TEST_WITH(router_canceled_anywhere, .strategy = "dfs1")
{
	struct part p[] = {{.add = 10}, {.add = 20}, {.add = 30}};
	weir_stage *const routes[] = {part(ctx, &p[0]), part(ctx, &p[1]), part(ctx, &p[2])};
	weir_ctx own;
	struct run r;
	items_t out;
	weir_scope s;
	open_run(&r, ctx,
		 weir_router(routes, 3, &(struct weir_router_opts){.selector = select_by_bits, .concurrency = 2}));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	struct item in = item_new(6);
	int rc = weir_call_process(&own, r.call, &in, &out, NULL);
	WEIR_SIM_EQ(inside, 0);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	seen_router |= rc ? 1 : 2;
	if (rc == 0) {
		WEIR_SIM_EQ(items_len(&out), 2);
		WEIR_SIM_EQ(items_at(&out, 0)->id, 36);
		WEIR_SIM_EQ(items_at(&out, 1)->id, 26);
		items_drop(&out);
	}
	item_free(&in);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

static int select_all(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)err, (void)arg;
	for (size_t i = 0; i < cap; i++)
		picks[i] = i;
	return (int)cap;
}

/* At most so many routes at a time: exact in virtual time. */
WEIR_SIM_TEST_WITH(router_takes_as_long_as_its_lanes, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	static const int64_t ms[] = {10, 40, 20, 20, 10, 10}; /* by concurrency; 5 is more than there are */
	struct part p[4] = {{.ns = WEIR_MS(10), .add = 1},
			    {.ns = WEIR_MS(10), .add = 2},
			    {.ns = WEIR_MS(10), .add = 3},
			    {.ns = WEIR_MS(10), .add = 4}};
	for (size_t c = 0; c < 6; c++) {
		const struct weir_router_opts opts = {.selector = select_all, .concurrency = c};
		struct run r;
		items_t out;
		open_run(&r, ctx,
			 weir_router((weir_stage *const[]){part(ctx, &p[0]), part(ctx, &p[1]), part(ctx, &p[2]),
							   part(ctx, &p[3])},
				     4, &opts));
		int64_t from = weir_rt_now(weir_ctx_rt(ctx));
		WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), 0);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)) - from, WEIR_MS(ms[c]));
		expect_items(&out, p, 4);
		close_run(&r, ctx);
	}
}

static int select_twice(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)err, (void)arg;
	WEIR_SIM_EQ(cap, 2);
	picks[0] = picks[1] = 1;
	return 2;
}

/* One route twice at the same time: what is between its stages is each one's own. */
WEIR_SIM_TEST_WITH(router_takes_a_route_twice, .strategy = "dfs2")
{
	struct part p[] = {{.add = 10}, {.add = 20}, {.add = 30}};
	weir_stage *const routes[] = {part(ctx, &p[0]), weir_then(part(ctx, &p[1]), part(ctx, &p[2]))};
	struct run r;
	items_t out;
	open_run(&r, ctx, weir_router(routes, 2, &(struct weir_router_opts){.selector = select_twice}));
	WEIR_SIM_EQ(process(ctx, r.call, &out, NULL), 0);
	expect_items(&out, (struct part[]){{.add = 50}, {.add = 50}}, 2);
	close_run(&r, ctx);
}

/* ---- map-reduce ---- */

static int by_parity(const void *a, const void *b, void *arg)
{
	const struct item *x = a, *y = b;
	(void)arg;
	WEIR_SIM_EQ(x->dropped + y->dropped, 0);
	return x->id % 2 - y->id % 2;
}

struct reducer {
	int rc; /* fails the group of odd ids */
};

static int sum_group(weir_ctx *ctx, const items_t *in, struct item *out, weir_err *err, void *arg)
{
	const struct reducer *r = arg;
	int sum = 0, last = -1;
	inside++;
	weir_rt_yield(weir_ctx_rt(ctx));
	inside--;
	for (size_t i = 0; i < items_len(in); i++) {
		WEIR_SIM_EQ(items_at(in, i)->dropped, 0);
		WEIR_SIM_ASSERT(items_at(in, i)->id > last); /* the order of the input */
		last = items_at(in, i)->id;
		sum += last;
	}
	if (r->rc && last % 2)
		return weir_fail(err, r->rc, "odd");
	*out = item_new(sum);
	return 0;
}
WEIR_STAGE_DECLARE(sum_group, items, item);

static int each_alone(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct item *)a)->id - ((const struct item *)b)->id;
}

static int first_of(weir_ctx *ctx, const items_t *in, struct item *out, weir_err *err, void *arg)
{
	return work(ctx, items_at(in, 0), out, err, arg);
}
WEIR_STAGE_DECLARE(first_of, items, item);

/* At most so many groups at a time, and all of the map before the first of them. */
WEIR_SIM_TEST_WITH(map_reduce_takes_as_long_as_its_lanes, .strategy = "portfolio", .no_early = true, .schedules = 300)
{
	static const int64_t ms[] = {20, 50, 30, 20, 20, 10, 10};
	struct part mapper = {.ns = WEIR_MS(1), .add = 7}, reducer = {.ns = WEIR_MS(10), .add = 3}, both = {.add = 10};
	for (size_t c = 0; c < 7; c++) {
		struct run r;
		int made;
		open_run(&r, ctx,
			 weir_map_reduce(part(ctx, &mapper), first_of_stage(weir_ctx_rt(ctx), &reducer),
					 &(struct weir_reduce_opts){.order = each_alone,
								    .concurrency = c,
								    .map_concurrency = 5}));
		int64_t from = weir_rt_now(weir_ctx_rt(ctx));
		WEIR_SIM_EQ(map_items(ctx, r.call, 5, &both, &made, NULL), 0);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)) - from, WEIR_MS(1 + ms[c]));
		close_run(&r, ctx);
	}
}

/* 0 .. 4, each + 10: even 10 + 12 + 14, odd 11 + 13. Cancelled at any operation, or a reducer fails, or a mapper. */
WEIR_SIM_TEST_WITH(map_reduce_canceled_anywhere, .strategy = "portfolio", .schedules = 4000)
{
	struct part p = {.add = 10, .at = true, .id = 3};
	struct reducer red = {0};
	struct run r;
	weir_ctx own;
	weir_scope s;
	items_t in, out;
	weir_err err = {0};
	uint32_t what = weir_sim_choose(4, "what goes wrong: nothing, cancel, mapper, reducer");
	if (what == 2)
		p.rc = WEIR_EUSER - 1;
	if (what == 3)
		red.rc = WEIR_EUSER - 2;
	open_run(&r, ctx,
		 weir_map_reduce(
			 part(ctx, &p), sum_group_stage(weir_ctx_rt(ctx), &red),
			 &(struct weir_reduce_opts){.order = by_parity, .concurrency = 2, .map_concurrency = 2}));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own, .patience = weir_sim_choose(60, "how long the canceller waits")};
	if (what == 1)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	in = items_of(ctx, 5);
	int rc = weir_call_process(&own, r.call, &in, &out, &err);
	WEIR_SIM_EQ(inside, 0);
	WEIR_SIM_ASSERT(rc == (what == 2 ? p.rc : red.rc) || (what == 1 && rc == WEIR_ECANCELED));
	if (rc == 0) {
		WEIR_SIM_EQ(items_len(&out), 2);
		WEIR_SIM_EQ(items_at(&out, 0)->id, 36);
		WEIR_SIM_EQ(items_at(&out, 1)->id, 24);
		items_drop(&out);
	}
	char text[300];
	weir_err_format(&err, text, sizeof(text));
	bool in_reduce = strstr(text, "reduce[1]") != NULL, in_map = strstr(text, "map[0]") != NULL;
	WEIR_SIM_EQ(in_reduce + in_map, rc < 0);
	WEIR_SIM_ASSERT(what == 1 || in_reduce == (what == 3));
	seen_reduce |= rc == 0 ? 1u << what : in_map ? 16u << what : 256u << what;
	weir_err_fini(&err);
	items_drop(&in);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* ---- what the searches must have seen ---- */

WEIR_SIM_TEST_WITH(all_outcomes_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	if (getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* fewer may not see all */
		return;
	WEIR_SIM_EQ(seen_first, 15);
	WEIR_SIM_EQ(seen_cancel, 63);
	WEIR_SIM_EQ(seen_scope, 3);
	WEIR_SIM_EQ(seen_map & 0x73, 0x73);
	WEIR_SIM_EQ(seen_router, 3);
	WEIR_SIM_EQ(seen_reduce, 1 | 2 | 32 | 512 | 64 | 2048);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
