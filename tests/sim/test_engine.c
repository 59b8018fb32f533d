/* SPDX-License-Identifier: MIT
 *
 * The simulator on trial. Each oracle gets a small program with that bug and must name it; programs without a bug that
 * look like one must pass. Every failure is replayed from its string and must fail alike: same kind, same message, same
 * hash, same virtual time. Counts of schedules are compared with what can be worked out by hand, and exhaustive search
 * is the judge of random search.
 *
 * This program has a main of its own, since most tests are a search or two with a look at the result. A test returns
 * whether it passed; EXPECT says what did not hold. About 10 seconds, nearly all of it the two runs of the task that
 * hangs, which take 5 s of real time each. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <weir/sim.h>

#include "expect.h"

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static void open_chan(weir_ctx *ctx, size_t capacity, weir_tx **tx, weir_rx **rx)
{
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, capacity, tx, rx), 0);
}

SCENARIO(send_one)
{
	return weir_tx_send(ctx, arg, &(int){1});
}

SCENARIO(recv_one)
{
	int value, rc = weir_rx_recv(ctx, arg, &value);
	return rc < 0 ? rc : 0;
}

SCENARIO(yield_twice)
{
	weir_rt_yield(weir_ctx_rt(ctx));
	weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

/* Two tasks in a scope, joined. */
static int pair(weir_ctx *ctx, weir_task_fn *one, void *arg_one, weir_task_fn *two, void *arg_two, weir_err *err)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "one", one, arg_one);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "two", two, arg_two);
	return weir_scope_join(ctx, &s, rc, err);
}

/* ---- programs with a bug each ---- */

SCENARIO(bad_assertion)
{
	WEIR_SIM_EQ(weir_sim_choose(4, "which") == 3, 0);
	return 0;
}

SCENARIO(bad_assert3)
{
	assert(weir_sim_choose(4, "which") != 3);
	return 0;
}

SCENARIO(bad_return)
{
	return weir_sim_choose(4, "which") == 3 ? weir_fail(err, WEIR_EIO, "told") : 0;
}

/* UndefinedBehaviorSanitizer would end the process before the signal does. */
__attribute__((no_sanitize("undefined"))) SCENARIO(bad_null)
{
	volatile int value = 1, *volatile at = weir_sim_choose(4, "which") == 3 ? NULL : &value;
	return *at - 1;
}

static int recurse(volatile char *above, int depth)
{
	volatile char frame[512];
	frame[0] = above ? above[0] : 1;
	return depth == 0 ? frame[0] : recurse(frame, depth - 1) + frame[0];
}

SCENARIO(bad_recursion)
{
	return recurse(NULL, weir_sim_choose(4, "which") == 3 ? 1000000 : 10) < 0;
}

SCENARIO(bad_abort)
{
	if (weir_sim_choose(4, "which") == 3)
		abort();
	return 0;
}

SCENARIO(bad_deadlock)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	open_chan(ctx, 1, &tx, &rx);
	int rc = pair(ctx, recv_one, rx, yield_twice, NULL, err); /* nobody sends, and tx stays open */
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

static void never_joined(void *arg)
{
	*(int *)arg = 1;
}

static void never_over(void *arg)
{
	weir_rt *rt = arg;
	(void)rt->vt->park(rt, WEIR_FOREVER);
}

SCENARIO(bad_task)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_task *task = NULL;
	static int value;
	weir_rt_yield(rt);
	return rt->vt->spawn(rt, "left", never_joined, &value, NULL, &task);
}

SCENARIO(bad_running_task)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_task *task = NULL;
	int rc = rt->vt->spawn(rt, "runs on", never_over, rt, NULL, &task);
	weir_rt_yield(rt);
	return rc;
}

SCENARIO(bad_tx)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	open_chan(ctx, 1, &tx, &rx);
	weir_rt_yield(weir_ctx_rt(ctx));
	weir_rx_close(&rx);
	return 0;
}

SCENARIO(bad_rx)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	open_chan(ctx, 1, &tx, &rx);
	weir_rt_yield(weir_ctx_rt(ctx));
	weir_tx_close(&tx);
	return 0;
}

SCENARIO(bad_ctx)
{
	static weir_ctx left;
	weir_ctx_init(&left, ctx, WEIR_FOREVER);
	return weir_ctx_err(&left);
}

/* On a stack that is used for something else before anybody looks. */
static void leave_ctx(weir_ctx *ctx)
{
	weir_ctx left;
	weir_ctx_init(&left, ctx, WEIR_FOREVER);
}

