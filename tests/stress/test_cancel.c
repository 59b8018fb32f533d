/* SPDX-License-Identifier: MIT
 *
 * Cancellation on real threads under load.
 *
 * `storm`: a tree of contexts with tasks that send, receive, select and sleep on every node, while one task cancels
 * nodes in random order and at random moments, the root last. Every task must come back, with ECANCELED.
 *
 * `woken and finished`: a task waits under a context of its own; another one cancels it; the first wakes, finishes the
 * context and fills its memory while the canceller may still be on its way out of it. (fini waits for exactly that.)
 *
 * `children come and go`: tasks make children of one parent, wait under them for a moment, and finish them, while the
 * parent is cancelled: the lists of who sleeps where change all the time.
 *
 * `three ways to wake`: peer, cancel and deadline race for the same waiting task; whoever wins, nothing is lost. The
 * deadlines are a few microseconds; nothing depends on which of the three it was.
 *
 * `one cause`: many observers of a node that two tasks cancel for different causes: all see one and the same, for
 * ever. */
#include "stress.h"

static const weir_type num = {.name = "num", .size = sizeof(uint32_t), .align = _Alignof(uint32_t)};

/* ---- storm ---- */

enum { FAN = 3, NODES = 1 + FAN + FAN * FAN };

struct storm {
	weir_ctx node[NODES];
	weir_tx *tx;
	weir_rx *rx; /* nobody meets on these two: tx is full, rx is empty */
	weir_tx *full_tx;
	weir_rx *full_rx;
	uint64_t seed; /* of the canceller */
};

struct stuck {
	weir_ctx *ctx;
	weir_tx *tx;
	weir_rx *rx;
	uint32_t kind;
};

static int get_stuck(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct stuck *s = arg;
	uint32_t item = 1;
	weir_case cases[3] = {weir_case_send(s->tx, &item), weir_case_recv(s->rx, &item),
			      weir_case_timer(WEIR_FOREVER - 1)};
	int rc;
	(void)ctx, (void)err;
	switch (s->kind) {
	case 0:
		rc = weir_tx_send(s->ctx, s->tx, &item);
		break;
	case 1:
		rc = weir_rx_recv(s->ctx, s->rx, &item);
		break;
	case 2:
		rc = weir_select(s->ctx, cases, 3);
		break;
	default:
		rc = weir_sleep(s->ctx, WEIR_FOREVER);
	}
	EXPECT(rc == WEIR_ECANCELED);
	EXPECT(weir_ctx_err(s->ctx) == WEIR_ECANCELED);
	weir_tx_close(&s->tx);
	weir_rx_close(&s->rx);
	return 0;
}

static int cancel_all(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct storm *s = arg;
	(void)ctx, (void)err;
	for (uint32_t n = pick(&s->seed, 5); n > 0; n--) {
		dawdle(&s->seed);
		weir_ctx_cancel(&s->node[1 + pick(&s->seed, NODES - 1)], "a branch");
	}
	dawdle(&s->seed);
	weir_ctx_cancel(&s->node[0], "all");
	for (size_t i = 0; i < NODES; i++) /* it has reached all of them when it returns */
		EXPECT(weir_ctx_err(&s->node[i]) == WEIR_ECANCELED);
	return 0;
}

