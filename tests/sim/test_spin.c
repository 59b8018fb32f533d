/* SPDX-License-Identifier: MIT
 *
 * Loops that wait by going round. Correct ones end under every strategy, without a hint and within the step limit, and
 * an exhaustive search comes to its end; those that nothing can end are called a livelock, with the line of the loop;
 * loops that count their tries pass, and what they do when they give up is explored.
 *
 * A main of its own, as in test_engine.c. A few seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

#include "expect.h"

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static weir_atomic a, b;
static weir_mutex m;
static weir_tx *tx;
static weir_rx *rx;
static _Atomic int plain; /* what the simulator does not see */

/* What scenarios share, and two tasks on it. */
static int two(weir_ctx *ctx, weir_task_fn *one, weir_task_fn *other, weir_err *err)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_atomic_init(&a, rt, 0);
	weir_atomic_init(&b, rt, 0);
	weir_mutex_init(&m, rt);
	plain = 0;
	WEIR_SIM_EQ(weir_chan_new(rt, &num, 1, &tx, &rx), 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "one", one, &s);
	if (rc == 0 && other)
		rc = weir_scope_spawn(&s, "other", other, &s);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_mutex_fini(&m);
	weir_atomic_fini(&b);
	weir_atomic_fini(&a);
	return rc;
}

/* ---- loops that end ---- */

SCENARIO(await_a)
{
	while (weir_atomic_load(&a) == 0)
		;
	return 0;
}

SCENARIO(set_a)
{
	weir_atomic_store(&b, 7);
	weir_atomic_store(&a, 1);
	return 0;
}

SCENARIO(flag)
{
	return two(ctx, await_a, set_a, err);
}

SCENARIO(await_in_turn)
{
	while (weir_atomic_load(&a) == 0)
		;
	weir_atomic_store(&b, 1);
	while (weir_atomic_load(&a) == 1)
		;
	return 0;
}

SCENARIO(set_in_turn)
{
	weir_atomic_store(&a, 1);
	while (weir_atomic_load(&b) == 0)
		;
	weir_atomic_store(&a, 2);
	return 0;
}

SCENARIO(ping_pong)
{
	return two(ctx, await_in_turn, set_in_turn, err);
}

/* A lock made of a cas, and a counter under it. */
SCENARIO(under_spinlock)
{
	uint64_t free = 0;
	while (!weir_atomic_cas(&a, &free, 1))
		free = 0;
	WEIR_SIM_EQ(plain, 0);
	plain = 1;
	weir_atomic_add(&b, 1);
	plain = 0;
	weir_atomic_store(&a, 0);
	return 0;
}

SCENARIO(spinlock)
{
	return two(ctx, under_spinlock, under_spinlock, err);
}

SCENARIO(try_until_mine)
{
	while (weir_mutex_try_lock(&m) != 0)
		;
	WEIR_SIM_EQ(plain, 0);
	weir_mutex_unlock(&m);
	return 0;
}

SCENARIO(hold_and_sleep)
{
	weir_mutex_lock(ctx, &m);
	plain = 1;
	int rc = weir_sleep(ctx, WEIR_MS(5));
	plain = 0;
	weir_mutex_unlock(&m);
	return rc;
}

SCENARIO(try_lock_of_a_sleeper)
{
	int rc = two(ctx, hold_and_sleep, try_until_mine, err);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5));
	return rc;
}

SCENARIO(poll_for_items)
{
	int value, rc;
	while ((rc = weir_rx_try_recv(rx, &value)) == WEIR_EAGAIN)
		;
	return rc == 1 ? 0 : rc;
}

SCENARIO(send_one)
{
	weir_rt_yield(weir_ctx_rt(ctx));
	return weir_tx_send(ctx, tx, &(int){1});
}

SCENARIO(items)
{
	return two(ctx, poll_for_items, send_one, err);
}

SCENARIO(select_for_items)
{
	int value;
	weir_case cases[] = {weir_case_recv(rx, &value)};
	while (weir_try_select(cases, 1) < 0)
		;
	return 0;
}

SCENARIO(cases)
{
	return two(ctx, select_for_items, send_one, err);
}