SCENARIO(bad_ctx_on_a_dead_stack)
{
	leave_ctx(ctx);
	return recurse(NULL, 30) < 0;
}

SCENARIO(bad_scope)
{
	static weir_scope left;
	weir_scope_init(&left, ctx);
	return weir_ctx_err(weir_scope_ctx(&left));
}

SCENARIO(bad_block)
{
	return weir_rt_alloc(weir_ctx_rt(ctx), 10) ? 0 : WEIR_ENOMEM;
}

SCENARIO(bad_double_release)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	void *mem = weir_rt_alloc(rt, 10);
	weir_rt_release(rt, mem);
	weir_rt_release(rt, mem);
	return 0;
}

SCENARIO(bad_sharing)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	open_chan(ctx, 4, &tx, &rx);
	int rc = pair(ctx, send_one, tx, send_one, tx, err);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

/* main sends with the handle a task is parked on. */
SCENARIO(bad_handle_in_use)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	open_chan(ctx, 0, &tx, &rx);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "sender", send_one, tx);
	weir_sim_quiesce(ctx);
	rc = rc ? rc : weir_tx_try_send(tx, &(int){2});
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

SCENARIO(bad_stale_copy)
{
	weir_tx *tx = NULL, *copy;
	weir_rx *rx = NULL;
	open_chan(ctx, 1, &tx, &rx);
	copy = tx;
	weir_tx_close(&tx);
	int rc = weir_tx_try_send(copy, &(int){1});
	weir_rx_close(&rx);
	return rc;
}

SCENARIO(bad_second_close)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL, *copy;
	open_chan(ctx, 1, &tx, &rx);
	copy = rx;
	weir_rx_close(&rx);
	weir_rx_close(&copy);
	weir_tx_close(&tx);
	return 0;
}

static int shared_value;

static bool is_small(void *arg)
{
	return *(const int *)arg < 2;
}

SCENARIO(count_up)
{
	for (int i = 0; i < 2; i++) {
		shared_value++;
		weir_rt_yield(weir_ctx_rt(ctx));
		shared_value--;
	}
	return 0;
}

SCENARIO(bad_invariant)
{
	shared_value = 0;
	weir_sim_invariant(is_small, &shared_value, "one at a time");
	return pair(ctx, count_up, NULL, count_up, NULL, err);
}

SCENARIO(bad_endless)
{
	while (weir_ctx_err(ctx) == 0)
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

SCENARIO(bad_endless_sleep)
{
	while (weir_sleep(ctx, WEIR_MS(1)) == 0)
		;
	return 0;
}

SCENARIO(bad_nothing)
{
	return 0;
}

SCENARIO(bad_shield)
{
	weir_ctx c;
	weir_ctx_init_shield(&c, ctx, WEIR_FOREVER);
	weir_ctx_fini(&c);
	return 0;
}

SCENARIO(sleep_on)
{
	return weir_sleep(arg, WEIR_SEC(1));
}

SCENARIO(bad_fini)
{
	weir_ctx c;
	weir_scope s;
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "sleeper", sleep_on, &c);
	weir_sim_quiesce(ctx);
	weir_ctx_fini(&c);
	return weir_scope_join(ctx, &s, rc, err);
}

static int sleep_ms(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_MS(1));
}

static int join_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	return weir_scope_join(ctx, arg, 0, err); /* it belongs to the parent */
}

SCENARIO(bad_join)
{
	weir_scope outer, inner;
	weir_scope_init(&outer, ctx);
	weir_scope_init(&inner, ctx);
	int rc = weir_scope_spawn(&inner, "sleeper", sleep_ms, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&outer, "thief", join_it, &inner);
	rc = weir_scope_join(ctx, &inner, rc, err);
	return weir_scope_join(ctx, &outer, rc, err);
}

SCENARIO(bad_parent)
{
	weir_ctx c, child;
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_ctx_init(&child, &c, WEIR_FOREVER);
	weir_ctx_fini(&c);
	weir_ctx_fini(&child);
	return 0;
}

SCENARIO(bad_memory_of_the_past)
{
	static int runs;
	return ++runs % 2 ? pair(ctx, yield_twice, NULL, yield_twice, NULL, err) : weir_sleep(ctx, 1);
}

/* Same operations, another result. */
SCENARIO(bad_hidden_choice)
{
	static int runs;
	int rc = pair(ctx, yield_twice, NULL, yield_twice, NULL, err);
	WEIR_SIM_ASSERT(++runs != 2);
	return rc;
}