static int storm_once(weir_ctx *ctx, weir_err *err, uint64_t round)
{
	enum { TASKS = 8 };
	static struct storm s;
	static struct stuck stuck[TASKS];
	weir_scope scope;
	uint64_t seed = seed_of(round);
	s.seed = seed_of(round + 1000000);
	EXPECT(weir_chan_new(rt, &num, 0, &s.tx, &s.rx) == 0);
	EXPECT(weir_chan_new(rt, &num, 1, &s.full_tx, &s.full_rx) == 0);
	EXPECT(weir_tx_try_send(s.full_tx, &(uint32_t){1}) == 0);
	weir_ctx_init(&s.node[0], ctx, WEIR_FOREVER);
	for (size_t i = 1; i < NODES; i++)
		weir_ctx_init(&s.node[i], &s.node[(i - 1) / FAN], WEIR_FOREVER);
	weir_scope_init(&scope, ctx);
	for (uint32_t i = 0; i < TASKS; i++) {
		stuck[i] = (struct stuck){.ctx = &s.node[pick(&seed, NODES)], .kind = i % 4};
		EXPECT(weir_tx_clone(s.full_tx, 1, &stuck[i].tx) == 0 && weir_rx_clone(s.rx, 1, &stuck[i].rx) == 0);
		EXPECT(weir_scope_spawn(&scope, "stuck", get_stuck, &stuck[i]) == 0);
		if (i == TASKS / 2)
			EXPECT(weir_scope_spawn(&scope, "cancel", cancel_all, &s) == 0);
	}
	int rc = weir_scope_join(ctx, &scope, 0, err);
	for (size_t i = NODES; i > 0; i--)
		weir_ctx_fini(&s.node[i - 1]);
	struct weir_chan_stats account;
	weir_tx_stats(s.full_tx, &account);
	EXPECT(account.accepted == 1 && account.buffered == 1 && account.senders_waiting == 0);
	weir_rx_stats(s.rx, &account);
	EXPECT(account.accepted == 0 && account.receivers_waiting == 0);
	weir_tx_close(&s.tx);
	weir_rx_close(&s.rx);
	weir_tx_close(&s.full_tx);
	weir_rx_close(&s.full_rx);
	return rc;
}

static int storm(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(800) && rc == 0; round++)
		rc = storm_once(ctx, err, round);
	return rc;
}

/* ---- woken and finished ---- */

struct short_life {
	weir_tx *tx; /* of pointers to contexts that want to be cancelled */
	weir_rx *rx;
	weir_rx *nothing;
};

static const weir_type pointer = {.name = "ctx", .size = sizeof(weir_ctx *), .align = _Alignof(weir_ctx *)};

static int wait_and_finish(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct short_life *l = arg;
	uint64_t seed = seed_of((uintptr_t)l->nothing);
	uint32_t item;
	(void)err;
	for (int i = 0; i < ROUNDS(6000); i++) {
		weir_ctx own, *p = &own;
		weir_ctx_init(&own, ctx, WEIR_FOREVER);
		EXPECT(weir_tx_send(ctx, l->tx, &p) == 0);
		EXPECT(weir_rx_recv(&own, l->nothing, &item) == WEIR_ECANCELED);
		weir_ctx_fini(&own);
		memset(&own, 0xff, sizeof(own)); /* whoever still looks at it reads this */
		if (i % 64 == 0)
			dawdle(&seed);
	}
	weir_tx_close(&l->tx);
	weir_rx_close(&l->nothing);
	return 0;
}

static int cancel_each(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct short_life *l = arg;
	weir_ctx *victim;
	int rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, l->rx, &victim)) == 1)
		weir_ctx_cancel(victim, "wake");
	weir_rx_close(&l->rx);
	return rc;
}

static int woken_and_finished(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct short_life l[4] = {{0}};
	weir_tx *tx, *silent;
	weir_rx *rx, *nothing;
	weir_scope s;
	(void)arg;
	EXPECT(weir_chan_new(rt, &pointer, 1, &tx, &rx) == 0);
	EXPECT(weir_chan_new(rt, &num, 0, &silent, &nothing) == 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++) {
		if (i < 2) {
			EXPECT(weir_tx_clone(tx, 1, &l[i].tx) == 0 && weir_rx_clone(nothing, 1, &l[i].nothing) == 0);
			EXPECT(weir_scope_spawn(&s, "wait", wait_and_finish, &l[i]) == 0);
		} else {
			EXPECT(weir_rx_clone(rx, 1, &l[i].rx) == 0);
			EXPECT(weir_scope_spawn(&s, "cancel", cancel_each, &l[i]) == 0);
		}
	}
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_tx_close(&silent);
	weir_rx_close(&nothing);
	return rc;
}

/* ---- children come and go ---- */

struct family {
	weir_ctx *parent;
	weir_tx *tx;
	weir_rx *rx;
	uint64_t seed;
	uint64_t moved;
};

