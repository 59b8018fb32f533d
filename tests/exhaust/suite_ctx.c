/* SPDX-License-Identifier: MIT
 *
 * Cancellation trees of three levels: a above b above c, under the scenario's own context.
 *
 * What ctx.h promises and each schedule is held to: an end is final, and its cause is fixed by the first to see it;
 * when a cancel returns, every descendant has ended, those that are born later too; nothing above and nothing beside
 * the node is touched; a shield is reached by its grace time alone; a child may be born and finished at any moment of
 * it; a sleeper wakes with the code of its context, and never because of something else. */
#include <string.h>

#include "exhaust.h"

static struct {
	weir_ctx a, b, c;
	bool cancelled_a, cancelled_b; /* the cancel has returned */
	int slept, polled;
	enum weir_cause cause_b, cause_c;
} st;

static void open_three(weir_ctx *ctx, int64_t at_a, int64_t at_b)
{
	memset(&st, 0, sizeof(st));
	weir_ctx_init(&st.a, ctx, at_a);
	weir_ctx_init(&st.b, &st.a, at_b);
	weir_ctx_init(&st.c, &st.b, WEIR_FOREVER);
}

static void close_three(weir_ctx *ctx)
{
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0); /* nothing above a ended */
	weir_ctx_fini(&st.c);
	weir_ctx_fini(&st.b);
	weir_ctx_fini(&st.a);
}

/* Code and cause of a node that has ended agree with each other, now and for ever. */
static enum weir_cause cause_of(weir_ctx *c, const char *why)
{
	const char *text = NULL, *again = NULL;
	enum weir_cause cause = weir_ctx_cause(c, &text);
	int code = weir_ctx_err(c);
	WEIR_SIM_ASSERT(cause != WEIR_CAUSE_NONE && (code == WEIR_ECANCELED || code == WEIR_EDEADLINE));
	WEIR_SIM_EQ(weir_ctx_cause(c, &again), cause);
	WEIR_SIM_EQ(strcmp(text, again), 0);
	if (why)
		WEIR_SIM_EQ(strcmp(text, why), 0);
	return cause;
}

static int cancel_a(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	weir_ctx_cancel(&st.a, "a");
	st.cancelled_a = true;
	WEIR_SIM_ASSERT(weir_ctx_err(&st.c) < 0); /* it has reached everything below */
	return 0;
}

static int cancel_b(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	weir_ctx_cancel_as(&st.b, WEIR_CAUSE_SHUTDOWN, "b");
	st.cancelled_b = true;
	WEIR_SIM_ASSERT(weir_ctx_err(&st.c) < 0);
	return 0;
}

static int sleep_c(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	st.slept = weir_sleep(&st.c, WEIR_FOREVER);
	WEIR_SIM_ASSERT(st.slept == WEIR_ECANCELED || st.slept == WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_ctx_err(&st.c), st.slept);
	return 0;
}

/* Looks from below and from above: whoever is below has ended if somebody above has. */
static int poll_chain(weir_ctx *ctx, weir_err *err, void *arg)
{
	int code_a, code_b, code_c;
	(void)ctx, (void)err, (void)arg;
	bool before = st.cancelled_a;
	code_a = weir_ctx_err(&st.a);
	code_b = weir_ctx_err(&st.b);
	code_c = weir_ctx_err(&st.c);
	WEIR_SIM_ASSERT(!before || code_a < 0);
	WEIR_SIM_ASSERT(code_a == 0 || code_b < 0);
	WEIR_SIM_ASSERT(code_b == 0 || code_c < 0);
	WEIR_SIM_ASSERT(code_a == 0 || weir_ctx_err(&st.a) == code_a); /* final */
	exhaust_saw(code_a < 0 ? 0 : code_b < 0 ? 1 : code_c < 0 ? 2 : 3);
	return 0;
}

/* ---- two cancels on one chain, somebody asleep below, somebody who looks ---- */

