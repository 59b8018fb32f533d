/* SPDX-License-Identifier: MIT
 *
 * The shared limits under every interleaving of small scenarios, and at exact virtual times: nothing is granted twice,
 * the line is served in order, who leaves it gives its place back, and who cannot be served in time is told so at once.
 * A random use of the shared bucket is held against the pure one, call by call. */
#include <stdio.h>
#include <string.h>
#include <weir/limit.h>
#include <weir/sim.h>

static weir_rt *rt_of(weir_ctx *ctx)
{
	return weir_ctx_rt(ctx);
}

static int64_t now_of(weir_ctx *ctx)
{
	return weir_rt_now(rt_of(ctx));
}

static void open_bucket(weir_ctx *ctx, weir_bucket *b, uint64_t tokens, int64_t period_ns, uint64_t burst,
			uint64_t spent)
{
	struct weir_bucket_opts o = {.tokens = tokens, .period_ns = period_ns, .burst = burst, .spent = spent};
	WEIR_SIM_EQ(weir_bucket_init(b, rt_of(ctx), &o), 0);
}

/* ---- many on one bucket ---- */

struct caller {
	weir_bucket *b;
	int *granted;
	uint64_t n;
	int tries;
};

static int take(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *me = arg;
	(void)ctx, (void)err;
	for (int i = 0; i < me->tries; i++)
		if (weir_bucket_allow_n(me->b, me->n) == 0)
			*me->granted += (int)me->n;
	return 0;
}

static int granted_to(weir_ctx *ctx, int callers, int tries, uint64_t burst)
{
	weir_bucket b;
	weir_scope s;
	int granted = 0;
	struct caller me = {.b = &b, .granted = &granted, .n = 1, .tries = tries};
	open_bucket(ctx, &b, 0, 0, burst, 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < callers; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", take, &me), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_bucket_fini(&b);
	return granted;
}

WEIR_SIM_TEST_WITH(two_callers_one_token, .strategy = "dfs")
{
	WEIR_SIM_EQ(granted_to(ctx, 2, 2, 1), 1);
}

WEIR_SIM_TEST(eight_callers_exactly_the_burst)
{
	WEIR_SIM_EQ(granted_to(ctx, 8, 3, 11), 11);
}

static int change_burst(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	return weir_bucket_set_burst(arg, 1);
}

/* A burst that shrinks while others take: whoever comes first, no more than there were, and none after. */
WEIR_SIM_TEST_WITH(settings_against_callers, .strategy = "dfs")
{
	weir_bucket b;
	weir_scope s;
	int granted = 0;
	struct caller me = {.b = &b, .granted = &granted, .n = 1, .tries = 2};
	struct weir_bucket_view v;
	open_bucket(ctx, &b, 0, 0, 3, 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", take, &me), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "setter", change_burst, &b), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_bucket_view_now(&b, 1, &v);
	WEIR_SIM_ASSERT(granted == 1 || granted == 2);
	WEIR_SIM_EQ(v.available, granted == 1 ? 0 : v.available);
	WEIR_SIM_ASSERT(v.available >= 0 && v.available <= 1);
	weir_bucket_fini(&b);
}

/* ---- the line ---- */

struct waiter {
	weir_bucket *b;
	weir_ctx own;
	uint64_t n;
	int64_t deadline_at; /* 0: none */
	int rc;
	int64_t got_at, value;
};

static int wait_for(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct waiter *me = arg;
	weir_err why = {0};
	struct weir_err_info info = {0};
	(void)err;
	me->rc = weir_bucket_wait(&me->own, me->b, me->n, &why);
	me->got_at = now_of(ctx);
	if (weir_err_as(&why, WEIR_ELIMITED, &info))
		me->value = info.value;
	weir_err_fini(&why);
	return 0;
}

/* Starts it, and lets it get to where it waits. */
static void line_up(weir_ctx *ctx, weir_scope *s, weir_bucket *b, struct waiter *w, uint64_t n, int64_t deadline_at)
{
	*w = (struct waiter){.b = b, .n = n, .rc = 1000};
	weir_ctx_init(&w->own, ctx, deadline_at ? deadline_at : WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_spawn(s, "waiter", wait_for, w), 0);
	weir_sim_quiesce(ctx);
}

static void assert_got(const struct waiter *w, int64_t at)
{
	WEIR_SIM_EQ(w->rc, 0);
	WEIR_SIM_EQ(w->got_at, at);
}

/* A large request in front is not overtaken: not by a small one behind it, not by an allow, not by a reservation. */
WEIR_SIM_TEST_WITH(line_is_fifo, .no_early = true)
{
	weir_bucket b;
	weir_scope s;
	struct waiter w[3];
	struct weir_bucket_stats st;
	open_bucket(ctx, &b, 10, WEIR_SEC(1), 5, 5);
	weir_scope_init(&s, ctx);
	line_up(ctx, &s, &b, &w[0], 5, 0);
	line_up(ctx, &s, &b, &w[1], 1, 0);
	line_up(ctx, &s, &b, &w[2], 2, 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(450)), 0);
	WEIR_SIM_EQ(weir_bucket_allow(&b), WEIR_ELIMITED);
	WEIR_SIM_EQ(weir_bucket_reserve(&b, 1, WEIR_FOREVER, NULL), WEIR_ELIMITED);
	weir_bucket_stats_read(&b, &st);
	WEIR_SIM_EQ(st.waiting, 8);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	assert_got(&w[0], WEIR_MS(500));
	assert_got(&w[1], WEIR_MS(600));
	assert_got(&w[2], WEIR_MS(800));
	weir_bucket_stats_read(&b, &st);
	WEIR_SIM_EQ(st.waited, 3);
	WEIR_SIM_EQ(st.waiting, 0);
	for (int i = 0; i < 3; i++)
		weir_ctx_fini(&w[i].own);
	weir_bucket_fini(&b);
}

/* The one in the middle leaves, then the first: those behind it move up by what it had asked for. */
WEIR_SIM_TEST_WITH(who_leaves_gives_its_place_back, .no_early = true)
{
	weir_bucket b;
	weir_scope s;
	struct waiter w[4];
	struct weir_bucket_stats st;
	open_bucket(ctx, &b, 10, WEIR_SEC(1), 4, 4);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++)
		line_up(ctx, &s, &b, &w[i], (uint64_t)i + 1, 0); /* due at 100, 300, 600, 1000 ms */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(50)), 0);
	weir_ctx_cancel(&w[1].own, "gone");
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w[1].rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(150)), 0);
	assert_got(&w[0], WEIR_MS(100));
	weir_ctx_cancel(&w[2].own, "gone"); /* the first, now, due at 400 */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w[2].rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(w[2].got_at, WEIR_MS(200));
	assert_got(&w[3], WEIR_MS(500));
	weir_bucket_stats_read(&b, &st);
	WEIR_SIM_EQ(st.given_up, 2);
	WEIR_SIM_EQ(st.waiting, 0);
	for (int i = 0; i < 4; i++)
		weir_ctx_fini(&w[i].own);
	weir_bucket_fini(&b);
}

