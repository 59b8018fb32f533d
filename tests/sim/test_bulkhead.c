/* SPDX-License-Identifier: MIT
 *
 * The bulkhead in the simulator: exhaustive where three callers race ("dfs3": every schedule with at most three
 * preemptions), exact where time counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>

static struct world {
	weir_bulkhead b;
	int inside, most, done, refused, ended;
	char order[16];
	int n_order;
} w;

struct guest {
	char name;
	int64_t arrive_ns, stay_ns;
	weir_ctx own;
	int rc;
	int64_t in_at; /* or when it was told no */
};

static int guest(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct guest *g = arg;
	weir_err why = {0};
	struct weir_err_info info = {0};
	(void)err;
	int rc = weir_sleep(ctx, g->arrive_ns);
	WEIR_SIM_EQ(rc, 0);
	g->rc = weir_bulkhead_enter(&g->own, &w.b, &why);
	g->in_at = weir_rt_now(weir_ctx_rt(ctx));
	w.refused += g->rc == WEIR_EOVERLOAD;
	w.ended += g->rc == WEIR_ECANCELED || g->rc == WEIR_EDEADLINE;
	WEIR_SIM_EQ(weir_err_as(&why, WEIR_EOVERLOAD, &info), g->rc == WEIR_EOVERLOAD);
	weir_err_fini(&why);
	if (g->rc < 0)
		return 0;
	w.order[w.n_order++] = g->name;
	if (++w.inside > w.most)
		w.most = w.inside;
	if (g->stay_ns > 0)
		rc = weir_sleep(ctx, g->stay_ns);
	else
		weir_rt_yield(weir_ctx_rt(ctx));
	w.inside--;
	w.done++;
	weir_bulkhead_leave(&w.b);
	return rc;
}

static void world_open(weir_ctx *ctx, const struct weir_bulkhead_opts *opts)
{
	memset(&w, 0, sizeof(w));
	WEIR_SIM_EQ(weir_bulkhead_init(&w.b, ctx, opts), 0);
}

static void guests_in(weir_ctx *ctx, weir_scope *s, struct guest *g, int n)
{
	for (int i = 0; i < n; i++) {
		g[i].name = (char)('a' + i);
		weir_ctx_init(&g[i].own, ctx, WEIR_FOREVER);
		WEIR_SIM_EQ(weir_scope_spawn(s, "guest", guest, &g[i]), 0);
	}
}

static void world_close(weir_ctx *ctx, weir_scope *s, struct guest *g, int n)
{
	struct weir_bulkhead_snapshot is;
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
	weir_bulkhead_snapshot_get(&w.b, &is);
	WEIR_SIM_EQ(is.running, 0);
	WEIR_SIM_EQ(is.waiting, 0);
	WEIR_SIM_EQ(is.refused + is.gave_up, w.refused + w.ended);
	WEIR_SIM_EQ(w.done + w.refused + w.ended, n);
	for (int i = 0; i < n; i++)
		weir_ctx_fini(&g[i].own);
	weir_bulkhead_fini(&w.b);
}

/* Every place and every place in line can be had again. */
static void is_empty(weir_ctx *ctx, int places)
{
	for (int i = 0; i < places; i++)
		WEIR_SIM_EQ(weir_bulkhead_enter(ctx, &w.b, NULL), 0);
	for (int i = 0; i < places; i++)
		weir_bulkhead_leave(&w.b);
}

static bool seen_all, seen_refused, seen_canceled, seen_served;

WEIR_SIM_TEST_WITH(three_want_the_one_place_and_the_one_in_line, .strategy = "dfs3")
{
	struct guest g[3] = {0};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 1});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 3);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w.most, 1);
	WEIR_SIM_ASSERT(w.refused <= 1);
	*(w.refused ? &seen_refused : &seen_all) = true;
	is_empty(ctx, 1);
	world_close(ctx, &s, g, 3);
}

