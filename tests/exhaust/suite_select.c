/* SPDX-License-Identifier: MIT
 *
 * Select: two channels, both directions, against a close, a cancel, a deadline and timers.
 *
 * What select.h promises and each schedule is held to: exactly one case commits, and its peer knows of it; the others
 * are as if never asked (an item that was offered is still the caller's, an out is untouched); what was committed is
 * not lost with a context that ends; after a cancel has returned a select returns its code whatever is ready. */
#include "exhaust.h"

enum event { PLAIN, CLOSE, CANCEL, DEADLINE, TIMER, OTHER_CTX };

struct select_arg {
	enum event event;
	size_t capacity; /* of both channels */
};

static struct {
	const struct select_arg *a;
	weir_tx *tx[2];
	weir_rx *rx[2];
	weir_ctx c;
	int n; /* tasks that have begun */
	bool ended, closed;
	int sent, got; /* by the selects */
} st;

static void open_two(weir_ctx *ctx, const struct select_arg *a)
{
	exhaust_open(ctx, a->capacity, &st.tx[0], &st.rx[0]);
	exhaust_open(ctx, a->capacity, &st.tx[1], &st.rx[1]);
	weir_ctx_init(&st.c, ctx, a->event == DEADLINE ? WEIR_MS(1) : WEIR_FOREVER);
	st.a = a;
	st.n = st.sent = st.got = 0;
	st.ended = st.closed = false;
}

static void close_two(void)
{
	for (int i = 0; i < 2; i++) {
		weir_tx_close(&st.tx[i]);
		weir_rx_close(&st.rx[i]);
	}
	weir_ctx_fini(&st.c);
}

static weir_ctx *under(weir_ctx *ctx)
{
	return st.a->event == CANCEL || st.a->event == DEADLINE ? &st.c : ctx;
}

/* The codes a select may return instead of an index. */
static void check_code(weir_ctx *ctx, int rc, bool ended)
{
	if (ended)
		WEIR_SIM_EQ(rc, WEIR_ECANCELED);
	WEIR_SIM_ASSERT(
		rc >= 0 || (rc == WEIR_ECANCELED && st.a->event == CANCEL) ||
		(rc == WEIR_EDEADLINE && st.a->event == DEADLINE && weir_rt_now(weir_ctx_rt(ctx)) >= WEIR_MS(1)));
}

/* ---- one select that receives from two channels, a sender on each ---- */

static int one_sender(weir_ctx *ctx, weir_err *err, void *arg)
{
	int who = st.n++;
	(void)err, (void)arg;
	if (st.a->event == CLOSE && who == 1) {
		weir_tx_close(&st.tx[1]);
		st.closed = true;
		return 0;
	}
	int rc = exhaust_send(ctx, st.tx[who], who);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EPIPE);
	st.sent += rc == 0;
	weir_tx_close(&st.tx[who]);
	return 0;
}

/* Up to `most` items; a channel that has ended is switched off. Closes both at its end. */
static int two_receives(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	while (st.rx[0] || st.rx[1]) {
		int in[2] = {-1, -1};
		bool ended = st.ended;
		weir_case cases[] = {
			weir_case_recv(st.rx[0], &in[0]),
			weir_case_recv(st.rx[1], &in[1]),
			st.a->event == OTHER_CTX ? weir_case_ctx(&st.c)
						 : weir_case_timer(st.a->event == TIMER ? WEIR_MS(1) : WEIR_FOREVER),
		};
		int i = weir_select(under(ctx), cases, 3);
		check_code(ctx, i, ended && st.a->event == CANCEL);
		if (i < 0 || i == 2) {
			WEIR_SIM_ASSERT(in[0] == -1 && in[1] == -1);
			WEIR_SIM_EQ(cases[2].rc, i == 2 && st.a->event == OTHER_CTX ? WEIR_ECANCELED : 0);
			exhaust_saw(i == 2 ? 3 : 4);
			if (st.a->event == OTHER_CTX) { /* nothing of the select is left that could end another wait */
				int64_t before = weir_rt_now(weir_ctx_rt(ctx));
				WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
				WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), before + WEIR_MS(1));
			}
			break;
		}
		WEIR_SIM_EQ(in[1 - i], -1);
		WEIR_SIM_ASSERT(cases[i].rc == 0 || cases[i].rc == 1);
		if (cases[i].rc == 1) {
			WEIR_SIM_EQ(in[i], i);
			exhaust_got(i);
			st.got++;
		} else {
			WEIR_SIM_ASSERT(in[i] == -1 && !st.tx[i]);
			weir_rx_close(&st.rx[i]);
		}
	}
	for (int i = 0; i < 2; i++)
		weir_rx_close(&st.rx[i]);
	return 0;
}

