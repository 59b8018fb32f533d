/* SPDX-License-Identifier: MIT
 *
 * Cancellation trees under every interleaving: what a cancel has reached when it returns, which cause is fixed when two
 * compete, and what must not be reached. Where nothing sleeps, virtual time must stand still: a task that was freed by
 * its deadline rather than by the cancel would show in the clock.
 *
 * A test of a race sets a bit for what happened, and the test after it checks that the search saw every outcome.
 * Bounds: "dfs" is every schedule, "dfsN" every schedule with at most N preemptions, `early` how often a timer may fire
 * although tasks can run; the rest is the portfolio of 1000 schedules. */
#include <string.h>
#include <weir/sim.h>

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static void start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, arg), 0);
}

static void join(weir_ctx *ctx, weir_scope *s)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
}

static void expect_cause(const weir_ctx *c, enum weir_cause cause, const char *why)
{
	const char *found = NULL;
	WEIR_SIM_EQ(weir_ctx_cause(c, &found), cause); /* one look: the next may find it ended */
	WEIR_SIM_EQ(strcmp(found, why), 0);
}

/* ---- causes ---- */

struct canceller {
	weir_ctx *target;
	const char *why;
	int64_t after_ns;
	enum weir_cause cause; /* NONE: a plain cancel */
	int found;             /* what weir_ctx_err said right after */
};

static int canceller(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct canceller *c = arg;
	(void)err;
	if (c->after_ns > 0 && weir_sleep(ctx, c->after_ns) < 0)
		return WEIR_EIO;
	if (c->cause)
		weir_ctx_cancel_as(c->target, c->cause, c->why);
	else
		weir_ctx_cancel(c->target, c->why);
	c->found = weir_ctx_err(c->target);
	return 0;
}

static unsigned seen_two, seen_deadline, seen_birth, seen_fini;

/* The first of two cancellers fixes the cause, for both and for ever. Every schedule. */
WEIR_SIM_TEST_WITH(two_cancellers, .strategy = "dfs")
{
	weir_ctx c;
	struct canceller one = {.target = &c, .why = "one"},
			 two = {.target = &c, .why = "two", .cause = WEIR_CAUSE_SHUTDOWN};
	weir_scope s;
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "one", canceller, &one);
	start(&s, "two", canceller, &two);
	join(ctx, &s);
	WEIR_SIM_EQ(one.found, WEIR_ECANCELED);
	WEIR_SIM_EQ(two.found, WEIR_ECANCELED);
	bool first = weir_ctx_cause(&c, NULL) == WEIR_CAUSE_USER;
	expect_cause(&c, first ? WEIR_CAUSE_USER : WEIR_CAUSE_SHUTDOWN, first ? "one" : "two");
	weir_ctx_cancel(&c, "three");
	expect_cause(&c, first ? WEIR_CAUSE_USER : WEIR_CAUSE_SHUTDOWN, first ? "one" : "two");
	weir_ctx_fini(&c);
	seen_two |= first ? 1 : 2;
}

/* A cancel at the very moment of the deadline: whoever looks first decides, and nobody ever sees another answer. */
static void cancel_at_the_deadline(weir_ctx *ctx, int64_t after_ns)
{
	weir_ctx c;
	struct canceller one = {.target = &c, .why = "late", .after_ns = after_ns};
	weir_scope s;
	weir_ctx_init(&c, ctx, WEIR_MS(2));
	weir_scope_init(&s, ctx);
	start(&s, "canceller", canceller, &one);
	int rc = weir_sleep(&c, WEIR_SEC(1));
	WEIR_SIM_EQ(weir_ctx_err(&c), rc);
	join(ctx, &s);
	WEIR_SIM_EQ(weir_ctx_err(&c), rc);
	WEIR_SIM_EQ(one.found, rc);
	if (rc == WEIR_EDEADLINE)
		expect_cause(&c, WEIR_CAUSE_DEADLINE, "deadline passed");
	else
		expect_cause(&c, WEIR_CAUSE_USER, "late");
	weir_ctx_fini(&c);
	seen_deadline |= rc == WEIR_EDEADLINE ? 1 : 2;
}