WEIR_SIM_TEST_WITH(nobody_waits, .strategy = "dfs3")
{
	struct guest g[3] = {0};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 2});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 3);
	weir_sim_quiesce(ctx);
	WEIR_SIM_ASSERT(w.most <= 2 && w.refused <= 1);
	is_empty(ctx, 2);
	world_close(ctx, &s, g, 3);
}

/* b waits, or is about to, or is in already: a cancel never costs a place. */
WEIR_SIM_TEST_WITH(cancel_races_with_the_hand_over, .strategy = "dfs3")
{
	struct guest g[3] = {0};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 2});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 3);
	weir_ctx_cancel(&g[1].own, "enough");
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w.most, 1);
	WEIR_SIM_EQ(w.refused, 0);
	WEIR_SIM_ASSERT(g[0].rc == 0 && g[2].rc == 0);
	*(g[1].rc == 0 ? &seen_served : &seen_canceled) = true;
	is_empty(ctx, 1);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	for (int i = 0; i < 3; i++)
		weir_ctx_fini(&g[i].own);
	weir_bulkhead_fini(&w.b);
}

/* Its time in line is over at the moment at which it is cancelled: it is told one or the other, and never that a
 * deadline of its own has passed, for it has none. */
WEIR_SIM_TEST_WITH(cancelled_when_the_wait_is_over, .strategy = "dfs3")
{
	struct guest g[1] = {0};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 1, .max_wait_ns = WEIR_MS(5)});
	WEIR_SIM_EQ(weir_bulkhead_enter(ctx, &w.b, NULL), 0);
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	weir_ctx_cancel(&g[0].own, "enough");
	weir_sim_quiesce(ctx);
	WEIR_SIM_ASSERT(g[0].rc == WEIR_EOVERLOAD || g[0].rc == WEIR_ECANCELED);
	*(g[0].rc == WEIR_EOVERLOAD ? &seen_refused : &seen_canceled) = true;
	weir_bulkhead_leave(&w.b);
	is_empty(ctx, 1);
	world_close(ctx, &s, g, 1);
}

static bool seen_three, seen_one;

static int set_limit(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	return weir_bulkhead_set_limit(&w.b, *(const uint32_t *)arg);
}

/* Two set the limit at the same time, while one is inside, one wants in and one is cancelled: one of the two is the
 * limit in the end, of the places and of the line. */
WEIR_SIM_TEST_WITH(two_set_the_limit, .strategy = "dfs2")
{
	static const uint32_t one = 1, three = 3;
	struct guest g[2] = {0};
	struct weir_bulkhead_snapshot is;
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 2, .max_waiting = 1});
	WEIR_SIM_EQ(weir_bulkhead_enter(ctx, &w.b, NULL), 0);
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 2);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "one", set_limit, (void *)(uintptr_t)&one), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "three", set_limit, (void *)(uintptr_t)&three), 0);
	weir_ctx_cancel(&g[1].own, "enough");
	weir_sim_quiesce(ctx);
	weir_bulkhead_leave(&w.b);
	weir_sim_quiesce(ctx);
	weir_bulkhead_snapshot_get(&w.b, &is);
	WEIR_SIM_ASSERT(is.limit == 1 || is.limit == 3);
	*(is.limit == 1 ? &seen_one : &seen_three) = true;
	is_empty(ctx, (int)is.limit);
	/* full: one may wait, and not two */
	for (uint32_t i = 0; i < is.limit; i++)
		WEIR_SIM_EQ(weir_bulkhead_enter(ctx, &w.b, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	struct guest late[2] = {0};
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, late, 2);
	weir_sim_quiesce(ctx);
	weir_bulkhead_snapshot_get(&w.b, &is);
	WEIR_SIM_EQ(is.waiting, 1);
	WEIR_SIM_ASSERT(late[0].rc == WEIR_EOVERLOAD || late[1].rc == WEIR_EOVERLOAD);
	for (uint32_t i = 0; i < is.limit; i++)
		weir_bulkhead_leave(&w.b);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	for (int i = 0; i < 2; i++) {
		weir_ctx_fini(&g[i].own);
		weir_ctx_fini(&late[i].own);
	}
	weir_bulkhead_fini(&w.b);
}

