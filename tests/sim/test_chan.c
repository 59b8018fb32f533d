/* SPDX-License-Identifier: MIT
 *
 * Channels under every interleaving. All scenarios share one ledger: an item is an id, and at the end every id must
 * have been received, dropped, or kept by its sender, exactly once. The model test goes further: after each step it
 * works out from the account which item entered the channel, and the receiver must get them in that order.
 *
 * A test of a race ends by setting a bit for what happened; the test after it checks that the search saw every outcome
 * that the header of chan.h allows. Bounds: "dfs" is every schedule; "dfsN" every schedule with at most N preemptions;
 * the rest is the portfolio of 1000 schedules, half of them with early timers. The whole file takes a few seconds. */
#include <string.h>
#include <weir/sim.h>

#define IDS 24

static struct ledger {
	int got[IDS], dropped[IDS], kept[IDS];
	int order[IDS], n_order; /* as received */
	int n_sent;
} led;

static void drop_id(void *item, void *arg)
{
	(void)arg;
	led.dropped[*(const int *)item]++;
}

static const weir_type id_type = {.name = "id", .size = sizeof(int), .align = _Alignof(int), .drop = drop_id};

static weir_rt *open_ids(weir_ctx *ctx, size_t capacity, weir_tx **tx, weir_rx **rx)
{
	led = (struct ledger){.n_sent = 0};
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &id_type, capacity, tx, rx), 0);
	return weir_ctx_rt(ctx);
}

static int send_id(weir_ctx *ctx, weir_tx *tx, int id)
{
	int rc = weir_tx_send(ctx, tx, &id);
	led.n_sent += rc == 0;
	led.kept[id] += rc < 0;
	return rc;
}

static int recv_id(weir_ctx *ctx, weir_rx *rx)
{
	int id = -1, rc = weir_rx_recv(ctx, rx, &id);
	WEIR_SIM_EQ(rc == 1, id >= 0); /* untouched otherwise */
	if (rc == 1) {
		led.got[id]++;
		led.order[led.n_order++] = id;
	}
	return rc;
}

/* Every id below n is in exactly one place. */
static void settle(int n)
{
	for (int i = 0; i < n; i++)
		WEIR_SIM_EQ(led.got[i] + led.dropped[i] + led.kept[i], 1);
}

struct peer {
	weir_tx *tx;
	weir_rx *rx;
	weir_ctx *ctx; /* to wait under, or NULL: the task's own */
	int first, n, rc, seen;
};

/* Sends first .. first + n - 1 until something is wrong, keeps the rest, closes. */
static int sender(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct peer *p = arg;
	(void)err;
	for (int i = 0; i < p->n; i++) {
		if (p->rc == 0)
			p->rc = send_id(p->ctx ? p->ctx : ctx, p->tx, p->first + i);
		else
			led.kept[p->first + i]++;
	}
	weir_tx_close(&p->tx);
	return 0;
}

/* Receives until the end, or n items where n is not 0, and closes. */
static int receiver(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct peer *p = arg;
	(void)err;
	do
		p->rc = recv_id(p->ctx ? p->ctx : ctx, p->rx);
	while (p->rc == 1 && ++p->seen != p->n);
	weir_rx_close(&p->rx);
	return 0;
}

static void start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, arg), 0);
}

static void join(weir_ctx *ctx, weir_scope *s)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
}

/* After each step, through a handle that nobody closes meanwhile. */
static bool balanced(void *arg)
{
	const weir_tx *const *watch = arg;
	struct weir_chan_stats st;
	weir_tx_stats(*watch, &st);
	if (!*watch)
		return true;
	uint64_t got = 0, dropped = 0;
	for (int i = 0; i < IDS; i++) {
		got += (uint64_t)led.got[i];
		dropped += (uint64_t)led.dropped[i];
	}
	return st.accepted == st.delivered + st.dropped + st.buffered && st.buffered <= st.capacity &&
	       got <= st.delivered && dropped <= st.dropped && (uint64_t)led.n_sent <= st.accepted;
}

