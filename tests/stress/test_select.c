/* SPDX-License-Identifier: MIT
 *
 * Selects that cross, on real threads.
 *
 * `crossing`: tasks select on the same two channels, each in an order of its own, sending and receiving on both at
 * once, so every select is at the same time a possible partner of every other one, on several channels. What was sent
 * on a channel was received from it, item by item (sums), and no select ends up in a circle of locks.
 *
 * `mixed`: selects against plain operations, trying ones, and contexts that are cancelled, on buffered channels; a
 * select that was not committed must have left nothing behind: neither an item nor a place in a queue.
 *
 * `timers`: selects with a timer that is due at once or soon race with a peer; each item is still moved once. */
#include "stress.h"

enum { CHANS = 2, TASKS = 5 };

static const weir_type num = {.name = "num", .size = sizeof(uint64_t), .align = _Alignof(uint64_t)};

struct player {
	weir_tx *tx[CHANS];
	weir_rx *rx[CHANS];
	uint64_t id, seed;
	uint64_t sent[CHANS], sent_sum[CHANS], got[CHANS], got_sum[CHANS];
	weir_ctx *ctx;
};

struct table {
	weir_tx *tx[CHANS];
	weir_rx *rx[CHANS];
	struct player player[TASKS];
	weir_ctx ctx;
	_Atomic uint64_t commits, present;
	uint64_t wanted;
};

static struct table table;

static void table_open(weir_ctx *ctx, size_t capacity, uint64_t wanted)
{
	memset((void *)&table, 0, sizeof(table));
	table.wanted = wanted;
	weir_ctx_init(&table.ctx, ctx, WEIR_FOREVER);
	for (size_t c = 0; c < CHANS; c++)
		EXPECT(weir_chan_new(rt, &num, capacity, &table.tx[c], &table.rx[c]) == 0);
	for (size_t i = 0; i < TASKS; i++) {
		struct player *p = &table.player[i];
		p->id = i + 1, p->seed = seed_of(i + 17 * capacity), p->ctx = &table.ctx;
		for (size_t c = 0; c < CHANS; c++)
			EXPECT(weir_tx_clone(table.tx[c], 1, &p->tx[c]) == 0 &&
			       weir_rx_clone(table.rx[c], 1, &p->rx[c]) == 0);
	}
}

/* Each channel's books: what came in and went out, and what is left. */
static void table_close(void)
{
	for (size_t c = 0; c < CHANS; c++) {
		uint64_t sent = 0, sent_sum = 0, got = 0, got_sum = 0, left;
		struct weir_chan_stats s;
		for (size_t i = 0; i < TASKS; i++) {
			struct player *p = &table.player[i];
			sent += p->sent[c], sent_sum += p->sent_sum[c], got += p->got[c], got_sum += p->got_sum[c];
			weir_tx_close(&p->tx[c]);
			weir_rx_close(&p->rx[c]);
		}
		weir_rx_stats(table.rx[c], &s);
		EXPECT(s.senders_waiting == 0 && s.receivers_waiting == 0);
		EXPECT(s.accepted == sent && s.delivered == got && s.buffered == sent - got && s.dropped == 0);
		while (weir_rx_try_recv(table.rx[c], &left) == 1)
			got_sum += left;
		EXPECT(sent_sum == got_sum);
		weir_tx_close(&table.tx[c]);
		weir_rx_close(&table.rx[c]);
	}
	weir_ctx_fini(&table.ctx);
}

static void count_commit(struct player *p, size_t chan, bool send, uint64_t value)
{
	if (send)
		p->sent[chan]++, p->sent_sum[chan] += value;
	else
		p->got[chan]++, p->got_sum[chan] += value;
	if (atomic_fetch_add(&table.commits, 1) + 1 == table.wanted)
		weir_ctx_cancel(&table.ctx, "enough");
}