#define EXACT(test) WEIR_SIM_TEST_WITH(test, .no_early = true, .schedules = 50)

EXACT(first_come_first_served)
{
	struct guest g[5] = {{.arrive_ns = 0, .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(1), .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(2), .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(3), .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(4), .stay_ns = WEIR_MS(10)}};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 3});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 5);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
	WEIR_SIM_EQ(strcmp(w.order, "abcd"), 0);
	for (int i = 0; i < 4; i++)
		WEIR_SIM_EQ(g[i].in_at, WEIR_MS(10 * i));
	WEIR_SIM_EQ(g[4].rc, WEIR_EOVERLOAD);
	WEIR_SIM_EQ(g[4].in_at, WEIR_MS(4)); /* at once */
	world_close(ctx, &s, g, 5);
}

EXACT(a_limit_that_changes_lets_in_at_once_or_not_yet)
{
	struct guest g[4] = {{.stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(1), .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(2), .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(3), .stay_ns = WEIR_MS(10)}};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 3});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 4);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	WEIR_SIM_EQ(weir_bulkhead_set_limit(&w.b, 3), 0); /* b and c, until 15 */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	WEIR_SIM_EQ(weir_bulkhead_set_limit(&w.b, 0), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_bulkhead_set_limit(&w.b, 2), 0); /* a leaves at 10: two are left, and d waits */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(50)), 0);
	WEIR_SIM_EQ(strcmp(w.order, "abcd") == 0 || strcmp(w.order, "acbd") == 0, true); /* b, c: at the same time */
	WEIR_SIM_EQ(g[1].in_at, WEIR_MS(5));
	WEIR_SIM_EQ(g[2].in_at, WEIR_MS(5));
	WEIR_SIM_EQ(g[3].in_at, WEIR_MS(15));
	world_close(ctx, &s, g, 4);
}

EXACT(waits_no_longer_than_max_wait)
{
	struct guest g[4] = {{.arrive_ns = 0, .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(1), .stay_ns = WEIR_MS(1)},
			     {.arrive_ns = WEIR_MS(6), .stay_ns = WEIR_MS(1)},
			     {.arrive_ns = WEIR_MS(7), .stay_ns = WEIR_MS(1)}};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 2, .max_wait_ns = WEIR_MS(5)});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 4);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
	WEIR_SIM_EQ(g[1].rc, WEIR_EOVERLOAD);
	WEIR_SIM_EQ(g[1].in_at, WEIR_MS(6)); /* exactly; its place in line is the next one's */
	WEIR_SIM_EQ(g[2].in_at, WEIR_MS(10));
	WEIR_SIM_EQ(g[3].in_at, WEIR_MS(11));
	WEIR_SIM_EQ(g[3].rc, 0);
	world_close(ctx, &s, g, 4);
}

EXACT(who_is_cancelled_in_line_gives_its_place_to_the_next)
{
	struct guest g[3] = {{.stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(1), .stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(4), .stay_ns = WEIR_MS(1)}};
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 1});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 3);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(3)), 0);
	weir_ctx_cancel(&g[1].own, "enough");
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(50)), 0);
	WEIR_SIM_EQ(g[1].rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(g[1].in_at, WEIR_MS(3));
	WEIR_SIM_EQ(g[2].rc, 0); /* the line had room again */
	WEIR_SIM_EQ(g[2].in_at, WEIR_MS(10));
	world_close(ctx, &s, g, 3);
}

