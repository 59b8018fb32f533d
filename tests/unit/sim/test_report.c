/* SPDX-License-Identifier: MIT
 *
 * The report of a failure, word for word: small broken programs, at least one for each kind of failure, and what stderr
 * must say about each. The texts are tests/sim/report/NAME.txt, which tests/sim/report/update.sh writes anew. They name
 * lines of this file: the programs stand first, so that a change below them moves nothing.
 *
 *  G1  A program must be found as its kind. One that passes, or fails in another way, fails the test.
 *  G2  The whole of stderr is compared. Only the hash in the replay string is taken out, which depends on the numbers
 *      of the operations, and the size of weir's own objects.
 *  G3  The searches are depth-first or replays: which schedule is found does not depend on how strategies draw.
 *  G4  With --write FOLDER the texts are written instead of compared.
 *
 * Not here: a hang, which is a matter of real seconds. Without debug information there are no lines to compare, and
 * all is skipped. */
#include "sim/report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/chan.h"

static const weir_type order = {.name = "order", .size = sizeof(int), .align = _Alignof(int)};

/* What the tasks of a program share. */
struct world {
	weir_tx *tx, *tx2;
	weir_rx *rx, *rx2;
	int n, done;
};

/* Macros, so that the report names the line of the program. */
#define OPEN(capacity, tx, rx, name)                                                       \
	do {                                                                               \
		WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &order, capacity, tx, rx), 0); \
		weir_sim_name(*(tx), name);                                                \
	} while (0)

#define START(name, fn, arg) WEIR_SIM_EQ(weir_scope_spawn(&s, name, fn, arg), 0)

/* ---- the programs ---- */

/* The reader waits for the end, which the owner would announce if it did not wait for the reader. */
static int read_all(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int value, rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, w->rx, &value)) == 1)
		w->n += value;
	weir_rx_close(&w->rx);
	return rc;
}

static int deadlock_cycle(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)arg;
	OPEN(2, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("reader", read_all, &w);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){1}), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_tx_close(&w.tx);
	return rc;
}

/* Two tasks select over two channels, and nobody sends. */
static int choose_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int value;
	weir_case cases[] = {weir_case_recv(w->rx, &value), weir_case_send(w->tx2, &(int){2})};
	(void)err;
	int rc = weir_select(ctx, cases, 2);
	return rc < 0 ? rc : 0;
}

static int deadlock_select(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0}, other = {0};
	weir_scope s;
	(void)arg;
	OPEN(0, &w.tx, &w.rx, "left");
	OPEN(0, &w.tx2, &w.rx2, "right");
	WEIR_SIM_EQ(weir_rx_clone(w.rx, 1, &other.rx), 0);
	WEIR_SIM_EQ(weir_tx_clone(w.tx2, 1, &other.tx2), 0);
	weir_scope_init(&s, ctx);
	START("a", choose_one, &w);
	START("b", choose_one, &other);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Told to stop, the cook leaves what was ordered. */
static int cook(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int value;
	weir_case cases[] = {weir_case_recv(w->rx, &value), weir_case_recv(w->rx2, &value)};
	(void)err;
	while (weir_select(ctx, cases, 2) == 0 && cases[0].rc == 1)
		w->done++;
	weir_rx_close(&w->rx);
	weir_rx_close(&w->rx2);
	return 0;
}

static int assertion_drops(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)arg;
	OPEN(2, &w.tx, &w.rx, "orders");
	OPEN(0, &w.tx2, &w.rx2, "bell");
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){1}), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){2}), 0);
	weir_scope_init(&s, ctx);
	START("cook", cook, &w);
	weir_tx_close(&w.tx2);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, err), 0);
	weir_tx_close(&w.tx);
	WEIR_SIM_EQ(w.done, 2);
	return 0;
}

/* It trusts its deadline to be far enough away. */
static int impatient(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	weir_ctx soon;
	int value;
	(void)err;
	weir_ctx_init(&soon, ctx, WEIR_MS(7));
	int rc = weir_rx_recv(&soon, w->rx, &value);
	weir_ctx_fini(&soon);
	WEIR_SIM_ASSERT(rc == 1);
	return 0;
}