/* ---- order ---- */

/* Two senders of two items, two receivers: each receiver sees each sender's items in order, and nothing is lost. */
static void two_by_two(weir_ctx *ctx, size_t capacity)
{
	struct peer tx[2] = {{.first = 0, .n = 2}, {.first = 2, .n = 2}}, rx[2] = {{.n = 0}, {.n = 0}};
	weir_tx *watch = NULL;
	weir_scope s;
	open_ids(ctx, capacity, &tx[0].tx, &rx[0].rx);
	WEIR_SIM_EQ(weir_tx_clone(tx[0].tx, 1, &tx[1].tx), 0);
	WEIR_SIM_EQ(weir_tx_clone(tx[0].tx, 1, &watch), 0);
	WEIR_SIM_EQ(weir_rx_clone(rx[0].rx, 1, &rx[1].rx), 0);
	weir_sim_invariant(balanced, &watch, "the account, and the ledger within it");
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		start(&s, "tx", sender, &tx[i]);
		start(&s, "rx", receiver, &rx[i]);
	}
	weir_tx_close(&watch);
	join(ctx, &s);
	settle(4);
	WEIR_SIM_EQ(rx[0].seen + rx[1].seen, 4);
	WEIR_SIM_EQ(tx[0].rc + tx[1].rc + rx[0].rc + rx[1].rc, 0);
}

WEIR_SIM_TEST(two_by_two_rendezvous)
{
	two_by_two(ctx, 0);
}

WEIR_SIM_TEST(two_by_two_buffer_of_one)
{
	two_by_two(ctx, 1);
}

WEIR_SIM_TEST(two_by_two_buffer_of_two)
{
	two_by_two(ctx, 2);
}

/* The model: which item entered the channel, in which order, as the account and the running task tell. */
static struct model {
	weir_rx *watch;
	weir_task *tasks[2];
	int next[2];             /* the item that task is at */
	int parked[8], n_parked; /* senders, FIFO */
	int entered[IDS], n_entered;
	struct weir_chan_stats last;
} model;

static void enter(int who)
{
	model.entered[model.n_entered++] = who * 2 + model.next[who];
	model.next[who]++;
}

static bool follow(void *arg)
{
	weir_rt *rt = arg;
	struct weir_chan_stats now;
	int who = rt->vt->self(rt) == model.tasks[0] ? 0 : rt->vt->self(rt) == model.tasks[1] ? 1 : -1;
	if (!model.watch)
		return true;
	weir_rx_stats(model.watch, &now);
	for (uint64_t i = model.last.accepted; i < now.accepted; i++) {
		if (who < 0) { /* a receiver made room: the sender that waited longest */
			if (model.n_parked == 0)
				return false;
			enter(model.parked[0]);
			memmove(model.parked, model.parked + 1, sizeof(int) * (size_t)--model.n_parked);
		} else {
			enter(who);
		}
	}
	if (now.senders_waiting > model.last.senders_waiting && who >= 0)
		model.parked[model.n_parked++] = who;
	model.last = now;
	return (size_t)model.n_parked == now.senders_waiting;
}

static int model_sender(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct peer *p = arg;
	model.tasks[p->first / 2] = weir_ctx_rt(ctx)->vt->self(weir_ctx_rt(ctx));
	return sender(ctx, err, arg);
}