SCENARIO(bad_far_block)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	return weir_chan_new(weir_ctx_rt(ctx), &num, (size_t)1 << 30, &tx, &rx);
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	enum weir_sim_kind kind;
	struct weir_sim_opts opts;
	bool no_replay; /* the string cannot bring it back: it is about the search, or about what is outside */
} bugs[] = {
	{"failed_assertion", bad_assertion, WEIR_SIM_ASSERTION, {.seed = 0}, false},
	{"failed_assert3", bad_assert3, WEIR_SIM_ASSERTION, {.seed = 0}, false},
	{"failed_return", bad_return, WEIR_SIM_ASSERTION, {.seed = 0}, false},
	{"null_pointer", bad_null, WEIR_SIM_CRASH, {.seed = 0}, false},
	{"stack_overflow", bad_recursion, WEIR_SIM_CRASH, {.seed = 0}, false},
	{"call_of_abort", bad_abort, WEIR_SIM_CRASH, {.seed = 0}, false},
	{"deadlock", bad_deadlock, WEIR_SIM_DEADLOCK, {.seed = 0}, false},
	{"deadlock_by_dfs", bad_deadlock, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, false},
	{"task_never_joined", bad_task, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"task_still_running", bad_running_task, WEIR_SIM_LEAK, {.seed = 0}, false},
	{"leaked_tx", bad_tx, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"leaked_rx", bad_rx, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"leaked_ctx", bad_ctx, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"leaked_ctx_on_a_dead_stack", bad_ctx_on_a_dead_stack, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"leaked_scope", bad_scope, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"leaked_block", bad_block, WEIR_SIM_LEAK, {.allow_no_decisions = true}, false},
	{"block_released_twice", bad_double_release, WEIR_SIM_MISUSE, {.allow_no_decisions = true}, false},
	{"block_too_large", bad_far_block, WEIR_SIM_MISUSE, {.allow_no_decisions = true}, false},
	{"handle_used_by_two", bad_sharing, WEIR_SIM_OWNERSHIP, {.seed = 0}, false},
	{"handle_in_use", bad_handle_in_use, WEIR_SIM_OWNERSHIP, {.seed = 0}, false},
	{"stale_copy", bad_stale_copy, WEIR_SIM_OWNERSHIP, {.allow_no_decisions = true}, false},
	{"closed_twice", bad_second_close, WEIR_SIM_OWNERSHIP, {.allow_no_decisions = true}, false},
	{"broken_invariant", bad_invariant, WEIR_SIM_INVARIANT, {.seed = 0}, false},
	{"endless_loop_of_yields", bad_endless, WEIR_SIM_LIVELOCK, {.steps = 500}, false},
	{"endless_loop_of_sleeps", bad_endless_sleep, WEIR_SIM_STEP_LIMIT, {.steps = 500}, false},
	{"shield_without_limit", bad_shield, WEIR_SIM_MISUSE, {.allow_no_decisions = true}, false},
	{"fini_of_a_context_in_use", bad_fini, WEIR_SIM_MISUSE, {.seed = 0}, false},
	{"a_scope_joined_twice", bad_join, WEIR_SIM_MISUSE, {.seed = 0}, false},
	{"fini_before_the_child", bad_parent, WEIR_SIM_MISUSE, {.allow_no_decisions = true}, false},
	{"nothing_to_choose", bad_nothing, WEIR_SIM_NO_DECISIONS, {.seed = 0}, true},
	{"memory_of_the_past", bad_memory_of_the_past, WEIR_SIM_NONDETERMINISM, {.seed = 0}, true},
	{"hidden_choice", bad_hidden_choice, WEIR_SIM_NONDETERMINISM, {.seed = 0}, true},
};