/* Outcomes: what the poller saw end (0: a, 1: b, 2: c only, 3: nothing); 4, 5: whose cause b has. */
static void two_cancels(weir_ctx *ctx, const void *arg)
{
	const bool *sleeper = arg;
	weir_scope s;
	open_three(ctx, WEIR_FOREVER, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "b", cancel_b, NULL);
	exhaust_start(&s, "look", *sleeper ? sleep_c : poll_chain, NULL);
	cancel_a(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
	enum weir_cause b = cause_of(&st.b, NULL), c = cause_of(&st.c, NULL);
	WEIR_SIM_EQ(cause_of(&st.a, "a"), WEIR_CAUSE_USER);
	WEIR_SIM_EQ(c, WEIR_CAUSE_PARENT);
	WEIR_SIM_ASSERT(b == WEIR_CAUSE_PARENT || b == WEIR_CAUSE_SHUTDOWN);
	cause_of(&st.b, b == WEIR_CAUSE_PARENT ? "a" : "b");
	cause_of(&st.c, b == WEIR_CAUSE_PARENT ? "a" : "b"); /* c never disagrees with b */
	exhaust_saw(b == WEIR_CAUSE_PARENT ? 4 : 5);
	close_three(ctx);
}

/* ---- a cancel against the birth, the look and the end of a child ---- */

static int birth(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx child, grandchild;
	const bool *waits = arg;
	bool before = st.cancelled_a;
	int code, below;
	(void)ctx, (void)err;
	weir_ctx_init(&child, &st.b, WEIR_FOREVER);
	weir_ctx_init(&grandchild, &child, WEIR_FOREVER);
	code = weir_ctx_err(&child);
	WEIR_SIM_ASSERT(!before || code == WEIR_ECANCELED);
	below = *waits ? weir_sleep(&grandchild, WEIR_MS(1)) : weir_ctx_err(&grandchild);
	WEIR_SIM_ASSERT(code == 0 || below == code);
	WEIR_SIM_ASSERT(below == 0 || weir_ctx_err(&child) == below);
	WEIR_SIM_ASSERT(below < 0 || !*waits || weir_rt_now(weir_ctx_rt(ctx)) >= WEIR_MS(1));
	exhaust_saw(code < 0 ? 0 : below < 0 ? 1 : 2);
	weir_ctx_fini(&grandchild);
	weir_ctx_fini(&child);
	return 0;
}

/* Outcomes: 0 the child was born dead, 1 it ended before the second look (or asleep), 2 it lived. */
static void births(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	open_three(ctx, WEIR_FOREVER, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "child", birth, (void *)(uintptr_t)arg);
	exhaust_start(&s, "child", birth, (void *)(uintptr_t)arg);
	cancel_a(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	cause_of(&st.c, "a");
	close_three(ctx);
}

/* ---- deadlines of two levels against a cancel ---- */

/* a ends at 1 ms, b would at 2. Outcomes: 0 the sleeper saw the deadline, 1 the cancel. */
static void deadlines(weir_ctx *ctx, const void *arg)
{
	const bool *late = arg; /* the cancel comes at the same moment */
	weir_scope s;
	open_three(ctx, WEIR_MS(1), WEIR_MS(2));
	WEIR_SIM_EQ(weir_ctx_deadline(&st.c), WEIR_MS(1));
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "sleeper", sleep_c, NULL);
	exhaust_start(&s, "b", cancel_b, NULL);
	if (*late)
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	cancel_a(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	bool passed = st.slept == WEIR_EDEADLINE;
	WEIR_SIM_ASSERT(!passed || weir_rt_now(weir_ctx_rt(ctx)) >= WEIR_MS(1));
	WEIR_SIM_EQ(cause_of(&st.c, NULL), WEIR_CAUSE_PARENT);
	enum weir_cause a = cause_of(&st.a, NULL);
	WEIR_SIM_EQ(a, *late || weir_ctx_err(&st.a) == WEIR_EDEADLINE ? WEIR_CAUSE_DEADLINE : WEIR_CAUSE_USER);
	exhaust_saw(passed ? 0 : 1);
	close_three(ctx);
}

/* ---- a shield below a cancel ---- */

static int shielded(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx shield, below;
	(void)ctx, (void)err, (void)arg;
	weir_ctx_init_shield(&shield, &st.b, WEIR_MS(2));
	weir_ctx_init(&below, &shield, WEIR_FOREVER);
	int64_t born = weir_rt_now(weir_ctx_rt(ctx));
	int rc = weir_sleep(&below, WEIR_MS(1));
	WEIR_SIM_ASSERT(rc == 0 || (rc == WEIR_EDEADLINE && weir_rt_now(weir_ctx_rt(ctx)) >= born + WEIR_MS(2)));
	rc = weir_sleep(&below, WEIR_FOREVER);
	WEIR_SIM_EQ(rc, WEIR_EDEADLINE);
	exhaust_saw(st.cancelled_a ? 0 : 1);
	weir_ctx_fini(&below);
	weir_ctx_fini(&shield);
	return 0;
}

/* Outcomes: 0 the cancel had returned before the grace time was over, 1 not. */
static void shields(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	open_three(ctx, WEIR_FOREVER, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "shielded", shielded, NULL);
	exhaust_start(&s, "sleeper", sleep_c, NULL);
	cancel_a(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.slept, WEIR_ECANCELED);
	close_three(ctx);
}

/* ---- nobody beside the cancelled node ---- */

/* b is cancelled while tasks sleep under a and under c. Outcomes: 0. */
static int sleep_a(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	WEIR_SIM_EQ(weir_sleep(&st.a, WEIR_MS(1)), 0);
	return 0;
}

static void besides(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	open_three(ctx, WEIR_FOREVER, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "above", sleep_a, NULL);
	exhaust_start(&s, "below", sleep_c, NULL);
	cancel_b(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.slept, WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_ctx_err(&st.a), 0);
	exhaust_saw(0);
	close_three(ctx);
}

static const bool yes = true, no = false;

#define ROW(name_, fn_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                                         \
	{                                                                                                            \
		.name = "ctx_" name_, .fn = fn_, .arg = arg_, .outcomes = outcomes_, .quick = quick_, .deep = deep_, \
		.inner = inner_, .inner_deep = inner_deep_                                                           \
	}

const struct exhaust_row exhaust_ctx[] = {
	ROW("two_cancels", two_cancels, &yes, 0x30, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("two_cancels_polled", two_cancels, &no, 0x3f, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("births", births, &no, 0x7, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("births_asleep", births, &yes, 0x7, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("deadlines", deadlines, &no, 0x3, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs2"),
	ROW("deadlines_at_once", deadlines, &yes, 0x3, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("shield", shields, NULL, 0x3, WITHIN("dfs", 2), QUICK_IS_ALL, "dfs1", "dfs1"),
	ROW("besides", besides, NULL, 0x1, WITHIN("dfs", 1), QUICK_IS_ALL, "dfs1", "dfs2"),
};
const size_t exhaust_n_ctx = sizeof(exhaust_ctx) / sizeof(exhaust_ctx[0]);
