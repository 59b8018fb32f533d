/* SPDX-License-Identifier: MIT
 *
 * Virtual time: it moves only where it must, or as often as `early` allows; and then exactly to the next deadline. All
 * times here are exact.
 *
 * Bounds: "dfs" is every schedule. With `early`, dfs tries every place at which a timer may fire, so the largest and
 * smallest number of early moves it saw are the bound itself. */
#include <weir/sim.h>

static int64_t now_of(weir_ctx *ctx)
{
	return weir_rt_now(weir_ctx_rt(ctx));
}

static void start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, arg), 0);
}

static void join(weir_ctx *ctx, weir_scope *s)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
}

/* ---- sleep ---- */

WEIR_SIM_TEST_WITH(sleep_is_exact, .allow_no_decisions = true, .schedules = 4)
{
	WEIR_SIM_EQ(now_of(ctx), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, 0), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, -5), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, INT64_MIN), 0);
	WEIR_SIM_EQ(now_of(ctx), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, 1), 0);
	WEIR_SIM_EQ(now_of(ctx), 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(3)), 0);
	WEIR_SIM_EQ(now_of(ctx), WEIR_MS(3) + 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(86400) * 365), 0); /* costs nothing */
	WEIR_SIM_EQ(now_of(ctx), WEIR_SEC(86400) * 365 + WEIR_MS(3) + 1);
	WEIR_SIM_EQ(weir_rt_wall(weir_ctx_rt(ctx)) - now_of(ctx), WEIR_SEC(946684800));
}

/* The last moment before WEIR_FOREVER is a deadline like any other. */
WEIR_SIM_TEST_WITH(the_end_of_time, .allow_no_decisions = true, .schedules = 2)
{
	weir_ctx c;
	weir_ctx_init(&c, ctx, WEIR_FOREVER - 1);
	WEIR_SIM_EQ(weir_ctx_deadline(&c), WEIR_FOREVER - 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_FOREVER - 2), 0);
	WEIR_SIM_EQ(weir_ctx_err(&c), 0);
	WEIR_SIM_EQ(weir_sleep(&c, WEIR_FOREVER), WEIR_EDEADLINE); /* does not wrap into the past */
	WEIR_SIM_EQ(now_of(ctx), WEIR_FOREVER - 1);
	weir_ctx_fini(&c);
}

static int cancel_at_five(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	weir_ctx_cancel(arg, "five");
	return 0;
}

/* A sleep without end is ended by a cancel alone, whatever other timers fire meanwhile. */
WEIR_SIM_TEST_WITH(forever, .strategy = "dfs", .early = 1)
{
	weir_ctx c;
	weir_scope s;
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "canceller", cancel_at_five, &c);
	WEIR_SIM_EQ(weir_sleep(&c, WEIR_FOREVER), WEIR_ECANCELED);
	WEIR_SIM_EQ(now_of(ctx), WEIR_MS(5));
	join(ctx, &s);
	weir_ctx_fini(&c);
}

/* ---- deadlines ---- */

/* Each of three nodes has a deadline of its own or none: the earliest above counts, and the cause says whose it was. */
WEIR_SIM_TEST_WITH(earliest_along_the_chain, .strategy = "dfs")
{
	weir_ctx c[3];
	int64_t least = WEIR_FOREVER;
	int whose = -1;
	for (int i = 0; i < 3; i++) {
		uint32_t ms = weir_sim_choose(4, "own deadline in ms, 0 for none");
		int64_t at = ms ? WEIR_MS(ms) : WEIR_FOREVER;
		weir_ctx_init(&c[i], i ? &c[i - 1] : ctx, at);
		if (at <= least && ms) {
			least = at;
			whose = i;
		}
		WEIR_SIM_EQ(weir_ctx_deadline(&c[i]), least);
	}
	if (least == WEIR_FOREVER) {
		WEIR_SIM_EQ(weir_sleep(&c[2], WEIR_MS(9)), 0);
	} else {
		WEIR_SIM_EQ(weir_sleep(&c[2], WEIR_MS(9)), WEIR_EDEADLINE);
		WEIR_SIM_EQ(now_of(ctx), least);
		WEIR_SIM_EQ(weir_ctx_cause(&c[2], NULL), whose == 2 ? WEIR_CAUSE_DEADLINE : WEIR_CAUSE_PARENT);
		WEIR_SIM_EQ(weir_ctx_cause(&c[whose], NULL), WEIR_CAUSE_DEADLINE);
	}
	for (int i = 2; i >= 0; i--)
		weir_ctx_fini(&c[i]);
}

