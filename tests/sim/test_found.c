/* SPDX-License-Identifier: MIT
 *
 * Bugs of weir that its own simulation tests found. Each scenario failed before the fix that its comment names, and
 * stays so that the bug does not come back. New ones go to the end; nothing is taken out.
 *
 * FOUND is WEIR_SIM_TEST_WITH for a scenario whose verdict was wrong: it must be found as `kind`. Where a search
 * missed something, the scenario leaves a mark in a static variable, and the next test looks at it. */
#include <weir/sim.h>

#define FOUND(test, kind, ...)                                                            \
	static void weir_sim_body_##test(weir_ctx *ctx);                                  \
	static int weir_sim_task_##test(weir_ctx *ctx, weir_err *err, void *arg)          \
	{                                                                                 \
		(void)err, (void)arg;                                                     \
		weir_sim_body_##test(ctx);                                                \
		return 0;                                                                 \
	}                                                                                 \
	__attribute__((constructor)) static void weir_sim_register_##test(void)           \
	{                                                                                 \
		static struct weir_sim_test weir_sim_test_ = {.name = #test,              \
							      .fn = weir_sim_task_##test, \
							      .expect = (kind),           \
							      .opts = {__VA_ARGS__}};     \
		weir_sim_register(&weir_sim_test_);                                       \
	}                                                                                 \
	static void weir_sim_body_##test(WEIR_UNUSED weir_ctx *ctx)

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static void open_chan(weir_ctx *ctx, size_t capacity, weir_tx **tx, weir_rx **rx)
{
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, capacity, tx, rx), 0);
}

static int send_seven(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return weir_tx_send(ctx, arg, &(int){7});
}

/* A select that offers both ends of one rendezvous channel waits in both of its queues; the account called that a lost
 * wake-up. Fixed in inspect.c: only two different waiters who could serve each other are one. */
WEIR_SIM_TEST_WITH(select_on_both_ends_of_a_channel, .strategy = "dfs")
{
	weir_tx *tx = NULL, *other = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	int out = 1, in = 0;
	open_chan(ctx, 0, &tx, &rx);
	WEIR_SIM_EQ(weir_tx_clone(tx, 1, &other), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "sender", send_seven, other), 0);
	weir_case cases[] = {weir_case_send(tx, &out), weir_case_recv(rx, &in)};
	WEIR_SIM_EQ(weir_select(ctx, cases, 2), 1); /* not with itself */
	WEIR_SIM_EQ(in, 7);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_tx_close(&tx);
	weir_tx_close(&other);
	weir_rx_close(&rx);
}

static int wake_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err;
	rt->vt->unpark(rt, arg);
	return 0;
}

/* clone announced an operation and never said that it was over, so the simulator went on with a record on a stack that
 * was gone, and a park without an operation of its own read it. Fixed in chan.c: clone tells its result. */
WEIR_SIM_TEST_WITH(park_after_clone, .strategy = "dfs")
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_tx *tx = NULL, *other = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	open_chan(ctx, 0, &tx, &rx);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "waker", wake_task, rt->vt->self(rt)), 0);
	WEIR_SIM_EQ(weir_tx_clone(tx, 1, &other), 0);
	WEIR_SIM_EQ(rt->vt->park(rt, WEIR_FOREVER), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_tx_close(&tx);
	weir_tx_close(&other);
	weir_rx_close(&rx);
}

static bool clock_moved_under_a_runner;

static int sleep_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_MS(1));
}

static int watch_the_clock(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	int64_t before = weir_rt_now(rt);
	(void)err, (void)arg;
	weir_rt_yield(rt);
	clock_moved_under_a_runner |= weir_rt_now(rt) != before;
	return 0;
}

/* An early timer is no preemption, yet dfsN did not try one where its preemptions were used up. Fixed in
 * strategy_dfs.c. */
WEIR_SIM_TEST_WITH(bounded_dfs_moves_the_clock, .strategy = "dfs0", .early = 1)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "sleeper", sleep_one, NULL), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "watcher", watch_the_clock, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

WEIR_SIM_TEST_WITH(bounded_dfs_moved_the_clock, .schedules = 1, .allow_no_decisions = true)
{
	WEIR_SIM_ASSERT(clock_moved_under_a_runner);
}