/* The bug is found as its kind; found again by the same seed, in every field; and by its replay string. */
static void find_bug(size_t i)
{
	struct weir_sim_opts opts = bugs[i].opts;
	struct weir_sim_result first, second;
	opts.name = bugs[i].name;
	opts.quiet = true;
	opts.report = "/dev/null"; /* written all the same: it must survive any failure */
	EXPECT(weir_sim_run(&opts, bugs[i].fn, NULL, &first) == 1);
	EXPECT(first.kind == bugs[i].kind);
	EXPECT(first.message[0] != '\0');
	if (bugs[i].no_replay)
		return;
	EXPECT(first.failed_schedule == first.schedules && first.replay[0] != '\0');
	EXPECT(weir_sim_run(&opts, bugs[i].fn, NULL, &second) == 1);
	EXPECT(second.kind == first.kind && second.hash == first.hash && second.schedules == first.schedules);
	EXPECT(second.steps == first.steps && second.decisions == first.decisions && second.time_ns == first.time_ns);
	EXPECT(strcmp(second.replay, first.replay) == 0 && strcmp(second.message, first.message) == 0);
	opts.replay = first.replay;
	EXPECT(weir_sim_run(&opts, bugs[i].fn, NULL, &second) == 1);
	EXPECT(second.kind == first.kind && second.hash == first.hash && second.time_ns == first.time_ns);
	EXPECT(strcmp(second.message, first.message) == 0 && strcmp(second.replay, first.replay) == 0);
	EXPECT(second.schedules == 1);
}

/* ---- hand-overs that are fine ---- */

struct hand_over {
	weir_tx *tx, *carrier;
	weir_rx *rx, *notes;
};

/* Uses the handle, then passes it on as a message. */
SCENARIO(use_and_send_handle)
{
	struct hand_over *h = arg;
	int rc = weir_tx_send(ctx, h->tx, &(int){1});
	weir_tx *moved = h->tx;
	h->tx = NULL;
	return rc ? rc : weir_tx_send(ctx, h->carrier, &moved);
}

SCENARIO(hand_over_by_message)
{
	static const weir_type handle = {.name = "handle", .size = sizeof(weir_tx *), .align = _Alignof(weir_tx *)};
	struct hand_over h = {.tx = NULL};
	weir_scope s;
	weir_tx *got = NULL;
	open_chan(ctx, 3, &h.tx, &h.rx);
	int rc = weir_chan_new(weir_ctx_rt(ctx), &handle, 0, &h.carrier, &h.notes);
	weir_scope_init(&s, ctx);
	rc = rc ? rc : weir_scope_spawn(&s, "giver", use_and_send_handle, &h);
	if (weir_rx_recv(ctx, h.notes, &got) == 1)
		rc = rc ? rc : weir_tx_send(ctx, got, &(int){2});
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&got);
	weir_tx_close(&h.carrier);
	weir_rx_close(&h.notes);
	weir_rx_close(&h.rx);
	return rc;
}

SCENARIO(use_and_close_other)
{
	struct hand_over *h = arg;
	int rc = weir_tx_send(ctx, h->tx, &(int){1});
	weir_tx_close(&h->carrier);
	return rc;
}

SCENARIO(hand_over_by_close)
{
	struct hand_over h = {.tx = NULL};
	weir_scope s;
	int none;
	open_chan(ctx, 3, &h.tx, &h.rx);
	open_chan(ctx, 0, &h.carrier, &h.notes);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "giver", use_and_close_other, &h);
	WEIR_SIM_EQ(weir_rx_recv(ctx, h.notes, &none), 0); /* the end is the note */
	rc = rc ? rc : weir_tx_send(ctx, h.tx, &(int){2});
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&h.tx);
	weir_rx_close(&h.notes);
	weir_rx_close(&h.rx);
	return rc;
}

/* main, a task, another task after the join, main again. */
SCENARIO(hand_over_by_spawn_and_join)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int rc = 0;
	open_chan(ctx, 4, &tx, &rx);
	rc = weir_tx_send(ctx, tx, &(int){0});
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = pair(ctx, send_one, tx, recv_one, rx, err);
	if (rc == 0)
		rc = weir_tx_send(ctx, tx, &(int){0});
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

SCENARIO(use_and_cancel)
{
	struct hand_over *h = arg;
	int rc = weir_tx_send(ctx, h->tx, &(int){1});
	weir_scope_cancel(weir_scope_of(ctx), "your turn");
	return rc;
}

/* Whoever sees the cancel is ordered after who cancelled: by poll, or by waking from a sleep. */
SCENARIO(hand_over_by_cancel)
{
	struct hand_over h = {.tx = NULL};
	weir_scope s;
	open_chan(ctx, 3, &h.tx, &h.rx);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "giver", use_and_cancel, &h);
	if (weir_sim_choose(2, "sleep or poll"))
		WEIR_SIM_EQ(weir_sleep(weir_scope_ctx(&s), WEIR_FOREVER), WEIR_ECANCELED);
	if (weir_ctx_err(weir_scope_ctx(&s)) == WEIR_ECANCELED)
		rc = rc ? rc : weir_tx_send(ctx, h.tx, &(int){2});
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&h.tx);
	weir_rx_close(&h.rx);
	return rc;
}

