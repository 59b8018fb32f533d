/* SPDX-License-Identifier: MIT
 *
 * Select under every interleaving: exactly one case is committed, the one it says, and the others are as if never
 * asked. Two selects that meet on the same channels in opposite order must agree on one of them, or the exchange is
 * lost or done twice.
 *
 * A test of a race sets a bit for what happened; the test at the end checks that the search saw every outcome that
 * select.h allows, and so that neither priority nor blindness crept in. Bounds: "dfs" is every schedule, "dfsN" every
 * schedule with at most N preemptions. */
#include <weir/sim.h>

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

struct chan {
	weir_tx *tx;
	weir_rx *rx;
};

static void open_chan(weir_ctx *ctx, size_t capacity, struct chan *c)
{
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, capacity, &c->tx, &c->rx), 0);
}

static void close_chan(struct chan *c)
{
	weir_tx_close(&c->tx);
	weir_rx_close(&c->rx);
}

static void start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, arg), 0);
}

static void join(weir_ctx *ctx, weir_scope *s)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
}

/* Bits of outcomes, by test. */
static unsigned seen_cross, seen_both_ends, seen_twice, seen_close, seen_ctx, seen_due, seen_ready, seen_case_ctx;

#define UNTOUCHED 77

/* ---- two selects ---- */

struct meeting {
	struct chan a, b; /* a: this side sends, the other receives; b: the reverse */
	int out, in, index;
	bool swapped; /* cases in the other order */
};

static int meet(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct meeting *m = arg;
	weir_case send = weir_case_send(m->a.tx, &m->out), recv = weir_case_recv(m->b.rx, &m->in);
	weir_case cases[] = {m->swapped ? recv : send, m->swapped ? send : recv};
	(void)err;
	cases[0].rc = cases[1].rc = UNTOUCHED;
	int i = weir_select(ctx, cases, 2);
	WEIR_SIM_ASSERT(i == 0 || i == 1);
	WEIR_SIM_EQ(cases[!i].rc, UNTOUCHED);
	m->index = (i == 0) != m->swapped ? 0 : 1; /* 0: sent, 1: received */
	WEIR_SIM_EQ(cases[i].rc, m->index);
	WEIR_SIM_EQ(m->in, m->index ? 20 - m->out : -1);
	return 0;
}

/* A can send on x or receive on y, B can receive on x or send on y: one exchange happens, and only one. */
static void cross(weir_ctx *ctx, bool swapped)
{
	struct chan x, y;
	struct meeting a = {.out = 8, .in = -1}, b = {.out = 12, .in = -1, .swapped = swapped};
	struct weir_chan_stats sx, sy;
	weir_scope s;
	open_chan(ctx, 0, &x);
	open_chan(ctx, 0, &y);
	a.a.tx = x.tx, a.b.rx = y.rx;
	b.a.tx = y.tx, b.b.rx = x.rx;
	weir_scope_init(&s, ctx);
	start(&s, "a", meet, &a);
	start(&s, "b", meet, &b);
	join(ctx, &s);
	WEIR_SIM_EQ(a.index + b.index, 1);
	weir_tx_stats(x.tx, &sx);
	weir_tx_stats(y.tx, &sy);
	WEIR_SIM_EQ(sx.delivered, a.index == 0);
	WEIR_SIM_EQ(sy.delivered, a.index == 1);
	WEIR_SIM_EQ(sx.senders_waiting + sx.receivers_waiting + sy.senders_waiting + sy.receivers_waiting, 0);
	close_chan(&x);
	close_chan(&y);
	seen_cross |= 1u << (a.index + 2 * swapped);
}

WEIR_SIM_TEST_WITH(two_selects_cross, .strategy = "dfs")
{
	cross(ctx, false);
}

WEIR_SIM_TEST_WITH(two_selects_cross_in_opposite_order, .strategy = "dfs")
{
	cross(ctx, true);
}

struct both_ends {
	struct chan c;
	int out, in, index;
};

static int offer_both(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct both_ends *b = arg;
	weir_case cases[] = {weir_case_send(b->c.tx, &b->out), weir_case_recv(b->c.rx, &b->in)};
	(void)err;
	b->index = weir_select(ctx, cases, 2);
	return b->index < 0 ? b->index : 0;
}

