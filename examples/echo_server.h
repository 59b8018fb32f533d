/* SPDX-License-Identifier: MIT
 *
 * The echo server, without the world around it: it takes a listener and a descriptor for signals, and does not care who
 * made them. echo.c runs it on sockets, tests/sim/test_echo.c on the simulator's, with a cancel in every place.
 *
 *     main task: accepts --> one task per connection            signals task (^C)
 *         ^                        |
 *         +------ free slots ------+         a channel of `max` slots: no slot, no accept
 *
 * WHO OWNS WHAT
 *   a slot        whoever received it from the channel: the main task, then the connection's task, which gives it back
 *                 last of all. It holds the connection's descriptor and buffer, so memory is bounded by `max`.
 *   the listener  the main task, which closes it when it stops accepting: who comes later is refused by the system, and
 *                 is not left waiting for somebody who will not come.
 * What a connection did is counted in its slot, and read after the join.
 *
 * HOW IT ENDS
 *   work     everything. Ended by the second ^C.
 *   intake   accepting, a child of work. Ended by the first ^C.
 *   grace    made when accepting is over: the context of the join, which gives up on the connections when it ends.
 *   watch    waiting for signals, a child of work. Ended when there is nothing left to interrupt.
 * Two ^C that come before anybody looks are one signal: that is Unix, and a third will be the second.
 *
 * WHAT A CLIENT MAY RELY ON. It gets back what it sent, in order and from the first byte on. It gets all of it if it
 * half closes, reads to the end, and the server was not made to cut it off; being cut off is an end or a reset after a
 * part. */
#ifndef WEIR_EXAMPLES_ECHO_SERVER_H
#define WEIR_EXAMPLES_ECHO_SERVER_H

#include <string.h>
#include <weir/core.h>

struct echo_opts {
	size_t max;                    /* connections at once, at least one */
	int64_t grace_ns;              /* what they are given after the first ^C */
	void (*say)(const char *text); /* a line for people, or NULL */
};

/* accepted = finished + cut + failed. bytes: that were sent back. */
struct echo_report {
	uint64_t accepted, finished, cut, failed, bytes;
};

struct echo_conn;
WEIR_TYPE_PLAIN(echo_slot, struct echo_conn *);
WEIR_CHAN_DECLARE(echo_slot);

struct echo_conn {
	weir_fd fd;
	echo_slot_tx free; /* where the slot goes when the connection is over */
	struct echo_report did;
	unsigned char buf[4096];
};

struct echo_server {
	const struct echo_opts *opts;
	weir_ctx work, intake, watch;
	weir_fd signals;
	struct echo_conn *conns; /* opts->max of them */
	echo_slot_rx free;
};

/* Until the client says no more: 0. */
static int echo_back(weir_ctx *ctx, struct echo_conn *c)
{
	int n, written;
	while ((n = weir_fd_read(ctx, c->fd, c->buf, sizeof(c->buf))) > 0) {
		for (int at = 0; at < n; at += written) {
			written = weir_fd_write(ctx, c->fd, c->buf + at, (size_t)(n - at));
			if (written < 0)
				return written;
			c->did.bytes += (uint64_t)written;
		}
	}
	return n;
}

/* One client's trouble is not the server's: a task that failed would cancel its siblings. */
static int echo_connection(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct echo_conn *c = arg;
	int rc = echo_back(ctx, c);
	bool cut = rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE;
	weir_fd_close(weir_ctx_rt(ctx), &c->fd);
	c->did.finished += rc == 0;
	c->did.cut += cut;
	c->did.failed += rc < 0 && !cut;
	rc = echo_slot_tx_try_send(c->free, &c); /* not ours from here on; there is room for every slot */
	return rc < 0 ? weir_fail(err, rc, "giving back a slot") : 0;
}

static int echo_signals(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct echo_server *sv = arg;
	int rc = 0;
	(void)ctx; /* sv->watch is what ends this task */
	for (int n = 0; (rc = weir_signals_next(&sv->watch, sv->signals)) > 0; n++)
		weir_ctx_cancel_as(n == 0 ? &sv->intake : &sv->work, WEIR_CAUSE_SHUTDOWN, "interrupted");
	if (weir_ctx_err(&sv->watch) != 0)
		return 0;
	weir_ctx_cancel(&sv->work, "signals cannot be received"); /* nobody could stop us any more */
	return weir_fail(err, rc, "waiting for signals");
}