/* One select over up to four cases (both ends of both channels) in a random order; extra: a timer as well. */
static int select_once(struct player *p, bool extra)
{
	uint64_t item[CHANS], out[CHANS] = {0};
	weir_case cases[2 * CHANS + 1];
	size_t what[2 * CHANS + 1], n = 2 * CHANS, first = pick(&p->seed, 2 * CHANS);
	for (size_t i = 0; i < n; i++) {
		size_t k = (first + i * 3) % n; /* 3 and 4 have no common factor: each once */
		what[i] = k;
		item[k % CHANS] = p->id * 1000 + pick(&p->seed, 1000);
	}
	for (size_t i = 0; i < n; i++)
		cases[i] = what[i] < CHANS ? weir_case_send(p->tx[what[i]], &item[what[i]])
					   : weir_case_recv(p->rx[what[i] - CHANS], &out[what[i] - CHANS]);
	if (extra)
		cases[n++] = weir_case_timer(weir_rt_now(rt) + (int64_t)pick(&p->seed, 3000));
	int i = weir_select(p->ctx, cases, n);
	if (i < 0 || i == 2 * CHANS)
		return i;
	bool send = what[i] < CHANS;
	size_t chan = what[i] % CHANS;
	EXPECT(cases[i].rc == !send);
	count_commit(p, chan, send, send ? item[chan] : out[chan]);
	return i;
}

/* Nobody begins before everybody is there: else the first would play alone where there is a buffer. */
static void all_present(void)
{
	atomic_fetch_add(&table.present, 1);
	while (atomic_load(&table.present) < TASKS)
		weir_rt_yield(rt);
}

static int cross(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct player *p = arg;
	int rc;
	(void)ctx, (void)err;
	all_present();
	while ((rc = select_once(p, false)) >= 0)
		;
	EXPECT(rc == WEIR_ECANCELED);
	return 0;
}

static int crossing(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	table_open(ctx, *(const size_t *)arg, ROUNDS(300000));
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < TASKS; i++)
		EXPECT(weir_scope_spawn(&s, "cross", cross, &table.player[i]) == 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	table_close();
	return rc;
}

/* ---- mixed ---- */

static int plain_once(struct player *p)
{
	size_t chan = pick(&p->seed, CHANS);
	uint64_t value = p->id * 1000 + pick(&p->seed, 1000);
	bool send = pick(&p->seed, 2);
	int rc;
	if (pick(&p->seed, 2))
		rc = send ? weir_tx_send(p->ctx, p->tx[chan], &value) : weir_rx_recv(p->ctx, p->rx[chan], &value);
	else
		rc = send ? weir_tx_try_send(p->tx[chan], &value) : weir_rx_try_recv(p->rx[chan], &value);
	if (rc == !send)
		count_commit(p, chan, send, value);
	return rc == WEIR_EAGAIN ? weir_ctx_err(p->ctx) : rc;
}

static int try_once(struct player *p)
{
	uint64_t item = p->id * 1000, out = 0;
	weir_case cases[2] = {weir_case_recv(p->rx[0], &out), weir_case_send(p->tx[1], &item)};
	int i = weir_try_select(cases, 2);
	if (i >= 0)
		count_commit(p, (size_t)i, i == 1, i == 1 ? item : out);
	else
		weir_rt_yield(rt);
	return weir_ctx_err(p->ctx);
}

static int mix(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct player *p = arg;
	int rc = 0;
	(void)ctx, (void)err;
	while (rc >= 0) {
		switch (pick(&p->seed, 4)) {
		case 0:
			rc = plain_once(p);
			break;
		case 1:
			rc = try_once(p);
			break;
		default:
			rc = select_once(p, pick(&p->seed, 4) == 0);
		}
	}
	EXPECT(rc == WEIR_ECANCELED);
	return 0;
}

/* Selects under a child that is made anew each time and ends after a few microseconds, or with the table. */
static int interrupted(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct player *p = arg;
	int rc = 0;
	(void)ctx, (void)err;
	while (weir_ctx_err(&table.ctx) == 0) {
		weir_ctx own;
		weir_ctx_init(&own, &table.ctx, weir_rt_now(rt) + (int64_t)pick(&p->seed, 20000));
		p->ctx = &own;
		rc = select_once(p, false);
		EXPECT(rc >= 0 || rc == weir_ctx_err(&own));
		weir_ctx_fini(&own);
	}
	return 0;
}