static int assertion_time(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)arg;
	OPEN(1, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("impatient", impatient, &w);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){1}), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_tx_close(&w.tx);
	weir_rx_close(&w.rx);
	return rc;
}

/* A second sender fails an assertion while others wait, are ready, or are over. */
static int send_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	(void)err;
	return weir_tx_send(ctx, w->tx, &(int){1});
}

static int nothing(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return 0;
}

static int assertion_others(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)err, (void)arg;
	OPEN(0, &w.tx, &w.rx, "a name of 23 characters");
	weir_scope_init(&s, ctx);
	START("waits", send_one, &w);
	START("is over", nothing, NULL);
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	START("is not started", nothing, NULL);
	WEIR_SIM_EQ(w.n, 1);
	return 0;
}

/* Writes where nothing is. */
static int crash_now(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int *volatile nowhere = (int *)(uintptr_t)64, value;
	(void)err;
	if (weir_rx_recv(ctx, w->rx, &value) == 1)
		*nowhere = value;
	return 0;
}

static int crash(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)arg;
	OPEN(1, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("crasher", crash_now, &w);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){1}), 0);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Everything is over, and three things were forgotten. */
static int leak_objects(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)arg;
	OPEN(4, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("sender", send_one, &w);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, err), 0);
	weir_tx_close(&w.tx);
	WEIR_SIM_ASSERT(weir_rt_alloc(weir_ctx_rt(ctx), 100) != NULL);
	return 0;
}

/* The scenario returns while a task of its own waits. */
static int leak_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	static weir_scope s;
	static struct world w;
	(void)err, (void)arg;
	w = (struct world){0};
	OPEN(1, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("reader", read_all, &w);
	return weir_sleep(ctx, WEIR_MS(1));
}

/* Two tasks use one handle. */
static int ownership(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	(void)arg;
	OPEN(0, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("a", send_one, &w);
	START("b", send_one, &w);
	return weir_scope_join(ctx, &s, 0, err);
}

/* The drop of an item damages the account of its channel. */
static void count_twice(void *item, void *arg)
{
	(void)item;
	((weir_tx *)arg)->chan->accepted++;
}

static int account(weir_ctx *ctx, weir_err *err, void *arg)
{
	static weir_tx *damaged;
	weir_type bad = order;
	struct world w = {0};
	(void)err, (void)arg;
	OPEN(1, &damaged, &w.rx, "damaged");
	bad.drop = count_twice;
	bad.arg = damaged;
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &bad, 1, &w.tx, &w.rx2), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){1}), 0);
	weir_rx_close(&w.rx2);
	return weir_tx_clone(damaged, 1, &w.tx2);
}

/* Two tasks are where one may be. */
static int inside;

static bool at_most_one(void *arg)
{
	(void)arg;
	return inside <= 1;
}

static int enter(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	inside++;
	int rc = weir_ctx_err(ctx);
	inside--;
	return rc;
}