WEIR_SIM_TEST_WITH(who_cannot_be_served_in_time_is_refused_at_once, .no_early = true, .schedules = 1,
		   .allow_no_decisions = true)
{
	weir_ctx hurried;
	weir_err err = {0};
	struct weir_err_info info;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 4, .service_ns = WEIR_MS(10)});
	WEIR_SIM_EQ(weir_bulkhead_enter(ctx, &w.b, NULL), 0);
	weir_ctx_init(&hurried, ctx, WEIR_MS(20) - 1); /* 10 until its turn, 10 for itself */
	WEIR_SIM_EQ(weir_bulkhead_enter(&hurried, &w.b, &err), WEIR_EOVERLOAD);
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EOVERLOAD, &info));
	WEIR_SIM_EQ(info.value, WEIR_MS(10));
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
	weir_err_fini(&err);
	for (int i = 0; i < 5; i++) /* more often than there is room in line, which is not used up by that */
		WEIR_SIM_EQ(weir_bulkhead_enter(&hurried, &w.b, NULL), WEIR_EOVERLOAD);
	weir_ctx_fini(&hurried);
	weir_ctx_init(&hurried, ctx, WEIR_MS(20)); /* it could be: it waits, until its deadline */
	WEIR_SIM_EQ(weir_bulkhead_enter(&hurried, &w.b, &err), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(20));
	WEIR_SIM_EQ(err.code, 0);
	weir_ctx_fini(&hurried);
	weir_bulkhead_leave(&w.b);
	is_empty(ctx, 1);
	weir_bulkhead_fini(&w.b);
}

/* Two places: one who waits already is no turn more, so there is time enough. */
EXACT(two_are_served_in_one_turn)
{
	struct guest g[3] = {{.stay_ns = WEIR_MS(10)},
			     {.stay_ns = WEIR_MS(10)},
			     {.arrive_ns = WEIR_MS(1), .stay_ns = WEIR_MS(10)}};
	weir_ctx hurried;
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 2, .max_waiting = 4, .service_ns = WEIR_MS(10)});
	weir_scope_init(&s, ctx);
	guests_in(ctx, &s, g, 3);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0);
	weir_ctx_init(&hurried, ctx, WEIR_MS(22)); /* 10 until its turn, 10 for itself */
	WEIR_SIM_EQ(weir_bulkhead_enter(&hurried, &w.b, NULL), 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(10));
	weir_bulkhead_leave(&w.b);
	weir_ctx_fini(&hurried);
	world_close(ctx, &s, g, 3);
}

/* ---- the stage ---- */

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

static int work(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)arg;
	if (++w.inside > w.most)
		w.most = w.inside;
	int rc = weir_sleep(ctx, WEIR_MS(1));
	w.inside--;
	if (rc == 0 && *(const int *)in < 0)
		rc = weir_fail(err, WEIR_EUSER, "negative");
	if (rc == 0)
		*(int *)out = *(const int *)in;
	return rc;
}

struct client {
	weir_call *call;
	int in, rc;
};

static int client(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	int out;
	c->rc = weir_call_process(ctx, c->call, &c->in, &out, err);
	return 0;
}

EXACT(a_stage_gives_its_place_back_however_it_ends)
{
	struct client c[6];
	weir_scope s;
	world_open(ctx, &(struct weir_bulkhead_opts){.max_concurrent = 2, .max_waiting = 8});
	weir_stage *st = weir_bulkhead_stage(
		weir_stage_new(weir_ctx_rt(ctx),
			       &(struct weir_stage_opts){.in = &number, .out = &number, .process = work}),
		&w.b);
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 6; i++) {
		c[i] = (struct client){.in = i % 2 ? -1 : i};
		WEIR_SIM_EQ(weir_call_new(&s, st, &c[i].call), 0);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "client", client, &c[i]), 0);
	}
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(3)), 0); /* six of 1 ms each, two at a time */
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w.most, 2);
	for (int i = 0; i < 6; i++) {
		WEIR_SIM_EQ(c[i].rc, i % 2 ? WEIR_EUSER : 0);
		weir_call_free(&c[i].call);
	}
	is_empty(ctx, 2);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	weir_bulkhead_fini(&w.b);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (status || argc > 1 || getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* not all, then */
		return status;
	if (!seen_all || !seen_refused || !seen_canceled || !seen_served || !seen_one || !seen_three) {
		printf("an outcome of a race was never seen\n");
		return 1;
	}
	return 0;
}