static void global_fifo(weir_ctx *ctx, size_t capacity)
{
	struct peer tx[2] = {{.first = 0, .n = 2}, {.first = 2, .n = 2}};
	weir_rx *rx = NULL;
	weir_scope s;
	weir_rt *rt = open_ids(ctx, capacity, &tx[0].tx, &rx);
	WEIR_SIM_EQ(weir_tx_clone(tx[0].tx, 1, &tx[1].tx), 0);
	model = (struct model){.watch = rx};
	weir_sim_invariant(follow, rt, "senders that wait are served first come, first served");
	weir_scope_init(&s, ctx);
	start(&s, "tx", model_sender, &tx[0]);
	start(&s, "tx", model_sender, &tx[1]);
	while (recv_id(ctx, rx) == 1)
		;
	join(ctx, &s);
	WEIR_SIM_EQ(model.n_entered, 4);
	for (int i = 0; i < 4; i++)
		WEIR_SIM_EQ(led.order[i], model.entered[i]);
	model.watch = NULL;
	weir_rx_close(&rx);
	settle(4);
}

WEIR_SIM_TEST_WITH(global_fifo_rendezvous, .strategy = "dfs3")
{
	global_fifo(ctx, 0);
}

WEIR_SIM_TEST_WITH(global_fifo_buffer_of_one, .strategy = "dfs3")
{
	global_fifo(ctx, 1);
}

WEIR_SIM_TEST_WITH(global_fifo_buffer_of_two, .strategy = "dfs3")
{
	global_fifo(ctx, 2);
}

/* ---- closing ---- */

/* The channel ends for receivers with the last of four producers, not before, and exactly once. */
static void last_tx(weir_ctx *ctx, size_t capacity)
{
	struct peer tx[4];
	weir_rx *rx = NULL;
	weir_scope s;
	for (int i = 0; i < 4; i++)
		tx[i] = (struct peer){.first = i, .n = 1};
	open_ids(ctx, capacity, &tx[0].tx, &rx);
	for (int i = 1; i < 4; i++)
		WEIR_SIM_EQ(weir_tx_clone(tx[0].tx, 1, &tx[i].tx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++)
		start(&s, "producer", sender, &tx[i]);
	for (int i = 0; i < 4; i++)
		WEIR_SIM_EQ(recv_id(ctx, rx), 1);
	WEIR_SIM_EQ(recv_id(ctx, rx), 0);
	WEIR_SIM_EQ(recv_id(ctx, rx), 0); /* and stays so */
	join(ctx, &s);
	weir_rx_close(&rx);
	settle(4);
}

WEIR_SIM_TEST(last_of_four_producers_rendezvous)
{
	last_tx(ctx, 0);
}

WEIR_SIM_TEST(last_of_four_producers_buffered)
{
	last_tx(ctx, 2);
}

/* The last receiver leaves after `n` items: what is buffered is dropped once, whoever waits keeps its item. */
static void last_rx(weir_ctx *ctx, size_t capacity, int n)
{
	struct peer tx[3], rx = {.n = n};
	weir_tx *watch = NULL;
	struct weir_chan_stats st;
	weir_scope s;
	for (int i = 0; i < 3; i++)
		tx[i] = (struct peer){.first = 2 * i, .n = 2};
	open_ids(ctx, capacity, &watch, &rx.rx);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_tx_clone(watch, 1, &tx[i].tx), 0);
	weir_sim_invariant(balanced, &watch, "the account, and the ledger within it");
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		start(&s, "tx", sender, &tx[i]);
	start(&s, "rx", receiver, &rx);
	join(ctx, &s);
	settle(6);
	weir_tx_stats(watch, &st);
	WEIR_SIM_EQ(st.delivered, n);
	WEIR_SIM_EQ(st.buffered + st.senders_waiting + st.rx_handles, 0);
	WEIR_SIM_EQ(weir_tx_try_send(watch, &(int){0}), WEIR_EPIPE);
	weir_tx_close(&watch);
}

WEIR_SIM_TEST(last_rx_leaves_a_rendezvous)
{
	last_rx(ctx, 0, 1);
}

WEIR_SIM_TEST(last_rx_leaves_a_full_buffer)
{
	last_rx(ctx, 2, 1 + (int)weir_sim_choose(3, "items before it leaves"));
}

