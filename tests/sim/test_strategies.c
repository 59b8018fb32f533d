/* SPDX-License-Identifier: MIT
 *
 * The strategies that look at operations: POS, SURW and the dependence relation they share.
 *  - Exhaustive search is the judge: on small programs each reaches the same outcomes, and no others.
 *  - SURW finds, in a few schedules, the bug for which a random walk needs very many; bench/strategies.c has the table.
 *  - A seed gives the same search again, and another seed another.
 *  - Loops that wait for others do not starve them; more tasks and objects than are tracked are no harm.
 *  - The table of dependence.c, pair by pair.
 *
 * This program has a main of its own: most tests are searches with a look at the result. All counts are of schedules
 * with fixed seeds, so they are the same on every machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

#include "sim/dependence.h"
#include "src/core/inspect.h"

#include "expect.h"

static const char *const strategies[] = {"pos", "surw"};
#define STRATEGIES (sizeof(strategies) / sizeof(strategies[0]))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

/* n tasks in a scope, joined. args: n pointers. */
static int run_tasks(weir_ctx *ctx, weir_err *err, int n, weir_task_fn *const *fns, void *const *args)
{
	weir_scope s;
	int rc = 0;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n && rc == 0; i++)
		rc = weir_scope_spawn(&s, "task", fns[i], args[i]);
	return weir_scope_join(ctx, &s, rc, err);
}

/* ---- the same outcomes as dfs ---- */

static uint64_t outcomes;

static void outcome(unsigned bit)
{
	outcomes |= UINT64_C(1) << bit;
}

static unsigned trail, n_trail;

static void leave(const void *who)
{
	trail = trail * 2 + *(const unsigned *)who;
	n_trail++;
}

SCENARIO(yield_twice)
{
	for (int i = 0; i < 2; i++) {
		leave(arg);
		weir_rt_yield(weir_ctx_rt(ctx));
	}
	return 0;
}

SCENARIO(yields)
{
	trail = n_trail = 0;
	int rc = run_tasks(ctx, err, 2, (weir_task_fn *const[]){yield_twice, yield_twice},
			   (void *const[]){&(unsigned){0}, &(unsigned){1}});
	outcome(trail);
	return n_trail == 4 ? rc : WEIR_EIO;
}

static weir_atomic shared;

SCENARIO(swap_in_order)
{
	const unsigned me = *(const unsigned *)arg;
	for (int i = 0; i < 2; i++) {
		weir_atomic_exchange(&shared, me);
		leave(arg);
	}
	return 0;
}

SCENARIO(swaps)
{
	trail = n_trail = 0;
	weir_atomic_init(&shared, weir_ctx_rt(ctx), 2);
	int rc = run_tasks(ctx, err, 2, (weir_task_fn *const[]){swap_in_order, swap_in_order},
			   (void *const[]){&(unsigned){0}, &(unsigned){1}});
	outcome(trail);
	weir_atomic_fini(&shared);
	return rc;
}

static weir_mutex mutex;

SCENARIO(lock_and_leave)
{
	weir_mutex_lock(ctx, &mutex);
	leave(arg);
	weir_mutex_unlock(&mutex);
	return 0;
}

SCENARIO(locks)
{
	trail = n_trail = 0;
	weir_mutex_init(&mutex, weir_ctx_rt(ctx));
	int rc = run_tasks(ctx, err, 3, (weir_task_fn *const[]){lock_and_leave, swap_in_order, lock_and_leave},
			   (void *const[]){&(unsigned){0}, arg, &(unsigned){1}});
	weir_mutex_fini(&mutex);
	return rc;
}

/* Two tasks that lock, and one that swaps: independent objects. Four places for the one 0 among three 1. */
SCENARIO(locks_and_swaps)
{
	unsigned one = 1;
	weir_atomic_init(&shared, weir_ctx_rt(ctx), 2);
	int rc = locks(ctx, err, &one);
	outcome(trail);
	weir_atomic_fini(&shared);
	return rc;
}

SCENARIO(send_one)
{
	int rc = weir_tx_send(ctx, arg, &(int){1});
	return rc == WEIR_EPIPE ? 0 : rc;
}