/* Two tasks that would both send or receive on one channel: one of each, whoever it is. With a buffer, nobody needs the
 * other, and what is in the channel at the end is what was sent and not received. */
static void both_ends(weir_ctx *ctx, size_t capacity)
{
	struct both_ends a = {.out = 1, .in = -1}, b = {.out = 2, .in = -1};
	struct weir_chan_stats st;
	weir_scope s;
	open_chan(ctx, capacity, &a.c);
	WEIR_SIM_EQ(weir_tx_clone(a.c.tx, 1, &b.c.tx), 0);
	WEIR_SIM_EQ(weir_rx_clone(a.c.rx, 1, &b.c.rx), 0);
	weir_scope_init(&s, ctx);
	start(&s, "a", offer_both, &a);
	start(&s, "b", offer_both, &b);
	join(ctx, &s);
	weir_tx_stats(a.c.tx, &st);
	WEIR_SIM_EQ(a.index == 1, a.in == b.out); /* never its own item: the other one is still waiting or done */
	WEIR_SIM_EQ(b.index == 1, b.in == a.out);
	WEIR_SIM_EQ(st.accepted, (a.index == 0) + (b.index == 0));
	WEIR_SIM_EQ(st.delivered, (a.index == 1) + (b.index == 1));
	if (capacity == 0)
		WEIR_SIM_EQ(a.index + b.index, 1);
	seen_both_ends |= 1u << (2 * a.index + b.index + (capacity ? 4 : 0));
	close_chan(&a.c);
	close_chan(&b.c);
}

WEIR_SIM_TEST_WITH(both_ends_of_a_rendezvous, .strategy = "dfs")
{
	both_ends(ctx, 0);
}

WEIR_SIM_TEST_WITH(both_ends_of_a_buffer, .strategy = "dfs")
{
	both_ends(ctx, 1);
}

static int send_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct chan *c = arg;
	(void)err;
	int rc = weir_tx_send(ctx, c->tx, &(int){5});
	weir_tx_close(&c->tx);
	return rc;
}

/* The same handle in two cases: the item goes to one of them, the other stays untouched, and the queue is empty. */
WEIR_SIM_TEST_WITH(one_channel_in_two_cases, .strategy = "dfs")
{
	struct chan c;
	struct weir_chan_stats st;
	weir_scope s;
	int in[2] = {-1, -1};
	open_chan(ctx, 0, &c);
	weir_scope_init(&s, ctx);
	start(&s, "sender", send_once, &c);
	weir_case cases[] = {weir_case_recv(c.rx, &in[0]), weir_case_recv(NULL, &in[0]), weir_case_recv(c.rx, &in[1])};
	cases[0].rc = cases[1].rc = cases[2].rc = UNTOUCHED;
	int i = weir_select(ctx, cases, 3);
	WEIR_SIM_ASSERT(i == 0 || i == 2);
	WEIR_SIM_EQ(in[i / 2], 5);
	WEIR_SIM_EQ(in[!i], -1);
	WEIR_SIM_EQ(cases[i].rc, 1);
	WEIR_SIM_EQ(cases[1].rc, UNTOUCHED);
	WEIR_SIM_EQ(cases[2 - i].rc, UNTOUCHED);
	weir_rx_stats(c.rx, &st);
	WEIR_SIM_EQ(st.receivers_waiting, 0);
	seen_twice |= i == 0 ? 1 : 2;
	join(ctx, &s);
	weir_rx_close(&c.rx);
}

/* ---- select against one event ---- */

static int close_tx(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_tx_close(&((struct chan *)arg)->tx);
	return 0;
}

static int close_rx(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_rx_close(&((struct chan *)arg)->rx);
	return 0;
}

