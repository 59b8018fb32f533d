/* SPDX-License-Identifier: MIT
 *
 * Scopes under every interleaving: who fails first, what is only a consequence, spawns that race with the join and with
 * a cancel, and the rule that nothing is left when join returns. `live` counts the tasks that are between their first
 * and last line; join must find 0.
 *
 * A test of a race sets a bit for what happened; the test at the end checks that the search saw every outcome.
 * Bounds: "dfs" is every schedule, "dfsN" every schedule with at most N preemptions. */
#include <string.h>
#include <weir/sim.h>

static int live, ran;

static void open_scope(weir_scope *s, weir_ctx *parent)
{
	live = ran = 0;
	weir_scope_init(s, parent);
}

static void start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, arg), 0);
}

static unsigned seen_first, seen_spawn, seen_cancel, seen_parent, seen_own;

/* ---- the first error ---- */

struct failing {
	int rc;
	const char *text;
};

static int fail_at_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct failing *f = arg;
	(void)ctx;
	return f->text ? weir_fail(err, f->rc, "%s", f->text) : f->rc;
}

static int wait_for_the_end(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	live++, ran++;
	int rc = weir_sleep(ctx, WEIR_SEC(3600));
	live--;
	return rc;
}

/* Two tasks fail; join returns the first error with its own detail, and a bystander is cancelled with cause SIBLING. */
WEIR_SIM_TEST_WITH(first_error_of_two, .strategy = "dfs2")
{
	struct failing a = {WEIR_EUSER - 1, "a was refused"}, b = {WEIR_EUSER - 2, NULL};
	weir_err err = {0};
	char text[200];
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "bystander", wait_for_the_end, NULL);
	start(&s, "a", fail_at_once, &a);
	int spawned = weir_scope_spawn(&s, "b", fail_at_once, &b);
	WEIR_SIM_ASSERT(spawned == 0 || spawned == WEIR_ECANCELED); /* a may have failed by now */
	int rc = weir_scope_join(ctx, &s, 0, &err);
	WEIR_SIM_ASSERT(rc == a.rc || (rc == b.rc && spawned == 0));
	WEIR_SIM_EQ(err.code, rc);
	WEIR_SIM_ASSERT(weir_err_is(&err, rc) && !weir_err_is(&err, rc == a.rc ? b.rc : a.rc));
	weir_err_format(&err, text, sizeof(text));
	WEIR_SIM_ASSERT(strstr(text, rc == a.rc ? "a was refused" : "\"b\"") != NULL);
	weir_err_fini(&err);
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0); /* the bystander was cancelled, not waited for */
	seen_first |= rc == a.rc ? 1 : 2;
	seen_first |= spawned ? 4 : 0;
}

static int fail_after_the_end(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct failing *f = arg;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(3600)), WEIR_ECANCELED);
	return f->rc;
}

/* A task that fails because another has failed comes second, whatever its code. */
WEIR_SIM_TEST_WITH(second_error_is_not_the_outcome, .strategy = "dfs2")
{
	struct failing a = {WEIR_EUSER - 1, NULL}, b = {WEIR_EUSER - 2, NULL};
	weir_err err = {0};
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "b", fail_after_the_end, &b);
	start(&s, "a", fail_at_once, &a);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, &err), a.rc);
	WEIR_SIM_EQ(err.code, a.rc);
	weir_err_fini(&err);
}

/* The block's own outcome counts more than a task's, and cancels the siblings. */
WEIR_SIM_TEST_WITH(outcome_of_the_block, .strategy = "dfs2")
{
	struct failing a = {WEIR_EUSER - 1, "never seen"};
	weir_err err = {0};
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "sleeper", wait_for_the_end, NULL);
	start(&s, "a", fail_at_once, &a);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, WEIR_EIO, &err), WEIR_EIO);
	WEIR_SIM_EQ(err.code, 0);
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, -5, NULL), -5); /* joined: returns what it is given */
	WEIR_SIM_EQ(weir_scope_spawn(&s, "late", wait_for_the_end, NULL), WEIR_EINVAL);
	weir_scope_cancel(&s, "late");
}