/* Per-job contexts whose entries in the simulator's table are used again, beside handles that stay. */
SCENARIO(contexts_come_and_go)
{
	for (int i = 0; i < 40; i++) {
		weir_ctx a, b;
		weir_ctx_init(&a, ctx, WEIR_FOREVER);
		weir_ctx_init(&b, &a, i);
		WEIR_SIM_EQ(weir_ctx_err(&b), i == 0 ? WEIR_EDEADLINE : 0);
		weir_ctx_fini(&b);
		weir_ctx_fini(&a);
	}
	return pair(ctx, yield_twice, NULL, yield_twice, NULL, err);
}

/* The limit of the simulator is an error that spawn tells, not the end of the run. */
SCENARIO(as_many_tasks_as_there_are)
{
	weir_scope s;
	int rc = 0, n = 0;
	weir_scope_init(&s, ctx);
	while ((rc = weir_scope_spawn(&s, "one of many", yield_twice, NULL)) == 0)
		n++;
	WEIR_SIM_EQ(rc, WEIR_EAGAIN);
	WEIR_SIM_EQ(n, WEIR_SIM_TASKS - 1); /* and main */
	return weir_scope_join(ctx, &s, 0, err);
}

static const struct {
	const char *name;
	weir_task_fn *fn;
} fine[] = {
	{"hand_over_by_message", hand_over_by_message},
	{"hand_over_by_close", hand_over_by_close},
	{"hand_over_by_spawn_and_join", hand_over_by_spawn_and_join},
	{"hand_over_by_cancel", hand_over_by_cancel},
	{"contexts_come_and_go", contexts_come_and_go},
};

/* No false alarm: the portfolio of 1000 schedules, and every schedule with at most two preemptions. */
static void accept_fine(size_t i)
{
	struct weir_sim_opts opts = {.name = fine[i].name};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(&opts, fine[i].fn, NULL, &r) == 0);
	EXPECT(r.kind == WEIR_SIM_PASS && r.schedules == 1000 && r.failed_schedule == 0 && r.replay[0] == '\0');
	opts.strategy = "dfs2";
	opts.schedules = 20000;
	EXPECT(weir_sim_run(&opts, fine[i].fn, NULL, &r) == 0);
	EXPECT(r.exhausted || r.schedules == 20000);
}

/* ---- counts that can be worked out by hand ---- */

struct steps {
	weir_rt *rt;
	weir_task *main;
	weir_atomic walked;
	int n, *left;
};

static void take_steps(void *arg)
{
	struct steps *st = arg;
	for (int i = 0; i < st->n; i++)
		weir_atomic_store(&st->walked, (uint64_t)i);
	if (--*st->left == 0)
		st->rt->vt->unpark(st->rt, st->main);
}

static int plan[2];

/* Two tasks of the runtime itself, and main parked meanwhile. A task with n stores is picked n + 1 times (its start,
 * and before each store), main not at all until the last task has no choice left. */
SCENARIO(two_walks)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_task *task[2];
	int left = 2;
	struct steps st[2];
	for (int i = 0; i < 2; i++) {
		st[i] = (struct steps){.rt = rt, .main = rt->vt->self(rt), .n = plan[i], .left = &left};
		weir_atomic_init(&st[i].walked, rt, 0);
		WEIR_SIM_EQ(rt->vt->spawn(rt, i ? "b" : "a", take_steps, &st[i], NULL, &task[i]), 0);
	}
	WEIR_SIM_EQ(rt->vt->park(rt, WEIR_FOREVER), 0);
	rt->vt->join(rt, task[0]);
	rt->vt->join(rt, task[1]);
	weir_atomic_fini(&st[0].walked);
	weir_atomic_fini(&st[1].walked);
	return 0;
}

static uint64_t count_of(const char *strategy)
{
	const struct weir_sim_opts opts = {.name = "two_walks", .strategy = strategy};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(&opts, two_walks, NULL, &r) == 0);
	EXPECT(r.exhausted);
	return r.schedules;
}

/* Interleavings of m and n picks: binomial(m + n, m). With k preemptions: m picks cut into i parts and n into j, where
 * the last cut of each is its end: sums of products of binomials, here m = 3, n = 4. */