/* One channel ends, the other gets an item: either is an event, and what was not chosen is still there afterwards. */
WEIR_SIM_TEST_WITH(close_against_an_item, .strategy = "dfs2")
{
	struct chan ended, fed;
	weir_scope s;
	int a = -1, b = -1;
	open_chan(ctx, 0, &ended);
	open_chan(ctx, 0, &fed);
	weir_scope_init(&s, ctx);
	start(&s, "closer", close_tx, &ended);
	start(&s, "sender", send_once, &fed);
	weir_case cases[] = {weir_case_recv(ended.rx, &a), weir_case_recv(fed.rx, &b)};
	int i = weir_select(ctx, cases, 2);
	WEIR_SIM_EQ(cases[i].rc, i); /* the end is 0, an item is 1 */
	if (i == 0)
		WEIR_SIM_EQ(weir_rx_recv(ctx, fed.rx, &b), 1);
	WEIR_SIM_EQ(a, -1);
	WEIR_SIM_EQ(b, 5);
	WEIR_SIM_EQ(weir_rx_recv(ctx, ended.rx, &a), 0);
	join(ctx, &s);
	weir_rx_close(&ended.rx);
	weir_rx_close(&fed.rx);
	seen_close |= i == 0 ? 1 : 2;
}

/* The receiver leaves while a select would send: WEIR_EPIPE is the case's result, and the item is still ours. */
WEIR_SIM_TEST_WITH(send_case_against_the_last_rx, .strategy = "dfs")
{
	struct chan c, quiet;
	weir_scope s;
	int item = 3, in = -1;
	open_chan(ctx, 0, &c);
	open_chan(ctx, 0, &quiet);
	weir_scope_init(&s, ctx);
	start(&s, "leaver", close_rx, &c);
	weir_case cases[] = {weir_case_recv(quiet.rx, &in), weir_case_send(c.tx, &item)};
	WEIR_SIM_EQ(weir_select(ctx, cases, 2), 1);
	WEIR_SIM_EQ(cases[1].rc, WEIR_EPIPE);
	join(ctx, &s);
	weir_tx_close(&c.tx);
	close_chan(&quiet);
}

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "enough");
	return 0;
}

struct under {
	struct chan c;
	weir_ctx *ctx;
	int rc, in;
};

static int select_under(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct under *u = arg;
	weir_case cases[] = {weir_case_recv(u->c.rx, &u->in), weir_case_timer(WEIR_SEC(9))};
	(void)ctx, (void)err;
	cases[0].rc = UNTOUCHED;
	u->rc = weir_select(u->ctx, cases, 2);
	WEIR_SIM_EQ(cases[0].rc, u->rc == 0 ? 1 : UNTOUCHED);
	return 0;
}

/* Its own context against an item: the item arrives, or its sender still has it. */
WEIR_SIM_TEST_WITH(cancel_against_an_item, .strategy = "dfs2")
{
	struct under u = {.in = -1};
	weir_ctx child;
	weir_scope s;
	open_chan(ctx, 0, &u.c);
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	u.ctx = &child;
	weir_scope_init(&s, ctx);
	start(&s, "select", select_under, &u);
	start(&s, "canceller", cancel_it, &child);
	int sent = weir_tx_try_send(u.c.tx, &(int){6});
	join(ctx, &s);
	WEIR_SIM_EQ(u.rc == 0, sent == 0);
	WEIR_SIM_EQ(u.in, sent == 0 ? 6 : -1);
	WEIR_SIM_ASSERT(u.rc == 0 || u.rc == WEIR_ECANCELED);
	weir_ctx_fini(&child);
	close_chan(&u.c);
	seen_ctx |= u.rc == 0 ? 1 : 2;
}

static int send_at_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct chan *c = arg;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0);
	int rc = weir_tx_try_send(c->tx, &(int){4});
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EAGAIN);
	return 0;
}

/* A timer and a sender that are due at the same instant: each may be first. */
WEIR_SIM_TEST_WITH(timer_against_an_item_due_at_the_same_time, .strategy = "dfs", .no_early = true)
{
	struct chan c;
	weir_scope s;
	int in = -1;
	open_chan(ctx, 0, &c);
	weir_scope_init(&s, ctx);
	start(&s, "sender", send_at_two, &c);
	weir_case cases[] = {weir_case_recv(c.rx, &in), weir_case_timer(WEIR_MS(2))};
	cases[0].rc = cases[1].rc = UNTOUCHED;
	int i = weir_select(ctx, cases, 2);
	WEIR_SIM_EQ(cases[i].rc, i == 0 ? 1 : 0);
	WEIR_SIM_EQ(cases[!i].rc, UNTOUCHED);
	WEIR_SIM_EQ(in, i == 0 ? 4 : -1);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(2));
	join(ctx, &s);
	close_chan(&c);
	seen_due |= i == 0 ? 1 : 2;
}

