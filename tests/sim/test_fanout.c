/* SPDX-License-Identifier: MIT
 *
 * examples/fanout.h, the same code that fanout.c runs on threads: a question to several replicas, at exact virtual
 * times and with its end in every place.
 *
 * What must hold, whatever comes in which order:
 *  1  fan_out returns, and nothing is left: the simulator looks for tasks, handles and memory, late answers included. 2
 *  asked = won + late + failed + stopped; won is 1 exactly where it returns 0, and the answer is the winner's. 3
 *  Whoever lost knows why: a late or stopped replica has a cause and a text, no other has one. 4  It takes as long as
 *  the winner, the limit, or whatever else ended it, to the nanosecond.
 * 2 and 3 are checked in every test, 4 in those without early timers. */
#include <stdio.h>
#include <string.h>
#include <weir/sim.h>

#include "examples/fanout.h"

#define REPLICAS 3

static const char first[] = "another replica was first";

/* What became of replicas, over all schedules of all tests: main looks whether everything that can happen did. */
static struct {
	uint64_t count[FAN_OUTCOMES];
	uint64_t timeouts;
} seen;

struct question {
	struct fan_replica replicas[REPLICAS];
	size_t n;
	struct fan_report report;
	char *answer;
	int rc;
	weir_err err;
};

/* The answer is the replica's latency in milliseconds, as a letter. */
static int answer(weir_ctx *ctx, struct fan_replica *r, char **out)
{
	int rc = weir_sleep(ctx, r->latency_ns);
	if (rc < 0)
		return rc;
	*out = malloc(2);
	if (!*out)
		return WEIR_ENOMEM;
	memcpy(*out, (char[]){(char)('a' + r->latency_ns / WEIR_MS(1)), '\0'}, 2);
	return 0;
}

static int fail(weir_ctx *ctx, struct fan_replica *r, char **out)
{
	int rc = weir_sleep(ctx, r->latency_ns);
	(void)out;
	return rc < 0 ? rc : WEIR_EIO;
}

/* Latencies in milliseconds, negative: a replica that fails. */
static struct question question_of(size_t n, const int *ms)
{
	struct question q = {.n = n};
	for (size_t i = 0; i < n; i++)
		q.replicas[i] = (struct fan_replica){.ask = ms[i] < 0 ? fail : answer,
						     .latency_ns = WEIR_MS(ms[i] < 0 ? -ms[i] : ms[i])};
	return q;
}

/* Rules 2 and 3. */
static void check(const struct question *q)
{
	size_t asked = 0;
	for (size_t i = 0; i < q->n; i++) {
		const struct fan_replica *r = &q->replicas[i];
		bool lost = r->outcome == FAN_LATE || r->outcome == FAN_STOPPED;
		WEIR_SIM_EQ(lost, r->cause != WEIR_CAUSE_NONE);
		WEIR_SIM_EQ(lost, r->why && r->why[0]);
		WEIR_SIM_EQ(r->rc < 0, r->outcome != FAN_WON && r->outcome != FAN_NOT_ASKED);
		if (r->outcome == FAN_WON)
			WEIR_SIM_EQ(q->answer[0], 'a' + r->latency_ns / WEIR_MS(1));
		asked += r->outcome != FAN_NOT_ASKED;
		seen.count[r->outcome]++;
	}
	WEIR_SIM_EQ(asked, q->report.count[FAN_WON] + q->report.count[FAN_LATE] + q->report.count[FAN_FAILED] +
				   q->report.count[FAN_STOPPED]);
	WEIR_SIM_EQ(q->n - asked, q->report.count[FAN_NOT_ASKED]);
	WEIR_SIM_EQ(q->report.count[FAN_WON], q->rc == 0);
	WEIR_SIM_EQ(q->answer != NULL, q->rc == 0);
	WEIR_SIM_ASSERT(q->rc == 0 ? q->err.code == 0 : q->err.code == 0 || q->err.code == q->rc);
	seen.timeouts += q->rc == WEIR_ETIMEOUT;
}

static void ask(weir_ctx *ctx, struct question *q, int64_t limit_ns)
{
	q->rc = fan_out(ctx, q->replicas, q->n, limit_ns, &q->answer, &q->report, &q->err);
	check(q);
	fan_answer_drop(&q->answer);
	weir_err_fini(&q->err);
}

static void lost(const struct fan_replica *r, enum fan_outcome outcome, enum weir_cause cause, const char *why)
{
	WEIR_SIM_EQ(r->outcome, outcome);
	WEIR_SIM_EQ(r->cause, cause);
	WEIR_SIM_EQ(strcmp(r->why, why), 0);
}