/* A block that only passes on what the end of the scope told it does not hide the error that ended it. */
WEIR_SIM_TEST_WITH(outcome_that_is_a_consequence, .strategy = "dfs2")
{
	struct failing a = {WEIR_EUSER - 1, "refused"};
	int rc = weir_sim_choose(2, "code") ? WEIR_ECANCELED : WEIR_EDEADLINE;
	weir_err err = {0};
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "a", fail_at_once, &a);
	bool fails = weir_sim_choose(2, "a fails");
	a.rc = fails ? a.rc : 0;
	a.text = fails ? a.text : NULL;
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, rc, &err), fails ? a.rc : rc);
	WEIR_SIM_EQ(err.code, fails ? a.rc : 0);
	weir_err_fini(&err);
}

/* After a cancel, its code from a task is a consequence, and that nobody receives; any other is an error of its own. */
static int end_with(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct failing *f = arg;
	(void)err;
	int rc = weir_sleep(ctx, WEIR_MS(1));
	return rc < 0 ? f->rc : 0;
}

WEIR_SIM_TEST_WITH(consequence_or_cause, .strategy = "dfs2", .no_early = true)
{
	static const int codes[] = {WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EPIPE, WEIR_EUSER, 3};
	struct failing f = {codes[weir_sim_choose(5, "code")], NULL};
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "task", end_with, &f);
	weir_sim_quiesce(ctx);
	weir_scope_cancel(&s, "by its owner");
	int rc = weir_scope_join(ctx, &s, 0, NULL);
	int of_its_own = f.rc > 0 ? WEIR_EINVAL : f.rc == WEIR_EUSER ? f.rc : 0;
	WEIR_SIM_EQ(rc, of_its_own);
}

static int own_deadline(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx limited;
	(void)err, (void)arg;
	weir_ctx_init(&limited, ctx, WEIR_MS(1));
	int rc = weir_sleep(&limited, WEIR_SEC(1));
	weir_ctx_fini(&limited);
	return rc;
}

/* A deadline of a task's own is not the scope's: while that is alive, it is a failure like any other. */
WEIR_SIM_TEST_WITH(own_deadline_is_a_cause, .strategy = "dfs", .early = 1)
{
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "limited", own_deadline, NULL);
	bool cancelled = weir_sim_choose(2, "cancel");
	if (cancelled)
		weir_scope_cancel(&s, "by its owner");
	int rc = weir_scope_join(ctx, &s, 0, NULL);
	WEIR_SIM_ASSERT(cancelled ? rc == 0 || rc == WEIR_EDEADLINE : rc == WEIR_EDEADLINE);
	seen_own |= rc == 0 ? 1 : cancelled ? 2 : 4;
}

/* ---- spawn against join and cancel ---- */

static int leaf(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	live++, ran++;
	weir_rt_yield(weir_ctx_rt(ctx));
	live--;
	return 0;
}

struct spawner {
	weir_scope *scope;
	int rc[2];
};

static int spawn_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct spawner *sp = arg;
	(void)ctx, (void)err;
	live++;
	for (int i = 0; i < 2; i++)
		sp->rc[i] = weir_scope_spawn(sp->scope, "leaf", leaf, NULL);
	live--;
	return 0;
}

/* A task of the scope spawns while the owner is in join: join waits for the new ones too. */
WEIR_SIM_TEST_WITH(spawn_while_the_owner_joins, .strategy = "dfs2")
{
	weir_scope s;
	struct spawner sp = {.scope = &s, .rc = {1, 1}};
	open_scope(&s, ctx);
	start(&s, "spawner", spawn_two, &sp);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(sp.rc[0] + sp.rc[1], 0);
	WEIR_SIM_EQ(ran, 2);
	WEIR_SIM_EQ(live, 0);
}

static int cancel_scope(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_scope_cancel(arg, "no more");
	return 0;
}