/* A millisecond before it, a timer may only win by firing early. */
WEIR_SIM_TEST_WITH(cancel_before_the_deadline, .strategy = "dfs", .early = 2)
{
	cancel_at_the_deadline(ctx, WEIR_MS(1));
}

WEIR_SIM_TEST_WITH(cancel_before_the_deadline_ended_both_ways, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_deadline, 3);
}

/* At the same instant the deadline has passed when the canceller looks: the deadline is the cause. */
WEIR_SIM_TEST_WITH(cancel_at_the_deadline_is_too_late, .strategy = "dfs")
{
	seen_deadline = 0;
	cancel_at_the_deadline(ctx, WEIR_MS(2));
	WEIR_SIM_EQ(seen_deadline, 1);
}

struct birth {
	weir_ctx *parent;
	int at_birth, later;
};

static int give_birth(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct birth *b = arg;
	weir_ctx child;
	(void)err;
	weir_ctx_init(&child, b->parent, WEIR_FOREVER);
	b->at_birth = weir_ctx_err(&child);
	weir_rt_yield(weir_ctx_rt(ctx));
	b->later = weir_ctx_err(&child);
	if (b->later)
		expect_cause(&child, WEIR_CAUSE_PARENT, "gone");
	weir_ctx_fini(&child);
	return 0;
}

/* A child is born while its parent is cancelled: alive or ended, but never alive again. */
WEIR_SIM_TEST_WITH(cancel_against_the_birth_of_a_child, .strategy = "dfs2")
{
	weir_ctx parent;
	struct birth b = {.parent = &parent};
	struct canceller c = {.target = &parent, .why = "gone"};
	weir_scope s;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "mother", give_birth, &b);
	start(&s, "canceller", canceller, &c);
	join(ctx, &s);
	WEIR_SIM_ASSERT(b.at_birth == 0 || b.later == b.at_birth);
	weir_ctx_fini(&parent);
	seen_birth |= b.at_birth ? 1 : b.later ? 2 : 4;
}

static int wait_then_finish(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx *child = arg;
	(void)ctx, (void)err;
	int rc = weir_sleep(child, WEIR_MS(3));
	seen_fini |= rc == 0 ? 1 : 2;
	if (rc)
		expect_cause(child, WEIR_CAUSE_PARENT, "over");
	weir_ctx_fini(child); /* the canceller may still be in its call */
	return 0;
}

/* A sleeper finishes its node as soon as the cancel has woken it, or as its sleep is over, with two more sleepers in
 * the tree: the canceller must not touch a node that is gone. */
WEIR_SIM_TEST_WITH(cancel_against_fini, .strategy = "dfs2", .early = 2)
{
	weir_ctx parent, child[3];
	struct canceller c = {.target = &parent, .why = "over", .after_ns = WEIR_MS(2)};
	weir_scope s;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		weir_ctx_init(&child[i], &parent, WEIR_FOREVER);
		start(&s, "sleeper", wait_then_finish, &child[i]);
	}
	canceller(ctx, NULL, &c);
	join(ctx, &s);
	weir_ctx_fini(&parent);
}

WEIR_SIM_TEST_WITH(every_outcome_of_each_race_was_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_two, 3);
	WEIR_SIM_EQ(seen_birth, 7);
	WEIR_SIM_EQ(seen_fini, 3);
}

/* ---- reach ---- */

enum { PARKED = 7 };

struct parked {
	weir_ctx ctx; /* a grandchild of the node that is cancelled */
	weir_tx *tx;
	weir_rx *rx;
	int rc;
};

static int nothing_to_do(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)err, (void)arg;
	return 0;
}