static int close_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct peer *p = arg;
	(void)ctx, (void)err;
	weir_tx_close(&p->tx);
	weir_rx_close(&p->rx);
	return 0;
}

static int clone_and_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct peer *p = arg;
	weir_tx *more[2] = {NULL, NULL};
	(void)ctx, (void)err;
	WEIR_SIM_EQ(weir_tx_clone(p->tx, 2, more), 0);
	weir_tx_close(&p->tx);
	p->rc = weir_tx_try_send(more[1], &p->first);
	if (p->rc < 0)
		led.kept[p->first]++;
	weir_tx_close(&more[0]);
	weir_tx_close(&more[1]);
	return 0;
}

/* Everybody closes at once, in every order, while one side is still cloning; an item may be inside. */
WEIR_SIM_TEST_WITH(close_storm, .strategy = "dfs3")
{
	struct peer p[4] = {{.first = 0}, {.first = 1}, {.n = 0}, {.n = 0}};
	weir_scope s;
	open_ids(ctx, 1, &p[0].tx, &p[2].rx);
	WEIR_SIM_EQ(weir_tx_clone(p[0].tx, 1, &p[1].tx), 0);
	WEIR_SIM_EQ(weir_rx_clone(p[2].rx, 1, &p[3].rx), 0);
	weir_scope_init(&s, ctx);
	start(&s, "cloner", clone_and_close, &p[0]);
	start(&s, "cloner", clone_and_close, &p[1]);
	start(&s, "closer", close_one, &p[2]);
	start(&s, "closer", close_one, &p[3]);
	join(ctx, &s);
	settle(2);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_ASSERT(p[i].rc == 0 || p[i].rc == WEIR_EPIPE || p[i].rc == WEIR_EAGAIN);
}

/* rx_shut: senders leave with their item, receivers get what was accepted and then the end. Every schedule with at most
 * two preemptions. */
static void shut(weir_ctx *ctx, size_t capacity)
{
	struct peer tx[2] = {{.first = 0, .n = 2}, {.first = 2, .n = 2}}, rx = {.n = 0};
	weir_rx *control = NULL;
	struct weir_chan_stats st;
	weir_scope s;
	open_ids(ctx, capacity, &tx[0].tx, &rx.rx);
	WEIR_SIM_EQ(weir_tx_clone(tx[0].tx, 1, &tx[1].tx), 0);
	WEIR_SIM_EQ(weir_rx_clone(rx.rx, 1, &control), 0);
	weir_scope_init(&s, ctx);
	start(&s, "tx", sender, &tx[0]);
	start(&s, "tx", sender, &tx[1]);
	start(&s, "rx", receiver, &rx);
	weir_rx_shut(control);
	weir_rx_stats(control, &st);
	WEIR_SIM_EQ(st.senders_waiting, 0); /* at once: nobody is left to wait */
	join(ctx, &s);
	WEIR_SIM_EQ(rx.rc, 0);
	weir_rx_stats(control, &st);
	WEIR_SIM_EQ(st.dropped + st.buffered, 0);
	WEIR_SIM_EQ(recv_id(ctx, control), 0);
	weir_rx_close(&control);
	settle(4);
}

WEIR_SIM_TEST_WITH(shut_rendezvous, .strategy = "dfs2")
{
	shut(ctx, 0);
}

WEIR_SIM_TEST_WITH(shut_buffered, .strategy = "dfs2")
{
	shut(ctx, 2);
}

/* ---- the end of a context against a peer ---- */

static unsigned seen_send, seen_recv, seen_deadline, seen_due;

static int cancel_ctx(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "no longer wanted");
	return 0;
}

