/* SPDX-License-Identifier: MIT
 *
 * Channels on real threads under load.
 *
 * `exchange`: four producers and four consumers on one channel, of each capacity, with plain, trying and selecting
 * operations mixed, and one task that looks at the account all the while. Each item carries its producer and a number:
 * every item arrives exactly once, each consumer sees a producer's items in their order (FIFO), every account balances.
 *
 * `closing`: senders and receivers make a few operations each and close, at random, so that the last sender, the last
 * receiver, a shut and waiting tasks meet in all ways. Whatever happens, each item has one end: received, dropped, or
 * still its sender's.
 *
 * `clones`: handles of one channel are made and closed by all tasks at once; the channel's memory goes exactly once. */
#include "stress.h"

enum { PRODUCERS = 4, CONSUMERS = 4, ITEMS = 12000 };

struct item {
	uint32_t producer, number;
};

static _Atomic uint64_t n_dropped;

static void item_drop(void *item, void *arg)
{
	(void)item, (void)arg;
	atomic_fetch_add(&n_dropped, 1);
}

static const weir_type item_type = {.name = "item",
				    .size = sizeof(struct item),
				    .align = _Alignof(struct item),
				    .drop = item_drop};

struct user {
	weir_tx *tx;
	weir_rx *rx;
	uint32_t id;
	uint64_t seed;
	uint64_t done, sum; /* of what it moved */
};

static void expect_balance(const struct weir_chan_stats *s)
{
	EXPECT(s->accepted == s->delivered + s->dropped + s->buffered);
	EXPECT(s->buffered <= s->capacity);
}

/* ---- exchange ---- */

static int send_one(weir_ctx *ctx, struct user *u, const struct item *item)
{
	int rc;
	switch (pick(&u->seed, 3)) {
	case 0:
		rc = weir_tx_try_send(u->tx, item);
		return rc == WEIR_EAGAIN ? weir_tx_send(ctx, u->tx, item) : rc;
	case 1: {
		weir_case c = weir_case_send(u->tx, item);
		rc = weir_select(ctx, &c, 1);
		return rc == 0 ? c.rc : rc;
	}
	default:
		return weir_tx_send(ctx, u->tx, item);
	}
}

static int recv_one(weir_ctx *ctx, struct user *u, struct item *item)
{
	int rc;
	switch (pick(&u->seed, 3)) {
	case 0:
		rc = weir_rx_try_recv(u->rx, item);
		return rc == WEIR_EAGAIN ? weir_rx_recv(ctx, u->rx, item) : rc;
	case 1: {
		weir_case c = weir_case_recv(u->rx, item);
		rc = weir_select(ctx, &c, 1);
		return rc == 0 ? c.rc : rc;
	}
	default:
		return weir_rx_recv(ctx, u->rx, item);
	}
}

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	(void)err;
	for (uint32_t i = 1; i <= ROUNDS(ITEMS); i++) {
		struct item item = {u->id, i};
		EXPECT(send_one(ctx, u, &item) == 0);
		u->done++;
		u->sum += i;
	}
	weir_tx_close(&u->tx);
	return 0;
}

static int consume(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	uint32_t last[PRODUCERS] = {0};
	struct item item;
	int rc;
	(void)err;
	while ((rc = recv_one(ctx, u, &item)) == 1) {
		EXPECT(item.producer < PRODUCERS && item.number > last[item.producer]);
		last[item.producer] = item.number;
		u->done++;
		u->sum += item.number;
	}
	weir_rx_close(&u->rx);
	return rc;
}

static _Atomic bool looking;

static int look(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	(void)ctx, (void)err;
	while (atomic_load(&looking)) {
		struct weir_chan_stats s;
		weir_rx_stats(u->rx, &s);
		expect_balance(&s);
		u->done++;
		weir_rt_yield(rt);
	}
	weir_rx_close(&u->rx);
	return 0;
}

static int exchange(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user producers[PRODUCERS] = {0}, consumers[CONSUMERS] = {0}, looker = {0};
	struct weir_chan_stats s;
	weir_scope work, watch;
	weir_tx *tx;
	weir_rx *rx;
	EXPECT(weir_chan_new(rt, &item_type, *(const size_t *)arg, &tx, &rx) == 0);
	atomic_store(&looking, true);
	EXPECT(weir_rx_clone(rx, 1, &looker.rx) == 0);
	weir_scope_init(&watch, ctx);
	weir_scope_init(&work, ctx);
	EXPECT(weir_scope_spawn(&watch, "look", look, &looker) == 0);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producers[i].id = i, producers[i].seed = seed_of(i);
		EXPECT(weir_tx_clone(tx, 1, &producers[i].tx) == 0);
		EXPECT(weir_scope_spawn(&work, "produce", produce, &producers[i]) == 0);
	}
	weir_tx_close(&tx);
	for (uint32_t i = 0; i < CONSUMERS; i++) {
		consumers[i].seed = seed_of(100 + i);
		EXPECT(weir_rx_clone(rx, 1, &consumers[i].rx) == 0);
		EXPECT(weir_scope_spawn(&work, "consume", consume, &consumers[i]) == 0);
	}
	int rc = weir_scope_join(ctx, &work, 0, err);
	atomic_store(&looking, false);
	rc = weir_scope_join(ctx, &watch, rc, err);
	uint64_t done = 0, sum = 0, n = ROUNDS(ITEMS);
	for (size_t i = 0; i < CONSUMERS; i++)
		done += consumers[i].done, sum += consumers[i].sum;
	EXPECT(done == PRODUCERS * n && sum == PRODUCERS * n * (n + 1) / 2);
	weir_rx_stats(rx, &s);
	expect_balance(&s);
	EXPECT(s.accepted == done && s.delivered == done && s.rx_handles == 1 && s.tx_handles == 0);
	EXPECT(s.senders_waiting == 0 && s.receivers_waiting == 0 && looker.done > 0);
	weir_rx_close(&rx);
	return rc;
}

