/* SPDX-License-Identifier: MIT
 *
 * Several limits in one, shared: all or none in every order of two callers, a line that is served in order at exact
 * times, who leaves it, who is refused at once, periods that lie on the wall clock, and the stage. */
#include <stdio.h>
#include <weir/limit.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

static int64_t now_of(weir_ctx *ctx)
{
	return weir_rt_now(weir_ctx_rt(ctx));
}

/* Two in 10 ms, evenly, and four in each period of 100 ms. */
static const struct weir_band two_bands[] = {{.tokens = 2, .period_ns = WEIR_MS(10)},
					     {.tokens = 4, .period_ns = WEIR_MS(100), .per_period = true}};

static void open_bands(weir_ctx *ctx, weir_bands *b, const struct weir_band *bands, size_t n)
{
	WEIR_SIM_EQ(weir_bands_init(b, weir_ctx_rt(ctx), bands, n), 0);
}

static int64_t available(weir_bands *b)
{
	struct weir_bucket_view v;
	weir_bands_view_now(b, 1, &v);
	return v.available;
}

/* ---- all or none ---- */

struct taker {
	weir_bands *b;
	uint64_t n;
	int granted;
};

static int take_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct taker *t = arg;
	(void)ctx, (void)err;
	for (int i = 0; i < 2; i++)
		t->granted += weir_bands_allow_n(t->b, t->n) == 0;
	return 0;
}

static bool seen[3]; /* by what the one who takes two got */

/* Five in the one, three in the other: who takes two at a time and who takes one get what fits, and nothing is lost. */
WEIR_SIM_TEST_WITH(two_callers_all_or_none, .strategy = "dfs")
{
	static const struct weir_band bands[] = {{.burst = 5}, {.burst = 3, .per_period = true}};
	weir_bands b;
	weir_scope s;
	open_bands(ctx, &b, bands, 2);
	struct taker t[] = {{.b = &b, .n = 2}, {.b = &b, .n = 1}};
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "taker", take_two, &t[i]), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(available(&b), 3 - 2 * t[0].granted - t[1].granted);
	WEIR_SIM_ASSERT(t[0].granted <= 1 && t[1].granted >= 1);
	seen[t[0].granted] = true;
	weir_bands_fini(&b);
}

/* ---- the line ---- */

struct waiter {
	weir_bands *b;
	weir_ctx own;
	uint64_t n;
	int rc;
	int64_t at, value;
};

static int wait_for(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct waiter *w = arg;
	weir_err why = {0};
	struct weir_err_info info = {0};
	(void)err;
	w->rc = weir_bands_wait(&w->own, w->b, w->n, &why);
	w->at = now_of(ctx);
	if (weir_err_as(&why, WEIR_ELIMITED, &info))
		w->value = info.value;
	weir_err_fini(&why);
	return 0;
}

static void line_up(weir_ctx *ctx, weir_scope *s, weir_bands *b, struct waiter *w, uint64_t n, int64_t deadline_at)
{
	*w = (struct waiter){.b = b, .n = n, .rc = 1000};
	weir_ctx_init(&w->own, ctx, deadline_at);
	WEIR_SIM_EQ(weir_scope_spawn(s, "waiter", wait_for, w), 0);
	weir_sim_quiesce(ctx);
}

/* Each waits for the band that is slower; nobody overtakes, neither a smaller one nor an allow. */
WEIR_SIM_TEST_WITH(line_is_fifo, .no_early = true, .schedules = 50)
{
	weir_bands b;
	weir_scope s;
	struct waiter w[5];
	static const int64_t at_ms[] = {0, 10, 100, 105, 110};
	static const uint64_t n[] = {2, 2, 2, 1};
	open_bands(ctx, &b, two_bands, 2);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++)
		line_up(ctx, &s, &b, &w[i], n[i], WEIR_FOREVER);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(7)), 0);
	WEIR_SIM_EQ(available(&b), 1);
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 1), WEIR_ELIMITED); /* there is one, and somebody waits for it */
	line_up(ctx, &s, &b, &w[4], 1, WEIR_FOREVER);          /* nor does who waits */
	WEIR_SIM_EQ(w[4].rc, 1000);
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 0), 0);
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 3), WEIR_EOVERFLOW);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	for (int i = 0; i < 5; i++) {
		WEIR_SIM_EQ(w[i].rc, 0);
		WEIR_SIM_EQ(w[i].at, WEIR_MS(at_ms[i]));
		weir_ctx_fini(&w[i].own);
	}
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 1), WEIR_ELIMITED); /* 4 - 2 - 1 - 1 in the period, and none of the two */
	WEIR_SIM_EQ(available(&b), 0);
	weir_bands_fini(&b);
}