/* Under a new child each time: exchanges an item with whoever is there, until the parent ends. */
static int live_as_children(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct family *f = arg;
	int rc = 0;
	(void)ctx, (void)err;
	while (rc >= 0) {
		uint32_t in = 1, out;
		weir_ctx child, grandchild;
		weir_ctx_init(&child, f->parent, WEIR_FOREVER);
		weir_ctx_init(&grandchild, &child, WEIR_FOREVER);
		weir_case cases[2] = {weir_case_send(f->tx, &in), weir_case_recv(f->rx, &out)};
		weir_ctx *under = pick(&f->seed, 2) ? &child : &grandchild;
		rc = weir_select(under, cases, 2);
		f->moved += rc >= 0;
		weir_ctx_fini(&grandchild);
		weir_ctx_fini(&child);
	}
	EXPECT(rc == WEIR_ECANCELED);
	weir_tx_close(&f->tx);
	weir_rx_close(&f->rx);
	return 0;
}

static int family_once(weir_ctx *ctx, weir_err *err, uint64_t round)
{
	struct family f[4] = {{0}};
	struct weir_chan_stats account;
	weir_ctx parent;
	weir_scope s;
	weir_tx *tx;
	weir_rx *rx;
	uint64_t seed = seed_of(round), moved = 0;
	EXPECT(weir_chan_new(rt, &num, 0, &tx, &rx) == 0);
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	for (uint32_t i = 0; i < 4; i++) {
		f[i] = (struct family){.parent = &parent, .seed = seed_of(round * 4 + i)};
		EXPECT(weir_tx_clone(tx, 1, &f[i].tx) == 0 && weir_rx_clone(rx, 1, &f[i].rx) == 0);
		EXPECT(weir_scope_spawn(&s, "child", live_as_children, &f[i]) == 0);
	}
	uint64_t wanted = pick(&seed, 40);
	do {
		weir_rx_stats(rx, &account);
		weir_rt_yield(rt);
	} while (account.delivered < wanted);
	weir_ctx_cancel(&parent, "all");
	int rc = weir_scope_join(ctx, &s, 0, err);
	for (size_t i = 0; i < 4; i++)
		moved += f[i].moved;
	weir_rx_stats(rx, &account);
	EXPECT(moved == 2 * account.delivered && account.accepted == account.delivered);
	weir_ctx_fini(&parent);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

static int come_and_go(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(500) && rc == 0; round++)
		rc = family_once(ctx, err, round);
	return rc;
}

/* ---- three ways to wake ---- */

struct race {
	weir_tx *tx;
	weir_rx *rx;
	weir_tx *victims;
	uint64_t seed, got, sent;
};

static int receive_with_deadlines(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct race *r = arg;
	(void)err;
	for (int i = 0; i < ROUNDS(3000); i++) {
		uint32_t item = 0;
		weir_ctx own, *p = &own;
		weir_ctx_init(&own, ctx, weir_time_add(weir_rt_now(rt), (int64_t)pick(&r->seed, 8000)));
		bool asked = pick(&r->seed, 2) && weir_tx_try_send(r->victims, &p) == 0;
		int rc = weir_rx_recv(&own, r->rx, &item);
		EXPECT(rc == 1 ? item == 7 : rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE);
		EXPECT(rc == 1 || rc == weir_ctx_err(&own));
		r->got += rc == 1;
		if (asked) /* the canceller has it: it has begun when it has ended it */
			while (weir_ctx_err(&own) == 0)
				weir_rt_yield(rt);
		if (asked)
			EXPECT(weir_tx_send(ctx, r->victims, &(weir_ctx *){NULL}) == 0); /* and it is through */
		weir_ctx_fini(&own);
	}
	weir_rx_close(&r->rx);
	weir_tx_close(&r->victims);
	return 0;
}

static int send_with_deadlines(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct race *r = arg;
	int rc = 0;
	(void)err;
	while (rc != WEIR_EPIPE) {
		weir_ctx own;
		weir_ctx_init(&own, ctx, weir_time_add(weir_rt_now(rt), (int64_t)pick(&r->seed, 8000)));
		rc = weir_tx_send(&own, r->tx, &(uint32_t){7});
		EXPECT(rc == 0 || rc == WEIR_EDEADLINE || rc == WEIR_EPIPE);
		r->sent += rc == 0;
		weir_ctx_fini(&own);
	}
	weir_tx_close(&r->tx);
	return 0;
}