/* Two timers and a foreign deadline at one instant: any of them; its own context, due then too, wins over all. */
WEIR_SIM_TEST_WITH(several_timers_due_at_the_same_time, .strategy = "dfs")
{
	weir_ctx other, own;
	bool limited = weir_sim_choose(2, "own deadline");
	weir_ctx_init(&other, ctx, WEIR_MS(3));
	weir_ctx_init(&own, ctx, limited ? WEIR_MS(3) : WEIR_FOREVER);
	weir_case cases[] = {weir_case_timer(WEIR_MS(3)), weir_case_timer(WEIR_MS(4)), weir_case_timer(WEIR_MS(3)),
			     weir_case_ctx(&other)};
	int i = weir_select(&own, cases, 4);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(3));
	if (limited)
		WEIR_SIM_EQ(i, WEIR_EDEADLINE);
	else
		seen_case_ctx |= 1u << i;
	if (i == 3)
		WEIR_SIM_EQ(cases[3].rc, WEIR_EDEADLINE);
	weir_ctx_fini(&other);
	weir_ctx_fini(&own);
}

/* All cases ready from the start: each is chosen in some schedule, and only its own channel changes. */
WEIR_SIM_TEST_WITH(each_ready_case_is_chosen, .strategy = "dfs")
{
	struct chan full, empty, ended;
	struct weir_chan_stats sf, se;
	int in = -1, out = 9;
	open_chan(ctx, 1, &full);
	open_chan(ctx, 1, &empty);
	open_chan(ctx, 1, &ended);
	WEIR_SIM_EQ(weir_tx_try_send(full.tx, &(int){2}), 0);
	weir_tx_close(&ended.tx);
	weir_case cases[] = {weir_case_recv(full.rx, &in), weir_case_send(empty.tx, &out),
			     weir_case_recv(ended.rx, &in), weir_case_send(full.tx, &out), weir_case_timer(0)};
	int i = weir_sim_choose(2, "try") ? weir_try_select(cases, 5) : weir_select(ctx, cases, 5);
	WEIR_SIM_ASSERT(i >= 0 && i != 3);
	weir_rx_stats(full.rx, &sf);
	weir_rx_stats(empty.rx, &se);
	WEIR_SIM_EQ(sf.buffered, i != 0);
	WEIR_SIM_EQ(se.buffered, i == 1);
	WEIR_SIM_EQ(in, i == 0 ? 2 : -1);
	seen_ready |= 1u << i;
	close_chan(&full);
	close_chan(&empty);
	close_chan(&ended);
}

WEIR_SIM_TEST_WITH(every_outcome_was_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_cross, 15);
	WEIR_SIM_EQ(seen_both_ends, (1 << 1) + (1 << 2) + (1 << 5) + (1 << 6));
	WEIR_SIM_EQ(seen_twice, 3);
	WEIR_SIM_EQ(seen_close, 3);
	WEIR_SIM_EQ(seen_ctx, 3);
	WEIR_SIM_EQ(seen_due, 3);
	WEIR_SIM_EQ(seen_case_ctx, 1 + 4 + 8);
	WEIR_SIM_EQ(seen_ready, 1 + 2 + 4 + 16);
}

/* ---- many selects on few channels: no wake-up goes to a case that is no longer there ---- */

struct hub {
	struct chan c[2];
	int n, got[8];
};

static int pump(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct hub *h = arg;
	(void)err;
	while (h->c[0].rx || h->c[1].rx) {
		int id = -1;
		weir_case cases[] = {weir_case_recv(h->c[0].rx, &id), weir_case_recv(h->c[1].rx, &id)};
		int i = weir_select(ctx, cases, 2);
		if (i < 0)
			return i;
		if (cases[i].rc == 0)
			weir_rx_close(&h->c[i].rx); /* NULL from here on: switched off */
		else
			h->got[id]++;
	}
	return 0;
}

