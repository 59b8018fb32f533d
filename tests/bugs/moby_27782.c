/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 27782. Class: communication deadlock, channel and condition variable.
 *
 * A reader of logs follows a file with the help of a watcher. Told to close, it waits on a condition for the file to
 * be removed, an event that never comes, and it was the only one to receive the watcher's events: the watcher waits in
 * its send. Fix: the reader does not wait for the removal, tells its watcher to end and leaves. */
#include "bugs.h"

struct follower {
	weir_scope s;
	weir_mutex m, handles;
	weir_cond removed;
	weir_once close_once;
	bool exists, registered, bad;
	weir_tx *events, *done, *closing;
	weir_rx *events_end, *done_end, *closing_end;
};

static int watch_file(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct follower *f = arg;
	int which = 0;
	(void)err;
	while (which == 0 && weir_rx_try_recv(f->done_end, NULL) == WEIR_EAGAIN) {
		WEIR_SIM_EQ(weir_sleep(ctx, 300), 0);
		weir_case cases[] = {weir_case_send(f->events, NULL), weir_case_recv(f->done_end, NULL)};
		which = weir_select(ctx, cases, 2);
	}
	return 0;
}

static int follow(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct follower *f = arg;
	(void)err;
	weir_mutex_lock(ctx, &f->handles);
	f->registered = true;
	weir_mutex_unlock(&f->handles);
	bug_spawn(&f->s, "watcher", watch_file, f);
	WEIR_SIM_EQ(weir_sleep(ctx, 300), 0);
	weir_case cases[] = {weir_case_recv(f->events_end, NULL), weir_case_recv(f->closing_end, NULL)};
	if (weir_select(ctx, cases, 2) == 1 && f->bad) {
		weir_mutex_lock(ctx, &f->m);
		while (f->exists)
			WEIR_SIM_EQ(weir_cond_wait(ctx, &f->removed, &f->m), 0);
		weir_mutex_unlock(&f->m);
	}
	weir_tx_close(&f->done);
	return 0;
}

static int close_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct follower *f = arg;
	(void)ctx, (void)err;
	weir_tx_close(&f->closing);
	return 0;
}

static void close_registered(weir_ctx *ctx, struct follower *f)
{
	weir_mutex_lock(ctx, &f->handles);
	if (f->registered)
		WEIR_SIM_EQ(weir_once_do(ctx, &f->close_once, close_it, f, NULL), 0);
	weir_mutex_unlock(&f->handles);
}

static int follow_logs(weir_ctx *ctx, bool bad)
{
	struct follower f = {.exists = true, .bad = bad};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_mutex_init(&f.m, rt);
	weir_mutex_init(&f.handles, rt);
	weir_cond_init(&f.removed, rt);
	weir_once_init(&f.close_once, rt);
	bug_chan(ctx, &bug_event, 0, &f.events, &f.events_end);
	bug_chan(ctx, &bug_event, 0, &f.done, &f.done_end);
	bug_chan(ctx, &bug_event, 0, &f.closing, &f.closing_end);
	weir_scope_init(&f.s, ctx);
	bug_spawn(&f.s, "reader", follow, &f);
	close_registered(ctx, &f);
	bug_join(ctx, &f.s);
	weir_tx_close(&f.events);
	weir_tx_close(&f.closing);
	weir_rx_close(&f.events_end);
	weir_rx_close(&f.done_end);
	weir_rx_close(&f.closing_end);
	weir_once_fini(&f.close_once);
	weir_cond_fini(&f.removed);
	weir_mutex_fini(&f.handles);
	weir_mutex_fini(&f.m);
	return 0;
}

static int moby_27782_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return follow_logs(ctx, true);
}

static int moby_27782_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return follow_logs(ctx, false);
}

WEIR_BUG(moby_27782, "Communication: channel and condition", WEIR_SIM_DEADLOCK, false);