/* A cancel between the spawns: each either starts its task, which is then waited for, or says why not. */
WEIR_SIM_TEST_WITH(cancel_during_spawn, .strategy = "dfs2")
{
	weir_scope s;
	struct spawner sp = {.scope = &s, .rc = {1, 1}};
	open_scope(&s, ctx);
	start(&s, "spawner", spawn_two, &sp);
	int rc = weir_scope_spawn(&s, "canceller", cancel_scope, &s);
	WEIR_SIM_EQ(rc, 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	int started = 0;
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_ASSERT(sp.rc[i] == 0 || sp.rc[i] == WEIR_ECANCELED);
		started += sp.rc[i] == 0;
	}
	WEIR_SIM_ASSERT(sp.rc[0] != WEIR_ECANCELED || sp.rc[1] == WEIR_ECANCELED);
	WEIR_SIM_EQ(ran, started);
	WEIR_SIM_EQ(live, 0);
	seen_spawn |= 1u << started;
}

/* Cancel before, during and after the task's life. */
WEIR_SIM_TEST_WITH(cancel_against_the_end_of_a_task, .strategy = "dfs", .early = 1)
{
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "sleeper", wait_for_the_end, NULL);
	start(&s, "canceller", cancel_scope, &s);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_EQ(ran, 1);
	seen_cancel |= weir_rt_now(weir_ctx_rt(ctx)) ? 2 : 1;
}

/* ---- the context of the join and the parent's ---- */

static int cancel_ctx(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	if (weir_sleep(ctx, WEIR_MS(1)) == 0)
		weir_ctx_cancel(arg, "the parent ended");
	return 0;
}

static int stubborn(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx shield;
	(void)err, (void)arg;
	live++;
	weir_ctx_init_shield(&shield, ctx, WEIR_SEC(1));
	int rc = weir_sleep(&shield, WEIR_MS(2));
	weir_ctx_fini(&shield);
	live--;
	return rc;
}

/* The parent ends at the moment at which the last task does, or before: join waits in any case, and says so. */
WEIR_SIM_TEST_WITH(parent_ends_while_joining, .strategy = "dfs2", .early = 1)
{
	weir_ctx parent;
	weir_scope outer, s;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_scope_init(&outer, ctx);
	open_scope(&s, &parent);
	start(&s, "stubborn", stubborn, NULL);
	start(&outer, "canceller", cancel_ctx, &parent);
	int rc = weir_scope_join(&parent, &s, 0, NULL);
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_ASSERT(rc == WEIR_ECANCELED || rc == 0);
	WEIR_SIM_ASSERT(weir_rt_now(weir_ctx_rt(ctx)) >= WEIR_MS(2));
	seen_parent |= rc ? 1 : 2;
	WEIR_SIM_EQ(weir_scope_join(ctx, &outer, 0, NULL), 0);
	weir_ctx_fini(&parent);
}

/* A parent that has ended before: nothing starts, and join gives its code. */
WEIR_SIM_TEST_WITH(scope_under_an_ended_parent, .allow_no_decisions = true, .schedules = 2)
{
	weir_ctx parent;
	weir_scope s;
	weir_ctx_init(&parent, ctx, 0);
	open_scope(&s, &parent);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "never", leaf, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(ran, 0);
	weir_ctx_fini(&parent);
}

/* ---- nesting ---- */

static int inner_body(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope *own = weir_scope_of(ctx);
	WEIR_SIM_ASSERT(own != NULL && weir_scope_ctx(own) == ctx);
	int rc = weir_scope_spawn(own, "inner sleeper", wait_for_the_end, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(own, "inner leaf", leaf, NULL);
	(void)err;
	return rc < 0 ? rc : *(const int *)arg;
}

static int nest(weir_ctx *ctx, weir_err *err, void *arg)
{
	return weir_scope_run(ctx, inner_body, arg, err);
}

/* A scope in a task of a scope; the outer one is cancelled, or the inner block fails: the inner tasks are gone before
 * the outer task is. */
WEIR_SIM_TEST_WITH(nested_scopes, .strategy = "dfs2")
{
	int block = weir_sim_choose(2, "the inner block fails") ? WEIR_EUSER : 0;
	weir_err err = {0};
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "nest", nest, &block);
	if (!block)
		weir_scope_cancel(&s, "outer");
	int rc = weir_scope_join(ctx, &s, 0, &err);
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_EQ(rc, block);
	WEIR_SIM_EQ(err.code, block);
	weir_err_fini(&err);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
}