static int feed(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct hub *h = arg;
	(void)err;
	for (int id = h->n; id < h->n + 2; id++) {
		weir_case cases[] = {weir_case_send(h->c[0].tx, &id), weir_case_send(h->c[1].tx, &id)};
		int i = weir_select(ctx, cases, 2);
		if (i < 0 || cases[i].rc < 0)
			return WEIR_EIO;
	}
	weir_tx_close(&h->c[0].tx);
	weir_tx_close(&h->c[1].tx);
	return 0;
}

/* Two feeders and two pumps on two channels, all through select, with a plain receiver's worth of churn in the queues:
 * each item arrives once. The portfolio, 1000 schedules. */
WEIR_SIM_TEST(feeders_and_pumps)
{
	struct hub f[2] = {{.n = 0}, {.n = 2}}, p[2] = {{.n = 0}, {.n = 0}};
	size_t capacity = weir_sim_choose(2, "capacity");
	weir_scope s;
	for (int i = 0; i < 2; i++) {
		open_chan(ctx, capacity, &f[0].c[i]);
		p[0].c[i].rx = f[0].c[i].rx;
		f[0].c[i].rx = NULL;
		WEIR_SIM_EQ(weir_tx_clone(f[0].c[i].tx, 1, &f[1].c[i].tx), 0);
		WEIR_SIM_EQ(weir_rx_clone(p[0].c[i].rx, 1, &p[1].c[i].rx), 0);
	}
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		start(&s, "feeder", feed, &f[i]);
		start(&s, "pump", pump, &p[i]);
	}
	join(ctx, &s);
	for (int id = 0; id < 4; id++)
		WEIR_SIM_EQ(p[0].got[id] + p[1].got[id], 1);
}

/* ---- one task ---- */

WEIR_SIM_TEST_WITH(arguments_of_select, .allow_no_decisions = true, .schedules = 2)
{
	weir_ctx ended;
	weir_case off[] = {weir_case_send(NULL, NULL), weir_case_recv(NULL, NULL), weir_case_timer(WEIR_FOREVER),
			   weir_case_ctx(NULL)};
	weir_case zeroed[1] = {{.rc = 0}};
	weir_ctx_init(&ended, ctx, 0);
	WEIR_SIM_EQ(weir_select(&ended, off, 4), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_try_select(off, 4), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_try_select(NULL, 0), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_select(ctx, zeroed, 1), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_select(ctx, NULL, 1), WEIR_EINVAL);
	weir_case mixed[] = {weir_case_ctx(&ended), weir_case_timer(WEIR_SEC(1))};
	WEIR_SIM_EQ(weir_try_select(mixed, 2), 0);
	WEIR_SIM_EQ(mixed[0].rc, WEIR_EDEADLINE);
	weir_ctx_fini(&ended);
}

/* K4: a send to a channel that takes nothing more is ready, with a full ring too: a select must not wait with it. */
WEIR_SIM_TEST_WITH(send_case_of_a_shut_channel, .allow_no_decisions = true, .schedules = 2)
{
	struct chan full, empty;
	int item = 0;
	open_chan(ctx, 1, &full);
	open_chan(ctx, 0, &empty);
	WEIR_SIM_EQ(weir_tx_send(ctx, full.tx, &(int){1}), 0);
	weir_rx_shut(full.rx);
	weir_case cases[] = {weir_case_recv(empty.rx, &item), weir_case_send(full.tx, &(int){2})};
	WEIR_SIM_EQ(weir_select(ctx, cases, 2), 1);
	WEIR_SIM_EQ(cases[1].rc, WEIR_EPIPE);
	weir_rx_shut(empty.rx);
	WEIR_SIM_EQ(weir_select(ctx, cases, 1), 0);
	WEIR_SIM_EQ(cases[0].rc, 0);
	close_chan(&full);
	close_chan(&empty);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
