/* SPDX-License-Identifier: MIT
 *
 * Channels and select: who is served first, who finds nothing, what a close leaves behind.
 *
 * Roles use only operations of their own handles; where two roles send into one channel, the second has a clone in slot
 * 2. The caller of the meeting is role 0. A role that could be left waiting for a peer that gave up is released by a
 * close in that peer. */
#include "contain.h"

/* ---- two senders, one receiver ---- */

static void send_two(weir_ctx *ctx, struct round *r)
{
	r->rc[1][0] = contain_send(ctx, r, 0, 1);
	contain_pause(r);
	r->rc[1][1] = contain_send(ctx, r, 0, 2);
}

static void send_one_clone(weir_ctx *ctx, struct round *r)
{
	r->rc[2][0] = contain_send(ctx, r, 2, 3);
}

static void receive_three(weir_ctx *ctx, struct round *r)
{
	for (size_t i = 0; i < 3; i++)
		r->got[0][i] = contain_recv(ctx, r, 0);
}

/* The order of arrival; param: capacity. */
static int two_senders(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	WEIR_SIM_EQ(weir_tx_clone(r->tx[0], 1, &r->tx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){receive_three, send_two, send_one_clone});
	contain_say(r, "%d%d%d", r->got[0][0], r->got[0][1], r->got[0][2]);
	contain_close(r);
	return 0;
}

/* ---- try_send against receive, try_receive against send ---- */

static void try_send_thrice(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	for (int i = 0; i < 3; i++) {
		r->rc[1][i] = contain_try_send(r, 0, i + 1);
		contain_pause(r);
	}
	weir_tx_close(&r->tx[0]);
}

static void receive_to_the_end(weir_ctx *ctx, struct round *r)
{
	for (size_t i = 0; i < CONTAIN_STEPS; i++) {
		r->got[0][i] = contain_recv(ctx, r, 0);
		if (r->got[0][i] <= 0)
			break;
	}
}

static int try_send_recv(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	contain_meet(ctx, r, 2, (contain_role *[]){receive_to_the_end, try_send_thrice});
	for (size_t i = 0; i < 3; i++)
		contain_say(r, "%s ", contain_code(r->rc[1][i]));
	contain_say(r, "got %d%d%d", r->got[0][0], r->got[0][1], r->got[0][2]);
	contain_close(r);
	return 0;
}

static void try_receive_and_leave(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	for (size_t i = 0; i < 3; i++) {
		r->got[0][i] = contain_try_recv(r, 0);
		contain_pause(r);
	}
	weir_rx_close(&r->rx[0]);
}

/* What the receiver saw, what was accepted, and what was dropped when it left. */
static int try_recv_send(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	contain_meet(ctx, r, 2, (contain_role *[]){try_receive_and_leave, send_two});
	for (size_t i = 0; i < 3; i++)
		contain_say(r, "%s ", contain_code(r->got[0][i]));
	contain_say(r, "sent %s %s dropped %d", contain_code(r->rc[1][0]), contain_code(r->rc[1][1]), r->dropped);
	contain_close(r);
	return 0;
}

/* ---- the last ends close ---- */

static void send_one_close(weir_ctx *ctx, struct round *r)
{
	r->rc[1][0] = contain_send(ctx, r, 0, 1);
	contain_pause(r);
	weir_tx_close(&r->tx[0]);
}

static void close_clone(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_tx_close(&r->tx[2]);
}

static void try_receive_four(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	for (size_t i = 0; i < CONTAIN_STEPS; i++) {
		r->got[0][i] = contain_try_recv(r, 0);
		contain_pause(r);
	}
}

/* Two senders leave; the receiver looks four times. */
static int last_tx_close(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, 1);
	WEIR_SIM_EQ(weir_tx_clone(r->tx[0], 1, &r->tx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){try_receive_four, send_one_close, close_clone});
	for (size_t i = 0; i < CONTAIN_STEPS; i++)
		contain_say(r, "%s ", contain_code(r->got[0][i]));
	contain_close(r);
	return 0;
}

static void receive_one_and_leave(weir_ctx *ctx, struct round *r)
{
	r->got[0][0] = contain_recv(ctx, r, 0);
	contain_pause(r);
	weir_rx_close(&r->rx[0]);
}

/* Who got something in before the receiver left, and how much of it was dropped; param: capacity. */
static int last_rx_close(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	WEIR_SIM_EQ(weir_tx_clone(r->tx[0], 1, &r->tx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){receive_one_and_leave, send_two, send_one_clone});
	contain_say(r, "%s %s %s got %d dropped %d", contain_code(r->rc[1][0]), contain_code(r->rc[1][1]),
		    contain_code(r->rc[2][0]), r->got[0][0], r->dropped);
	contain_close(r);
	return 0;
}