/* Two senders against a receiver that tries twice, looks and closes: of two items it has none (and zero, one or both
 * are sent, the last of them waiting), the first or the second try (and the other item is sent, or not), or both. */
SCENARIO(send_against_close)
{
	weir_tx *tx = NULL, *more = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	int value, rc = weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx, &rx);
	rc = rc ? rc : weir_tx_clone(tx, 1, &more);
	weir_scope_init(&s, ctx);
	rc = rc ? rc : weir_scope_spawn(&s, "one", send_one, tx);
	rc = rc ? rc : weir_scope_spawn(&s, "two", send_one, more);
	int first = weir_rx_try_recv(rx, &value), second = weir_rx_try_recv(rx, &value);
	struct weir_chan_stats st;
	weir_rx_stats(rx, &st);
	outcome((unsigned)(first == 1) + 2 * (unsigned)(second == 1) + 4 * (unsigned)st.buffered +
		8 * (unsigned)st.senders_waiting);
	weir_rx_close(&rx);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&tx);
	weir_tx_close(&more);
	return rc;
}

static int slept;

SCENARIO(sleep_a_while)
{
	slept = weir_sleep(ctx, WEIR_MS(1));
	return 0;
}

SCENARIO(poll_and_cancel)
{
	weir_atomic_add(&shared, 1);
	weir_scope_cancel(weir_scope_of(ctx), "now");
	return 0;
}

/* A cancel against the end of a sleep, which may come early, and against a task that looks at both. */
SCENARIO(sleep_against_cancel)
{
	weir_atomic_init(&shared, weir_ctx_rt(ctx), 0);
	int rc = run_tasks(ctx, err, 2, (weir_task_fn *const[]){sleep_a_while, poll_and_cancel},
			   (void *const[]){NULL, NULL});
	outcome((slept == 0 ? 1u : 0u) + (weir_rt_now(weir_ctx_rt(ctx)) ? 2u : 0u));
	weir_atomic_fini(&shared);
	return rc;
}

static weir_wg group;

SCENARIO(done_and_add)
{
	weir_wg_done(&group);
	weir_atomic_add(&shared, 1);
	return 0;
}

/* How many have passed their done and what follows when the wait is over. */
SCENARIO(dones)
{
	weir_scope s;
	weir_atomic_init(&shared, weir_ctx_rt(ctx), 0);
	weir_wg_init(&group, weir_ctx_rt(ctx));
	weir_wg_add(&group, 3);
	weir_scope_init(&s, ctx);
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = weir_scope_spawn(&s, "done", done_and_add, NULL);
	rc = rc ? rc : weir_wg_wait(ctx, &group);
	outcome((unsigned)weir_atomic_load(&shared));
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_wg_fini(&group);
	weir_atomic_fini(&shared);
	return rc;
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	int n_outcomes, early;
} races[] = {
	{"yields", yields, 6, 0},
	{"swaps", swaps, 6, 0},
	{"locks_and_swaps", locks_and_swaps, 4, 0},
	{"send_against_close", send_against_close, 8, 0},
	{"sleep_against_cancel", sleep_against_cancel, 3, 2},
	{"dones", dones, 4, 0},
};

static void same_outcomes(size_t i)
{
	struct weir_sim_opts opts = {.name = races[i].name,
				     .strategy = races[i].early ? "dfs" : "dfs4",
				     .early = (unsigned)races[i].early,
				     .no_early = races[i].early == 0};
	struct weir_sim_result r;
	outcomes = 0;
	EXPECT(weir_sim_run(&opts, races[i].fn, NULL, &r) == 0 && r.exhausted);
	uint64_t all = outcomes;
	EXPECT(__builtin_popcountll(all) == races[i].n_outcomes);
	for (size_t k = 0; k < STRATEGIES; k++) {
		opts.strategy = strategies[k];
		opts.schedules = 5000;
		outcomes = 0;
		EXPECT(weir_sim_run(&opts, races[i].fn, NULL, &r) == 0 && r.schedules == 5000);
		EXPECT(outcomes == all);
		if (outcomes != all)
			fprintf(stderr, "  %s: %llx, dfs: %llx\n", strategies[k], (unsigned long long)outcomes,
				(unsigned long long)all);
	}
}