/* Waits for a pipeline that nobody feeds and nobody closes. */
static int stop_a_pipeline(weir_ctx *own, weir_ctx *ctx)
{
	const struct weir_pipeline_opts opts = {.handler = nothing_to_do, .result_buffer = 1};
	weir_pipeline *p = NULL;
	weir_tx *jobs = NULL;
	weir_rx *results = NULL;
	weir_scope s;
	int job[8] = {0};
	weir_scope_init(&s, own);
	WEIR_SIM_EQ(weir_pipeline_start(&s, &num, &num, &opts, &jobs, &results, &p), 0);
	WEIR_SIM_EQ(weir_tx_send(own, jobs, job), 0);
	WEIR_SIM_EQ(weir_tx_send(own, jobs, job), 0); /* its result has no room: the worker stays */
	int rc = weir_pipeline_stop(ctx, p, WEIR_SEC(3600), NULL);
	weir_tx_close(&jobs);
	weir_rx_close(&results);
	join(own, &s);
	return rc;
}

static int wait_a_day(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, WEIR_SEC(86400));
	return rc == WEIR_ECANCELED ? 0 : WEIR_EIO;
}

static int park_in(weir_ctx *own, int how, struct parked *p)
{
	weir_scope s;
	int value = 0;
	weir_case cases[] = {weir_case_recv(p->rx, &value), weir_case_timer(WEIR_SEC(3600))};
	switch (how) {
	case 0:
		return weir_sleep(&p->ctx, WEIR_SEC(3600));
	case 1:
		return weir_tx_send(&p->ctx, p->tx, &value);
	case 2:
		return weir_rx_recv(&p->ctx, p->rx, &value);
	case 3:
		return weir_select(&p->ctx, cases, 2);
	case 4:
		return weir_select(&p->ctx, NULL, 0);
	case 5:
		weir_scope_init(&s, own); /* under another context: the join's own ends it */
		start(&s, "day", wait_a_day, NULL);
		WEIR_SIM_EQ(weir_scope_join(&p->ctx, &s, 0, NULL), 0);
		return weir_ctx_err(&p->ctx);
	default:
		return stop_a_pipeline(own, &p->ctx);
	}
}

static struct parked parked[PARKED];

static int parked_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct parked *p = arg;
	(void)err;
	p->rc = park_in(ctx, (int)(p - parked), p);
	return 0;
}

/* One cancel at the top, grandchildren in seven different waits: all are freed at once, with the code of the cancel. */
static void reach(weir_ctx *ctx, bool when_all_wait)
{
	weir_ctx top, middle[2];
	weir_scope s;
	weir_ctx_init(&top, ctx, WEIR_FOREVER);
	weir_ctx_init(&middle[0], &top, WEIR_SEC(1800));
	weir_ctx_init_value(&middle[1], &top, &top, &s);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < PARKED; i++) {
		parked[i] = (struct parked){.rc = 1};
		weir_ctx_init(&parked[i].ctx, &middle[i % 2], WEIR_FOREVER);
		WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, 0, &parked[i].tx, &parked[i].rx), 0);
		start(&s, "parked", parked_task, &parked[i]);
	}
	if (when_all_wait)
		weir_sim_quiesce(ctx);
	weir_ctx_cancel(&top, "all of you");
	for (int i = 0; i < PARKED; i++)
		WEIR_SIM_EQ(weir_ctx_err(&parked[i].ctx), WEIR_ECANCELED); /* before it returns */
	join(ctx, &s);
	for (int i = 0; i < PARKED; i++) {
		WEIR_SIM_EQ(parked[i].rc, WEIR_ECANCELED);
		expect_cause(&parked[i].ctx, WEIR_CAUSE_PARENT, "all of you");
		weir_tx_close(&parked[i].tx);
		weir_rx_close(&parked[i].rx);
		weir_ctx_fini(&parked[i].ctx);
	}
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
	weir_ctx_fini(&middle[0]);
	weir_ctx_fini(&middle[1]);
	weir_ctx_fini(&top);
}

WEIR_SIM_TEST_WITH(cancel_reaches_grandchildren_that_wait, .no_early = true)
{
	reach(ctx, true);
}

WEIR_SIM_TEST_WITH(cancel_reaches_grandchildren_on_their_way, .no_early = true)
{
	reach(ctx, false);
}