/* Refused at once, without taking anything, and told how long it would take; a nanosecond more is enough. */
WEIR_SIM_TEST_WITH(deadline_too_short, .no_early = true, .allow_no_decisions = true)
{
	weir_bucket b;
	weir_scope s;
	struct waiter w[2];
	open_bucket(ctx, &b, 10, WEIR_SEC(1), 3, 3);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
	line_up(ctx, &s, &b, &w[0], 3, WEIR_MS(300)); /* there at 300, when it has ended */
	WEIR_SIM_EQ(w[0].rc, WEIR_ELIMITED);
	WEIR_SIM_EQ(w[0].got_at, WEIR_MS(100));
	WEIR_SIM_EQ(w[0].value, WEIR_MS(200));
	line_up(ctx, &s, &b, &w[1], 3, WEIR_MS(300) + 1);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	assert_got(&w[1], WEIR_MS(300));
	weir_ctx_fini(&w[0].own);
	weir_ctx_fini(&w[1].own);
	weir_bucket_fini(&b);
}

/* The line is told of a new rate, and of a reservation that is given back. */
WEIR_SIM_TEST_WITH(line_is_told, .no_early = true)
{
	weir_bucket b;
	weir_scope s;
	struct waiter w[2];
	struct weir_bucket_grant grant;
	open_bucket(ctx, &b, 1, WEIR_SEC(1), 4, 4);
	WEIR_SIM_EQ(weir_bucket_reserve(&b, 2, WEIR_FOREVER, &grant), 0);
	WEIR_SIM_EQ(grant.at, WEIR_SEC(2));
	weir_scope_init(&s, ctx);
	line_up(ctx, &s, &b, &w[0], 1, 0);              /* due at 3 s */
	line_up(ctx, &s, &b, &w[1], 4, 0);              /* due at 7 s */
	WEIR_SIM_EQ(weir_bucket_cancel(&b, &grant), 2); /* 1 s, 5 s */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(2)), 0);
	assert_got(&w[0], WEIR_SEC(1));
	WEIR_SIM_EQ(weir_bucket_set_rate(&b, 10, WEIR_SEC(1)), 0); /* three to come, ten times as fast */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	assert_got(&w[1], WEIR_MS(2300));
	weir_ctx_fini(&w[0].own);
	weir_ctx_fini(&w[1].own);
	weir_bucket_fini(&b);
}

/* The rate falls to nothing: who waits does so until its deadline, and gives its place back. */
WEIR_SIM_TEST_WITH(rate_zero_in_line, .no_early = true)
{
	weir_bucket b;
	weir_scope s;
	struct waiter w;
	struct weir_bucket_view v;
	open_bucket(ctx, &b, 1, WEIR_SEC(1), 2, 1);
	weir_scope_init(&s, ctx);
	line_up(ctx, &s, &b, &w, 2, WEIR_SEC(5));
	WEIR_SIM_EQ(weir_bucket_set_rate(&b, 0, 0), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w.rc, WEIR_EDEADLINE);
	WEIR_SIM_EQ(w.got_at, WEIR_SEC(5));
	weir_bucket_view_now(&b, 1, &v);
	WEIR_SIM_EQ(v.available, 1);
	weir_ctx_fini(&w.own);
	weir_bucket_fini(&b);
}