/* ---- far fewer schedules than a random walk ---- */

static weir_atomic first, second;
static bool wrong;

SCENARIO(set_both)
{
	weir_atomic_store(&first, 1);
	weir_atomic_store(&second, 1);
	return 0;
}

SCENARIO(check_both)
{
	wrong = weir_atomic_load(&first) == 1 && weir_atomic_load(&second) == 0;
	return 0;
}

/* The bug needs all setters to stand between their two stores, or before them, while the checker runs. */
SCENARIO(reorder)
{
	weir_scope s;
	int rc = 0;
	wrong = false;
	weir_atomic_init(&first, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&second, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < *(const int *)arg && rc == 0; i++)
		rc = weir_scope_spawn(&s, "setter", set_both, NULL);
	rc = rc ? rc : weir_scope_spawn(&s, "checker", check_both, NULL);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_atomic_fini(&second);
	weir_atomic_fini(&first);
	WEIR_SIM_ASSERT(!wrong);
	return rc;
}

#define SEEDS 9

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Schedules until reorder with n setters fails: the median of seeds, `limit` standing for "not in so many". */
static uint64_t median(const char *strategy, int n, uint64_t limit)
{
	uint64_t needed[SEEDS];
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct weir_sim_opts opts = {.strategy = strategy,
						   .seed = seed,
						   .schedules = limit,
						   .no_early = true,
						   .no_shrink = true,
						   .quiet = true};
		struct weir_sim_result r;
		int rc = weir_sim_run(&opts, reorder, &n, &r);
		EXPECT(rc == 0 || (rc == 1 && r.kind == WEIR_SIM_ASSERTION));
		needed[seed - 1] = rc == 1 ? r.failed_schedule : limit;
	}
	qsort(needed, SEEDS, sizeof(needed[0]), by_value);
	return needed[SEEDS / 2];
}

static void few_schedules(void)
{
	uint64_t random = median("random", 10, 2000), pos = median("pos", 10, 2000), surw = median("surw", 10, 2000);
	EXPECT(random == 2000);
	EXPECT(pos > surw); /* it is weak where many write one object once */
	EXPECT(surw > 2 && surw <= 60);
	EXPECT(median("surw", 50, 2000) <= 400);
	EXPECT(median("pos", 3, 2000) <= 60);
}

/* A failure is found again from its string, and is as short as a failure of any other strategy. */
static void found_and_replayed(void)
{
	for (size_t k = 0; k < STRATEGIES; k++) {
		struct weir_sim_opts opts = {.strategy = strategies[k], .quiet = true};
		struct weir_sim_result r, again;
		EXPECT(weir_sim_run(&opts, reorder, &(int){3}, &r) == 1 && r.kind == WEIR_SIM_ASSERTION);
		EXPECT(strlen(r.replay) < 60);
		opts.replay = r.replay;
		EXPECT(weir_sim_run(&opts, reorder, &(int){3}, &again) == 1 && again.kind == WEIR_SIM_ASSERTION);
		EXPECT(again.hash == r.hash && strcmp(again.message, r.message) == 0);
	}
}

/* ---- seeds ---- */

static void seeds(void)
{
	for (size_t k = 0; k < STRATEGIES; k++) {
		struct weir_sim_opts opts = {.strategy = strategies[k], .schedules = 100};
		struct weir_sim_result a, b, c;
		EXPECT(weir_sim_run(&opts, locks_and_swaps, NULL, &a) == 0);
		EXPECT(weir_sim_run(&opts, locks_and_swaps, NULL, &b) == 0);
		opts.seed = 2;
		EXPECT(weir_sim_run(&opts, locks_and_swaps, NULL, &c) == 0);
		EXPECT(a.hash == b.hash && a.steps == b.steps && a.decisions == b.decisions);
		EXPECT(a.hash != c.hash);
	}
}

/* ---- fairness, and the limits ---- */