static void count_interleavings(void)
{
	static const int walks[][3] = {{0, 0, 2}, {1, 1, 6}, {2, 2, 20}, {2, 3, 35}, {3, 5, 210}, {4, 5, 462}};
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		plan[0] = walks[i][0];
		plan[1] = walks[i][1];
		EXPECT(count_of("dfs") == (uint64_t)walks[i][2]);
	}
	plan[0] = 2, plan[1] = 3;
	EXPECT(count_of("dfs0") == 2);  /* a b, b a */
	EXPECT(count_of("dfs1") == 7);  /* + 2 cuts of a, 3 of b */
	EXPECT(count_of("dfs2") == 19); /* + 2 * 2 * 3: one cut of each, either first */
	EXPECT(count_of("dfs3") == 28); /* + C(2,2)*3 + 2*C(3,2) */
	EXPECT(count_of("dfs4") == 34); /* + 2 * C(2,2) * C(3,2) */
	EXPECT(count_of("dfs5") == 35); /* + C(2,2) * C(3,3): all there are */
	EXPECT(count_of("dfs9") == 35);
}

SCENARIO(three_choices)
{
	uint32_t a = weir_sim_choose(3, "a"), b = weir_sim_choose(1, "no choice"), c = weir_sim_choose(a + 1, "c");
	return b == 0 && c <= a ? 0 : WEIR_EIO;
}

static void count_choices(void)
{
	const struct weir_sim_opts opts = {.strategy = "dfs"};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(&opts, three_choices, NULL, &r) == 0);
	EXPECT(r.exhausted && r.schedules == 1 + 2 + 3);
	EXPECT(r.steps == 0 && r.decisions == 1 + 2 * 2 + 3 * 2); /* c is no decision where a is 0 */
}

/* ---- dfs is the judge of the others ---- */

static uint64_t outcomes;

static void outcome(unsigned bit)
{
	outcomes |= UINT64_C(1) << bit;
}

static int trail[8], n_trail;

SCENARIO(leave_trail)
{
	for (int i = 0; i < 2; i++) {
		trail[n_trail++] = *(const int *)arg;
		weir_rt_yield(weir_ctx_rt(ctx));
	}
	return 0;
}

SCENARIO(trails)
{
	unsigned bits = 0;
	n_trail = 0;
	int rc = pair(ctx, leave_trail, &(int){0}, leave_trail, &(int){1}, err);
	for (int i = 0; i < n_trail; i++)
		bits = bits * 2 + (unsigned)trail[i];
	outcome(bits);
	return rc;
}

/* The same without a yield, which is where pct lets others go on. */
SCENARIO(poll_twice)
{
	for (int i = 0; i < 2; i++) {
		trail[n_trail++] = *(const int *)arg;
		if (weir_ctx_err(ctx) < 0)
			return WEIR_EIO;
	}
	return 0;
}

SCENARIO(trails_of_polls)
{
	unsigned bits = 0;
	n_trail = 0;
	int rc = pair(ctx, poll_twice, &(int){0}, poll_twice, &(int){1}, err);
	for (int i = 0; i < n_trail; i++)
		bits = bits * 2 + (unsigned)trail[i];
	outcome(bits);
	return rc;
}

/* pctN has N - 1 points at which priorities change: with none, a task runs to its end; with one, it is interrupted
 * once; with three, two tasks of two steps show every order. */
static void depths_of_pct(void)
{
	static const char *const depths[] = {"pct1", "pct2", "pct4"};
	static const int want[] = {2, 4, 6};
	for (size_t i = 0; i < 3; i++) {
		const struct weir_sim_opts opts = {.strategy = depths[i], .schedules = 2000};
		outcomes = 0;
		EXPECT(weir_sim_run(&opts, trails_of_polls, NULL, NULL) == 0);
		EXPECT(__builtin_popcountll(outcomes) == want[i]);
	}
}

SCENARIO(race_to_a_buffer)
{
	weir_tx *tx = NULL, *more = NULL;
	weir_rx *rx = NULL;
	struct weir_chan_stats st;
	weir_scope s;
	int value;
	open_chan(ctx, 1, &tx, &rx);
	int rc = weir_tx_clone(tx, 1, &more);
	weir_scope_init(&s, ctx);
	rc = rc ? rc : weir_scope_spawn(&s, "one", send_one, more);
	int tried = weir_tx_try_send(tx, &(int){2});
	int first = weir_rx_recv(ctx, rx, &value) == 1 ? value : 0;
	weir_rx_stats(rx, &st);
	outcome((unsigned)(tried == 0) + 2 * (unsigned)(first - 1) + 4 * (unsigned)st.buffered +
		8 * (unsigned)st.senders_waiting);
	rc = tried == 0 && rc == 0 ? (weir_rx_recv(ctx, rx, &value) == 1 ? 0 : WEIR_EIO) : rc;
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&tx);
	weir_tx_close(&more);
	weir_rx_close(&rx);
	return rc;
}