static int cancel_victims(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rx *victims = arg;
	weir_ctx *victim;
	int rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, victims, &victim)) == 1)
		weir_ctx_cancel(victim, "victim");
	weir_rx_close(&victims);
	return rc;
}

static int three_ways(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct race r[4] = {{0}};
	weir_rx *victims;
	weir_tx *tx, *victims_tx;
	weir_rx *rx;
	weir_scope s;
	(void)arg;
	EXPECT(weir_chan_new(rt, &num, 0, &tx, &rx) == 0);
	EXPECT(weir_chan_new(rt, &pointer, 0, &victims_tx, &victims) == 0);
	weir_scope_init(&s, ctx);
	EXPECT(weir_scope_spawn(&s, "cancel", cancel_victims, victims) == 0);
	for (uint32_t i = 0; i < 4; i++) {
		r[i].seed = seed_of(i);
		if (i < 2)
			EXPECT(weir_rx_clone(rx, 1, &r[i].rx) == 0 && weir_tx_clone(victims_tx, 1, &r[i].victims) == 0);
		else
			EXPECT(weir_tx_clone(tx, 1, &r[i].tx) == 0);
		EXPECT(weir_scope_spawn(&s, "race", i < 2 ? receive_with_deadlines : send_with_deadlines, &r[i]) == 0);
	}
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_tx_close(&victims_tx);
	int rc = weir_scope_join(ctx, &s, 0, err);
	EXPECT(r[0].got + r[1].got == r[2].sent + r[3].sent);
	return rc;
}

/* ---- one cause ---- */

struct watched {
	weir_ctx ctx;
	_Atomic uint32_t seen[WEIR_CAUSE_SHUTDOWN + 1];
};

static int observe(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct watched *w = arg;
	const char *why, *again;
	(void)ctx, (void)err;
	while (weir_ctx_err(&w->ctx) == 0)
		weir_rt_yield(rt);
	enum weir_cause cause = weir_ctx_cause(&w->ctx, &why);
	atomic_fetch_add(&w->seen[cause], 1);
	EXPECT(weir_ctx_err(&w->ctx) == WEIR_ECANCELED);
	EXPECT(weir_ctx_cause(&w->ctx, &again) == cause && strcmp(why, again) == 0);
	EXPECT(strcmp(why, cause == WEIR_CAUSE_USER ? "user" : "shutdown") == 0);
	return 0;
}

static int end_as_user(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(&((struct watched *)arg)->ctx, "user");
	return 0;
}

static int end_as_shutdown(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel_as(&((struct watched *)arg)->ctx, WEIR_CAUSE_SHUTDOWN, "shutdown");
	return 0;
}

static int one_cause(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(1500) && rc == 0; round++) {
		static struct watched w;
		uint64_t seed = seed_of(round);
		weir_scope s;
		memset((void *)&w, 0, sizeof(w));
		weir_ctx_init(&w.ctx, ctx, WEIR_FOREVER);
		weir_scope_init(&s, ctx);
		for (int i = 0; i < 3; i++)
			EXPECT(weir_scope_spawn(&s, "observe", observe, &w) == 0);
		bool user_first = pick(&seed, 2);
		EXPECT(weir_scope_spawn(&s, "end", user_first ? end_as_user : end_as_shutdown, &w) == 0);
		EXPECT(weir_scope_spawn(&s, "end", user_first ? end_as_shutdown : end_as_user, &w) == 0);
		rc = weir_scope_join(ctx, &s, 0, err);
		uint32_t user = atomic_load(&w.seen[WEIR_CAUSE_USER]);
		uint32_t shutdown = atomic_load(&w.seen[WEIR_CAUSE_SHUTDOWN]);
		EXPECT((user == 3 && shutdown == 0) || (user == 0 && shutdown == 3));
		weir_ctx_fini(&w.ctx);
	}
	return rc;
}

int main(void)
{
	stress_case("storm", storm, NULL);
	stress_case("woken and finished", woken_and_finished, NULL);
	stress_case("children come and go", come_and_go, NULL);
	stress_case("three ways to wake", three_ways, NULL);
	stress_case("one cause", one_cause, NULL);
	return stress_end();
}
