/* SPDX-License-Identifier: MIT
 *
 * Channels: senders against receivers against what ends them, with capacities 0, 1 and 2.
 *
 * What chan.h promises and each schedule is held to:
 *  - an item is at its sender, received, or dropped, exactly once; nothing is dropped while a receiver is left, and
 *    after a shut nothing is dropped at all if it stays until the end;
 *  - each receiver sees the items of one sender in their order, and a single receiver sees all that were accepted;
 *  - once a cancel has returned nothing more is accepted or delivered for tasks under it, whenever they began;
 *  - send returns 0 or the code of what happened (EPIPE, the context's), receive 1, 0 only when nobody can send, or the
 *    context's code; whatever begins after a cancel, a shut, a close of the last receiver has returned gets its code.
 *
 * Outcomes: bit 0 everything was delivered, 1 items were dropped, 2 items were kept by senders, 3 both. */
#include "exhaust.h"

enum event {
	PLAIN,     /* senders send all, then close; receivers receive to the end */
	RX_LEAVES, /* receivers leave after one item each */
	SHUT,      /* main shuts */
	CANCEL,    /* main cancels the context all wait under */
	DEADLINE,  /* the context all wait under has a deadline */
	TRIES,     /* senders try once each item, receivers wait */
};

struct chan_arg {
	size_t capacity;
	enum event event;
	int senders, receivers, items; /* items: of each sender */
};

static struct {
	const struct chan_arg *a;
	weir_ctx c;
	weir_tx *tx[2];
	weir_rx *rx[2], *control;
	int n_tx, n_rx;
	int leaving, left; /* receivers whose close may have begun; whose close has returned */
	bool ended, shut;  /* the cancel, the shut has returned */
	struct weir_chan_stats at_cancel;
} st;

static bool ends_early(enum event e)
{
	return e == CANCEL || e == DEADLINE;
}

static int send_one(weir_ctx *ctx, weir_tx *tx, int id)
{
	bool ended = st.ended, shut = st.shut, alone = st.left == st.a->receivers;
	int rc;
	if (st.a->event == TRIES) {
		rc = weir_tx_try_send(tx, &id);
		exhaust_sent(id, rc);
	} else {
		rc = exhaust_send(ends_early(st.a->event) ? &st.c : ctx, tx, id);
	}
	if (ended)
		WEIR_SIM_EQ(rc, WEIR_ECANCELED);
	else if ((shut || alone) && !ends_early(st.a->event))
		WEIR_SIM_EQ(rc, WEIR_EPIPE);
	WEIR_SIM_ASSERT(
		rc == 0 || (rc == WEIR_EAGAIN && st.a->event == TRIES) ||
		(rc == WEIR_EPIPE && (st.a->event == SHUT || st.leaving == st.a->receivers)) ||
		(rc == WEIR_ECANCELED && st.a->event == CANCEL) ||
		(rc == WEIR_EDEADLINE && st.a->event == DEADLINE && weir_rt_now(weir_ctx_rt(ctx)) >= WEIR_MS(1)));
	return rc;
}

static int sender(weir_ctx *ctx, weir_err *err, void *arg)
{
	int who = st.n_tx++, rc = 0;
	(void)err, (void)arg;
	for (int i = 0; i < st.a->items; i++) {
		int id = who * st.a->items + i;
		if (rc == 0 || rc == WEIR_EAGAIN)
			rc = send_one(ctx, st.tx[who], id);
		else
			exhaust_led.kept[id]++;
	}
	weir_tx_close(&st.tx[who]);
	return 0;
}

static int receiver(weir_ctx *ctx, weir_err *err, void *arg)
{
	int who = st.n_rx++, last[2] = {-1, -1}, id, rc, n = 0;
	bool ended;
	(void)err, (void)arg;
	do {
		ended = st.ended;
		rc = exhaust_recv(ends_early(st.a->event) ? &st.c : ctx, st.rx[who], &id);
		if (ended)
			WEIR_SIM_EQ(rc, WEIR_ECANCELED);
		if (rc == 1) {
			WEIR_SIM_ASSERT(last[id / st.a->items] < id); /* the order of one sender */
			last[id / st.a->items] = id;
		}
	} while (rc == 1 && (++n == 0 || st.a->event != RX_LEAVES));
	WEIR_SIM_ASSERT(rc == 1 || rc == 0 || ends_early(st.a->event));
	if (rc == 0 && st.a->event != SHUT)
		for (int i = 0; i < st.a->senders; i++)
			WEIR_SIM_ASSERT(!st.tx[i]); /* the end comes when the last of them has closed */
	st.leaving++;
	weir_rx_close(&st.rx[who]);
	st.left++;
	return 0;
}

static void open_all(weir_ctx *ctx, const struct chan_arg *a)
{
	st.a = a;
	st.n_tx = st.n_rx = st.leaving = st.left = 0;
	st.ended = st.shut = false;
	exhaust_open(ctx, a->capacity, &st.tx[0], &st.rx[0]);
	weir_ctx_init(&st.c, ctx, a->event == DEADLINE ? WEIR_MS(1) : WEIR_FOREVER);
	if (a->senders == 2)
		WEIR_SIM_EQ(weir_tx_clone(st.tx[0], 1, &st.tx[1]), 0);
	if (a->receivers == 2)
		WEIR_SIM_EQ(weir_rx_clone(st.rx[0], 1, &st.rx[1]), 0);
	if (a->event == SHUT || a->event == CANCEL)
		WEIR_SIM_EQ(weir_rx_clone(st.rx[0], 1, &st.control), 0);
}