static void happen(weir_ctx *ctx)
{
	if (st.a->event == CANCEL || st.a->event == OTHER_CTX) {
		weir_ctx_cancel(&st.c, "enough");
		st.ended = true;
	} else if (st.a->event == DEADLINE || st.a->event == TIMER) {
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0); /* so that time can move at any moment */
	}
}

/* Outcomes: 0 all, 1 a part, 2 nothing was received; 3 the third case, 4 the context ended a select. */
static void receives(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	open_two(ctx, arg);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "select", two_receives, NULL);
	exhaust_start(&s, "one", one_sender, NULL);
	exhaust_start(&s, "two", one_sender, NULL);
	happen(ctx);
	exhaust_join(ctx, &s);
	int n = st.a->event == CLOSE ? 1 : 2;
	exhaust_settle(n);
	WEIR_SIM_ASSERT(st.got <= st.sent);
	WEIR_SIM_ASSERT(st.got == st.sent || st.a->capacity > 0);
	if (st.a->event == PLAIN || st.a->event == CLOSE)
		WEIR_SIM_EQ(st.got, n);
	exhaust_saw(st.got == n ? 0 : st.got ? 1 : 2);
	close_two();
}

/* ---- a select that sends on the one and receives from the other, a peer on each ---- */

static int send_or_receive(weir_ctx *ctx, weir_err *err, void *arg)
{
	int out = 0, in = -1;
	bool ended = st.ended;
	(void)err, (void)arg;
	weir_case cases[] = {weir_case_send(st.tx[0], &out), weir_case_recv(st.rx[1], &in)};
	int i = weir_select(under(ctx), cases, 2);
	check_code(ctx, i, ended);
	exhaust_saw(i == 0 ? 0 : i == 1 ? 1 : 2);
	if (i == 0)
		WEIR_SIM_ASSERT(in == -1 && (cases[0].rc == 0 || cases[0].rc == WEIR_EPIPE));
	if (i == 0 && cases[0].rc == 0)
		st.sent++;
	else
		exhaust_led.kept[0]++;
	if (i == 1) {
		WEIR_SIM_ASSERT(cases[1].rc == 1 || (cases[1].rc == 0 && in == -1));
		if (cases[1].rc == 1)
			exhaust_got(in);
	}
	weir_tx_close(&st.tx[0]);
	weir_rx_close(&st.rx[1]);
	return 0;
}

static int receiver(weir_ctx *ctx, weir_err *err, void *arg)
{
	int id, rc;
	(void)err, (void)arg;
	rc = exhaust_recv(ctx, st.rx[0], &id);
	WEIR_SIM_ASSERT(rc == 1 ? id == 0 : rc == 0 && !st.tx[0]);
	exhaust_saw(rc == 1 ? 3 : 4);
	weir_rx_close(&st.rx[0]);
	return 0;
}

static int sender(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc;
	(void)err, (void)arg;
	rc = exhaust_send(ctx, st.tx[1], 1);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EPIPE);
	weir_tx_close(&st.tx[1]);
	return 0;
}

static void both_ways(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	open_two(ctx, arg);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "select", send_or_receive, NULL);
	exhaust_start(&s, "rx", receiver, NULL);
	exhaust_start(&s, "tx", sender, NULL);
	happen(ctx);
	exhaust_join(ctx, &s);
	exhaust_settle(2);
	WEIR_SIM_EQ(exhaust_led.got[0], st.a->capacity == 0 ? st.sent : exhaust_led.got[0]);
	close_two();
}

/* ---- two selects that can only serve each other ---- */

struct offer {
	weir_tx *tx;
	weir_rx *rx;
	int id, index, rc, in;
};

static struct offer offers[2];

static int offer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct offer *o = arg;
	bool ended = st.ended;
	(void)err;
	weir_case cases[] = {weir_case_send(o->tx, &o->id), weir_case_recv(o->rx, &o->in)};
	o->index = weir_select(o == &offers[0] ? under(ctx) : ctx, cases, 2);
	if (o == &offers[0])
		check_code(ctx, o->index, ended);
	o->rc = o->index >= 0 ? cases[o->index].rc : 0;
	weir_tx_close(&o->tx);
	weir_rx_close(&o->rx);
	return 0;
}