static int cancel_waiter(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(&((struct waiter *)arg)->own, "raced");
	return 0;
}

static bool seen[2]; /* the cancel came first; the tokens did */

/* Two in line and a cancel of the first, in every order: the account is exact either way. */
WEIR_SIM_TEST_WITH(cancel_against_line, .strategy = "dfs2", .early = 1)
{
	weir_bucket b;
	weir_scope s;
	struct waiter w[2];
	struct weir_bucket_stats st;
	struct weir_bucket_view v;
	open_bucket(ctx, &b, 1, WEIR_SEC(1), 2, 2);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		w[i] = (struct waiter){.b = &b, .n = 1, .rc = 1000};
		weir_ctx_init(&w[i].own, ctx, WEIR_FOREVER);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "waiter", wait_for, &w[i]), 0);
	}
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_waiter, &w[0]), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w[1].rc, 0);
	WEIR_SIM_ASSERT(w[0].rc == 0 || w[0].rc == WEIR_ECANCELED);
	seen[w[0].rc == 0] = true;
	weir_bucket_stats_read(&b, &st);
	WEIR_SIM_EQ(st.waiting, 0);
	weir_bucket_view_now(&b, 1, &v); /* all that came, less what was got */
	WEIR_SIM_EQ(v.available, now_of(ctx) / WEIR_SEC(1) - (w[0].rc == 0) - 1);
	WEIR_SIM_EQ(w[1].got_at % WEIR_SEC(1), 0);
	for (int i = 0; i < 2; i++)
		weir_ctx_fini(&w[i].own);
	weir_bucket_fini(&b);
}

/* ---- one arithmetic ---- */

WEIR_SIM_TEST_WITH(shared_is_pure, .schedules = 60, .no_early = true)
{
	static const uint64_t rates[] = {1, 3, 10, 999999937};
	weir_bucket b;
	weir_bucket_state st;
	struct weir_bucket_grant mine = {0}, pure = {0};
	struct weir_bucket_opts o = {.tokens = 3, .burst = 4};
	WEIR_SIM_EQ(weir_bucket_init(&b, rt_of(ctx), &o), 0);
	WEIR_SIM_EQ(weir_bucket_state_init(&st, &o, now_of(ctx)), 0);
	for (int i = 0; i < 60; i++) {
		struct weir_bucket_view a, c;
		uint64_t n = weir_sim_choose(6, "n"), rate = rates[weir_sim_choose(4, "rate")];
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(weir_sim_choose(700, "sleep"))), 0);
		int64_t now = now_of(ctx);
		switch (weir_sim_choose(6, "what")) {
		case 0:
			WEIR_SIM_EQ(weir_bucket_set_rate(&b, rate, 0), weir_bucket_state_set_rate(&st, now, rate, 0));
			break;
		case 1:
			WEIR_SIM_EQ(weir_bucket_set_burst(&b, n), weir_bucket_state_set_burst(&st, now, n));
			break;
		case 2:
			WEIR_SIM_EQ(weir_bucket_reserve(&b, n, WEIR_FOREVER, &mine),
				    weir_bucket_state_take(&st, now, n, WEIR_FOREVER, &pure));
			WEIR_SIM_EQ(mine.at, pure.at);
			break;
		case 3:
			WEIR_SIM_EQ(weir_bucket_cancel(&b, &mine), weir_bucket_state_cancel(&st, now, &pure));
			break;
		default:
			WEIR_SIM_EQ(weir_bucket_allow_n(&b, n), weir_bucket_state_take(&st, now, n, 0, NULL));
		}
		weir_bucket_view_now(&b, n, &a);
		weir_bucket_state_view(&st, now, n, &c);
		WEIR_SIM_EQ(a.available, c.available);
		WEIR_SIM_EQ(a.retry_ns, c.retry_ns);
		WEIR_SIM_EQ(a.full_ns, c.full_ns);
	}
	weir_bucket_fini(&b);
}

/* ---- the budget ---- */

static int retry(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *me = arg;
	(void)ctx, (void)err;
	*me->granted += weir_budget_retry((weir_budget *)me->b) == 0;
	return 0;
}

WEIR_SIM_TEST_WITH(budget_of_one, .strategy = "dfs")
{
	weir_budget b;
	weir_scope s;
	int granted = 0;
	struct caller me = {.b = (weir_bucket *)&b, .granted = &granted};
	WEIR_SIM_EQ(weir_budget_init(&b, rt_of(ctx), &(struct weir_budget_opts){.min_per_s = 0.1}), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", retry, &me), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(granted, 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(10)), 0);
	WEIR_SIM_EQ(weir_budget_retry(&b), 0); /* it left the window */
	weir_budget_fini(&b);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (argc == 1 && status == 0 && !(seen[0] && seen[1])) {
		fprintf(stderr, "a race ended one way only\n");
		status = 1;
	}
	return status;
}