static int invariant(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	inside = 0;
	weir_sim_invariant(at_most_one, NULL, "at most one inside");
	weir_scope_init(&s, ctx);
	START("a", enter, NULL);
	START("b", enter, NULL);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Polls, and is never told to stop. */
static int poll_for_ever(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	while (weir_ctx_err(ctx) == 0)
		;
	return 0;
}

static int livelock(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	START("poller", poll_for_ever, NULL);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Finishes a context before its child. */
static int misuse(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx parent, child;
	(void)err, (void)arg;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_ctx_init(&child, &parent, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_ctx_err(&child), 0);
	weir_ctx_fini(&parent);
	return 0;
}

/* Every second run is another program. */
static int nondeterminism(weir_ctx *ctx, weir_err *err, void *arg)
{
	static unsigned runs;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	START("a", nothing, NULL);
	if (++runs % 2 == 0)
		START("b", nothing, NULL);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Gives up where it should have cleaned up: the second allocation fails. */
static int leak_fault(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	(void)err, (void)arg;
	void *first = weir_rt_alloc(weir_ctx_rt(ctx), 10);
	if (weir_chan_new(weir_ctx_rt(ctx), &order, 1, &w.tx, &w.rx) < 0)
		return 0;
	weir_tx_close(&w.tx);
	weir_rx_close(&w.rx);
	weir_rt_release(weir_ctx_rt(ctx), first);
	return 0;
}

/* Seven tasks, each with two channels of its own: no column for each, and no line for each channel. */
static int relay(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int value, rc = weir_rx_recv(ctx, w->rx, &value);
	(void)err;
	weir_rx_close(&w->rx);
	weir_tx_close(&w->tx2);
	return rc < 0 ? rc : 0;
}

static int deadlock_fan(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w[7] = {{0}};
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 7; i++) {
		OPEN(1, &w[i].tx, &w[i].rx, "in");
		OPEN(1, &w[i].tx2, &w[i].rx2, "out");
		START("relay", relay, &w[i]);
	}
	for (int i = 0; i < 6; i++)
		weir_tx_close(&w[i].tx);
	for (int i = 0; i < 7; i++)
		weir_rx_close(&w[i].rx2);
	return weir_scope_join(ctx, &s, 0, err);
}

/* A long talk that ends badly: the middle is left out, and what repeats is folded. */
static int talk(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	(void)err;
	for (int i = 0, value; i < 120; i++) {
		WEIR_SIM_EQ(weir_tx_send(ctx, w->tx, &i), 0);
		WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &value), 1);
		for (int k = 0; k < i % 7; k++)
			WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	}
	WEIR_SIM_ASSERT(w->n == 1);
	return 0;
}

static int assertion_long(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world a = {0}, b = {0};
	weir_scope s;
	(void)arg;
	OPEN(1, &a.tx, &b.rx, "there");
	OPEN(1, &b.tx, &a.rx, "back");
	weir_scope_init(&s, ctx);
	START("ping", talk, &a);
	START("pong", talk, &b);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Four tasks, and names that leave no room. */
static int deadlock_wide(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0}, second = {0}, third = {0};
	weir_scope s;
	(void)arg;
	OPEN(1, &w.tx, &w.rx, "customers at the window");
	OPEN(0, &w.tx2, &w.rx2, "orders from far away");
	WEIR_SIM_EQ(weir_rx_clone(w.rx, 1, &second.rx), 0);
	WEIR_SIM_EQ(weir_tx_clone(w.tx2, 1, &second.tx2), 0);
	WEIR_SIM_EQ(weir_rx_clone(w.rx, 1, &third.rx), 0);
	weir_scope_init(&s, ctx);
	START("a waiter", read_all, &w);
	START("another", choose_one, &second);
	START("a cook in the kitchen", read_all, &third);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){1}), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, w.tx, &(int){2}), 0);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Counts, and is never told to stop. */
static int count_for_ever(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	while (weir_ctx_err(ctx) == 0)
		weir_atomic_add(arg, 1);
	return 0;
}

static int step_limit(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic n;
	weir_scope s;
	(void)arg;
	weir_atomic_init(&n, weir_ctx_rt(ctx), 0);
	weir_sim_name(&n, "n");
	weir_scope_init(&s, ctx);
	START("counter", count_for_ever, &n);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_atomic_fini(&n);
	return rc;
}

/* Two tasks take two locks in opposite orders, while a third one goes on. */
struct locks {
	weir_mutex *first, *second;
};

static int take_both(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct locks *l = arg;
	(void)err;
	weir_mutex_lock(ctx, l->first);
	weir_mutex_lock(ctx, l->second);
	weir_mutex_unlock(l->second);
	weir_mutex_unlock(l->first);
	return 0;
}

static int tick(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 0; i < *(int *)arg; i++)
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	return 0;
}

static int lock_cycle(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_mutex a, b;
	struct locks ab = {&a, &b}, ba = {&b, &a};
	int ticks = 3;
	weir_scope s;
	(void)arg;
	weir_mutex_init(&a, weir_ctx_rt(ctx));
	weir_mutex_init(&b, weir_ctx_rt(ctx));
	weir_sim_name(&a, "stock");
	weir_sim_name(&b, "till");
	weir_scope_init(&s, ctx);
	START("clock", tick, &ticks);
	START("buyer", take_both, &ab);
	START("seller", take_both, &ba);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_mutex_fini(&a);
	weir_mutex_fini(&b);
	return rc;
}