SCENARIO(poll_context)
{
	while (weir_ctx_err(ctx) == 0)
		;
	return 0;
}

SCENARIO(end_context)
{
	weir_ctx_cancel(weir_scope_ctx(arg), "enough");
	return 0;
}

SCENARIO(context)
{
	return two(ctx, poll_context, end_context, err);
}

/* Time comes to whoever polls for it, although nobody sleeps. */
SCENARIO(deadline)
{
	weir_ctx c;
	weir_ctx_init(&c, ctx, WEIR_MS(3));
	int rc = two(&c, poll_context, poll_context, err);
	weir_ctx_fini(&c);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(3));
	return rc == WEIR_EDEADLINE ? 0 : rc;
}

SCENARIO(watch_the_clock)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	while (weir_rt_now(rt) < WEIR_MS(10))
		weir_rt_yield(rt);
	WEIR_SIM_ASSERT(weir_rt_now(rt) < WEIR_MS(100));
	return 0;
}

SCENARIO(clock_alone)
{
	return two(ctx, watch_the_clock, watch_the_clock, err);
}

SCENARIO(yield_until_set)
{
	while (!plain)
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

SCENARIO(set_plain)
{
	weir_atomic_store(&a, 1);
	plain = 1;
	weir_atomic_store(&a, 2);
	return 0;
}

SCENARIO(yields)
{
	return two(ctx, yield_until_set, set_plain, err);
}

/* Looks at a, waits for what is not seen: it must come round although a is never touched. */
SCENARIO(look_elsewhere)
{
	while (!plain)
		(void)weir_atomic_load(&b);
	return 0;
}

SCENARIO(unseen)
{
	return two(ctx, look_elsewhere, set_plain, err);
}

/* One that waits for everybody to wait counts a loop in vain as waiting. */
SCENARIO(set_when_quiet)
{
	weir_sim_quiesce(ctx);
	weir_atomic_store(&a, 1);
	return 0;
}

SCENARIO(quiet)
{
	return two(ctx, await_a, set_when_quiet, err);
}

/* ---- loops with an end of their own ---- */

static bool gave_up, got_it;

/* The number is volatile so that no compiler unrolls the loop: tries at ten sites are no loop. */
static int tries(weir_ctx *ctx, volatile int most)
{
	int i = 0;
	for (; i < most; i++)
		if (weir_mutex_try_lock(&m) == 0)
			break;
	(*(i < most ? &got_it : &gave_up)) = true;
	if (i < most)
		weir_mutex_unlock(&m);
	weir_atomic_store(&a, 1);
	(void)ctx;
	return 0;
}

SCENARIO(try_ten_times)
{
	return tries(ctx, 10);
}

SCENARIO(try_1000_times)
{
	return tries(ctx, 1000);
}

SCENARIO(hold_shortly)
{
	weir_mutex_lock(ctx, &m);
	weir_atomic_store(&b, 1);
	weir_mutex_unlock(&m);
	return 0;
}

/* Holds it until the other has given up. */
SCENARIO(hold_on)
{
	weir_mutex_lock(ctx, &m);
	while (weir_atomic_load(&a) == 0)
		;
	weir_mutex_unlock(&m);
	return 0;
}

SCENARIO(counted)
{
	return two(ctx, try_ten_times, hold_shortly, err);
}

SCENARIO(counted_to_1000)
{
	return two(ctx, try_1000_times, hold_on, err);
}

/* Time does not pass over a loop that is not over. */
SCENARIO(try_before_time)
{
	int rc = tries(ctx, 20);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
	return rc;
}

SCENARIO(counted_before_time)
{
	return two(ctx, hold_and_sleep, try_before_time, err);
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	uint64_t most; /* schedules of dfs; 0: too many, dfs2 alone comes to its end */
	bool no_early;
} good[] = {
	{"flag", flag, 3100, false},
	{"ping_pong", ping_pong, 0, false},
	{"spinlock", spinlock, 11000, false},
	{"try_lock_of_a_sleeper", try_lock_of_a_sleeper, 1400, true},
	{"items", items, 4500, false},
	{"cases", cases, 4500, false},
	{"context", context, 17000, false},
	{"deadline", deadline, 0, true},
	{"clock_alone", clock_alone, 0, true},
	{"yields", yields, 4800, false},
	{"unseen", unseen, 1400, false},
	{"quiet", quiet, 300, false},
	{"counted", counted, 7100, false},
	{"counted_to_1000", counted_to_1000, 14000, false},
	{"counted_before_time", counted_before_time, 1000, true},
};

static void loops_that_end_pass(void)
{
	static const char *const strategies[] = {"random", "pos", "surw", "pct1", "pct3", "pct10",
						 "dfs2",   "dfs", "ipb",  "dpor", "sdpor"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t k = 0; k < sizeof(strategies) / sizeof(strategies[0]); k++) {
			bool dfs = strncmp(strategies[k], "dfs", 3) == 0;
			const struct weir_sim_opts opts = {.name = good[i].name,
							   .strategy = strategies[k],
							   .schedules = dfs ? 100000 : 300,
							   .no_early = good[i].no_early};
			struct weir_sim_result r;
			if (good[i].most == 0 && strcmp(strategies[k], "dfs") == 0)
				continue;
			EXPECT(weir_sim_run(&opts, good[i].fn, NULL, &r) == 0);
			EXPECT(!dfs || r.exhausted);
			EXPECT(!dfs || good[i].most == 0 || r.schedules <= good[i].most);
		}
	}
}