/* Outcomes: 0, 1: which of the two sent; 2: the first was told to stop, and the second saw it leave. */
static void selects(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	open_two(ctx, arg);
	offers[0] = (struct offer){.tx = st.tx[0], .rx = st.rx[1], .id = 0, .in = -1};
	offers[1] = (struct offer){.tx = st.tx[1], .rx = st.rx[0], .id = 1, .in = -1};
	st.tx[0] = st.tx[1] = NULL;
	st.rx[0] = st.rx[1] = NULL;
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "one", offer, &offers[0]);
	exhaust_start(&s, "two", offer, &offers[1]);
	happen(ctx);
	exhaust_join(ctx, &s);
	const struct offer *a = &offers[0], *b = &offers[1];
	if (a->index < 0) {
		WEIR_SIM_ASSERT(a->in == -1 && b->in == -1);
		WEIR_SIM_EQ(b->rc, b->index == 0 ? WEIR_EPIPE : 0);
		exhaust_saw(2);
	} else {
		WEIR_SIM_EQ(a->index + b->index, 1); /* one sends, the other receives */
		WEIR_SIM_EQ(a->rc, a->index);
		WEIR_SIM_EQ(b->rc, b->index);
		WEIR_SIM_EQ(a->in, a->index == 1 ? 1 : -1);
		WEIR_SIM_EQ(b->in, b->index == 1 ? 0 : -1);
		exhaust_saw((unsigned)a->index);
	}
	close_two();
}

/* ---- try_select against the same peers ---- */

static int tries(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	for (int round = 0; round < 2; round++) {
		int in[2] = {-1, -1};
		weir_case cases[] = {weir_case_recv(st.rx[0], &in[0]), weir_case_recv(st.rx[1], &in[1])};
		int i = weir_try_select(cases, 2);
		WEIR_SIM_ASSERT(i == WEIR_EAGAIN || i == 0 || i == 1);
		if (i == WEIR_EAGAIN) {
			WEIR_SIM_ASSERT(in[0] == -1 && in[1] == -1);
			continue;
		}
		WEIR_SIM_EQ(in[1 - i], -1);
		if (cases[i].rc == 1) {
			WEIR_SIM_EQ(in[i], i);
			exhaust_got(i);
			st.got++;
		} else {
			WEIR_SIM_ASSERT(cases[i].rc == 0 && !st.tx[i]);
		}
	}
	for (int i = 0; i < 2; i++)
		weir_rx_close(&st.rx[i]);
	return 0;
}

/* Outcomes: how many of the two items it has met. */
static void try_select(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	open_two(ctx, arg);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "try", tries, NULL);
	exhaust_start(&s, "one", one_sender, NULL);
	exhaust_start(&s, "two", one_sender, NULL);
	exhaust_join(ctx, &s);
	exhaust_settle(2);
	exhaust_saw((unsigned)st.got);
	close_two();
}

#define ARG(...) (&(const struct select_arg){__VA_ARGS__})
#define ROW(name_, fn_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                             \
	{                                                                                                \
		.name = "select_" name_, .fn = fn_, .arg = arg_, .outcomes = outcomes_, .quick = quick_, \
		.deep = deep_, .inner = inner_, .inner_deep = inner_deep_                                \
	}

const struct exhaust_row exhaust_select[] = {
	ROW("recv_0", receives, ARG(PLAIN, 0), 0x1, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("recv_1", receives, ARG(PLAIN, 1), 0x1, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("recv_close", receives, ARG(CLOSE, 0), 0x1, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("recv_cancel_0", receives, ARG(CANCEL, 0), 0x17, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("recv_cancel_1", receives, ARG(CANCEL, 1), 0x17, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("recv_deadline", receives, ARG(DEADLINE, 0), 0x17, WITHIN("dfs2", 1), WITHIN("dfs3", 1), "dfs0", "dfs0"),
	ROW("recv_timer", receives, ARG(TIMER, 0), 0x0f, WITHIN("dfs2", 1), WITHIN("dfs3", 1), "dfs0", "dfs0"),
	ROW("recv_or_ctx", receives, ARG(OTHER_CTX, 0), 0x0f, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("both_ways_0", both_ways, ARG(PLAIN, 0), 0x1b, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("both_ways_1", both_ways, ARG(PLAIN, 1), 0x1b, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("both_ways_cancel", both_ways, ARG(CANCEL, 0), 0x1f, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("both_ways_deadline", both_ways, ARG(DEADLINE, 0), 0x1f, WITHIN("dfs2", 1), WITHIN("dfs3", 1), "dfs0",
	    "dfs0"),
	ROW("two_selects", selects, ARG(PLAIN, 0), 0x3, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("two_selects_cancel", selects, ARG(CANCEL, 0), 0x7, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("two_selects_deadline", selects, ARG(DEADLINE, 0), 0x7, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("try_0", try_select, ARG(PLAIN, 0), 0x7, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("try_1", try_select, ARG(PLAIN, 1), 0x7, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
};
const size_t exhaust_n_select = sizeof(exhaust_select) / sizeof(exhaust_select[0]);
