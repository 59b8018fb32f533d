/* SPDX-License-Identifier: MIT
 *
 * Cancellation against everything that waits: who gets the item, whose cause stays.
 *
 * A program's contexts are its nodes: 0 is the parent, 1 its child, 2 the child's child. A role works under a node
 * where cancellation may reach it, and under its own context where it must not. What came after a cancel is told by
 * operations of the canceller itself, which is where an operation that looks at its context and acts a moment later
 * shows. */
#include "contain.h"

static void open_nodes(weir_ctx *ctx, struct round *r)
{
	for (size_t i = 0; i < 3; i++)
		weir_ctx_init(&r->node[i], i ? &r->node[i - 1] : ctx, WEIR_FOREVER);
}

static void close_nodes(struct round *r)
{
	for (size_t i = 3; i-- > 0;)
		weir_ctx_fini(&r->node[i]);
	contain_close(r);
}

static void cancel_node(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_ctx_cancel(&r->node[0], "enough");
}

/* ---- cancel against a rendezvous ---- */

static void send_under_node(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = contain_send(&r->node[1], r, 0, 1);
	contain_pause(r);
	weir_tx_close(&r->tx[0]);
}

static void receive_one(weir_ctx *ctx, struct round *r)
{
	r->got[2][0] = contain_recv(ctx, r, 0);
}

static void receive_under_node(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->got[2][0] = contain_recv(&r->node[2], r, 0);
}

/* Who has the item; param 0: only the sender can be cancelled, 1: both. */
static int cancel_rendezvous(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_open(r, 0, 0);
	contain_meet(ctx, r, 3,
		     (contain_role *[]){cancel_node, send_under_node, r->param ? receive_under_node : receive_one});
	contain_say(r, "sent %s got %s", contain_code(r->rc[1][0]), contain_code(r->got[2][0]));
	close_nodes(r);
	return 0;
}

static void cancel_then_try_recv(weir_ctx *ctx, struct round *r)
{
	r->got[0][0] = contain_try_recv(r, 0);
	cancel_node(ctx, r);
	r->got[0][1] = contain_try_recv(r, 0);
}

static void send_only(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = contain_send(&r->node[0], r, 0, 1);
}

/* A send that its context no longer allows puts nothing in after the cancel has returned; param: capacity. */
static int cancel_then_look(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_open(r, 0, (size_t)r->param);
	contain_meet(ctx, r, 2, (contain_role *[]){cancel_then_try_recv, send_only});
	contain_say(r, "sent %s got %s, after cancel %s", contain_code(r->rc[1][0]), contain_code(r->got[0][0]),
		    contain_code(r->got[0][1]));
	close_nodes(r);
	return 0;
}

static void cancel_then_try_send(weir_ctx *ctx, struct round *r)
{
	r->rc[0][0] = contain_try_send(r, 0, 1);
	cancel_node(ctx, r);
	r->rc[0][1] = contain_try_send(r, 0, 2);
}

static void receive_only(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->got[1][0] = contain_recv(&r->node[0], r, 0);
}

static void select_only(weir_ctx *ctx, struct round *r)
{
	int item = 0;
	weir_case cases[] = {weir_case_recv(r->rx[0], &item), weir_case_recv(NULL, NULL)};
	(void)ctx;
	int rc = weir_select(&r->node[0], cases, 2);
	r->got[1][0] = rc < 0 ? rc : item;
}

/* The same for a receiver; param 1: it selects. */
static int cancel_then_give(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_open(r, 0, 0);
	contain_meet(ctx, r, 2, (contain_role *[]){cancel_then_try_send, r->param ? select_only : receive_only});
	contain_say(r, "gave %s, after cancel %s, got %s", contain_code(r->rc[0][0]), contain_code(r->rc[0][1]),
		    contain_code(r->got[1][0]));
	close_nodes(r);
	return 0;
}

static void look_then_try_send(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = weir_ctx_err(&r->node[0]);
	r->rc[1][1] = contain_try_send(r, 0, 1);
}

