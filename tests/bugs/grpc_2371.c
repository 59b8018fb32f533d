/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 2371. Class: Go-specific, misuse of a channel.
 *
 * Closing a connection clears its balancer; an update that comes later uses the balancer, which is null by then. Both
 * do so under the same lock, which keeps them apart and says nothing about their order. In Go this crashes. Here the
 * balancer is the two ends of its channel: close leaves NULL behind, and a send through NULL is WEIR_EBADF and no
 * crash, so the bug is an update that is lost. Fix: look, under the lock, whether the balancer is still there. */
#include "bugs.h"

#define CONNECTIONS 10

struct connection {
	weir_rwlock m;
	weir_tx *update; /* under m; NULL: closed */
	weir_rx *updates;
	bool looks;
};

static int update_state(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct connection *c = arg;
	int old;
	(void)err;
	weir_rwlock_write_lock(ctx, &c->m);
	if (c->update || !c->looks) {
		while (weir_rx_try_recv(c->updates, &old) > 0)
			; /* only the newest counts */
		WEIR_SIM_EQ(weir_tx_try_send(c->update, &(int){1}), 0);
	}
	weir_rwlock_write_unlock(&c->m);
	return 0;
}

static int close_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct connection *c = arg;
	(void)err;
	weir_rwlock_write_lock(ctx, &c->m);
	weir_tx_close(&c->update);
	weir_rx_close(&c->updates);
	weir_rwlock_write_unlock(&c->m);
	return 0;
}

static int resolve(weir_ctx *ctx, bool looks)
{
	struct connection all[CONNECTIONS];
	weir_scope s;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < CONNECTIONS; i++) {
		all[i] = (struct connection){.looks = looks};
		weir_rwlock_init(&all[i].m, weir_ctx_rt(ctx));
		bug_chan(ctx, &bug_num, 1, &all[i].update, &all[i].updates);
		bug_spawn(&s, "update", update_state, &all[i]);
		bug_spawn(&s, "close", close_one, &all[i]);
	}
	bug_join(ctx, &s);
	for (int i = 0; i < CONNECTIONS; i++)
		weir_rwlock_fini(&all[i].m);
	return 0;
}

static int grpc_2371_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return resolve(ctx, false);
}

static int grpc_2371_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return resolve(ctx, true);
}

WEIR_BUG(grpc_2371, "Go-specific: misuse of a channel", WEIR_SIM_ASSERTION, false);
