/* SPDX-License-Identifier: MIT
 *
 * Services under every interleaving: values against start and stop, starts and stops against each other, and a stop
 * that is cancelled at any operation. `up` is what setup and close of the tree change: whoever is inside the tree looks
 * at it, before and after each wait, so a close under a running call shows.
 *
 * A test of a race sets a bit for what happened; the last test checks that the search saw every outcome. */
#include <weir/sim.h>
#include <weir/stage.h>

WEIR_TYPE_PLAIN(num, int);

static bool up;
static int setups, closes, inside;
static unsigned seen_stop, seen_start, seen_starts, seen_cancel, seen_turn;

struct part {
	int64_t ns, close_ns;
	int setup_rc;
};

static int work(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	const struct part *p = arg;
	int rc = 0;
	(void)err;
	WEIR_SIM_ASSERT(up);
	inside++;
	if (p->ns)
		rc = weir_sleep(ctx, p->ns);
	else
		weir_rt_yield(weir_ctx_rt(ctx));
	inside--;
	WEIR_SIM_ASSERT(up);
	*out = *in + 1;
	return rc;
}
WEIR_HANDLER_DECLARE(work, num, num);

static int set_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	WEIR_SIM_ASSERT(!up);
	weir_rt_yield(weir_ctx_rt(ctx));
	if (p->setup_rc)
		return weir_fail(err, p->setup_rc, "no");
	WEIR_SIM_ASSERT(!up);
	up = true;
	setups++;
	return 0;
}

static int close_down(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)err;
	WEIR_SIM_ASSERT(up);
	WEIR_SIM_EQ(inside, 0);
	up = false;
	closes++;
	return p->close_ns ? weir_sleep(ctx, p->close_ns) : 0;
}

struct world {
	weir_service svc;
	weir_scope s;
	weir_stage *st;
	weir_call *calls[2];
	struct part part;
};

static void open_world(weir_ctx *ctx, struct world *w, const struct weir_service_opts *opts)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	up = false;
	setups = closes = inside = 0;
	weir_service_init(&w->svc, rt, opts);
	w->st = weir_service_stage(weir_stage_new(rt, &(struct weir_stage_opts){.name = "work",
										.in = num_type(),
										.out = num_type(),
										.process = work_handler,
										.arg = &w->part,
										.lifecycle = {.setup = set_up,
											      .close = close_down}}),
				   &w->svc);
	weir_scope_init(&w->s, ctx);
	WEIR_SIM_EQ(weir_stage_check(w->st, NULL), 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_call_new(&w->s, w->st, &w->calls[i]), 0);
}

static void close_world(weir_ctx *ctx, struct world *w)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, &w->s, 0, NULL), 0);
	WEIR_SIM_EQ(weir_service_stop(ctx, &w->svc, NULL), 0);
	WEIR_SIM_EQ(setups, closes);
	WEIR_SIM_ASSERT(!up);
	for (int i = 0; i < 2; i++)
		weir_call_free(&w->calls[i]);
	weir_stage_free(&w->st);
	weir_service_fini(&w->svc);
}

struct caller {
	struct world *w;
	int call, rc;
};

static int process(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	int in = 4, out = 0;
	(void)err;
	c->rc = weir_call_process(ctx, c->w->calls[c->call], &in, &out, NULL);
	WEIR_SIM_ASSERT(c->rc == WEIR_ENOTSTARTED || (c->rc == 0 && out == 5));
	return 0;
}

static int start(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	(void)err;
	c->rc = weir_service_start(ctx, &c->w->svc, NULL);
	return 0;
}

/* Two callers, and a stop: each is let in before it, and waited for, or not let in. */
WEIR_SIM_TEST_WITH(values_against_a_stop, .strategy = "dfs2")
{
	struct world w = {0};
	struct caller c[] = {{&w, 0, 1}, {&w, 1, 1}};
	open_world(ctx, &w, NULL);
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&w.s, "caller", process, &c[i]), 0);
	WEIR_SIM_EQ(weir_service_stop(ctx, &w.svc, NULL), 0);
	WEIR_SIM_EQ(closes, 1);
	WEIR_SIM_EQ(inside, 0);
	close_world(ctx, &w);
	WEIR_SIM_EQ(closes, 1);
	seen_stop |= 1u << ((c[0].rc == 0) + 2 * (c[1].rc == 0));
}

