/* SPDX-License-Identifier: MIT
 *
 * Channels, select, scopes and contexts at their ends. */
#include "scenarios.h"

WEIR_TYPE_OWNED(item, struct weir_token, weir__token_free);
WEIR_CHAN_DECLARE(item);

#define PRODUCERS 4

struct producer {
	item_tx tx;
	struct weir_tally *tally;
	int n, id;
	int rc; /* of its last send */
	int sent;
};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct producer *p = arg;
	(void)err;
	p->rc = 0;
	for (int i = 0; i < p->n && p->rc == 0; i++) {
		struct weir_token token = weir__token(p->tally, p->id * 100 + i);
		p->rc = item_send(ctx, p->tx, &token);
		if (p->rc == 0)
			p->sent++;
		else
			item_drop(&token);
	}
	item_tx_close(&p->tx);
	return 0;
}

/* Four producers share the sending end; the receiver sees the end exactly once, after the last of them and after
 * every item. */
static int last_tx_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_tally tally = {0};
	struct producer p[PRODUCERS];
	struct weir_token got;
	item_rx rx;
	weir_scope s;
	int next[PRODUCERS] = {0}, n = 0, rc;
	(void)err, (void)arg;
	for (int i = 0; i < PRODUCERS; i++)
		p[i] = (struct producer){.tally = &tally, .n = 2, .id = i};
	WEIR_SIM_EQ(item_chan_new(weir_ctx_rt(ctx), 1, &p[0].tx, &rx), 0);
	for (int i = 1; i < PRODUCERS; i++)
		WEIR_SIM_EQ(item_tx_clone(p[0].tx, &p[i].tx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < PRODUCERS; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "producer", produce, &p[i]), 0);
	while ((rc = item_recv(ctx, rx, &got)) == 1) {
		WEIR_SIM_EQ(got.id % 100, next[got.id / 100]++); /* each producer's items in its order */
		item_drop(&got);
		n++;
	}
	WEIR_SIM_EQ(rc, 0);
	WEIR_SIM_EQ(n, 2 * PRODUCERS);
	item_rx_close(&rx);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(tally.made, tally.freed);
	return 0;
}

/* The receiver goes while producers wait in send and items are buffered. */
static int last_rx_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_tally tally = {0};
	struct producer p[2];
	struct weir_token got;
	item_rx rx;
	weir_scope s;
	int taken = 0;
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++)
		p[i] = (struct producer){.tally = &tally, .n = 3, .id = i};
	WEIR_SIM_EQ(item_chan_new(weir_ctx_rt(ctx), 2, &p[0].tx, &rx), 0);
	WEIR_SIM_EQ(item_tx_clone(p[0].tx, &p[1].tx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "producer", produce, &p[i]), 0);
	for (uint32_t n = weir_sim_choose(3, "items taken"); n > 0; n--) {
		WEIR_SIM_EQ(item_recv(ctx, rx, &got), 1);
		item_drop(&got);
		taken++;
	}
	item_rx_close(&rx);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(p[0].rc == 0 || p[0].rc == WEIR_EPIPE);
	WEIR_SIM_ASSERT(p[1].rc == 0 || p[1].rc == WEIR_EPIPE);
	WEIR_SIM_ASSERT(p[0].sent + p[1].sent >= taken);
	WEIR_SIM_EQ(tally.made, tally.freed);
	return 0;
}

struct chooser {
	item_rx a, b;
	int got, rc;
};

/* Takes from two channels until both have ended or its context has. */
static int choose_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct chooser *c = arg;
	struct weir_token got;
	(void)err;
	while (c->a.end || c->b.end) {
		weir_case cases[] = {item_rx_case(c->a, &got), item_rx_case(c->b, &got)};
		int i = weir_select(ctx, cases, 2);
		c->rc = i < 0 ? i : cases[i].rc;
		if (i < 0)
			break;
		if (cases[i].rc == 1) {
			c->got++;
			item_drop(&got);
		} else {
			item_rx_close(i == 0 ? &c->a : &c->b); /* a closed end is a case that is switched off */
		}
	}
	item_rx_close(&c->a);
	item_rx_close(&c->b);
	return 0;
}