/* ---- closing ---- */

/* A few sends, one way or another, then the handle goes. */
static int send_some(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	int rc = 0;
	(void)err;
	dawdle(&u->seed);
	for (uint32_t n = pick(&u->seed, 5); n > 0 && rc == 0; n--) {
		rc = send_one(ctx, u, &(struct item){u->id, n});
		u->done += rc == 0;
	}
	EXPECT(rc == 0 || rc == WEIR_EPIPE);
	dawdle(&u->seed);
	weir_tx_close(&u->tx);
	return 0;
}

static int recv_some(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	struct item item;
	int rc = 1;
	(void)err;
	dawdle(&u->seed);
	for (uint32_t n = pick(&u->seed, 5); n > 0 && rc == 1; n--) {
		rc = recv_one(ctx, u, &item);
		u->done += rc == 1;
	}
	EXPECT(rc == 0 || rc == 1);
	if (pick(&u->seed, 4) == 0)
		weir_rx_shut(u->rx);
	dawdle(&u->seed);
	weir_rx_close(&u->rx);
	return 0;
}

static int close_once(weir_ctx *ctx, weir_err *err, uint64_t round)
{
	struct user senders[3] = {0}, receivers[3] = {0};
	weir_tx *tx;
	weir_rx *rx;
	weir_scope s;
	uint64_t seed = seed_of(round), sent = 0, received = 0, dropped = atomic_load(&n_dropped);
	EXPECT(weir_chan_new(rt, &item_type, pick(&seed, 3), &tx, &rx) == 0);
	weir_scope_init(&s, ctx);
	for (uint32_t i = 0; i < 3; i++) {
		senders[i].seed = seed_of(round * 8 + i), receivers[i].seed = seed_of(round * 8 + 4 + i);
		EXPECT(weir_tx_clone(tx, 1, &senders[i].tx) == 0 && weir_rx_clone(rx, 1, &receivers[i].rx) == 0);
		EXPECT(weir_scope_spawn(&s, "send", send_some, &senders[i]) == 0);
		EXPECT(weir_scope_spawn(&s, "receive", recv_some, &receivers[i]) == 0);
	}
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	int rc = weir_scope_join(ctx, &s, 0, err);
	for (size_t i = 0; i < 3; i++)
		sent += senders[i].done, received += receivers[i].done;
	EXPECT(sent == received + atomic_load(&n_dropped) - dropped);
	return rc;
}

static int closing(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(1500) && rc == 0; round++)
		rc = close_once(ctx, err, round);
	return rc;
}

/* ---- clones ---- */

static int clone_and_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	(void)ctx, (void)err;
	for (int i = 0; i < ROUNDS(2000); i++) {
		weir_tx *more_tx[3];
		weir_rx *more_rx[3];
		struct item item = {u->id, 1};
		size_t n = 1 + pick(&u->seed, 3);
		EXPECT(weir_tx_clone(u->tx, n, more_tx) == 0 && weir_rx_clone(u->rx, n, more_rx) == 0);
		int rc = weir_tx_try_send(more_tx[0], &item);
		EXPECT(rc == 0 || rc == WEIR_EAGAIN);
		rc = weir_rx_try_recv(more_rx[0], &item);
		EXPECT(rc == 1 || rc == WEIR_EAGAIN);
		for (size_t j = 0; j < n; j++) {
			weir_tx_close(&more_tx[j]);
			weir_rx_close(&more_rx[j]);
		}
	}
	weir_tx_close(&u->tx);
	weir_rx_close(&u->rx);
	return 0;
}

static int clones(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user users[4] = {0};
	weir_scope s;
	weir_tx *tx;
	weir_rx *rx;
	(void)arg;
	EXPECT(weir_chan_new(rt, &item_type, 2, &tx, &rx) == 0);
	weir_scope_init(&s, ctx);
	for (uint32_t i = 0; i < 4; i++) {
		users[i].seed = seed_of(i);
		EXPECT(weir_tx_clone(tx, 1, &users[i].tx) == 0 && weir_rx_clone(rx, 1, &users[i].rx) == 0);
	}
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	for (uint32_t i = 0; i < 4; i++)
		EXPECT(weir_scope_spawn(&s, "clone", clone_and_close, &users[i]) == 0);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	static const size_t capacities[] = {0, 1, 2, 7, 64};
	for (size_t i = 0; i < COUNT_OF(capacities); i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "exchange over capacity %zu", capacities[i]);
		stress_case(name, exchange, (void *)(uintptr_t)&capacities[i]);
	}
	stress_case("closing", closing, NULL);
	stress_case("clones", clones, NULL);
	return stress_end();
}
