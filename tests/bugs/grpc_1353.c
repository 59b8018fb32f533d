/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 1353. Class: mixed deadlock, channel and lock.
 *
 * The balancer announces addresses with a blocking send, under its lock. The watcher that receives them tears down
 * connections, and each tear-down calls the balancer, which locks. The balancer is already in the next round: it holds
 * the lock and waits for the watcher, who waits for the lock. (Three rounds here, a hundred in the original.) Fix:
 * send outside of the lock. */
#include "bugs.h"

#define ROUNDS 3

struct balancer {
	weir_mutex m, conn[2];
	weir_tx *addresses, *help;
	weir_rx *addresses_end, *help_end;
	int pinned, downs;
	bool bad;
};

static int balance(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct balancer *b = arg;
	(void)err;
	for (int i = 0; i < ROUNDS; i++) {
		weir_mutex_lock(ctx, &b->m);
		int address = ++b->pinned;
		if (b->bad)
			WEIR_SIM_EQ(weir_tx_send(ctx, b->addresses, &address), 0);
		weir_mutex_unlock(&b->m);
		if (!b->bad)
			WEIR_SIM_EQ(weir_tx_send(ctx, b->addresses, &address), 0);
	}
	weir_tx_close(&b->help);
	return 0;
}

static int watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct balancer *b = arg;
	int address;
	(void)err;
	while (weir_rx_recv(ctx, b->addresses_end, &address) == 1) {
		for (int i = 0; i < 2; i++) {
			weir_mutex_lock(ctx, &b->conn[i]);
			weir_mutex_lock(ctx, &b->m);
			b->downs++;
			weir_mutex_unlock(&b->m);
			weir_mutex_unlock(&b->conn[i]);
		}
	}
	return 0;
}

static int finish(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct balancer *b = arg;
	(void)err;
	WEIR_SIM_EQ(weir_rx_recv(ctx, b->help_end, NULL), 0);
	weir_mutex_lock(ctx, &b->m);
	weir_tx_close(&b->addresses);
	weir_mutex_unlock(&b->m);
	return 0;
}

static int resolve(weir_ctx *ctx, bool bad)
{
	struct balancer b = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&b.m, weir_ctx_rt(ctx));
	for (int i = 0; i < 2; i++)
		weir_mutex_init(&b.conn[i], weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_num, 0, &b.addresses, &b.addresses_end);
	bug_chan(ctx, &bug_event, 0, &b.help, &b.help_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "balancer", balance, &b);
	bug_spawn(&s, "watcher", watch, &b);
	bug_spawn(&s, "finisher", finish, &b);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(b.downs, 2 * ROUNDS);
	weir_rx_close(&b.addresses_end);
	weir_rx_close(&b.help_end);
	weir_mutex_fini(&b.m);
	for (int i = 0; i < 2; i++)
		weir_mutex_fini(&b.conn[i]);
	return 0;
}

static int grpc_1353_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return resolve(ctx, true);
}

static int grpc_1353_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return resolve(ctx, false);
}

WEIR_BUG(grpc_1353, "Mixed: channel and lock", WEIR_SIM_DEADLOCK, false);