/* In the past: ended at birth. At the end of a sleep: the context's. One nanosecond later: the sleep's. */
WEIR_SIM_TEST_WITH(deadline_at_the_edge, .allow_no_decisions = true, .schedules = 2)
{
	weir_ctx c;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	for (int64_t at = WEIR_MS(1) - 1; at <= WEIR_MS(1); at++) {
		weir_ctx_init(&c, ctx, at);
		WEIR_SIM_EQ(weir_ctx_err(&c), WEIR_EDEADLINE);
		WEIR_SIM_EQ(weir_sleep(&c, 0), WEIR_EDEADLINE);
		weir_ctx_fini(&c);
	}
	weir_ctx_init(&c, ctx, INT64_MIN);
	WEIR_SIM_EQ(weir_ctx_cause(&c, NULL), WEIR_CAUSE_DEADLINE);
	weir_ctx_fini(&c);
	weir_ctx_init(&c, ctx, WEIR_MS(2));
	WEIR_SIM_EQ(weir_sleep(&c, WEIR_MS(1)), WEIR_EDEADLINE);
	weir_ctx_fini(&c);
	weir_ctx_init(&c, ctx, WEIR_MS(3) + 1);
	WEIR_SIM_EQ(weir_sleep(&c, WEIR_MS(1)), 0);
	WEIR_SIM_EQ(weir_sleep(&c, WEIR_MS(1)), WEIR_EDEADLINE);
	WEIR_SIM_EQ(now_of(ctx), WEIR_MS(3) + 1);
	weir_ctx_fini(&c);
}

/* ---- idle and early ---- */

#define SLEEPERS 4

static int sleep_ms(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return weir_sleep(ctx, *(const int64_t *)arg);
}

/* How often the clock moved while this task could run. */
static int moves_seen(weir_ctx *ctx)
{
	int moves = 0;
	for (int i = 0; i < 3; i++) {
		int64_t before = now_of(ctx);
		weir_rt_yield(weir_ctx_rt(ctx));
		moves += now_of(ctx) != before;
	}
	return moves;
}

static int most, least_moves;

static void sleepers_and_a_runner(weir_ctx *ctx)
{
	static const int64_t at[SLEEPERS] = {WEIR_MS(1), WEIR_MS(2), WEIR_MS(3), WEIR_MS(4)};
	weir_scope s;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < SLEEPERS; i++)
		start(&s, "sleeper", sleep_ms, (void *)(uintptr_t)&at[i]);
	weir_sim_quiesce(ctx);
	int moves = moves_seen(ctx);
	most = moves > most ? moves : most;
	least_moves = moves < least_moves ? moves : least_moves;
	join(ctx, &s);
	WEIR_SIM_ASSERT(now_of(ctx) >= WEIR_MS(4)); /* some may begin late */
}

/* Without early timers the clock stands while anybody can run. The portfolio, 300 schedules. */
WEIR_SIM_TEST_WITH(idle_never_fires_early, .no_early = true, .schedules = 300)
{
	most = 0, least_moves = 99;
	sleepers_and_a_runner(ctx);
	WEIR_SIM_EQ(most, 0);
}

/* With early = 2, all numbers of moves from 0 to 2, and never 3. The preemption bound keeps it small. */
WEIR_SIM_TEST_WITH(early_is_a_bound, .strategy = "dfs0", .early = 2, .schedules = 20000)
{
	sleepers_and_a_runner(ctx);
	WEIR_SIM_ASSERT(most <= 2);
}

WEIR_SIM_TEST_WITH(early_reached_its_bound, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(most, 2);
	WEIR_SIM_EQ(least_moves, 0);
}

struct order {
	int ids[3], n;
};

struct due {
	struct order *order;
	int id;
};

static int sleep_then_sign(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct due *d = arg;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	WEIR_SIM_EQ(now_of(ctx), WEIR_MS(1));
	d->order->ids[d->order->n++] = d->id;
	return 0;
}

static unsigned orders;

/* Three timers at one instant fire in every order. Without preemptions: the orders are free choices. */
WEIR_SIM_TEST_WITH(equal_deadlines_in_every_order, .strategy = "dfs0")
{
	struct order order = {.n = 0};
	struct due d[3];
	weir_scope s;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++) {
		d[i] = (struct due){&order, i};
		start(&s, "due", sleep_then_sign, &d[i]);
	}
	join(ctx, &s);
	orders |= 1u << (order.ids[0] * 2 + (order.ids[1] > order.ids[2]));
}

WEIR_SIM_TEST_WITH(all_six_orders_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(orders, 63);
}

static unsigned who_won;

static int sleep_and_cancel(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(7)), 0);
	weir_ctx_cancel(arg, "seven");
	return 0;
}

/* A sleep that is over at the instant of a cancel is done, or cancelled: it depends on who runs first. */
WEIR_SIM_TEST_WITH(end_of_a_sleep_against_a_cancel, .strategy = "dfs")
{
	weir_ctx c;
	weir_scope s;
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "canceller", sleep_and_cancel, &c);
	int rc = weir_sleep(&c, WEIR_MS(7));
	WEIR_SIM_EQ(now_of(ctx), WEIR_MS(7));
	who_won |= rc == 0 ? 1 : 2;
	join(ctx, &s);
	weir_ctx_fini(&c);
}

WEIR_SIM_TEST_WITH(both_winners_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(who_won, 3);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