/* Who has seen the cancel finds nobody to give to. */
static int cancel_seen(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_open(r, 0, 0);
	contain_meet(ctx, r, 3, (contain_role *[]){cancel_node, look_then_try_send, receive_under_node});
	contain_say(r, "saw %s, gave %s, got %s", contain_code(r->rc[1][0]), contain_code(r->rc[1][1]),
		    contain_code(r->got[2][0]));
	close_nodes(r);
	return 0;
}

/* ---- select with another context as a case ---- */

static void select_ctx_case(weir_ctx *ctx, struct round *r)
{
	int item = 0;
	weir_case cases[] = {weir_case_recv(r->rx[0], &item), weir_case_ctx(&r->node[1])};
	r->rc[1][0] = weir_select(ctx, cases, 2);
	r->got[1][0] = cases[r->rc[1][0]].rc;
}

static void send_aside(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[2][0] = contain_try_send(r, 0, 1);
	contain_pause(r);
	r->rc[2][1] = weir_ctx_err(&r->node[1]);
}

static int select_ctx(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_open(r, 0, (size_t)r->param);
	contain_meet(ctx, r, 3, (contain_role *[]){cancel_node, select_ctx_case, send_aside});
	contain_say(r, "case %d %s, gave %s, then %s", r->rc[1][0], contain_code(r->got[1][0]),
		    contain_code(r->rc[2][0]), contain_code(r->rc[2][1]));
	close_nodes(r);
	return 0;
}

/* ---- the cause ---- */

static const char *cause_of(struct round *r, size_t i)
{
	const char *why;
	return weir_ctx_cause(&r->node[i], &why) == WEIR_CAUSE_NONE ? "alive" : why;
}

static void cancel_as_a(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_ctx_cancel(&r->node[0], "a");
}

static void cancel_as_b(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_ctx_cancel_as(&r->node[0], WEIR_CAUSE_CONSUMER, "b");
}

static void poll_twice(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->got[2][0] = (int)weir_ctx_cause(&r->node[1], NULL);
	contain_pause(r);
	r->got[2][1] = (int)weir_ctx_cause(&r->node[0], NULL);
}

/* Two cancel the same node, a third looks. */
static int cause_of_two(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_meet(ctx, r, 3, (contain_role *[]){cancel_as_a, cancel_as_b, poll_twice});
	contain_say(r, "%s, seen %s then %s", cause_of(r, 0), weir_cause_name((enum weir_cause)r->got[2][0]),
		    weir_cause_name((enum weir_cause)r->got[2][1]));
	close_nodes(r);
	return 0;
}

static void cancel_child(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_ctx_cancel(&r->node[1], "c");
}

static void cancel_then_poll_grandchild(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_ctx_cancel(&r->node[0], "p");
	r->got[0][0] = (int)weir_ctx_cause(&r->node[2], NULL);
}

/* Parent against child: whose text each of the three has in the end. */
static int cause_of_parent(weir_ctx *ctx, struct round *r)
{
	open_nodes(ctx, r);
	contain_meet(ctx, r, 2, (contain_role *[]){cancel_then_poll_grandchild, cancel_child});
	contain_say(r, "%s, ", cause_of(r, 0));
	contain_say(r, "%s, ", cause_of(r, 1));
	contain_say(r, "%s", cause_of(r, 2));
	close_nodes(r);
	return 0;
}

const struct contain_program contain_ctx[] = {
	{.name = "cancel_rendezvous", .fn = cancel_rendezvous, .param = 0},
	{.name = "cancel_rendezvous_both", .fn = cancel_rendezvous, .param = 1},
	{.name = "cancel_then_look_0", .fn = cancel_then_look, .param = 0},
	{.name = "cancel_then_look_1", .fn = cancel_then_look, .param = 1},
	{.name = "cancel_then_give_recv", .fn = cancel_then_give, .param = 0},
	{.name = "cancel_then_give_select", .fn = cancel_then_give, .param = 1},
	{.name = "cancel_seen", .fn = cancel_seen},
	{.name = "select_ctx_0", .fn = select_ctx, .param = 0},
	{.name = "select_ctx_1", .fn = select_ctx, .param = 1},
	{.name = "cause_of_two", .fn = cause_of_two},
	{.name = "cause_of_parent", .fn = cause_of_parent},
};
const size_t contain_n_ctx = sizeof(contain_ctx) / sizeof(contain_ctx[0]);