SCENARIO(ready_cases)
{
	weir_case cases[] = {weir_case_timer(0), weir_case_timer(WEIR_FOREVER), weir_case_timer(0), weir_case_timer(0)};
	int i = weir_select(ctx, cases, 4);
	outcome((unsigned)i * 4 + weir_sim_choose(3, "more"));
	return i < 0 ? i : 0;
}

SCENARIO(cancel_own_scope)
{
	weir_scope_cancel(weir_scope_of(ctx), "now");
	return 0;
}

static int slept;

SCENARIO(sleep_a_while)
{
	slept = weir_sleep(ctx, WEIR_MS(1));
	return slept;
}

SCENARIO(cancel_or_sleep)
{
	int rc = pair(ctx, sleep_a_while, NULL, cancel_own_scope, NULL, err);
	outcome((slept == 0 ? 1u : 0u) + (weir_rt_now(weir_ctx_rt(ctx)) ? 2u : 0u));
	return rc;
}

SCENARIO(sign_at_one)
{
	int rc = weir_sleep(ctx, WEIR_MS(1));
	trail[n_trail++] = *(const int *)arg;
	return rc;
}

SCENARIO(equal_deadlines)
{
	n_trail = 0;
	int rc = pair(ctx, sign_at_one, &(int){0}, sign_at_one, &(int){1}, err);
	outcome((unsigned)(trail[0] * 2 + trail[1]));
	return rc;
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	unsigned at_least; /* outcomes */
} races[] = {
	{"trails", trails, 6},
	{"race_to_a_buffer", race_to_a_buffer, 3},
	{"ready_cases", ready_cases, 9},
	{"cancel_or_sleep", cancel_or_sleep, 2},
	{"equal_deadlines", equal_deadlines, 2},
};

static void same_outcomes(size_t i)
{
	static const char *const others[] = {"random", "portfolio", "pct", "pct10"};
	struct weir_sim_opts opts = {.name = races[i].name, .strategy = "dfs", .early = 2};
	struct weir_sim_result r;
	outcomes = 0;
	EXPECT(weir_sim_run(&opts, races[i].fn, NULL, &r) == 0 && r.exhausted);
	uint64_t all = outcomes;
	EXPECT((unsigned)__builtin_popcountll(all) >= races[i].at_least);
	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		opts.strategy = others[k];
		opts.schedules = 2000;
		outcomes = 0;
		EXPECT(weir_sim_run(&opts, races[i].fn, NULL, &r) == 0 && r.schedules == 2000 && !r.exhausted);
		EXPECT((outcomes & ~all) == 0);    /* never one that dfs has not */
		EXPECT(outcomes == all || k >= 2); /* pct alone promises less */
	}
}

/* ---- seeds, replay strings, arguments ---- */

static void seeds(void)
{
	struct weir_sim_opts opts = {.strategy = "random", .schedules = 50};
	struct weir_sim_result a, b, c;
	EXPECT(weir_sim_run(&opts, trails, NULL, &a) == 0);
	EXPECT(weir_sim_run(&opts, trails, NULL, &b) == 0);
	opts.seed = 2;
	EXPECT(weir_sim_run(&opts, trails, NULL, &c) == 0);
	EXPECT(a.hash == b.hash && a.steps == b.steps && a.decisions == b.decisions);
	EXPECT(a.hash != c.hash);
	opts.schedules = 7;
	EXPECT(weir_sim_run(&opts, trails, NULL, &a) == 0 && a.schedules == 7);
}

static int replay_of(const char *text, weir_task_fn *fn, struct weir_sim_result *r)
{
	const struct weir_sim_opts opts = {.replay = text, .quiet = true};
	return weir_sim_run(&opts, fn, NULL, r);
}