/* Up and sideways a cancel reaches nobody. */
WEIR_SIM_TEST_WITH(cancel_stays_below, .allow_no_decisions = true, .schedules = 2)
{
	weir_ctx top, left, right, leaf;
	weir_ctx_init(&top, ctx, WEIR_FOREVER);
	weir_ctx_init(&left, &top, WEIR_FOREVER);
	weir_ctx_init(&right, &top, WEIR_FOREVER);
	weir_ctx_init(&leaf, &left, WEIR_FOREVER);
	weir_ctx_cancel_as(&left, WEIR_CAUSE_CONSUMER, NULL);
	WEIR_SIM_EQ(weir_ctx_err(&leaf), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_ctx_err(&top), 0);
	WEIR_SIM_EQ(weir_ctx_err(&right), 0);
	expect_cause(&left, WEIR_CAUSE_CONSUMER, "cancelled");
	expect_cause(&leaf, WEIR_CAUSE_PARENT, "cancelled");
	weir_ctx_cancel(NULL, NULL);
	weir_ctx_fini(NULL);
	weir_ctx_fini(&leaf);
	weir_ctx_fini(&leaf); /* zeroed */
	weir_ctx_cancel(&leaf, NULL);
	weir_ctx_fini(&right);
	weir_ctx_fini(&left);
	weir_ctx_fini(&top);
}

/* ---- shields ---- */

static int cleanup_under_shield(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ctx shield, below;
	int key;
	(void)err;
	while (weir_ctx_err(ctx) == 0) /* cleanup begins when the scope has ended */
		WEIR_SIM_ASSERT(weir_sleep(ctx, WEIR_SEC(1)) < 0);
	int64_t began = weir_rt_now(rt);
	weir_ctx_init_shield(&shield, ctx, WEIR_MS(5));
	weir_ctx_init_value(&below, &shield, &key, &key);
	WEIR_SIM_EQ(weir_ctx_deadline(&below), began + WEIR_MS(5));
	WEIR_SIM_EQ(weir_ctx_err(&below), 0);
	WEIR_SIM_ASSERT(weir_ctx_value(&below, arg) == arg && weir_ctx_value(&below, &key) == &key);
	WEIR_SIM_EQ(weir_sleep(&below, WEIR_MS(3)), 0);
	WEIR_SIM_EQ(weir_sleep(&below, WEIR_MS(3)), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(rt), began + WEIR_MS(5));
	expect_cause(&below, WEIR_CAUSE_PARENT, "deadline passed");
	expect_cause(&shield, WEIR_CAUSE_DEADLINE, "deadline passed");
	weir_ctx_fini(&below);
	weir_ctx_fini(&shield);
	return 0;
}

/* Neither cancel nor an ancestor's deadline gets through; its own time does. */
WEIR_SIM_TEST_WITH(shield, .strategy = "dfs2", .no_early = true)
{
	weir_ctx valued, timed;
	weir_scope s;
	int key = 0;
	bool by_deadline = weir_sim_choose(2, "deadline or cancel");
	weir_ctx_init_value(&valued, ctx, &key, &key);
	weir_ctx_init(&timed, &valued, by_deadline ? WEIR_MS(1) : WEIR_FOREVER);
	weir_scope_init(&s, &timed);
	start(&s, "cleaner", cleanup_under_shield, &key);
	if (!by_deadline)
		weir_ctx_cancel(&valued, "down");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), by_deadline ? WEIR_EDEADLINE : WEIR_ECANCELED);
	weir_ctx_fini(&timed);
	weir_ctx_fini(&valued);
}

/* A sleeper under a shield is not woken by the cancel above it, and is by that of the shield. */
static int sleep_under(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	WEIR_SIM_EQ(weir_sleep(arg, WEIR_SEC(5)), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(1));
	return 0;
}

WEIR_SIM_TEST_WITH(shield_is_cancelled_by_itself_only, .strategy = "dfs2")
{
	weir_ctx top, shield;
	weir_scope s;
	weir_ctx_init(&top, ctx, WEIR_FOREVER);
	weir_ctx_init_shield(&shield, &top, WEIR_SEC(10));
	weir_scope_init(&s, ctx);
	start(&s, "sleeper", sleep_under, &shield);
	weir_ctx_cancel(&top, "above");
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	WEIR_SIM_EQ(weir_ctx_err(&shield), 0);
	weir_ctx_cancel(&shield, "itself");
	join(ctx, &s);
	weir_ctx_fini(&shield);
	weir_ctx_fini(&top);
}