/* Either the receiver has the item and send said 0, or the sender has it. Every schedule. */
WEIR_SIM_TEST_WITH(cancel_of_a_sender_against_its_receiver, .strategy = "dfs")
{
	weir_ctx child;
	struct peer tx = {.ctx = &child, .n = 1}, rx = {.n = 1};
	weir_scope s;
	open_ids(ctx, 0, &tx.tx, &rx.rx);
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "tx", sender, &tx);
	start(&s, "canceller", cancel_ctx, &child);
	receiver(ctx, NULL, &rx);
	join(ctx, &s);
	weir_ctx_fini(&child);
	settle(1);
	WEIR_SIM_EQ(tx.rc == 0, led.got[0] == 1);
	WEIR_SIM_ASSERT(tx.rc == 0 || tx.rc == WEIR_ECANCELED);
	seen_send |= tx.rc == 0 ? 1 : 2;
}

WEIR_SIM_TEST_WITH(cancel_of_a_receiver_against_its_sender, .strategy = "dfs")
{
	weir_ctx child;
	struct peer tx = {.n = 1}, rx = {.ctx = &child, .n = 1};
	weir_scope s;
	open_ids(ctx, 0, &tx.tx, &rx.rx);
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "rx", receiver, &rx);
	start(&s, "canceller", cancel_ctx, &child);
	sender(ctx, NULL, &tx);
	join(ctx, &s);
	weir_ctx_fini(&child);
	settle(1);
	WEIR_SIM_EQ(rx.rc == 1, tx.rc == 0);
	WEIR_SIM_EQ(led.dropped[0], 0);
	WEIR_SIM_ASSERT(rx.rc == 1 || (rx.rc == WEIR_ECANCELED && tx.rc == WEIR_EPIPE));
	seen_recv |= rx.rc == 1 ? 1 : 2;
}

/* A receiver whose time is up at the moment the item comes. Time may also move while the sender could run. */
WEIR_SIM_TEST_WITH(deadline_of_a_receiver_against_its_sender, .strategy = "dfs", .early = 2)
{
	weir_ctx child;
	struct peer tx = {.n = 1}, rx = {.ctx = &child, .n = 1};
	weir_scope s;
	open_ids(ctx, 0, &tx.tx, &rx.rx);
	weir_ctx_init(&child, ctx, WEIR_MS(1));
	weir_scope_init(&s, ctx);
	start(&s, "rx", receiver, &rx);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0); /* both are due at once */
	sender(ctx, NULL, &tx);
	join(ctx, &s);
	weir_ctx_fini(&child);
	settle(1);
	WEIR_SIM_EQ(rx.rc == 1, tx.rc == 0);
	WEIR_SIM_ASSERT(rx.rc == 1 || rx.rc == WEIR_EDEADLINE);
	seen_due |= rx.rc == 1 ? 1 : 2;
}

/* The item is sent long before the deadline, which may fire early all the same. */
WEIR_SIM_TEST_WITH(early_deadline_of_a_sender_against_its_receiver, .strategy = "dfs", .early = 1)
{
	weir_ctx child;
	struct peer tx = {.ctx = &child, .n = 1}, rx = {.n = 1};
	weir_scope s;
	open_ids(ctx, 0, &tx.tx, &rx.rx);
	weir_ctx_init(&child, ctx, WEIR_MS(1));
	weir_scope_init(&s, ctx);
	start(&s, "tx", sender, &tx);
	receiver(ctx, NULL, &rx);
	join(ctx, &s);
	weir_ctx_fini(&child);
	settle(1);
	WEIR_SIM_EQ(tx.rc == 0, led.got[0] == 1);
	seen_deadline |= tx.rc == 0 ? 1 : 2;
}

WEIR_SIM_TEST_WITH(both_outcomes_of_each_race_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_send, 3);
	WEIR_SIM_EQ(seen_recv, 3);
	WEIR_SIM_EQ(seen_due, 3);
	WEIR_SIM_EQ(seen_deadline, 3);
}