static int positive(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return 7;
}

WEIR_SIM_TEST_WITH(scope_run, .strategy = "dfs2")
{
	int rc = 0;
	weir_ctx limited;
	live = ran = 0;
	weir_ctx_init(&limited, ctx, WEIR_MS(4));
	WEIR_SIM_EQ(weir_scope_run(&limited, inner_body, &rc, NULL),
		    WEIR_EDEADLINE); /* the sleeper sleeps until then */
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(4));
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_EQ(weir_scope_run(ctx, positive, NULL, NULL), WEIR_EINVAL); /* a body is a weir_task_fn */
	weir_ctx_fini(&limited);
}

static int join_own_scope(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return weir_scope_join(ctx, arg, 0, NULL) == WEIR_EDEADLK ? 0 : WEIR_EIO;
}

/* A task that joins its own scope would wait for itself. */
WEIR_SIM_TEST_WITH(join_from_inside, .strategy = "dfs")
{
	weir_scope s;
	open_scope(&s, ctx);
	start(&s, "inside", join_own_scope, &s);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

/* A scope that lives long and spawns often: the threads of finished tasks are joined on the way, in any order. */
WEIR_SIM_TEST(spawn_often)
{
	weir_scope s;
	open_scope(&s, ctx);
	for (int i = 0; i < 12; i++)
		start(&s, "leaf", leaf, NULL);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(ran, 12);
	WEIR_SIM_EQ(live, 0);
}

/* A join whose context has ended tells who is stuck, every so often, and still waits. */
WEIR_SIM_TEST_WITH(stuck_join_waits_on, .strategy = "dfs1")
{
	weir_ctx ended;
	weir_scope s;
	weir_rt *rt = weir_ctx_rt(ctx);
	rt->stuck_after_ns = WEIR_US(300);
	weir_ctx_init(&ended, ctx, 0);
	open_scope(&s, ctx);
	start(&s, "stubborn", stubborn, NULL);
	WEIR_SIM_EQ(weir_scope_join(&ended, &s, 0, NULL), 0); /* its own parent has not ended */
	WEIR_SIM_EQ(live, 0);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(2));
	weir_ctx_fini(&ended);
	rt->stuck_after_ns = 0;
}

/* ---- nobody receives: that is what became of somebody else ---- */

struct line {
	weir_tx *tx;
	weir_rx *rx;
	int rc; /* of the receiver, when it leaves */
};

static int send_until_it_fails(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct line *line = arg;
	int rc = 0;
	(void)err;
	while (rc == 0)
		rc = weir_tx_send(ctx, line->tx, &(int){1});
	weir_tx_close(&line->tx);
	return rc;
}

/* Takes one, or none; gives up its end first, as it must (chapter 4), and says then what was wrong. */
static int receive_and_leave(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct line *line = arg;
	int item, rc = weir_rx_recv(ctx, line->rx, &item);
	weir_rx_close(&line->rx);
	if (rc < 0)
		return rc;
	return line->rc < 0 ? weir_fail(err, line->rc, "full") : 0;
}

/* Waits for the end, and leaves. */
static int wait_and_leave(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct line *line = arg;
	int rc = weir_sleep(ctx, WEIR_FOREVER);
	(void)err;
	weir_rx_close(&line->rx);
	return rc;
}

static int line_open(weir_ctx *ctx, struct line *line)
{
	const weir_type type = {.name = "int", .size = sizeof(int), .align = _Alignof(int)};
	return weir_chan_new(weir_ctx_rt(ctx), &type, 0, &line->tx, &line->rx);
}

/* The receiver's failure is the outcome, also where the sender has failed before it, for want of a receiver. */
WEIR_SIM_TEST_WITH(a_receiver_that_failed_is_the_cause, .strategy = "dfs2")
{
	struct line line = {.rc = WEIR_EUSER - 1};
	weir_err err = {0};
	weir_scope s;
	WEIR_SIM_EQ(line_open(ctx, &line), 0);
	open_scope(&s, ctx);
	start(&s, "sender", send_until_it_fails, &line);
	start(&s, "receiver", receive_and_leave, &line);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, &err), WEIR_EUSER - 1);
	WEIR_SIM_EQ(err.code, WEIR_EUSER - 1);
	weir_err_fini(&err);
	weir_tx_close(&line.tx);
	weir_rx_close(&line.rx);
}