/* ---- exact times ---- */

WEIR_SIM_TEST_WITH(the_fastest_wins, .no_early = true)
{
	struct question q = question_of(3, (int[]){9, 3, 6});
	ask(ctx, &q, WEIR_MS(20));
	WEIR_SIM_EQ(q.rc, 0);
	WEIR_SIM_EQ(q.replicas[1].outcome, FAN_WON);
	lost(&q.replicas[0], FAN_STOPPED, WEIR_CAUSE_USER, first);
	lost(&q.replicas[2], FAN_STOPPED, WEIR_CAUSE_USER, first);
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(3));
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(3));
}

WEIR_SIM_TEST_WITH(a_failure_is_passed_over, .no_early = true)
{
	struct question q = question_of(3, (int[]){-1, 9, 4});
	ask(ctx, &q, WEIR_MS(20));
	WEIR_SIM_EQ(q.rc, 0);
	WEIR_SIM_EQ(q.replicas[0].outcome, FAN_FAILED);
	WEIR_SIM_EQ(q.replicas[0].rc, WEIR_EIO);
	lost(&q.replicas[1], FAN_STOPPED, WEIR_CAUSE_USER, first);
	WEIR_SIM_EQ(q.replicas[2].outcome, FAN_WON);
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(4));
}

WEIR_SIM_TEST_WITH(all_fail, .no_early = true)
{
	struct question q = question_of(3, (int[]){-1, -7, -4});
	ask(ctx, &q, WEIR_MS(20));
	WEIR_SIM_EQ(q.rc, FAN_NO_ANSWER);
	WEIR_SIM_EQ(q.report.count[FAN_FAILED], 3);
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(7)); /* known when the last one has failed, not at the limit */
}

WEIR_SIM_TEST_WITH(the_limit_holds_for_all, .no_early = true)
{
	struct question q = question_of(3, (int[]){9, -2, 8});
	ask(ctx, &q, WEIR_MS(5));
	WEIR_SIM_EQ(q.rc, WEIR_ETIMEOUT);
	lost(&q.replicas[0], FAN_STOPPED, WEIR_CAUSE_PARENT, "deadline passed");
	WEIR_SIM_EQ(q.replicas[1].outcome, FAN_FAILED);
	lost(&q.replicas[2], FAN_STOPPED, WEIR_CAUSE_PARENT, "deadline passed");
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(5));
}

WEIR_SIM_TEST_WITH(a_limit_of_nothing_asks_nobody, .allow_no_decisions = true)
{
	struct question q = question_of(2, (int[]){0, 0});
	ask(ctx, &q, 0);
	WEIR_SIM_EQ(q.rc, WEIR_ETIMEOUT);
	WEIR_SIM_EQ(q.report.count[FAN_NOT_ASKED], 2);
	WEIR_SIM_EQ(q.report.elapsed_ns, 0);
}

/* The caller's deadline is the caller's: the code says so. */
WEIR_SIM_TEST_WITH(the_callers_deadline_is_not_the_limit, .no_early = true)
{
	struct question q = question_of(2, (int[]){9, 8});
	weir_ctx caller;
	weir_ctx_init(&caller, ctx, WEIR_MS(4));
	ask(&caller, &q, WEIR_MS(6));
	weir_ctx_fini(&caller);
	WEIR_SIM_EQ(q.rc, WEIR_EDEADLINE);
	lost(&q.replicas[0], FAN_STOPPED, WEIR_CAUSE_PARENT, "deadline passed");
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(4));
}

struct canceller {
	weir_ctx caller;
	int64_t after_ns;
};

static int cancel_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct canceller *c = arg;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, c->after_ns), 0);
	weir_ctx_cancel(&c->caller, "the caller hung up");
	return 0;
}

/* Asks under a context that another task cancels after so long. */
static void ask_and_cancel(weir_ctx *ctx, struct question *q, int64_t limit_ns, int64_t after_ns)
{
	struct canceller c = {.after_ns = after_ns};
	weir_scope s;
	weir_ctx_init(&c.caller, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", cancel_task, &c), 0);
	ask(&c.caller, q, limit_ns);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&c.caller);
}