/* Accepts until intake ends (its code) or something fails. */
static int echo_accept(struct echo_server *sv, weir_fd listener, weir_scope *scope, weir_err *err)
{
	for (;;) {
		struct echo_conn *c;
		int rc = echo_slot_recv(&sv->intake, sv->free, &c);
		if (rc < 0)
			return rc;
		rc = weir_fd_accept(&sv->intake, listener, &c->fd);
		if (rc < 0)
			return rc == WEIR_ECANCELED ? rc : weir_fail(err, rc, "accepting a connection");
		c->did.accepted++;
		rc = weir_scope_spawn(scope, "connection", echo_connection, c);
		if (rc < 0) { /* c is still ours */
			c->did.cut += rc == WEIR_ECANCELED;
			c->did.failed += rc != WEIR_ECANCELED;
			weir_fd_close(weir_ctx_rt(&sv->work), &c->fd);
			return rc == WEIR_ECANCELED ? rc : weir_fail(err, rc, "starting a connection");
		}
	}
}

/* Connections until the first ^C, then their end. Takes *listener. */
static int echo_run(struct echo_server *sv, weir_fd *listener, weir_err *err)
{
	weir_rt *rt = weir_ctx_rt(&sv->work);
	weir_scope connections;
	weir_ctx grace;
	weir_scope_init(&connections, &sv->work);
	int rc = echo_accept(sv, *listener, &connections, err);
	weir_fd_close(rt, listener);
	if (rc == WEIR_ECANCELED) { /* asked to stop: no failure */
		rc = 0;
		if (sv->opts->say)
			sv->opts->say("stopping: no new connections; once more to cut off the open ones");
	}
	weir_ctx_init(&grace, &sv->work, weir_time_add(weir_rt_now(rt), sv->opts->grace_ns));
	rc = weir_scope_join(&grace, &connections, rc, err); /* cancels them when grace or work ends, and waits */
	weir_ctx_fini(&grace);
	return rc == WEIR_ECANCELED ? 0 : rc; /* work ended: the second ^C */
}

/* All slots with their way back, in the channel; or none. */
static int echo_slots_open(struct echo_server *sv, weir_rt *rt)
{
	size_t max = sv->opts->max;
	echo_slot_tx tx = {0};
	if (max == 0 || max > SIZE_MAX / sizeof(*sv->conns))
		return WEIR_EINVAL;
	sv->conns = weir_rt_alloc(rt, max * sizeof(*sv->conns));
	if (!sv->conns)
		return WEIR_ENOMEM;
	memset(sv->conns, 0, max * sizeof(*sv->conns));
	int rc = echo_slot_chan_new(rt, max, &tx, &sv->free);
	for (size_t i = 0; rc == 0 && i < max; i++) {
		struct echo_conn *c = &sv->conns[i];
		c->fd = WEIR_FD_NONE;
		rc = echo_slot_tx_clone(tx, &c->free);
		if (rc == 0)
			rc = echo_slot_tx_try_send(c->free, &c);
	}
	echo_slot_tx_close(&tx);
	return rc;
}

/* Of all slots, also half opened ones; adds up what was done. */
static void echo_slots_close(struct echo_server *sv, weir_rt *rt, struct echo_report *sum)
{
	for (size_t i = 0; sv->conns && i < sv->opts->max; i++) {
		struct echo_conn *c = &sv->conns[i];
		sum->accepted += c->did.accepted;
		sum->finished += c->did.finished;
		sum->cut += c->did.cut;
		sum->failed += c->did.failed;
		sum->bytes += c->did.bytes;
		echo_slot_tx_close(&c->free);
	}
	echo_slot_rx_close(&sv->free);
	weir_rt_release(rt, sv->conns);
}

/* Serves until signals says to stop, and returns when every connection is over. Takes *listener; signals stays the
 * caller's. *report is written in any case. 0: it was stopped by signals, whatever became of the connections. */
static int echo_serve(weir_ctx *ctx, weir_fd *listener, weir_fd signals, const struct echo_opts *opts,
		      struct echo_report *report, weir_err *err)
{
	struct echo_server sv = {.opts = opts, .signals = signals};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope scope;
	*report = (struct echo_report){0};
	weir_ctx_init(&sv.work, ctx, WEIR_FOREVER);
	weir_ctx_init(&sv.intake, &sv.work, WEIR_FOREVER);
	weir_ctx_init(&sv.watch, &sv.work, WEIR_FOREVER);
	weir_scope_init(&scope, ctx);
	int rc = echo_slots_open(&sv, rt);
	if (rc == 0)
		rc = weir_scope_spawn(&scope, "signals", echo_signals, &sv);
	rc = rc < 0 ? weir_fail(err, rc, "starting to serve %zu connections", opts->max) : echo_run(&sv, listener, err);
	weir_fd_close(rt, listener);
	weir_ctx_cancel(&sv.watch, "nothing to interrupt any more");
	rc = weir_scope_join(ctx, &scope, rc, err);
	echo_slots_close(&sv, rt, report);
	weir_ctx_fini(&sv.watch);
	weir_ctx_fini(&sv.intake);
	weir_ctx_fini(&sv.work);
	return rc;
}

#endif