/* Both ends of a counted loop are reached, whoever searches: to be set aside is not the only way. */
static void giving_up_is_explored(void)
{
	static const char *const strategies[] = {"dfs", "dfs2", "random", "pct3", "surw", "dpor", "sdpor"};
	for (size_t k = 0; k < sizeof(strategies) / sizeof(strategies[0]); k++) {
		const struct weir_sim_opts opts = {.strategy = strategies[k],
						   .schedules = strategies[k][0] == 'd' ? 0 : 300};
		gave_up = got_it = false;
		EXPECT(weir_sim_run(&opts, counted, NULL, NULL) == 0);
		EXPECT(gave_up && got_it);
	}
}

/* ---- loops that do not ---- */

SCENARIO(nobody_sets)
{
	return two(ctx, await_a, NULL, err);
}

SCENARIO(await_b_then_set_a)
{
	while (weir_atomic_load(&b) == 0)
		;
	weir_atomic_store(&a, 1);
	return 0;
}

SCENARIO(await_a_then_set_b)
{
	while (weir_atomic_load(&a) == 0)
		weir_rt_yield(weir_ctx_rt(ctx));
	weir_atomic_store(&b, 1);
	return 0;
}

SCENARIO(each_other)
{
	return two(ctx, await_b_then_set_a, await_a_then_set_b, err);
}

SCENARIO(lock_for_ever)
{
	int value;
	weir_mutex_lock(ctx, &m);
	weir_atomic_store(&b, 1);
	return weir_rx_recv(ctx, rx, &value);
}

SCENARIO(try_when_taken)
{
	while (weir_atomic_load(&b) == 0)
		;
	return try_until_mine(ctx, err, arg);
}

SCENARIO(holder_is_stuck)
{
	return two(ctx, lock_for_ever, try_when_taken, err);
}

SCENARIO(nobody_cancels)
{
	return two(ctx, poll_context, hold_and_sleep, err);
}

SCENARIO(yield_for_ever)
{
	while (!plain || plain)
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

SCENARIO(nothing_but_yields)
{
	return two(ctx, yield_for_ever, hold_and_sleep, err);
}

/* A lost flag: only if `one` looks between the two stores does it ever see 1. */
SCENARIO(await_one)
{
	while (weir_atomic_load(&a) != 1)
		;
	return 0;
}

SCENARIO(pass_over_one)
{
	weir_atomic_store(&a, 1);
	weir_atomic_store(&a, 2);
	return 0;
}

SCENARIO(missed)
{
	return two(ctx, await_one, pass_over_one, err);
}

SCENARIO(clock_and_flag)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	while (weir_rt_now(rt) >= 0 && weir_atomic_load(&a) == 0)
		;
	return 0;
}