/* ---- waiting for another context ---- */

/* Select on a foreign node: its cancel or its deadline is an event with its code, at its time. */
WEIR_SIM_TEST_WITH(select_on_a_foreign_context, .strategy = "dfs", .no_early = true)
{
	weir_ctx other;
	struct canceller c = {.target = &other, .why = "event", .after_ns = WEIR_MS(3)};
	weir_scope s;
	bool deadline = weir_sim_choose(2, "cancel or deadline");
	weir_ctx_init(&other, ctx, deadline ? WEIR_MS(2) : WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "canceller", canceller, &c);
	weir_case cases[] = {weir_case_timer(WEIR_MS(9)), weir_case_ctx(NULL), weir_case_ctx(&other)};
	WEIR_SIM_EQ(weir_select(ctx, cases, 3), 2);
	WEIR_SIM_EQ(cases[2].rc, deadline ? WEIR_EDEADLINE : WEIR_ECANCELED);
	WEIR_SIM_EQ(cases[0].rc, 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), deadline ? WEIR_MS(2) : WEIR_MS(3));
	WEIR_SIM_EQ(weir_select(ctx, cases, 3), 2); /* it stays ready */
	join(ctx, &s);
	weir_ctx_fini(&other);
}

/* ---- who waits on one node ---- */

struct sleeper {
	weir_ctx *target;
	int rc;
	int64_t woke_at;
};

static int sleeper(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct sleeper *p = arg;
	(void)err;
	p->rc = weir_sleep(p->target, WEIR_SEC(1));
	p->woke_at = weir_rt_now(weir_ctx_rt(ctx));
	return 0;
}

/* C5: a cancel claims all that wait on a node, not only who came first. */
WEIR_SIM_TEST_WITH(cancel_reaches_all_who_wait_on_one_node, .strategy = "dfs2", .no_early = true)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	struct sleeper p[3];
	weir_ctx c;
	weir_scope s;
	int64_t start_at = weir_rt_now(rt);
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++) {
		p[i] = (struct sleeper){.target = &c};
		start(&s, "sleeper", sleeper, &p[i]);
	}
	weir_sim_quiesce(ctx);
	weir_ctx_cancel(&c, "all of you");
	join(ctx, &s);
	for (int i = 0; i < 3; i++) {
		WEIR_SIM_EQ(p[i].rc, WEIR_ECANCELED);
		WEIR_SIM_EQ(p[i].woke_at, start_at);
	}
	weir_ctx_fini(&c);
}

struct receiver {
	weir_ctx *ctx;
	weir_rx *rx;
	int item, rc;
};

static int receiver(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct receiver *r = arg;
	(void)ctx, (void)err;
	r->rc = weir_rx_recv(r->ctx, r->rx, &r->item);
	return 0;
}

/* W7: once somebody has seen that a context is over, nothing is handed to a task that still waits under it, although
 * that task has not run yet. */
WEIR_SIM_TEST_WITH(nothing_is_handed_to_who_is_over, .strategy = "dfs", .no_early = true)
{
	struct receiver r = {.item = -1};
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_ctx c;
	weir_scope s;
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, 0, &tx, &rx), 0);
	weir_ctx_init(&c, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(1)));
	r.ctx = &c;
	r.rx = rx;
	weir_scope_init(&s, ctx);
	start(&s, "receiver", receiver, &r);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0); /* due together with the receiver's deadline */
	WEIR_SIM_EQ(weir_ctx_err(&c), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_tx_try_send(tx, &(int){5}), WEIR_EAGAIN);
	join(ctx, &s);
	WEIR_SIM_EQ(r.rc, WEIR_EDEADLINE);
	WEIR_SIM_EQ(r.item, -1);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_ctx_fini(&c);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