/* A caller, a start and a stop: only between the two, and the tree is set up by then. */
WEIR_SIM_TEST_WITH(a_value_against_start_and_stop, .strategy = "dfs2")
{
	struct world w = {0};
	struct caller c = {&w, 0, 1}, starter = {&w, 0, 1};
	open_world(ctx, &w, NULL);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "starter", start, &starter), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "caller", process, &c), 0);
	WEIR_SIM_EQ(weir_service_stop(ctx, &w.svc, NULL), 0);
	close_world(ctx, &w);
	WEIR_SIM_EQ(starter.rc, 0);
	seen_start |= c.rc == 0 ? 1 : 2;
}

/* One of two starts wins; the other is told. A start again after a stop is fine. */
WEIR_SIM_TEST_WITH(two_starts, .strategy = "dfs2")
{
	struct world w = {0};
	struct caller c[] = {{&w, 0, 1}, {&w, 0, 1}};
	open_world(ctx, &w, NULL);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&w.s, "starter", start, &c[i]), 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_EQ(weir_service_stop(ctx, &w.svc, NULL), 0);
	close_world(ctx, &w);
	int won = (c[0].rc == 0) + (c[1].rc == 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_ASSERT(c[i].rc == 0 || c[i].rc == WEIR_EBUSY);
	WEIR_SIM_EQ(setups, won);
	WEIR_SIM_ASSERT(won > 0);
	seen_starts |= (unsigned)won;
}

static int stop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	(void)err;
	c->rc = weir_service_stop(ctx, &c->w->svc, NULL);
	WEIR_SIM_EQ(closes, 1); /* whoever did it: it has been done */
	WEIR_SIM_EQ(inside, 0);
	return 0;
}

/* Two stops, and a caller: closed once, and both return when it is. */
WEIR_SIM_TEST_WITH(two_stops, .strategy = "dfs2")
{
	struct world w = {0};
	struct caller c = {&w, 0, 1}, stops[] = {{&w, 0, 1}, {&w, 0, 1}};
	open_world(ctx, &w, NULL);
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "caller", process, &c), 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&w.s, "stopper", stop, &stops[i]), 0);
	close_world(ctx, &w);
	WEIR_SIM_EQ(stops[0].rc, 0);
	WEIR_SIM_EQ(stops[1].rc, 0);
	WEIR_SIM_EQ(closes, 1);
}

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "enough");
	return 0;
}

/* While another starts the service, one is about to start, reset or ask it, and is cancelled anywhere, also in line: it
 * says so and has done nothing, or had its turn. */
WEIR_SIM_TEST_WITH(a_turn_canceled_anywhere, .strategy = "dfs2")
{
	struct world w = {0};
	struct caller starter = {&w, 0, 1};
	weir_err err = {0};
	weir_ctx own;
	uint32_t what = weir_sim_choose(3, "start, reset, health");
	open_world(ctx, &w, NULL);
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "starter", start, &starter), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "canceller", cancel_it, &own), 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	int rc = what == 0   ? weir_service_start(&own, &w.svc, &err)
		 : what == 1 ? weir_service_reset(&own, &w.svc, &err)
			     : weir_service_health(&own, &w.svc, &err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED || rc == (what == 2 ? WEIR_ENOTSTARTED : WEIR_EBUSY));
	WEIR_SIM_EQ(err.code, rc);
	seen_turn |= (rc == WEIR_ECANCELED ? 1u : rc == 0 ? 2u : 4u) << 3 * what;
	weir_err_fini(&err);
	WEIR_SIM_EQ(weir_scope_join(ctx, &w.s, 0, NULL), 0);
	WEIR_SIM_EQ(starter.rc, what == 0 && rc == 0 ? WEIR_EBUSY : 0);
	WEIR_SIM_EQ(setups, 1); /* one of the two, and only one */
	weir_ctx_fini(&own);
	weir_scope_init(&w.s, ctx);
	close_world(ctx, &w);
}