static void shut_and_drain(weir_ctx *ctx, struct round *r)
{
	r->rc[0][0] = contain_recv(ctx, r, 0);
	weir_rx_shut(r->rx[0]);
	contain_pause(r);
	receive_to_the_end(ctx, r);
}

/* Intake stops after the first item: what was accepted comes out, all of it and nothing else; param: capacity. */
static int rx_shut(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	WEIR_SIM_EQ(weir_tx_clone(r->tx[0], 1, &r->tx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){shut_and_drain, send_two, send_one_clone});
	contain_say(r, "%s %s %s got %d, then ", contain_code(r->rc[1][0]), contain_code(r->rc[1][1]),
		    contain_code(r->rc[2][0]), r->rc[0][0]);
	for (size_t i = 0; i < CONTAIN_STEPS; i++)
		contain_say(r, "%d", r->got[0][i]);
	contain_close(r);
	return 0;
}

/* ---- clone against close ---- */

static void clone_send_close(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	WEIR_SIM_EQ(weir_tx_clone(r->tx[0], 1, &r->tx[1]), 0);
	weir_tx_close(&r->tx[0]);
	r->rc[1][0] = contain_try_send(r, 1, 1);
	weir_tx_close(&r->tx[1]);
}

static int tx_clone_close(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, 1);
	WEIR_SIM_EQ(weir_tx_clone(r->tx[0], 1, &r->tx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){try_receive_four, clone_send_close, close_clone});
	for (size_t i = 0; i < CONTAIN_STEPS; i++)
		contain_say(r, "%s ", contain_code(r->got[0][i]));
	contain_close(r);
	return 0;
}

static void clone_look_close(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	WEIR_SIM_EQ(weir_rx_clone(r->rx[0], 1, &r->rx[1]), 0);
	weir_rx_close(&r->rx[0]);
	r->got[0][0] = contain_try_recv(r, 1);
	contain_pause(r);
	weir_rx_close(&r->rx[1]);
}

static void close_other_rx(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_rx_close(&r->rx[2]);
}

static int rx_clone_close(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, 1);
	WEIR_SIM_EQ(weir_rx_clone(r->rx[0], 1, &r->rx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){clone_look_close, try_send_thrice, close_other_rx});
	for (size_t i = 0; i < 3; i++)
		contain_say(r, "%s ", contain_code(r->rc[1][i]));
	contain_say(r, "got %s dropped %d", contain_code(r->got[0][0]), r->dropped);
	contain_close(r);
	return 0;
}

/* ---- the account ---- */

static void look_at_account(weir_ctx *ctx, struct round *r)
{
	struct weir_chan_stats s;
	(void)ctx;
	weir_rx_stats(r->rx[2], &s);
	contain_say(r, "in %d out %d held %d waiting %d %d", (int)s.accepted, (int)s.delivered, (int)s.buffered,
		    (int)s.senders_waiting, (int)s.receivers_waiting);
}

static void receive_two(weir_ctx *ctx, struct round *r)
{
	r->got[0][0] = contain_recv(ctx, r, 0);
	contain_pause(r);
	r->got[0][1] = contain_recv(ctx, r, 0);
}

/* A snapshot at some moment; param: capacity. */
static int snapshot(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	WEIR_SIM_EQ(weir_rx_clone(r->rx[0], 1, &r->rx[2]), 0);
	contain_meet(ctx, r, 3, (contain_role *[]){receive_two, send_two, look_at_account});
	contain_close(r);
	return 0;
}

static void try_receive_then_look(weir_ctx *ctx, struct round *r)
{
	struct weir_chan_stats s;
	(void)ctx;
	r->got[0][0] = contain_try_recv(r, 0);
	contain_pause(r);
	weir_rx_stats(r->rx[0], &s);
	r->got[0][1] = (int)s.accepted;
}

static void try_send_one(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = contain_try_send(r, 0, 1);
}

/* The sender may come between the two looks. */
static int look_twice(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, 1);
	contain_meet(ctx, r, 2, (contain_role *[]){try_receive_then_look, try_send_one});
	contain_say(r, "received %s, then %d accepted", contain_code(r->got[0][0]), r->got[0][1]);
	contain_close(r);
	return 0;
}

/* ---- select ---- */

static void select_both(weir_ctx *ctx, struct round *r)
{
	for (size_t i = 0; i < 2; i++) {
		int item = 0;
		weir_case cases[] = {weir_case_recv(r->rx[0], &item), weir_case_recv(r->rx[1], &item)};
		r->rc[0][i] = weir_select(ctx, cases, 2);
		r->got[0][i] = cases[r->rc[0][i]].rc;
		contain_pause(r);
	}
}

