/* SPDX-License-Identifier: MIT
 *
 * Origin: etcd-io/etcd, pull request 7443. Class: mixed deadlock, channel and lock.
 *
 * A balancer pins the first address that comes up and announces what is to be connected on a channel with room for
 * one, with a blocking send, under its lock. The only task that receives, the watcher, opens and tears down
 * connections, and tearing down calls the balancer: it waits for the lock of a sender that waits for it, or sends
 * itself. Address 0 is also what "no address is pinned" is written as, so announcements pile up. A send after the
 * close would be a crash in the original; in weir the handle is NULL then and the send says WEIR_EBADF, which this
 * program takes for an answer. Fix: take out an announcement that nobody has received and send without blocking; none
 * after the close. */
#include "bugs.h"

#define ADDRESSES 3
#define EVERY ((1 << ADDRESSES) - 1) /* a set of addresses, one bit each */
#define CONNS 24

struct client;

struct conn {
	struct client *c;
	weir_mutex m;
	int address;
};

struct client {
	weir_scope s;
	weir_mutex balancer, table;
	bool closed, gone, bad;
	int pin, present, n_conns;
	struct conn conns[CONNS], *at[ADDRESSES];
	weir_tx *notify, *stopped;
	weir_rx *notify_end, *drain_end, *stopped_end;
};

/* The balancer's lock is held. */
static void announce(weir_ctx *ctx, struct client *c, int set)
{
	int rc = 0, old;
	if (c->bad) {
		rc = weir_tx_send(ctx, c->notify, &set);
	} else if (!c->closed) {
		rc = weir_rx_try_recv(c->drain_end, &old);
		WEIR_SIM_ASSERT(rc == 1 || rc == WEIR_EAGAIN);
		rc = weir_tx_try_send(c->notify, &set);
	}
	WEIR_SIM_ASSERT(rc == 0 || (c->bad && c->closed && rc == WEIR_EBADF));
}

static int come_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct conn *conn = arg;
	struct client *c = conn->c;
	(void)err;
	weir_mutex_lock(ctx, &conn->m);
	weir_mutex_lock(ctx, &c->balancer);
	if (!c->closed && c->pin == 0) {
		c->pin = conn->address;
		announce(ctx, c, 1 << conn->address);
	}
	weir_mutex_unlock(&c->balancer);
	weir_mutex_unlock(&conn->m);
	return 0;
}

static void tear_down(weir_ctx *ctx, struct conn *conn)
{
	struct client *c = conn->c;
	weir_mutex_lock(ctx, &conn->m);
	weir_mutex_lock(ctx, &c->balancer);
	if (c->pin == conn->address) {
		c->pin = 0;
		announce(ctx, c, EVERY);
	}
	weir_mutex_unlock(&c->balancer);
	weir_mutex_unlock(&conn->m);
}

/* False: there is no table any more. */
static bool open_conn(weir_ctx *ctx, struct client *c, int address)
{
	weir_mutex_lock(ctx, &c->table);
	bool gone = c->gone;
	if (!gone) {
		WEIR_SIM_ASSERT(c->n_conns < CONNS);
		struct conn *conn = &c->conns[c->n_conns++];
		*conn = (struct conn){.c = c, .address = address};
		weir_mutex_init(&conn->m, weir_ctx_rt(ctx));
		c->at[address] = conn;
		c->present |= 1 << address;
		bug_spawn(&c->s, "connection", come_up, conn);
	}
	weir_mutex_unlock(&c->table);
	return !gone;
}

static int watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	struct conn *at[ADDRESSES];
	int set;
	(void)err;
	while (weir_rx_recv(ctx, c->notify_end, &set) == 1) {
		weir_mutex_lock(ctx, &c->table);
		int fresh = set & ~c->present, vanished = c->present & ~set;
		c->present &= set;
		for (int i = 0; i < ADDRESSES; i++)
			at[i] = c->at[i];
		weir_mutex_unlock(&c->table);
		for (int i = 0; i < ADDRESSES; i++)
			if ((fresh >> i & 1) && !open_conn(ctx, c, i))
				return 0;
		for (int i = 0; i < ADDRESSES; i++)
			if (vanished >> i & 1)
				tear_down(ctx, at[i]);
	}
	return 0;
}

static void close_balancer(weir_ctx *ctx, struct client *c)
{
	weir_mutex_lock(ctx, &c->balancer);
	c->closed = true;
	c->pin = 0;
	weir_tx_close(&c->notify);
	weir_mutex_unlock(&c->balancer);
}

static int stop_balancer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	(void)err;
	close_balancer(ctx, c);
	weir_tx_close(&c->stopped);
	return 0;
}

static int close_conns(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	(void)err;
	weir_mutex_lock(ctx, &c->table);
	int present = c->present;
	c->gone = true;
	c->present = 0;
	weir_mutex_unlock(&c->table);
	close_balancer(ctx, c);
	for (int i = 0; i < ADDRESSES; i++)
		if (present >> i & 1)
			tear_down(ctx, c->at[i]);
	return 0;
}

static int run_client(weir_ctx *ctx, bool bad)
{
	struct client c = {.bad = bad};
	weir_mutex_init(&c.balancer, weir_ctx_rt(ctx));
	weir_mutex_init(&c.table, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_num, 1, &c.notify, &c.notify_end);
	WEIR_SIM_EQ(weir_rx_clone(c.notify_end, 1, &c.drain_end), 0);
	bug_chan(ctx, &bug_event, 0, &c.stopped, &c.stopped_end);
	WEIR_SIM_EQ(weir_tx_send(ctx, c.notify, &(int){EVERY}), 0);
	weir_scope_init(&c.s, ctx);
	bug_spawn(&c.s, "watcher", watch, &c);
	bug_spawn(&c.s, "balancer", stop_balancer, &c);
	bug_spawn(&c.s, "closer", close_conns, &c);
	WEIR_SIM_EQ(weir_rx_recv(ctx, c.stopped_end, NULL), 0);
	bug_join(ctx, &c.s);
	for (int i = 0; i < c.n_conns; i++)
		weir_mutex_fini(&c.conns[i].m);
	weir_rx_close(&c.notify_end);
	weir_rx_close(&c.drain_end);
	weir_rx_close(&c.stopped_end);
	weir_mutex_fini(&c.table);
	weir_mutex_fini(&c.balancer);
	return 0;
}

static int etcd_7443_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_client(ctx, true);
}

static int etcd_7443_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_client(ctx, false);
}

WEIR_BUG(etcd_7443, "Mixed: channel and lock", WEIR_SIM_DEADLOCK, false);