/* Who should send has gone without closing, while a clock goes on ticking. */
static int leaves_it_open(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int value = 1;
	int rc = weir_tx_send(ctx, w->tx, &value);
	WEIR_SIM_EQ(
		rc,
		0); /* a statement behind it: the line of a call that is returned at once is the compiler's choice */
	(void)err;
	return 0;
}

static int partial(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {0};
	weir_scope s;
	OPEN(1, &w.tx, &w.rx, "orders");
	weir_scope_init(&s, ctx);
	START("clock", tick, arg);
	START("reader", read_all, &w);
	START("writer", leaves_it_open, &w);
	return weir_scope_join(ctx, &s, 0, err);
}

/* A total is changed under a lock by one task, without it by the other. */
struct account_book {
	weir_mutex m;
	int total;
};

static int deposit(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct account_book *book = arg;
	(void)err;
	weir_mutex_lock(ctx, &book->m);
	WEIR_SIM_SET(book->total, WEIR_SIM_GET(book->total) + 10);
	weir_mutex_unlock(&book->m);
	return 0;
}

static int charge(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct account_book *book = arg;
	(void)ctx, (void)err;
	WEIR_SIM_SET(book->total, WEIR_SIM_GET(book->total) - 1);
	return 0;
}

static int race(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct account_book book = {.total = 0};
	weir_scope s;
	(void)arg;
	weir_mutex_init(&book.m, weir_ctx_rt(ctx));
	weir_sim_name_memory(&book.total, sizeof(book.total), "total");
	weir_scope_init(&s, ctx);
	START("deposit", deposit, &book);
	START("charge", charge, &book);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_mutex_fini(&book.m);
	return rc;
}

/* ---- the kinds, and how each is found ---- */

static const struct program {
	const char *name;
	weir_task_fn *fn;
	enum weir_sim_kind kind;
	struct weir_sim_opts opts;
	void *arg;
} programs[] = {
	{"deadlock_cycle", deadlock_cycle, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, NULL},
	{"deadlock_select", deadlock_select, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, NULL},
	{"deadlock_fan", deadlock_fan, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, NULL},
	{"deadlock_wide", deadlock_wide, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, NULL},
	{"assertion_drops", assertion_drops, WEIR_SIM_ASSERTION, {.strategy = "dfs"}, NULL},
	{"assertion_time", assertion_time, WEIR_SIM_ASSERTION, {.strategy = "dfs", .early = 1}, NULL},
	{"assertion_others",
	 assertion_others,
	 WEIR_SIM_ASSERTION,
	 {.replay = "s1.assertion_others.0000:3>1,5>2"},
	 NULL},
	{"leak_fault", leak_fault, WEIR_SIM_LEAK, {.strategy = "dfs", .fail_alloc = 2}, NULL},
	{"assertion_long", assertion_long, WEIR_SIM_ASSERTION, {.strategy = "dfs"}, NULL},
	{"crash", crash, WEIR_SIM_CRASH, {.strategy = "dfs"}, NULL},
	{"leak_objects", leak_objects, WEIR_SIM_LEAK, {.strategy = "dfs"}, NULL},
	{"leak_task", leak_task, WEIR_SIM_LEAK, {.strategy = "dfs"}, NULL},
	{"ownership", ownership, WEIR_SIM_OWNERSHIP, {.strategy = "dfs"}, NULL},
	{"race", race, WEIR_SIM_RACE, {.strategy = "dfs"}, NULL},
	{"account", account, WEIR_SIM_ACCOUNT, {.strategy = "dfs"}, NULL},
	{"invariant", invariant, WEIR_SIM_INVARIANT, {.strategy = "dfs"}, NULL},
	{"livelock", livelock, WEIR_SIM_LIVELOCK, {.strategy = "dfs"}, NULL},
	{"step_limit", step_limit, WEIR_SIM_STEP_LIMIT, {.strategy = "dfs", .steps = 300}, NULL},
	{"misuse", misuse, WEIR_SIM_MISUSE, {.strategy = "dfs"}, NULL},
	{"nondeterminism", nondeterminism, WEIR_SIM_NONDETERMINISM, {.strategy = "dfs"}, NULL},
	{"no_decisions", nothing, WEIR_SIM_NO_DECISIONS, {.strategy = "random", .schedules = 1}, NULL},
	{"lock_cycle", lock_cycle, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, NULL},
	{"partial", partial, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, &(int){3}},
	{"partial_ticker", partial, WEIR_SIM_DEADLOCK, {.strategy = "dfs", .steps = 60}, &(int){1000}},
	{"bad_replay_op", deadlock_cycle, WEIR_SIM_BAD_REPLAY, {.replay = "s1.bad_replay_op.0000:2>1@send.ch1"}, NULL},
	{"bad_replay", deadlock_cycle, WEIR_SIM_BAD_REPLAY, {.replay = "s1.bad_replay.0000:2>7"}, NULL},
};