/* The same where the block is the sender. */
WEIR_SIM_TEST_WITH(a_receiver_that_failed_is_why_the_block_could_not_send, .strategy = "dfs2")
{
	struct line line = {.rc = WEIR_EUSER - 1};
	weir_err err = {0};
	weir_scope s;
	WEIR_SIM_EQ(line_open(ctx, &line), 0);
	open_scope(&s, ctx);
	start(&s, "receiver", receive_and_leave, &line);
	int rc = send_until_it_fails(ctx, NULL, &line);
	WEIR_SIM_EQ(rc, WEIR_EPIPE);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, rc, &err), WEIR_EUSER - 1);
	WEIR_SIM_EQ(err.code, WEIR_EUSER - 1);
	weir_err_fini(&err);
	weir_rx_close(&line.rx);
}

/* Where nothing else has failed it is the outcome. */
WEIR_SIM_TEST_WITH(a_receiver_that_left_is_told, .strategy = "dfs2")
{
	struct line line = {.rc = 0};
	weir_scope s;
	WEIR_SIM_EQ(line_open(ctx, &line), 0);
	open_scope(&s, ctx);
	start(&s, "sender", send_until_it_fails, &line);
	start(&s, "receiver", receive_and_leave, &line);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), WEIR_EPIPE);
	weir_tx_close(&line.tx);
	weir_rx_close(&line.rx);
}

/* A receiver that leaves because the time is over, or because the owner said so, is no failure of the sender's. */
WEIR_SIM_TEST_WITH(a_receiver_that_was_ended_is_no_failure, .strategy = "dfs2", .early = 1)
{
	struct line line = {.rc = 0};
	bool by_deadline = weir_sim_choose(2, "by a deadline");
	bool block_sends = by_deadline && weir_sim_choose(2, "the block sends");
	weir_ctx limit;
	weir_scope s;
	int rc = 0;
	weir_ctx_init(&limit, ctx, by_deadline ? WEIR_MS(1) : WEIR_FOREVER);
	WEIR_SIM_EQ(line_open(ctx, &line), 0);
	open_scope(&s, &limit);
	start(&s, "receiver", wait_and_leave, &line);
	if (block_sends)
		rc = send_until_it_fails(&limit, NULL, &line);
	else
		rc = weir_scope_spawn(&s, "sender", send_until_it_fails, &line);
	WEIR_SIM_ASSERT(block_sends || rc == 0 || rc == WEIR_EDEADLINE); /* it may be over by now */
	if (!by_deadline)
		weir_scope_cancel(&s, "enough");
	WEIR_SIM_EQ(weir_scope_join(&limit, &s, rc, NULL), by_deadline ? WEIR_EDEADLINE : 0);
	weir_ctx_fini(&limit);
	weir_tx_close(&line.tx);
	weir_rx_close(&line.rx);
}

/* Where the parent's code is returned instead, what is said of it is not about who receives. */
WEIR_SIM_TEST_WITH(a_code_and_its_detail_agree, .strategy = "dfs2", .allow_no_decisions = true)
{
	weir_err err = {0};
	weir_ctx parent;
	weir_scope s;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	open_scope(&s, &parent);
	weir_ctx_cancel(&parent, "enough");
	int rc = weir_scope_join(ctx, &s, weir_fail(&err, WEIR_EPIPE, "nobody receives"), &err);
	WEIR_SIM_EQ(rc, WEIR_ECANCELED);
	WEIR_SIM_ASSERT(err.code == 0 || err.code == rc);
	weir_err_fini(&err);
	weir_ctx_fini(&parent);
}

WEIR_SIM_TEST_WITH(every_outcome_was_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_first, 7);
	WEIR_SIM_EQ(seen_spawn, 7);
	WEIR_SIM_EQ(seen_cancel, 3);
	WEIR_SIM_EQ(seen_parent, 3);
	WEIR_SIM_EQ(seen_own, 7);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