/* A timer can only fire early where somebody waits for one: so main does, and time can move at any moment. */
static void happen(weir_ctx *ctx, enum event event)
{
	if (event == DEADLINE) {
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	} else if (event == CANCEL) {
		weir_ctx_cancel(&st.c, "enough");
		st.ended = true;
		weir_rx_stats(st.control, &st.at_cancel);
	} else if (event == SHUT) {
		weir_rx_shut(st.control);
		st.shut = true;
		weir_rx_close(&st.control);
	}
}

static void chan(weir_ctx *ctx, const void *arg)
{
	const struct chan_arg *a = arg;
	weir_scope s;
	open_all(ctx, a);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < a->senders; i++)
		exhaust_start(&s, "tx", sender, NULL);
	for (int i = 0; i < a->receivers; i++)
		exhaust_start(&s, "rx", receiver, NULL);
	happen(ctx, a->event);
	exhaust_join(ctx, &s);
	if (a->event == CANCEL) {
		struct weir_chan_stats now;
		weir_rx_stats(st.control, &now);
		WEIR_SIM_EQ(now.accepted, st.at_cancel.accepted);
		WEIR_SIM_EQ(now.delivered, st.at_cancel.delivered);
		weir_rx_close(&st.control);
	}
	weir_ctx_fini(&st.c);
	int n = a->senders * a->items;
	exhaust_settle(n);
	int got = exhaust_sum(exhaust_led.got), dropped = exhaust_sum(exhaust_led.dropped);
	WEIR_SIM_ASSERT(got == n || a->event != PLAIN);
	WEIR_SIM_ASSERT(dropped == 0 || a->event == RX_LEAVES || ends_early(a->event));
	WEIR_SIM_ASSERT((size_t)dropped <= a->capacity);
	exhaust_saw(got == n ? 0 : dropped == 0 ? 2 : dropped + got == n ? 1 : 3);
}

#define ARG(...) (&(const struct chan_arg){__VA_ARGS__})
#define ROW(name_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                                                \
	{                                                                                                              \
		.name = "chan_" name_, .fn = chan, .arg = arg_, .outcomes = outcomes_, .quick = quick_, .deep = deep_, \
		.inner = inner_, .inner_deep = inner_deep_                                                             \
	}

const struct exhaust_row exhaust_chan[] = {
	ROW("one_to_one_0", ARG(0, PLAIN, 1, 1, 2), 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("one_to_one_1", ARG(1, PLAIN, 1, 1, 2), 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("one_to_one_2", ARG(2, PLAIN, 1, 1, 2), 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("rx_leaves_0", ARG(0, RX_LEAVES, 1, 1, 2), 0x4, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("rx_leaves_1", ARG(1, RX_LEAVES, 1, 1, 2), 0x6, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("rx_leaves_2", ARG(2, RX_LEAVES, 1, 1, 2), 0x6, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("shut_0", ARG(0, SHUT, 1, 1, 1), 0x5, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("shut_1", ARG(1, SHUT, 1, 1, 1), 0x5, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("cancel_0", ARG(0, CANCEL, 1, 1, 1), 0x5, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("cancel_1", ARG(1, CANCEL, 1, 1, 1), 0x7, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("cancel_2", ARG(2, CANCEL, 1, 1, 2), 0xf, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("deadline_0", ARG(0, DEADLINE, 1, 1, 2), 0x5, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("deadline_1", ARG(1, DEADLINE, 1, 1, 2), 0xf, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("deadline_2", ARG(2, DEADLINE, 1, 1, 2), 0xf, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("tries_0", ARG(0, TRIES, 1, 1, 2), 0x5, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("tries_1", ARG(1, TRIES, 1, 1, 2), 0x5, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("two_to_two_0", ARG(0, PLAIN, 2, 2, 1), 0x1, WITHIN("dpor", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_to_two_1", ARG(1, PLAIN, 2, 2, 1), 0x1, WITHIN("dpor", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_to_two_2", ARG(2, PLAIN, 2, 2, 1), 0x1, WITHIN("dpor", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_leave_0", ARG(0, RX_LEAVES, 2, 2, 1), 0x1, WITHIN("dpor", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_leave_1", ARG(1, RX_LEAVES, 2, 2, 2), 0xc, WITHIN("dpor", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_shut_0", ARG(0, SHUT, 2, 2, 1), 0x5, WITHIN("dfs2", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_shut_1", ARG(1, SHUT, 2, 2, 1), 0x5, WITHIN("dfs2", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_cancel_0", ARG(0, CANCEL, 2, 2, 1), 0x5, WITHIN("dfs2", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_cancel_1", ARG(1, CANCEL, 2, 2, 1), 0xf, WITHIN("dfs2", 0), WITHIN("dfs3", 0), "dfs1", "dfs1"),
	ROW("two_deadline_1", ARG(1, DEADLINE, 2, 2, 1), 0xf, WITHIN("dfs1", 1), WITHIN("dfs2", 1), "dfs0", "dfs0"),
};
const size_t exhaust_n_chan = sizeof(exhaust_chan) / sizeof(exhaust_chan[0]);