/* ---- running and comparing ---- */

#define TEXT_BYTES ((size_t)1 << 17)

static bool planted; /* what is wrong is meant to be, and not worth telling */

/* The report on stderr of one program; false: it was not found as its kind, or nothing could be read (G1). */
static bool run(const struct program *p, const char *report, char *text)
{
	struct weir_sim_opts opts = p->opts;
	struct weir_sim_result result;
	FILE *caught = tmpfile();
	fflush(stderr);
	int old = dup(STDERR_FILENO), rc = 0;
	size_t n = 0;
	if (!caught || old < 0 || dup2(fileno(caught), STDERR_FILENO) < 0)
		return false;
	opts.name = p->name;
	opts.report = report;
	rc = weir_sim_run(&opts, p->fn, p->arg, &result);
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(caught);
	n = fread(text, 1, TEXT_BYTES - 1, caught);
	text[n] = '\0';
	fclose(caught);
	if ((rc != 1 || result.kind != p->kind) && !planted)
		printf("     found as %s, not as %s\n%s", rc < 0 ? weir_err_name(rc) : weir_sim_kind_name(result.kind),
		       weir_sim_kind_name(p->kind), text);
	return rc == 1 && result.kind == p->kind && n > 0;
}

/* G2: "s1.NAME.9f3c:" becomes "s1.NAME.hash:", and "2 blocks of memory, 228 bytes" ends with "*** bytes". */
static void make_portable(const char *name, char *text)
{
	char start_of[80];
	int n = snprintf(start_of, sizeof(start_of), "s1.%s.", name);
	for (char *at = text; (at = strstr(at, start_of)); at += n)
		if (strspn(at + n, "0123456789abcdef") == 4 && at[n + 4] == ':')
			memcpy(at + n, "hash", 4);
	char *size = strstr(text, " of memory, ");
	if (size)
		memset(size + strlen(" of memory, "), '*', strspn(size + strlen(" of memory, "), "0123456789"));
}

static bool read_text(const char *folder, const char *name, char *text)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, TEXT_BYTES - 1, file) : 0;
	text[n] = '\0';
	if (file)
		fclose(file);
	return n > 0;
}

static bool write_text(const char *folder, const char *name, const char *text)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
	FILE *file = fopen(path, "w");
	if (!file)
		return false;
	bool written = fputs(text, file) >= 0;
	return fclose(file) == 0 && written;
}

/* Tells the first line that differs. */
static bool same(const char *wanted, const char *got)
{
	unsigned line = 1;
	while (*wanted && *wanted == *got) {
		line += *wanted == '\n';
		wanted++;
		got++;
	}
	if (*wanted == *got)
		return true;
	if (planted)
		return false;
	printf("     line %u, from \"%.*s\" on; there was \"%.*s\"\n", line, (int)strcspn(wanted, "\n"), wanted,
	       (int)strcspn(got, "\n"), got);
	return false;
}

static bool check(const struct program *p, const char *folder, bool write)
{
	static char got[TEXT_BYTES], wanted[TEXT_BYTES];
	if (!run(p, NULL, got))
		return false;
	make_portable(p->name, got);
	if (write)
		return write_text(folder, p->name, got);
	if (!read_text(folder, p->name, wanted)) {
		printf("     no %s/%s.txt: tests/sim/report/update.sh writes it\n", folder, p->name);
		return false;
	}
	return same(wanted, got);
}