static void send_left(weir_ctx *ctx, struct round *r)
{
	r->rc[1][0] = contain_send(ctx, r, 0, 1);
}

static void send_right(weir_ctx *ctx, struct round *r)
{
	r->rc[2][0] = contain_send(ctx, r, 1, 2);
}

/* Two channels become ready; param: capacity of both. */
static int select_two_ready(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, (size_t)r->param);
	contain_open(r, 1, (size_t)r->param);
	contain_meet(ctx, r, 3, (contain_role *[]){select_both, send_left, send_right});
	contain_say(r, "case %d, case %d", r->rc[0][0], r->rc[0][1]);
	contain_close(r);
	return 0;
}

static void close_left(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_tx_close(&r->tx[0]);
}

static void send_right_close(weir_ctx *ctx, struct round *r)
{
	r->rc[2][0] = contain_try_send(r, 1, 2);
	(void)ctx;
	contain_pause(r);
	weir_tx_close(&r->tx[1]);
}

static int select_close(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, 1);
	contain_open(r, 1, (size_t)r->param);
	contain_meet(ctx, r, 3, (contain_role *[]){select_both, close_left, send_right_close});
	contain_say(r, "case %d %s, case %d %s, sent %s", r->rc[0][0], contain_code(r->got[0][0]), r->rc[0][1],
		    contain_code(r->got[0][1]), contain_code(r->rc[2][0]));
	contain_close(r);
	return 0;
}

static void give_left_or_take_right(weir_ctx *ctx, struct round *r)
{
	int give = 1, take = 0;
	weir_case cases[] = {weir_case_send(r->tx[0], &give), weir_case_recv(r->rx[1], &take)};
	r->rc[0][0] = r->param ? weir_select(ctx, cases, 2) : weir_try_select(cases, 2);
	r->got[0][0] = take;
}

static void take_left_or_give_right(weir_ctx *ctx, struct round *r)
{
	int give = 2, take = 0;
	weir_case cases[] = {weir_case_recv(r->rx[0], &take), weir_case_send(r->tx[1], &give)};
	r->rc[1][0] = weir_try_select(cases, 2);
	if (r->param && r->rc[1][0] < 0)
		r->rc[1][0] = weir_select(ctx, cases, 2);
	r->got[1][0] = take;
}

/* Two selects, each other's peer in both cases; param 0: both only try, and never meet. */
static int select_select(weir_ctx *ctx, struct round *r)
{
	contain_open(r, 0, 0);
	contain_open(r, 1, 0);
	contain_meet(ctx, r, 2, (contain_role *[]){give_left_or_take_right, take_left_or_give_right});
	contain_say(r, "%s got %d, %s got %d", contain_code(r->rc[0][0]), r->got[0][0], contain_code(r->rc[1][0]),
		    r->got[1][0]);
	contain_close(r);
	return 0;
}

const struct contain_program contain_chan[] = {
	{.name = "two_senders_0", .fn = two_senders, .param = 0},
	{.name = "two_senders_1", .fn = two_senders, .param = 1},
	{.name = "two_senders_2", .fn = two_senders, .param = 2},
	{.name = "try_send_recv_0", .fn = try_send_recv, .param = 0},
	{.name = "try_send_recv_1", .fn = try_send_recv, .param = 1},
	{.name = "try_recv_send_0", .fn = try_recv_send, .param = 0},
	{.name = "try_recv_send_1", .fn = try_recv_send, .param = 1},
	{.name = "last_tx_close", .fn = last_tx_close},
	{.name = "last_rx_close_0", .fn = last_rx_close, .param = 0},
	{.name = "last_rx_close_1", .fn = last_rx_close, .param = 1},
	{.name = "rx_shut_0", .fn = rx_shut, .param = 0},
	{.name = "rx_shut_1", .fn = rx_shut, .param = 1},
	{.name = "tx_clone_close", .fn = tx_clone_close},
	{.name = "rx_clone_close", .fn = rx_clone_close},
	{.name = "snapshot_0", .fn = snapshot, .param = 0},
	{.name = "snapshot_1", .fn = snapshot, .param = 1},
	{.name = "look_twice", .fn = look_twice},
	{.name = "select_two_ready_0", .fn = select_two_ready, .param = 0},
	{.name = "select_two_ready_1", .fn = select_two_ready, .param = 1},
	{.name = "select_close_0", .fn = select_close, .param = 0},
	{.name = "select_close_1", .fn = select_close, .param = 1},
	{.name = "select_select", .fn = select_select, .param = 1},
	{.name = "mutant_capacity", .fn = try_send_recv, .param = 0, .sim_param = 1, .mutant = true},
};
const size_t contain_n_chan = sizeof(contain_chan) / sizeof(contain_chan[0]);