/* A stop that is cancelled anywhere, with a caller inside or not: it has closed, or it says that it has not, and the
 * next one does. */
WEIR_SIM_TEST_WITH(a_stop_canceled_anywhere, .strategy = "dfs3")
{
	struct world w = {0};
	struct caller c = {&w, 0, 1};
	weir_err err = {0};
	weir_ctx own;
	open_world(ctx, &w, NULL);
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), 0);
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "caller", process, &c), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "canceller", cancel_it, &own), 0);
	int rc = weir_service_stop(&own, &w.svc, &err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(err.code, rc);
	WEIR_SIM_EQ(closes, rc == 0);
	if (rc < 0) {
		int in = 1, out;
		WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), WEIR_EBUSY);
		WEIR_SIM_EQ(weir_service_reset(ctx, &w.svc, NULL), WEIR_EBUSY);
		WEIR_SIM_EQ(weir_service_health(ctx, &w.svc, NULL), WEIR_ENOTSTARTED);
		WEIR_SIM_EQ(weir_call_process(ctx, w.calls[1], &in, &out, NULL), WEIR_ENOTSTARTED);
	}
	seen_cancel |= rc == 0 ? (c.rc == 0 ? 1 : 2) : 4;
	weir_err_fini(&err);
	close_world(ctx, &w);
	WEIR_SIM_EQ(closes, 1);
	weir_ctx_fini(&own);
}

/* Exact: a stop waits as long as the call takes, and no longer than its context. */
WEIR_SIM_TEST_WITH(a_stop_waits_for_those_inside, .no_early = true, .schedules = 200)
{
	struct world w = {.part = {.ns = WEIR_MS(30)}};
	struct caller c = {&w, 0, 1};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ctx limit;
	open_world(ctx, &w, NULL);
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.s, "caller", process, &c), 0);
	weir_sim_quiesce(ctx);
	weir_ctx_init(&limit, ctx, WEIR_MS(10));
	WEIR_SIM_EQ(weir_service_stop(&limit, &w.svc, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(10));
	WEIR_SIM_EQ(closes, 0);
	WEIR_SIM_EQ(weir_service_stop(ctx, &w.svc, NULL), 0);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(30));
	WEIR_SIM_EQ(closes, 1);
	WEIR_SIM_EQ(c.rc, 0);
	weir_ctx_fini(&limit);
	close_world(ctx, &w);
}

/* Close has its grace time, also where the context of stop has ended, and not more; it is stopped afterwards. */
WEIR_SIM_TEST_WITH(close_has_its_grace, .no_early = true, .schedules = 20, .allow_no_decisions = true)
{
	struct world w = {.part = {.close_ns = WEIR_SEC(3600)}};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ctx ended;
	open_world(ctx, &w, &(struct weir_service_opts){.grace_ns = WEIR_MS(20)});
	weir_ctx_init(&ended, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&ended, "over");
	WEIR_SIM_EQ(weir_service_start(&ended, &w.svc, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(setups, 0);
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), 0);
	WEIR_SIM_EQ(weir_service_stop(&ended, &w.svc, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(20));
	WEIR_SIM_EQ(weir_service_stop(ctx, &w.svc, NULL), 0); /* it is */
	WEIR_SIM_EQ(closes, 1);
	w.part.close_ns = 0;
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), 0);
	WEIR_SIM_EQ(weir_service_stop(&ended, &w.svc, NULL), 0);
	WEIR_SIM_EQ(closes, 2);
	w.part.setup_rc = WEIR_EUSER - 1;
	WEIR_SIM_EQ(weir_service_start(ctx, &w.svc, NULL), WEIR_EUSER - 1);
	weir_ctx_fini(&ended);
	close_world(ctx, &w);
}

WEIR_SIM_TEST_WITH(all_outcomes_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_stop, 15);
	WEIR_SIM_EQ(seen_start, 3);
	WEIR_SIM_EQ(seen_starts, 3);
	WEIR_SIM_EQ(seen_cancel, 7);
	WEIR_SIM_EQ(seen_turn, 0777);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