/* Two blocked senders, one is cancelled: the other's item still arrives, and no wake-up goes to the one that left. */
WEIR_SIM_TEST_WITH(cancelled_sender_leaves_its_place, .strategy = "dfs2", .early = 1)
{
	weir_ctx child;
	struct peer tx[2] = {{.ctx = &child, .first = 0, .n = 1}, {.first = 1, .n = 1}}, rx = {.n = 0};
	weir_scope s;
	open_ids(ctx, 0, &tx[0].tx, &rx.rx);
	WEIR_SIM_EQ(weir_tx_clone(tx[0].tx, 1, &tx[1].tx), 0);
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	start(&s, "tx", sender, &tx[0]);
	start(&s, "tx", sender, &tx[1]);
	start(&s, "canceller", cancel_ctx, &child);
	receiver(ctx, NULL, &rx);
	join(ctx, &s);
	weir_ctx_fini(&child);
	settle(2);
	WEIR_SIM_EQ(led.got[1], 1);
	WEIR_SIM_EQ(rx.seen, 1 + led.got[0]);
}

/* A context that has ended wins at entry, also where there is room, an item, or nobody at the other end. */
WEIR_SIM_TEST_WITH(an_ended_context_wins_at_entry, .strategy = "dfs")
{
	weir_ctx child;
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int id = 0;
	open_ids(ctx, 2, &tx, &rx);
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_tx_send(ctx, tx, &id), 0);
	weir_ctx_cancel(&child, NULL);
	WEIR_SIM_EQ(weir_tx_send(&child, tx, &id), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_rx_recv(&child, rx, &id), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_tx_try_send(tx, &(int){1}), 0); /* try_ looks at no context */
	id = (int)weir_sim_choose(2, "which side leaves");
	if (id)
		weir_rx_close(&rx);
	else
		weir_tx_close(&tx);
	WEIR_SIM_EQ(id ? weir_tx_send(&child, tx, &id) : weir_rx_recv(&child, rx, &id), WEIR_ECANCELED);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_ctx_fini(&child);
	WEIR_SIM_EQ(led.dropped[0] + led.dropped[1], 2);
}

/* ---- what is dropped may own channels ---- */

struct link_item {
	weir_rx *rx;
	weir_tx *tx;
};

static int links_dropped;

static void drop_link(void *item, void *arg)
{
	struct link_item *l = item;
	(void)arg;
	links_dropped++;
	weir_rx_close(&l->rx);
	weir_tx_close(&l->tx);
}

static const weir_type link_type = {.name = "link",
				    .size = sizeof(struct link_item),
				    .align = _Alignof(struct link_item),
				    .drop = drop_link};

/* Channel i holds the receiving end of channel i + 1 as its item: one close drops the chain, without recursion: 1000
 * frames of a close and a drop would not fit in what recurse leaves of the stack. */
static void close_chain(weir_rx *first, size_t bytes)
{
	volatile char fill[bytes];
	fill[0] = fill[bytes - 1] = 1;
	(void)fill[0];
	weir_rx_close(&first);
}

WEIR_SIM_TEST_WITH(drop_of_a_long_chain_of_channels, .allow_no_decisions = true, .schedules = 2)
{
	struct link_item item = {NULL, NULL};
	weir_rt *rt = weir_ctx_rt(ctx);
	links_dropped = 0;
	for (int i = 0; i < 1000; i++) {
		weir_tx *tx = NULL;
		weir_rx *rx = NULL;
		WEIR_SIM_EQ(weir_chan_new(rt, &link_type, 1, &tx, &rx), 0);
		WEIR_SIM_EQ(weir_tx_try_send(tx, &item), 0);
		weir_tx_close(&tx);
		item = (struct link_item){rx, NULL};
	}
	close_chain(item.rx, 230 << 10); /* leaves about 20 KiB of 256 */
	WEIR_SIM_EQ(links_dropped, 1000);
}

static int close_link(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_rx_close(arg);
	return 0;
}

/* The item of a channel owns a sending end of the same channel: last rx, drop, last tx, in every order with the other
 * task. */