/* Who leaves has taken nothing, and the next is first. Who cannot have it in time is told at once. */
WEIR_SIM_TEST_WITH(who_leaves_and_who_is_refused, .no_early = true, .schedules = 50)
{
	weir_bands b;
	weir_scope s;
	struct waiter w[4];
	open_bands(ctx, &b, two_bands, 2);
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 2), 0);
	weir_scope_init(&s, ctx);
	line_up(ctx, &s, &b, &w[0], 2, WEIR_FOREVER); /* due at 10 */
	line_up(ctx, &s, &b, &w[1], 1, WEIR_FOREVER); /* in its turn at 15; alone at 5 */
	line_up(ctx, &s, &b, &w[2], 1, WEIR_MS(5));   /* it would be there as its time is over */
	WEIR_SIM_EQ(w[2].rc, WEIR_ELIMITED);
	WEIR_SIM_EQ(w[2].value, WEIR_MS(5));
	line_up(ctx, &s, &b, &w[3], 3, WEIR_FOREVER);
	WEIR_SIM_EQ(w[3].rc, WEIR_EOVERFLOW);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(7)), 0);
	weir_ctx_cancel(&w[0].own, "gone");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w[0].rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(w[1].rc, 0);
	WEIR_SIM_EQ(w[1].at, WEIR_MS(7)); /* its token is there since 5 */
	weir_ctx_fini(&w[0].own);
	weir_ctx_init(&w[0].own, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&w[0].own, "before");
	int64_t before = available(&b);
	WEIR_SIM_EQ(weir_bands_wait(&w[0].own, &b, 1, NULL), WEIR_ECANCELED); /* and takes nothing */
	WEIR_SIM_EQ(available(&b), before);
	for (int i = 0; i < 4; i++)
		weir_ctx_fini(&w[i].own);
	weir_bands_fini(&b);
}

/* What never comes is not waited for. */
WEIR_SIM_TEST_WITH(what_never_comes, .allow_no_decisions = true, .schedules = 1)
{
	static const struct weir_band once = {.burst = 1, .per_period = true};
	weir_bands b;
	weir_err err = {0};
	struct weir_err_info info;
	open_bands(ctx, &b, &once, 1);
	WEIR_SIM_EQ(weir_bands_wait(ctx, &b, 1, NULL), 0);
	WEIR_SIM_EQ(weir_bands_wait(ctx, &b, 1, &err), WEIR_ELIMITED);
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_ELIMITED, &info));
	WEIR_SIM_EQ(info.value, WEIR_FOREVER);
	weir_err_fini(&err);
	weir_bands_fini(&b);
}

/* Three that never come back, and one of them in 10 ms. The first in line takes two: who wants two behind it can never
 * have them, is told when it is its turn, and is in nobody's way. */
WEIR_SIM_TEST_WITH(who_can_never_be_served_leaves, .no_early = true, .schedules = 50)
{
	static const struct weir_band bands[] = {{.burst = 3, .per_period = true},
						 {.tokens = 1, .period_ns = WEIR_MS(10), .burst = 2, .spent = 2}};
	weir_bands b;
	weir_scope s;
	struct waiter w[3];
	open_bands(ctx, &b, bands, 2);
	weir_scope_init(&s, ctx);
	line_up(ctx, &s, &b, &w[0], 2, WEIR_FOREVER);
	line_up(ctx, &s, &b, &w[1], 2, WEIR_FOREVER);
	line_up(ctx, &s, &b, &w[2], 1, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w[0].rc, 0);
	WEIR_SIM_EQ(w[0].at, WEIR_MS(20));
	WEIR_SIM_EQ(w[1].rc, WEIR_ELIMITED);
	WEIR_SIM_EQ(w[1].at, WEIR_MS(20));
	WEIR_SIM_EQ(w[1].value, WEIR_FOREVER);
	WEIR_SIM_EQ(w[2].rc, 0);
	WEIR_SIM_EQ(w[2].at, WEIR_MS(30));
	for (int i = 0; i < 3; i++)
		weir_ctx_fini(&w[i].own);
	weir_bands_fini(&b);
}

/* The same for a deadline that is too early, once it is known. */
WEIR_SIM_TEST_WITH(who_is_first_too_late_leaves, .no_early = true, .schedules = 50)
{
	static const struct weir_band band = {.tokens = 1, .period_ns = WEIR_MS(10), .burst = 2, .spent = 2};
	weir_bands b;
	weir_scope s;
	struct waiter w[3];
	open_bands(ctx, &b, &band, 1);
	weir_scope_init(&s, ctx);
	line_up(ctx, &s, &b, &w[0], 2, WEIR_FOREVER);
	line_up(ctx, &s, &b, &w[1], 2, WEIR_MS(35)); /* alone at 20, in its turn at 40 */
	line_up(ctx, &s, &b, &w[2], 1, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w[0].at, WEIR_MS(20));
	WEIR_SIM_EQ(w[1].rc, WEIR_ELIMITED);
	WEIR_SIM_EQ(w[1].at, WEIR_MS(20));
	WEIR_SIM_EQ(w[1].value, WEIR_MS(20));
	WEIR_SIM_EQ(w[2].rc, 0);
	WEIR_SIM_EQ(w[2].at, WEIR_MS(30)); /* and not at 35 */
	for (int i = 0; i < 3; i++)
		weir_ctx_fini(&w[i].own);
	weir_bands_fini(&b);
}