static void bad_replays(void)
{
	static const char *const malformed[] = {"",
						"s1",
						"s1.x",
						"s1.x.0000",
						"s1.x.0000:",
						"s2.x.0000:-",
						"s1.x.00g0:-",
						"s1.x.0000:1>",
						"s1.x.0000:1>2,",
						"s1.x.0000:2>1,1>1",
						"s1.x.0000:c1=0",
						"s1.x.0000:1>256",
						"s1.x.0000:-x",
						"s1.x.0000:f0",
						"s1.x.0000:01>1",
						"s1..0000:-",
						"s1.x.0000:99999999999999999999>1"};
	struct weir_sim_result r;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		EXPECT(replay_of(malformed[i], trails, &r) == WEIR_EINVAL);
	EXPECT(replay_of("s1.x.0000:2>200", trails, &r) == 1 && r.kind == WEIR_SIM_BAD_REPLAY); /* no such task */
	EXPECT(replay_of("s1.x.0000:3>t", trails, &r) == 1 && r.kind == WEIR_SIM_BAD_REPLAY);   /* no timer */
	EXPECT(replay_of("s1.x.0000:-", trails, &r) == 1 && r.kind == WEIR_SIM_BAD_REPLAY);     /* another hash */
	EXPECT(strstr(r.message, "hash") != NULL);
	/* what it says of the hash makes it right */
	char text[32];
	const char *now = strstr(r.message, "now ");
	EXPECT(now != NULL);
	snprintf(text, sizeof(text), "s1.x.%.4s:-", now ? now + 4 : "");
	EXPECT(replay_of(text, trails, &r) == 0 && r.kind == WEIR_SIM_PASS);
}

SCENARIO(search_inside)
{
	WEIR_SIM_ASSERT(weir_sim_active());
	WEIR_SIM_EQ(weir_sim_run(NULL, trails, NULL, NULL), WEIR_EINVAL);
	return 0;
}

static void arguments(void)
{
	static const char *const unknown[] = {"dsf", "dfsx", "dfs-1", "pct0", "pct33", "pct3x", "random1", "Random"};
	struct weir_sim_opts opts = {.allow_no_decisions = true, .schedules = 3};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(NULL, NULL, NULL, NULL) == WEIR_EINVAL);
	EXPECT(!weir_sim_active());
	EXPECT(weir_sim_choose(5, "outside") == 0);
	EXPECT(weir_sim_run(&opts, search_inside, NULL, &r) == 0 && r.schedules == 3);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		opts.strategy = unknown[i];
		EXPECT(weir_sim_run(&opts, trails, NULL, &r) == WEIR_EINVAL);
	}
	for (int kind = WEIR_SIM_PASS; kind <= WEIR_SIM_RACE; kind++)
		EXPECT(strcmp(weir_sim_kind_name((enum weir_sim_kind)kind), "unknown") != 0);
}

/* A search that cannot get its timer says so, and leaves the process as it was. */
static void no_timer(void)
{
	struct rlimit before, none;
	struct weir_sim_result r;
	EXPECT(getrlimit(RLIMIT_SIGPENDING, &before) == 0);
	none = before;
	none.rlim_cur = 0;
	EXPECT(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
	int rc = weir_sim_run(NULL, trails, NULL, &r);
	EXPECT(setrlimit(RLIMIT_SIGPENDING, &before) == 0);
	EXPECT(rc < 0);
	EXPECT(!weir_sim_active());
	EXPECT(weir_sim_run(NULL, trails, NULL, &r) == 0);
}

static void tasks_run_out(void)
{
	const struct weir_sim_opts opts = {.strategy = "random", .schedules = 3};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(&opts, as_many_tasks_as_there_are, NULL, &r) == 0);
}

SCENARIO(bad_hang)
{
	volatile bool never = false;
	while (weir_sim_choose(2, "which") == 0)
		weir_rt_yield(weir_ctx_rt(ctx));
	while (!never)
		;
	return 0;
}

/* 5 s of real time in the search, 5 s in its second run. */
static void hang(void)
{
	const struct weir_sim_opts opts = {.quiet = true, .schedules = 1};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(&opts, bad_hang, NULL, &r) == 1);
	EXPECT(r.kind == WEIR_SIM_HANG);
	EXPECT(weir_sim_run(NULL, trails, NULL, &r) == 0); /* and the process is none the worse */
}

int main(void)
{
	for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++)
		find_bug(i), report(bugs[i].name);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		accept_fine(i), report(fine[i].name);
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++)
		same_outcomes(i), report(races[i].name);
	RUN(count_interleavings);
	RUN(count_choices);
	RUN(depths_of_pct);
	RUN(seeds);
	RUN(bad_replays);
	RUN(arguments);
	RUN(tasks_run_out);
	RUN(no_timer);
	RUN(hang);
	return summary();
}