SCENARIO(wait_for_flag)
{
	while (weir_atomic_load(&first) == 0)
		if (arg)
			weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

SCENARIO(raise_flag)
{
	weir_atomic_add(&second, 1);
	weir_atomic_store(&first, 1);
	return 0;
}

SCENARIO(spin)
{
	weir_atomic_init(&first, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&second, weir_ctx_rt(ctx), 0);
	int rc = run_tasks(ctx, err, 4,
			   (weir_task_fn *const[]){wait_for_flag, raise_flag, wait_for_flag, wait_for_flag},
			   (void *const[]){arg, NULL, arg, arg});
	weir_atomic_fini(&second);
	weir_atomic_fini(&first);
	return rc;
}

static void no_starving(void)
{
	for (size_t k = 0; k < 2 * STRATEGIES; k++) {
		const struct weir_sim_opts opts = {.strategy = strategies[k / 2], .schedules = 5000, .steps = 5000};
		EXPECT(weir_sim_run(&opts, spin, k % 2 ? &first : NULL, NULL) == 0);
	}
}

static weir_atomic many[200];

SCENARIO(add_to_many)
{
	for (size_t i = 0; i < 200; i += 17)
		weir_atomic_add(&many[i], 1);
	return 0;
}

/* More objects than SURW tracks, and as many tasks as there can be. */
SCENARIO(crowd)
{
	weir_scope s;
	int rc = 0;
	for (size_t i = 0; i < 200; i++)
		weir_atomic_init(&many[i], weir_ctx_rt(ctx), 0);
	for (size_t i = 0; i < 200; i++)
		weir_atomic_add(&many[i], 1);
	weir_scope_init(&s, ctx);
	for (int i = 1; i < WEIR_SIM_TASKS && rc == 0; i++)
		rc = weir_scope_spawn(&s, "adder", add_to_many, NULL);
	rc = weir_scope_join(ctx, &s, rc, err);
	WEIR_SIM_EQ(weir_atomic_load(&many[17]), WEIR_SIM_TASKS);
	for (size_t i = 0; i < 200; i++)
		weir_atomic_fini(&many[i]);
	return rc;
}

static void crowds(void)
{
	for (size_t k = 0; k < STRATEGIES; k++) {
		const struct weir_sim_opts opts = {.strategy = strategies[k], .schedules = 20};
		struct weir_sim_result r;
		EXPECT(weir_sim_run(&opts, crowd, NULL, &r) == 0 && r.schedules == 20);
	}
}

/* ---- the table ---- */

/* The scope that the simulator knows; a user's pointer leads to its context. */
static struct weir_obj *the_scope(void)
{
	for (uint32_t i = 0; i < weir__sim->n_objects; i++)
		if (weir__sim->objects[i].kind == WEIR_OBJ_SCOPE && weir__sim->objects[i].live)
			return weir__sim->objects[i].obj;
	return NULL;
}

static struct sim_effect effect_of(uint8_t kind, void *a, void *b)
{
	const struct weir_op op = {.kind = kind,
				   .access = kind == WEIR_OP_CTX_POLL || kind == WEIR_OP_LOAD || kind == WEIR_OP_SLEEP
						     ? WEIR_ACCESS_READ
						     : WEIR_ACCESS_WRITE,
				   .obj = {a, b},
				   .at = WEIR_FOREVER};
	return weir__sim_effect(weir__sim, &op);
}

static bool dependent(struct sim_effect a, struct sim_effect b)
{
	bool there = weir__sim_dependent(weir__sim, &a, &b);
	EXPECT(there == weir__sim_dependent(weir__sim, &b, &a));
	return there;
}

#define OP(kind, ...) effect_of(WEIR_OP_##kind, __VA_ARGS__)

struct two_channels {
	weir_tx *tx[2];
	weir_rx *rx[2];
};

/* A channel operation names the channel first, which only its handles lead to. */
static struct sim_effect on_chan(uint8_t kind, void *handle)
{
	const struct weir_op op = {.kind = kind,
				   .access = kind == WEIR_OP_CHAN_STATS ? WEIR_ACCESS_READ : WEIR_ACCESS_WRITE,
				   .obj = {weir__inspect_object(handle), handle},
				   .at = WEIR_FOREVER};
	return weir__sim_effect(weir__sim, &op);
}

static void table_of_channels(const struct two_channels *c)
{
	static const uint8_t kinds[] = {WEIR_OP_SEND,     WEIR_OP_TRY_SEND, WEIR_OP_RECV,      WEIR_OP_TRY_RECV,
					WEIR_OP_TX_CLOSE, WEIR_OP_RX_SHUT,  WEIR_OP_CHAN_STATS};
	for (size_t i = 0; i < sizeof(kinds); i++) {
		for (size_t k = 0; k < sizeof(kinds); k++) {
			struct sim_effect a = on_chan(kinds[i], c->tx[0]);
			bool reads = kinds[i] == WEIR_OP_CHAN_STATS && kinds[k] == WEIR_OP_CHAN_STATS;
			EXPECT(dependent(a, on_chan(kinds[k], c->rx[0])) == !reads);
			EXPECT(!dependent(a, on_chan(kinds[k], c->rx[1])));
		}
	}
	weir_case cases[] = {weir_case_recv(c->rx[0], NULL), weir_case_timer(WEIR_MS(5))};
	const struct weir_op op = {.kind = WEIR_OP_TRY_SELECT, .cases = cases, .n_cases = 2, .at = WEIR_FOREVER};
	struct sim_effect both = weir__sim_effect(weir__sim, &op);
	EXPECT(dependent(both, on_chan(WEIR_OP_SEND, c->tx[0])));
	EXPECT(!dependent(both, on_chan(WEIR_OP_SEND, c->tx[1])));
	EXPECT(dependent(both, weir__sim_clock_effect()));
	EXPECT(!dependent(on_chan(WEIR_OP_SEND, c->tx[0]), weir__sim_clock_effect()));
}

static void table_of_contexts(weir_ctx *ctx, weir_ctx *timed, weir_atomic *a)
{
	struct weir_obj *s = the_scope();
	EXPECT(s != NULL);
	EXPECT(dependent(OP(CTX_POLL, ctx, NULL), OP(CTX_CANCEL, timed, NULL))); /* whichever */
	EXPECT(dependent(OP(CTX_CANCEL, ctx, NULL), OP(CTX_CANCEL, ctx, NULL)));
	EXPECT(!dependent(OP(CTX_POLL, ctx, NULL), OP(CTX_POLL, ctx, NULL)));
	EXPECT(dependent(OP(ACQUIRE, a, ctx), OP(CTX_CANCEL, ctx, NULL)));
	EXPECT(!dependent(OP(LOCK, a, ctx), OP(CTX_CANCEL, ctx, NULL))); /* waits without it */
	EXPECT(!dependent(OP(LOAD, a, NULL), OP(CTX_CANCEL, ctx, NULL)));
	EXPECT(dependent(OP(CTX_POLL, ctx, NULL), OP(TASK_END, s, NULL))); /* it may fail */
	EXPECT(dependent(OP(CTX_POLL, timed, NULL), weir__sim_clock_effect()));
	EXPECT(!dependent(OP(CTX_POLL, ctx, NULL), weir__sim_clock_effect()));
	EXPECT(dependent(OP(SLEEP, ctx, NULL), weir__sim_clock_effect()));
	EXPECT(dependent(weir__sim_clock_effect(), weir__sim_clock_effect()));
	EXPECT(!dependent(OP(SPAWN, s, ctx), OP(SPAWN, s, ctx)));
	EXPECT(dependent(OP(SPAWN, s, ctx), OP(TASK_END, s, NULL)));
	EXPECT(dependent(OP(SPAWN, s, ctx), OP(SCOPE_JOIN, s, ctx)));
	EXPECT(dependent(OP(TASK_END, s, NULL), OP(TASK_END, s, NULL)));
	EXPECT(!dependent(OP(YIELD, NULL, NULL), OP(SCOPE_JOIN, s, ctx)));
}

static void table_of_sync(weir_atomic *a, weir_atomic *b, weir_wg *g)
{
	EXPECT(!dependent(OP(LOAD, a, NULL), OP(LOAD, a, NULL)));
	EXPECT(dependent(OP(LOAD, a, NULL), OP(STORE, a, NULL)));
	EXPECT(dependent(OP(STORE, a, NULL), OP(STORE, a, NULL)));
	EXPECT(!dependent(OP(STORE, a, NULL), OP(STORE, b, NULL)));
	EXPECT(!dependent(OP(WG_WAIT, g, NULL), OP(WG_WAIT, g, NULL)));
	EXPECT(!dependent(OP(WG_ADD, g, NULL), OP(WG_ADD, g, NULL)));
	for (int count = 0; count < 4; count++) { /* a done that reaches 0 lets go */
		EXPECT(dependent(OP(WG_DONE, g, NULL), OP(WG_DONE, g, NULL)) == (count < 2));
		EXPECT(dependent(OP(WG_DONE, g, NULL), OP(WG_WAIT, g, NULL)) == (count < 2));
		EXPECT(dependent(OP(WG_DONE, g, NULL), OP(WG_ADD, g, NULL)) == (count < 2));
		EXPECT(dependent(OP(WG_ADD, g, NULL), OP(WG_WAIT, g, NULL)));
		weir_wg_add(g, 1);
	}
	for (int count = 0; count < 4; count++)
		weir_wg_done(g);
	struct weir_obj set = {.kind = WEIR_OBJ_STATS};
	const struct weir_op add = {.kind = WEIR_OP_STATS_ADD, .access = WEIR_ACCESS_WRITE, .obj = {&set}};
	const struct weir_op sum = {.kind = WEIR_OP_STATS_READ, .access = WEIR_ACCESS_READ, .obj = {&set}};
	struct sim_effect adds = weir__sim_effect(weir__sim, &add), sums = weir__sim_effect(weir__sim, &sum);
	EXPECT(!dependent(adds, adds) && dependent(adds, sums));
	EXPECT(!dependent(adds, OP(STORE, a, NULL)));
	const struct weir_op read = {.kind = WEIR_OP_FD_READ, .fd = WEIR_SIM_FD},
			     raise = {.kind = WEIR_OP_SIGNAL_RAISE};
	EXPECT(dependent(weir__sim_effect(weir__sim, &read), weir__sim_effect(weir__sim, &raise)));
	struct weir_obj unknown = {.kind = WEIR_OBJ_ATOMIC};
	const struct weir_op nobody_knows = {.kind = WEIR_OP_LOAD, .obj = {&unknown}};
	EXPECT(dependent(weir__sim_effect(weir__sim, &nobody_knows), OP(LOAD, a, NULL)));
}

SCENARIO(table)
{
	struct two_channels c = {0};
	weir_atomic a, b;
	weir_wg g;
	weir_ctx timed;
	weir_scope s;
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, 1, &c.tx[i], &c.rx[i]), 0);
	weir_atomic_init(&a, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&b, weir_ctx_rt(ctx), 0);
	weir_wg_init(&g, weir_ctx_rt(ctx));
	weir_ctx_init(&timed, ctx, WEIR_SEC(1));
	weir_scope_init(&s, ctx);
	table_of_channels(&c);
	table_of_contexts(ctx, &timed, &a);
	table_of_sync(&a, &b, &g);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_ctx_fini(&timed);
	weir_wg_fini(&g);
	weir_atomic_fini(&b);
	weir_atomic_fini(&a);
	for (int i = 0; i < 2; i++) {
		weir_tx_close(&c.tx[i]);
		weir_rx_close(&c.rx[i]);
	}
	return rc;
}

static void tables(void)
{
	const struct weir_sim_opts opts = {.allow_no_decisions = true, .schedules = 1};
	EXPECT(weir_sim_run(&opts, table, NULL, NULL) == 0);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++)
		same_outcomes(i), report(races[i].name);
	RUN(few_schedules);
	RUN(found_and_replayed);
	RUN(seeds);
	RUN(no_starving);
	RUN(crowds);
	RUN(tables);
	return summary();
}