static int yield_fewer_later(weir_ctx *ctx, weir_err *err, void *arg)
{
	const int *runs = arg;
	(void)err;
	for (int i = 0; i < (*runs > 6 ? 1 : 3); i++)
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

/* A program that changed after the runs that are done twice left dfs with a path that did not fit; it stopped, passed,
 * and said that it had seen every schedule. Fixed in strategy_dfs.c and search.c. */
FOUND(dfs_sees_late_nondeterminism, WEIR_SIM_NONDETERMINISM, .strategy = "dfs")
{
	static int runs;
	weir_scope s;
	runs++;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "one", yield_fewer_later, &runs), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "two", yield_fewer_later, &runs), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

static int no_handler(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)err, (void)arg;
	return 0;
}

/* attach took the user's own `arg` of a channel with the size of a job for a type, and read it. Fixed in pipeline.c: a
 * job type always has the pipeline's drop, and is recognised by it. */
WEIR_SIM_TEST_WITH(attach_to_a_channel_that_is_not_of_jobs, .allow_no_decisions = true, .schedules = 1)
{
	const struct weir_pipeline_opts opts = {.handler = no_handler};
	weir_type foreign = weir_job_type(&num);
	weir_tx *tx = NULL;
	weir_rx *rx = NULL, *results = NULL;
	weir_scope s;
	foreign.drop = NULL;
	foreign.arg = (void *)16;
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &foreign, 0, &tx, &rx), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_pipeline_attach(&s, &num, &num, &opts, &rx, &results, NULL), WEIR_EINVAL);
	WEIR_SIM_ASSERT(rx != NULL && results == NULL);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
}

/* R9: release(NULL) is allowed. The simulator looked for the header of the block. Fixed in arena.c. */
WEIR_SIM_TEST_WITH(release_of_null, .allow_no_decisions = true, .schedules = 1)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	rt->vt->release(rt, NULL);
}

/* A crash while an internal lock was held left the lock counted as held for ever: the failure's second run, and every
 * test after it, failed with an assertion about locks. Fixed in engine.c: each schedule starts with none. */
FOUND(crash_under_a_lock, WEIR_SIM_CRASH, .schedules = 10)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	/* not 0: UndefinedBehaviorSanitizer would end the process before the signal does */
	void *nowhere = (void *)(uintptr_t)(4 + 4 * weir_sim_choose(2, "address"));
	open_chan(ctx, 1, &tx, &rx);
	WEIR_SIM_EQ(weir_tx_send(ctx, tx, &(int){1}), 0);
	WEIR_SIM_EQ(weir_rx_recv(ctx, rx, nowhere), 1);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
}

/* The n-th allocation of the program fails, for each n in turn: what a clone had been given must be as it was. It left
 * freed handles in the array. Fixed in chan.c: the outputs are written when all handles are there. */
WEIR_SIM_TEST_WITH(clones_are_n_or_none, .allow_no_decisions = true, .schedules = 1, .fault_sweep = true)
{
	weir_tx *tx = NULL, *more[3] = {NULL, NULL, NULL};
	weir_rx *rx = NULL;
	if (weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx, &rx) == 0) {
		int rc = weir_tx_clone(tx, 3, more);
		for (size_t i = 0; i < 3; i++) {
			WEIR_SIM_ASSERT((more[i] != NULL) == (rc == 0));
			weir_tx_close(&more[i]);
		}
	}
	weir_tx_close(&tx);
	weir_rx_close(&rx);
}

static int sleep_until_told(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)in, (void)out, (void)err, (void)arg;
	return weir_sleep(ctx, WEIR_FOREVER);
}

/* "Who leaves is never waited for": a worker found out that the consumer had left only when it had a result to hand
 * over. A handler that waits for the end of its context was never told, and the join waited for ever. */
WEIR_SIM_TEST(consumer_leaves_while_a_handler_waits)
{
	const struct weir_pipeline_opts opts = {.handler = sleep_until_told, .job_buffer = 1};
	struct {
		struct weir_job_head head;
		int in;
	} job = {.head = {.id = 1}};
	weir_tx *jobs = NULL;
	weir_rx *results = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_pipeline_start(&s, &num, &num, &opts, &jobs, &results, NULL), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, jobs, &job), 0);
	weir_rx_close(&results);
	weir_tx_close(&jobs);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

static int recv_in_time(weir_ctx *ctx, weir_err *err, void *arg)
{
	int in;
	(void)err;
	int rc = weir_rx_recv(ctx, *(weir_rx **)arg, &in);
	WEIR_SIM_ASSERT(rc == WEIR_EDEADLINE || rc == 1);
	weir_rx_close(arg);
	return 0;
}