WEIR_SIM_TEST_WITH(drop_of_an_item_that_owns_its_own_channel, .strategy = "dfs")
{
	struct link_item item = {NULL, NULL};
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	links_dropped = 0;
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &link_type, 2, &tx, &rx), 0);
	WEIR_SIM_EQ(weir_tx_clone(tx, 1, &item.tx), 0);
	weir_scope_init(&s, ctx);
	start(&s, "closer", close_link, &rx);
	int rc = weir_tx_try_send(tx, &item);
	if (rc < 0) {
		WEIR_SIM_EQ(rc, WEIR_EPIPE);
		drop_link(&item, NULL);
	}
	weir_tx_close(&tx);
	join(ctx, &s);
	WEIR_SIM_EQ(links_dropped, 1);
}

/* ---- one task: the table of chan.h ---- */

WEIR_SIM_TEST_WITH(table_of_states, .allow_no_decisions = true, .schedules = 2)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int id = 0;
	open_ids(ctx, 1, &tx, &rx);
	WEIR_SIM_EQ(weir_rx_try_recv(rx, &id), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_tx_try_send(tx, &(int){0}), 0);
	WEIR_SIM_EQ(weir_tx_try_send(tx, &(int){1}), WEIR_EAGAIN);
	weir_rx_shut(rx);
	WEIR_SIM_EQ(weir_tx_try_send(tx, &(int){1}), WEIR_EPIPE);
	WEIR_SIM_EQ(weir_tx_send(ctx, tx, &(int){1}), WEIR_EPIPE);
	WEIR_SIM_EQ(weir_rx_try_recv(rx, &id), 1);
	WEIR_SIM_EQ(weir_rx_try_recv(rx, &id), 0);
	WEIR_SIM_EQ(weir_rx_recv(ctx, rx, &id), 0);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_rx_shut(NULL);
	WEIR_SIM_EQ(weir_tx_send(ctx, NULL, &id), WEIR_EBADF);
	WEIR_SIM_EQ(weir_rx_recv(ctx, NULL, &id), WEIR_EBADF);
	WEIR_SIM_EQ(weir_tx_try_send(NULL, &id), WEIR_EBADF);
	WEIR_SIM_EQ(weir_rx_try_recv(NULL, &id), WEIR_EBADF);
	WEIR_SIM_EQ(weir_tx_clone(NULL, 1, &tx), WEIR_EBADF);
	open_ids(ctx, 0, &tx, &rx);
	WEIR_SIM_EQ(weir_tx_try_send(tx, &(int){0}), WEIR_EAGAIN); /* a rendezvous with nobody there */
	WEIR_SIM_EQ(weir_tx_clone(tx, 0, &tx), WEIR_EINVAL);
	weir_tx_close(&tx);
	WEIR_SIM_EQ(weir_rx_try_recv(rx, &id), 0);
	weir_rx_close(&rx);
}

static int count_events(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct peer *p = arg;
	(void)err;
	while ((p->rc = weir_rx_recv(ctx, p->rx, NULL)) == 1)
		p->seen++;
	weir_rx_close(&p->rx);
	return 0;
}

/* Events: items of no size, sent from nowhere to nowhere. */
WEIR_SIM_TEST_WITH(channel_of_events, .strategy = "dfs2")
{
	static const weir_type event = {.name = "event"};
	struct peer rx = {.n = 0};
	weir_tx *tx = NULL;
	weir_scope s;
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &event, weir_sim_choose(3, "capacity"), &tx, &rx.rx), 0);
	weir_scope_init(&s, ctx);
	start(&s, "counter", count_events, &rx);
	WEIR_SIM_EQ(weir_tx_send(ctx, tx, NULL), 0);
	int rc = weir_tx_try_send(tx, NULL);
	WEIR_SIM_EQ(weir_tx_send(ctx, tx, NULL), 0);
	weir_tx_close(&tx);
	join(ctx, &s);
	WEIR_SIM_EQ(rx.seen, 2 + (rc == 0));
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