SCENARIO(flag_by_the_clock)
{
	return two(ctx, clock_and_flag, NULL, err);
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	const char *said, *shown[2]; /* in the message; in the report */
} bad[] = {
	{"nobody_sets", nobody_sets, "1 task goes round for ever", {"load(atomic1)", "await_a"}},
	{"each_other", each_other, "2 tasks go round for ever", {"load(atomic2)", "yield"}},
	{"holder_is_stuck", holder_is_stuck, "T2 other; the others wait", {"try_lock(mutex1)", ""}},
	{"nobody_cancels", nobody_cancels, "T1 one", {"poll(scope1)", ""}},
	{"nothing_but_yields", nothing_but_yields, "T1 one", {"yield", ""}},
	{"missed", missed, "T1 one", {"load(atomic1)", ""}},
	{"flag_by_the_clock", flag_by_the_clock, "T1 one", {"load(atomic1)", "the clock"}},
};

static bool file_has(const char *path, const char *text)
{
	static char buf[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;
	buf[n] = '\0';
	if (f)
		fclose(f);
	return strstr(buf, text) != NULL;
}

static void check_report(size_t i, const struct weir_sim_result *r)
{
	char path[] = "/tmp/weir-test-spin-XXXXXX";
	int fd = mkstemp(path);
	struct weir_sim_result again;
	const struct weir_sim_opts opts = {.name = bad[i].name, .replay = r->replay, .quiet = true, .report = path};
	EXPECT(fd >= 0);
	EXPECT(weir_sim_run(&opts, bad[i].fn, NULL, &again) == 1);
	EXPECT(again.kind == WEIR_SIM_LIVELOCK && again.hash == r->hash && strcmp(again.message, r->message) == 0);
	EXPECT(file_has(path, "test_spin.c:") && file_has(path, " times"));
	EXPECT(file_has(path, bad[i].shown[0]));
	remove(path);
}

static void loops_in_vain_are_livelocks(void)
{
	static const char *const strategies[] = {"dfs",  "dfs2",      "random", "pos",  "surw",
						 "pct3", "portfolio", "ipb",    "dpor", "sdpor"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t k = 0; k < sizeof(strategies) / sizeof(strategies[0]); k++) {
			const struct weir_sim_opts opts = {.name = bad[i].name,
							   .strategy = strategies[k],
							   .schedules = 5000,
							   .no_shrink = k > 0, /* one of them is shrunk and drawn */
							   .quiet = true};
			struct weir_sim_result r;
			EXPECT(weir_sim_run(&opts, bad[i].fn, NULL, &r) == 1);
			EXPECT(r.kind == WEIR_SIM_LIVELOCK && strstr(r.message, bad[i].said));
			if (r.kind != WEIR_SIM_LIVELOCK || !strstr(r.message, bad[i].said))
				fprintf(stderr, "  %s, %s: %s\n", bad[i].name, strategies[k], r.message);
			else if (k == 0)
				check_report(i, &r);
		}
	}
}

/* Changes go on for ever: the step limit is what ends it, and says where the steps went. */
SCENARIO(lock_and_look)
{
	for (;;) {
		weir_mutex_lock(ctx, &m);
		int now = plain;
		weir_mutex_unlock(&m);
		if (now)
			return 0;
	}
}

SCENARIO(under_a_lock)
{
	return two(ctx, lock_and_look, NULL, err);
}

static void the_step_limit_says_where(void)
{
	char path[] = "/tmp/weir-test-spin-XXXXXX";
	int fd = mkstemp(path);
	const struct weir_sim_opts opts = {.strategy = "random",
					   .quiet = true,
					   .report = path,
					   .allow_no_decisions = true};
	struct weir_sim_result r;
	EXPECT(fd >= 0);
	EXPECT(weir_sim_run(&opts, under_a_lock, NULL, &r) == 1 && r.kind == WEIR_SIM_STEP_LIMIT);
	EXPECT(file_has(path, "Where the steps went:"));
	remove(path);
}

int main(void)
{
	RUN(loops_that_end_pass);
	RUN(giving_up_is_explored);
	RUN(loops_in_vain_are_livelocks);
	RUN(the_step_limit_says_where);
	return summary();
}