/* A waiter whose deadline somebody else has seen to pass is passed over until it leaves by itself (W7 in waiter.h); a
 * select that came to send meanwhile waited beside it, and the account called that a lost wake-up. Fixed in inspect.c:
 * a waiter counts only while a peer may still commit it. Found by the model of channels in test_linear.c. */
WEIR_SIM_TEST_WITH(late_waiter_and_a_select, .strategy = "dfs", .early = 1)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_ctx early, late;
	weir_scope s;
	int out = 1;
	open_chan(ctx, 0, &tx, &rx);
	weir_ctx_init(&early, ctx, WEIR_MS(1));
	weir_ctx_init(&late, ctx, WEIR_MS(2));
	weir_scope_init(&s, &early);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "receiver", recv_in_time, &rx), 0);
	weir_sim_quiesce(ctx);
	int seen = weir_ctx_err(&early);
	weir_case cases[] = {weir_case_send(tx, &out)};
	int i = weir_select(&late, cases, 1);
	if (seen < 0) /* not to the one that is late */
		WEIR_SIM_ASSERT(i == WEIR_EDEADLINE || cases[0].rc == WEIR_EPIPE);
	WEIR_SIM_ASSERT(weir_scope_join(ctx, &s, 0, NULL) <= 0);
	weir_ctx_fini(&late);
	weir_ctx_fini(&early);
	weir_tx_close(&tx);
}

struct both_ends {
	weir_ctx *under;
	bool looks; /* at `under` first, and then does not select under it if it has ended */
	weir_tx *tx;
	weir_rx *rx;
	int rc;
};

static int select_both_ends(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct both_ends *b = arg;
	int out = 1, in = 0;
	(void)err;
	if (b->looks && weir_ctx_err(b->under) < 0)
		b->under = ctx;
	weir_case cases[] = {weir_case_send(b->tx, &out), weir_case_recv(b->rx, &in)};
	b->rc = weir_select(b->under, cases, 2);
	weir_tx_close(&b->tx);
	weir_rx_close(&b->rx);
	return 0;
}

/* A select under a context whose deadline has passed, which somebody has seen but the sleeper itself has not yet, is
 * passed over by its peers; that both then stood in the queues of a channel was called a lost wake-up. Found by
 * exploring inside of operations. Fixed in inspect.c: a waiter whose context carries a mark waits for nobody. */
WEIR_SIM_TEST_WITH(select_passes_over_one_whose_time_is_over, .strategy = "dfs", .early = 1)
{
	struct both_ends one = {.looks = false}, two = {.looks = true};
	weir_ctx late;
	weir_scope s;
	open_chan(ctx, 0, &one.tx, &two.rx);
	open_chan(ctx, 0, &two.tx, &one.rx);
	weir_ctx_init(&late, ctx, WEIR_MS(1));
	one.under = two.under = &late;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "one", select_both_ends, &one), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "two", select_both_ends, &two), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(one.rc == WEIR_EDEADLINE || two.rc == WEIR_EDEADLINE || one.rc + two.rc == 1);
	weir_ctx_fini(&late);
}

static int sleep_a_millisecond(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)in, (void)err, (void)arg;
	*(int *)out = 0;
	return weir_sleep(ctx, WEIR_MS(1));
}

/* "WEIR_ETIMEOUT: workers are left, see out": out was filled after that was decided, and a worker may have left in
 * between, so it named none. Found by exploring inside of operations. Fixed in pipeline.c: what out says decides. */
WEIR_SIM_TEST_WITH(stop_times_out_only_with_workers_left, .strategy = "dfs2", .early = 2)
{
	const struct weir_pipeline_opts opts = {.handler = sleep_a_millisecond, .job_buffer = 1};
	struct {
		struct weir_job_head head;
		int in;
	} job = {.head = {.id = 1}};
	weir_pipeline_report report;
	weir_pipeline *p = NULL;
	weir_tx *jobs = NULL;
	weir_rx *results = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_pipeline_start(&s, &num, &num, &opts, &jobs, &results, &p), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, jobs, &job), 0);
	weir_tx_close(&jobs);
	weir_rx_close(&results);
	int rc = weir_pipeline_stop(ctx, p, WEIR_US(500), &report);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED || rc == WEIR_ETIMEOUT);
	WEIR_SIM_EQ(report.workers_alive > 0, rc == WEIR_ETIMEOUT);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}