static int select_with_ctx(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_tally tally = {0};
	struct producer p[2];
	struct chooser c = {0};
	weir_scope s;
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++)
		p[i] = (struct producer){.tally = &tally, .n = 2, .id = i};
	WEIR_SIM_EQ(item_chan_new(weir_ctx_rt(ctx), 0, &p[0].tx, &c.a), 0);
	WEIR_SIM_EQ(item_chan_new(weir_ctx_rt(ctx), 1, &p[1].tx, &c.b), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "chooser", choose_task, &c), 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "producer", produce, &p[i]), 0);
	bool cancel = weir_sim_choose(2, "cancel") == 1;
	if (cancel)
		weir_scope_cancel(&s, "changed my mind");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(cancel || (c.got == 4 && c.rc == 0));
	WEIR_SIM_ASSERT(c.rc == 0 || c.rc == 1 || c.rc == WEIR_ECANCELED);
	for (int i = 0; i < 2; i++) /* a task that was cancelled before it began has still closed its end */
		item_tx_close(&p[i].tx);
	WEIR_SIM_EQ(tally.made, tally.freed);
	return 0;
}

static int fail_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = weir_sleep(ctx, WEIR_MS(1));
	return rc < 0 ? rc : weir_fail(err, WEIR_EUSER - *(int *)arg, "task %d failed", *(int *)arg);
}

static int wait_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_SEC(10));
}

/* Two tasks fail at the same time, a third waits: one error comes out, the first, and the third is released at once. */
static int scope_first_error(weir_ctx *ctx, weir_err *err, void *arg)
{
	int one = 1, two = 2;
	weir_err detail = {0};
	weir_scope s;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "one", fail_task, &one), 0);
	int rc = weir_scope_spawn(&s, "two", fail_task,
				  &two); /* the first may have failed already: then nothing is started */
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	rc = weir_scope_spawn(&s, "waiter", wait_task, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	rc = weir_scope_join(ctx, &s, 0, &detail);
	WEIR_SIM_ASSERT(rc == WEIR_EUSER - 1 || rc == WEIR_EUSER - 2);
	WEIR_SIM_EQ(detail.code, rc);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(1));
	weir_err_fini(&detail);
	return 0;
}

struct leaf {
	int rc;
	enum weir_cause cause;
	const char *why;
};

static int leaf_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct leaf *leaf = arg;
	weir_ctx mine;
	(void)err;
	weir_ctx_init(&mine, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5)));
	leaf->rc = weir_sleep(&mine, WEIR_SEC(1));
	leaf->cause = weir_ctx_cause(&mine, &leaf->why);
	weir_ctx_fini(&mine);
	return 0;
}

/* A cancel at the root against the leaf's own deadline at the same moment: one of them is the cause, and stays it. */
static int cancel_against_deadline(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct leaf leaf = {0};
	weir_scope s;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "leaf", leaf_task, &leaf), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	weir_scope_cancel(&s, "all of it");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	if (leaf.cause == WEIR_CAUSE_DEADLINE)
		WEIR_SIM_EQ(leaf.rc, WEIR_EDEADLINE);
	else
		WEIR_SIM_ASSERT(leaf.cause == WEIR_CAUSE_PARENT && leaf.rc == WEIR_ECANCELED && leaf.why[0] == 'a');
	return 0;
}

struct weir_scenario weir__scenarios_primitives[] = {
	{{.name = "chan_last_tx_close", .fn = last_tx_close},
	 "four producers, one end: the receiver sees it once, after every item"},
	{{.name = "chan_last_rx_close", .fn = last_rx_close},
	 "the receiver leaves: blocked senders keep their item, buffered ones are dropped"},
	{{.name = "select_with_ctx", .fn = select_with_ctx}, "select over two channels, with and without a cancel"},
	{{.name = "scope_first_error", .fn = scope_first_error, .opts.no_early = true},
	 "the first error wins, siblings are cancelled"},
	{{.name = "ctx_cancel_or_deadline", .fn = cancel_against_deadline},
	 "cancel against a deadline at the same instant"},
};

const size_t weir__n_scenarios_primitives = sizeof(weir__scenarios_primitives) / sizeof(weir__scenarios_primitives[0]);