static int mixed(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(300) && rc == 0; round++) {
		weir_scope s;
		table_open(ctx, round % 3, 300 + round);
		weir_scope_init(&s, ctx);
		for (size_t i = 0; i < TASKS; i++)
			EXPECT(weir_scope_spawn(&s, "mix", i < 3 ? mix : interrupted, &table.player[i]) == 0);
		rc = weir_scope_join(ctx, &s, 0, err);
		table_close();
	}
	return rc;
}

/* ---- timers ---- */

static int race_timers(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct player *p = arg;
	int rc;
	(void)ctx, (void)err;
	while ((rc = select_once(p, true)) >= 0)
		;
	EXPECT(rc == WEIR_ECANCELED);
	return 0;
}

static int timers(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	table_open(ctx, 0, ROUNDS(50000));
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < TASKS; i++)
		EXPECT(weir_scope_spawn(&s, "race", race_timers, &table.player[i]) == 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	table_close();
	return rc;
}

/* ---- a context case whose context ends while the select is being linked ---- */

struct duel {
	weir_ctx other;
	weir_tx *go, *done;
	weir_rx *go_rx, *done_rx, *never;
};

static int canceller(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct duel *d = arg;
	uint64_t spin = 1, token;
	(void)err;
	while (weir_rx_recv(ctx, d->go_rx, &token) == 1) {
		for (size_t n = pick(&spin, 300); n > 0; n--)
			__asm__ volatile("");
		weir_ctx_cancel(&d->other, "now");
		EXPECT(weir_tx_send(ctx, d->done, &token) == 0);
	}
	return 0;
}

/* Whoever claims the select, it takes its token: a token left over would end the next wait too early. */
static int ending(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const weir_type type = {.name = "token", .size = sizeof(uint64_t), .align = _Alignof(uint64_t)};
	struct duel d = {0};
	weir_tx *never_tx = NULL;
	weir_scope s;
	uint64_t token = 1;
	(void)arg;
	EXPECT(weir_chan_new(rt, &type, 0, &d.go, &d.go_rx) == 0 &&
	       weir_chan_new(rt, &type, 0, &d.done, &d.done_rx) == 0);
	EXPECT(weir_chan_new(rt, &type, 0, &never_tx, &d.never) == 0);
	weir_scope_init(&s, ctx);
	EXPECT(weir_scope_spawn(&s, "canceller", canceller, &d) == 0);
	for (uint64_t i = 0; i < ROUNDS(20000); i++) {
		weir_ctx_init(&d.other, ctx, WEIR_FOREVER);
		EXPECT(weir_tx_send(ctx, d.go, &token) == 0);
		weir_case cases[] = {weir_case_recv(d.never, &token), weir_case_ctx(&d.other)};
		EXPECT(weir_select(ctx, cases, 2) == 1 && cases[1].rc == WEIR_ECANCELED);
		EXPECT(weir_rx_recv(ctx, d.done_rx, &token) == 1);
		weir_ctx_fini(&d.other);
	}
	weir_tx_close(&d.go);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_rx_close(&d.go_rx);
	weir_tx_close(&d.done);
	weir_rx_close(&d.done_rx);
	weir_tx_close(&never_tx);
	weir_rx_close(&d.never);
	return rc;
}

int main(void)
{
	static const size_t capacities[] = {0, 1, 3};
	for (size_t i = 0; i < COUNT_OF(capacities); i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "crossing over capacity %zu", capacities[i]);
		stress_case(name, crossing, (void *)(uintptr_t)&capacities[i]);
	}
	stress_case("mixed", mixed, NULL);
	stress_case("timers", timers, NULL);
	stress_case("a context case that ends", ending, NULL);
	return stress_end();
}