static bool served[2];

static int cancel_first(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(&((struct waiter *)arg)->own, "raced");
	return 0;
}

/* Two in line and a cancel of one of them, in every order: the other is served, and the account is exact. */
WEIR_SIM_TEST_WITH(cancel_against_line, .strategy = "dfs2", .early = 1)
{
	static const struct weir_band one = {.tokens = 1, .burst = 2, .spent = 2};
	weir_bands b;
	weir_scope s;
	struct waiter w[2];
	open_bands(ctx, &b, &one, 1);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		w[i] = (struct waiter){.b = &b, .n = 1, .rc = 1000};
		weir_ctx_init(&w[i].own, ctx, WEIR_FOREVER);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "waiter", wait_for, &w[i]), 0);
	}
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_first, &w[0]), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w[1].rc, 0);
	WEIR_SIM_ASSERT(w[0].rc == 0 || w[0].rc == WEIR_ECANCELED);
	served[w[0].rc == 0] = true;
	WEIR_SIM_EQ(available(&b), now_of(ctx) / WEIR_SEC(1) - (w[0].rc == 0) - 1);
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 0), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(2)), 0);
	WEIR_SIM_EQ(weir_bands_allow_n(&b, 2), 0); /* nobody is in line */
	for (int i = 0; i < 2; i++)
		weir_ctx_fini(&w[i].own);
	weir_bands_fini(&b);
}

/* ---- the wall clock, and the stage ---- */

WEIR_SIM_TEST_WITH(periods_on_the_wall_clock, .allow_no_decisions = true, .schedules = 20, .no_early = true)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	int64_t minute = WEIR_SEC(60);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1234)), 0);
	int64_t first_at = weir_bands_align(rt, minute);
	WEIR_SIM_ASSERT(first_at > now_of(ctx) && first_at <= now_of(ctx) + minute);
	const struct weir_band band = {.tokens = 1, .period_ns = minute, .per_period = true, .first_at = first_at};
	weir_bands b;
	open_bands(ctx, &b, &band, 1);
	WEIR_SIM_EQ(weir_bands_wait(ctx, &b, 1, NULL), 0);
	for (int i = 0; i < 3; i++) {
		WEIR_SIM_EQ(weir_bands_wait(ctx, &b, 1, NULL), 0);
		WEIR_SIM_EQ(weir_rt_wall(rt) % minute, 0); /* to the nanosecond */
	}
	weir_bands_fini(&b);
	WEIR_SIM_EQ(weir_bands_align(rt, 0), now_of(ctx) + 1);
}

WEIR_TYPE_PLAIN(num, int);

static int same(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in;
	return 0;
}
WEIR_STAGE_DECLARE(same, num, num);

WEIR_SIM_TEST_WITH(a_stage_with_two_limits, .allow_no_decisions = true, .schedules = 1, .no_early = true)
{
	static const int64_t at_ms[] = {0, 0, 5, 10, 100};
	weir_bands b;
	weir_scope s;
	weir_call *call = NULL;
	weir_err err = {0};
	struct weir_err_info info;
	int out = 0;
	open_bands(ctx, &b, two_bands, 2);
	weir_stage *st = weir_policy(same_stage(weir_ctx_rt(ctx), NULL),
				     &(struct weir_policy_opts){.limiter = {.bands = &b, .max_wait_ns = WEIR_MS(95)}});
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	for (int i = 0; i < 5; i++) {
		WEIR_SIM_EQ(weir_call_process(ctx, call, &i, &out, NULL), 0);
		WEIR_SIM_EQ(now_of(ctx), WEIR_MS(at_ms[i]));
	}
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_call_process(ctx, call, &i, &out, NULL), 0);
	WEIR_SIM_EQ(now_of(ctx), WEIR_MS(110));
	WEIR_SIM_EQ(weir_call_process(ctx, call, &out, &out, NULL), 0); /* at 200: 90 ms, less than 95 */
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_call_process(ctx, call, &i, &out, NULL), 0);
	weir_call_free(&call);
	weir_stage_free(&st);
	st = weir_limit_stage_with(same_stage(weir_ctx_rt(ctx), NULL),
				   &(struct weir_limiter_opts){.bands = &b, .max_wait_ns = WEIR_LIMITER_NO_WAIT});
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &out, &out, &err), WEIR_ELIMITED);
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_ELIMITED, &info));
	WEIR_SIM_EQ(info.value, WEIR_MS(300) - now_of(ctx));
	weir_err_fini(&err);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_bands_fini(&b);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (argc == 1 && status == 0 && !(seen[0] && seen[1] && served[0] && served[1])) {
		fprintf(stderr, "a race ended one way only\n");
		status = 1;
	}
	return status;
}