/* ---- what the texts cannot say ---- */

static const struct program *find(const char *name)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	abort();
}

static size_t count_rows(const char *text)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, "test_report.c:")); at++)
		n++;
	return n;
}

/* The file has every row of a schedule that stderr shows in part. */
static bool the_file_has_all_rows(void)
{
	static char text[TEXT_BYTES], all[4 * TEXT_BYTES];
	char path[] = "/tmp/weir-report-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0)
		return false;
	bool found = run(find("assertion_long"), path, text);
	ssize_t n = read(fd, all, sizeof(all) - 1);
	close(fd);
	unlink(path);
	all[n > 0 ? n : 0] = '\0';
	return found && strstr(text, "rows left out") && !strstr(all, "left out") && !strstr(all, "times more") &&
	       count_rows(text) < 250 && count_rows(all) > 800;
}

/* Who yields is not preempted, and who polls is. */
static int look_away(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)err;
	weir_scope_init(&s, ctx);
	START("other", nothing, NULL);
	if (*(bool *)arg)
		weir_rt_yield(weir_ctx_rt(ctx));
	else
		WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	weir_sim_fail(__FILE__, __LINE__, "seen");
}

static bool a_yield_is_no_preemption(void)
{
	static char text[TEXT_BYTES];
	struct program p = {"look_away", look_away, WEIR_SIM_ASSERTION, {.replay = "s1.look_away.0000:2>1"}, NULL};
	bool yields = true, polls = false;
	p.arg = &yields;
	bool free = run(&p, NULL, text) && strstr(text, "(0 preemptions, 2 switches)") && !strstr(text, "[preempted]");
	p.arg = &polls;
	return free && run(&p, NULL, text) && strstr(text, "(1 preemption, 2 switches)") && strstr(text, "[preempted]");
}

static int passes(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	START("a", nothing, NULL);
	return weir_scope_join(ctx, &s, 0, err);
}

/* G1, planted: a program that passes, one of another kind, and a text that differs in its last byte. */
static bool the_check_is_not_blind(void)
{
	static char text[TEXT_BYTES], other[TEXT_BYTES];
	struct program right = {"right", passes, WEIR_SIM_DEADLOCK, {.strategy = "dfs"}, NULL};
	struct program wrong = *find("misuse");
	wrong.kind = WEIR_SIM_LEAK;
	planted = true;
	bool sees = !run(&right, NULL, text) && !run(&wrong, NULL, text) && run(find("misuse"), NULL, text);
	strcpy(other, text);
	other[strlen(other) - 1] = ' ';
	sees = sees && same(text, text) && !same(text, other) && !same(text, "") && !same("", text);
	planted = false;
	return sees;
}

static bool has_lines(void)
{
	static weir_task_fn *const here = nothing;
	const void *site = (const char *)(uintptr_t)here + 1;
	char line[1][64];
	weir__sim_sites(&site, 1, line);
	return strncmp(line[0], "test_report.c:", strlen("test_report.c:")) == 0;
}

static unsigned told(bool ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	return ok;
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	const char *folder = write ? argv[2] : "tests/sim/report";
	unsigned passed = 0, n = sizeof(programs) / sizeof(programs[0]);
	weir__sim_program = "build/tests/unit/sim/test_report";
	if (!has_lines()) {
		printf("0 passed, 0 failed, %u skipped\n", n);
		return write ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	for (unsigned i = 0; i < n; i++) {
		passed += told(check(&programs[i], folder, write), programs[i].name);
	}
	if (!write) {
		passed += told(the_file_has_all_rows(), "the file has all rows");
		passed += told(a_yield_is_no_preemption(), "a yield is no preemption");
		passed += told(the_check_is_not_blind(), "the check is not blind");
		n += 3;
	}
	printf("%u passed, %u failed\n", passed, n - passed);
	return passed == n ? EXIT_SUCCESS : EXIT_FAILURE;
}