WEIR_SIM_TEST_WITH(a_caller_that_hangs_up, .no_early = true)
{
	struct question q = question_of(3, (int[]){9, 8, -1});
	ask_and_cancel(ctx, &q, WEIR_MS(6), WEIR_MS(2));
	WEIR_SIM_EQ(q.rc, WEIR_ECANCELED);
	lost(&q.replicas[0], FAN_STOPPED, WEIR_CAUSE_PARENT, "the caller hung up");
	lost(&q.replicas[1], FAN_STOPPED, WEIR_CAUSE_PARENT, "the caller hung up");
	WEIR_SIM_EQ(q.replicas[2].outcome, FAN_FAILED);
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(2));
}

/* ---- at the same instant ---- */

static void in_the_same_instant(weir_ctx *ctx, size_t n)
{
	struct question q = question_of(n, (int[]){5, 5, 5});
	ask(ctx, &q, WEIR_MS(9));
	WEIR_SIM_EQ(q.rc, 0);
	WEIR_SIM_EQ(q.report.count[FAN_LATE] + q.report.count[FAN_STOPPED], n - 1);
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(5));
	for (size_t i = 0; i < n; i++) {
		if (q.replicas[i].outcome != FAN_WON)
			lost(&q.replicas[i], q.replicas[i].outcome, WEIR_CAUSE_USER, first);
	}
}

WEIR_SIM_TEST_WITH(answers_in_the_same_instant, .no_early = true)
{
	in_the_same_instant(ctx, 3);
}

/* Two of them: every schedule with at most two preemptions. */
WEIR_SIM_TEST_WITH(answers_in_the_same_instant_in_every_order, .no_early = true, .strategy = "dfs2")
{
	in_the_same_instant(ctx, 2);
}

/* An answer at the limit: it counts or it does not, and the account says which. */
WEIR_SIM_TEST_WITH(an_answer_at_the_limit, .no_early = true)
{
	struct question q = question_of(2, (int[]){5, -5});
	ask(ctx, &q, WEIR_MS(5));
	WEIR_SIM_ASSERT(q.rc == 0 || q.rc == WEIR_ETIMEOUT);
	WEIR_SIM_EQ(q.report.elapsed_ns, WEIR_MS(5));
}

/* ---- timers that fire early: a slow replica, a quick one, and the end of it all, in any order ---- */

static void in_any_order(weir_ctx *ctx, unsigned early_end)
{
	struct question q = question_of(3, (int[]){2, 3, -1});
	bool hangs_up = early_end > 0;
	if (hangs_up)
		ask_and_cancel(ctx, &q, WEIR_MS(4), WEIR_MS(early_end));
	else
		ask(ctx, &q, WEIR_MS(4));
	WEIR_SIM_ASSERT(q.rc == 0 || q.rc == WEIR_ETIMEOUT || (hangs_up && q.rc == WEIR_ECANCELED));
}

WEIR_SIM_TEST_WITH(the_limit_against_the_answers, .early = 3)
{
	in_any_order(ctx, 0);
}

WEIR_SIM_TEST_WITH(a_caller_that_hangs_up_at_any_time, .early = 3)
{
	in_any_order(ctx, 1 + weir_sim_choose(4, "hangs up after"));
}

/* ---- no memory, no task ---- */

/* Whichever allocation or spawn fails: the error is told unless another replica answered, and nothing is left over. */
WEIR_SIM_TEST_WITH(a_fault_anywhere_leaves_nothing_behind, .schedules = 50, .fault_sweep = true)
{
	struct question q = question_of(2, (int[]){1, 1});
	ask(ctx, &q, WEIR_MS(4));
	WEIR_SIM_ASSERT(q.rc == 0 || q.rc == WEIR_ENOMEM || q.rc == WEIR_EAGAIN || q.rc == WEIR_ETIMEOUT ||
			q.rc == FAN_NO_ANSWER);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	bool all = seen.timeouts > 0;
	for (int i = 0; i < FAN_OUTCOMES; i++)
		all = all && seen.count[i] > 0;
	if (status == 0 && argc == 1 && !getenv("WEIR_SIM_SCHEDULES") && !getenv("WEIR_SIM_AT_MOST") && !all) {
		printf("FAIL %llu timeouts, %llu not asked, %llu won, %llu late, %llu failed, %llu stopped: "
		       "none may be 0\n",
		       (unsigned long long)seen.timeouts, (unsigned long long)seen.count[FAN_NOT_ASKED],
		       (unsigned long long)seen.count[FAN_WON], (unsigned long long)seen.count[FAN_LATE],
		       (unsigned long long)seen.count[FAN_FAILED], (unsigned long long)seen.count[FAN_STOPPED]);
		status = 1;
	}
	return status;
}
