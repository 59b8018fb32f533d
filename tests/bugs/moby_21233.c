/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 21233. Class: communication deadlock, channel.
 *
 * Transfers report progress to one receiver, which leaves after an error without saying that it is finished: a
 * transfer waits in its send, who waits for the transfer waits with it, and at the end so does who waits for the
 * receiver. With weir a receiver that closed its end as it left would free the transfers (WEIR_EPIPE); here it forgets
 * both ends. Whether there is progress to report and whether the receiver fails are choices of the schedule. Fix: it
 * goes on receiving until the stream ends. */
#include "bugs.h"

#define TRANSFERS 3

struct transfer {
	weir_mutex m;
	bool released;
	weir_tx *progress, *signal, *release, *running;
	weir_rx *signal_end, *release_end, *running_end;
};

struct download {
	struct transfer all[TRANSFERS];
	weir_tx *progress, *finished;
	weir_rx *progress_end, *finished_end;
	bool bad;
};

static int transfer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct transfer *t = arg;
	(void)err;
	for (bool done = false; !done;) {
		weir_mutex_lock(ctx, &t->m);
		done = t->released;
		weir_mutex_unlock(&t->m);
		if (weir_sim_choose(2, "whether there is progress"))
			WEIR_SIM_EQ(weir_tx_send(ctx, t->progress, NULL), 0);
		if (done)
			break;
		weir_case cases[] = {weir_case_recv(t->signal_end, NULL), weir_case_recv(t->release_end, NULL)};
		if (weir_select(ctx, cases, 2) == 1)
			t->released = true;
	}
	weir_tx_close(&t->running);
	weir_tx_close(&t->progress);
	return 0;
}

static int show_progress(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct download *d = arg;
	(void)err;
	while (weir_rx_recv(ctx, d->progress_end, NULL) == 1)
		if (d->bad && weir_sim_choose(2, "whether showing progress fails"))
			return 0;
	weir_tx_close(&d->finished);
	return 0;
}

static void open_transfer(weir_ctx *ctx, struct transfer *t, weir_tx *progress)
{
	weir_mutex_init(&t->m, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_event, 0, &t->signal, &t->signal_end);
	bug_chan(ctx, &bug_event, 0, &t->release, &t->release_end);
	bug_chan(ctx, &bug_event, 0, &t->running, &t->running_end);
	WEIR_SIM_EQ(weir_tx_clone(progress, 1, &t->progress), 0);
}

static void close_transfer(struct transfer *t)
{
	weir_tx_close(&t->signal);
	weir_rx_close(&t->signal_end);
	weir_rx_close(&t->release_end);
	weir_rx_close(&t->running_end);
	weir_mutex_fini(&t->m);
}

static int transfer_all(weir_ctx *ctx, bool bad)
{
	struct download d = {.bad = bad};
	weir_scope s;
	bug_chan(ctx, &bug_event, 0, &d.progress, &d.progress_end);
	bug_chan(ctx, &bug_event, 0, &d.finished, &d.finished_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "progress", show_progress, &d);
	for (int i = 0; i < TRANSFERS; i++) {
		open_transfer(ctx, &d.all[i], d.progress);
		bug_spawn(&s, "transfer", transfer, &d.all[i]);
	}
	for (int i = 0; i < TRANSFERS; i++) {
		weir_tx_close(&d.all[i].release);
		WEIR_SIM_EQ(weir_rx_recv(ctx, d.all[i].running_end, NULL), 0);
	}
	weir_tx_close(&d.progress);
	WEIR_SIM_EQ(weir_rx_recv(ctx, d.finished_end, NULL), 0);
	bug_join(ctx, &s);
	for (int i = 0; i < TRANSFERS; i++)
		close_transfer(&d.all[i]);
	weir_rx_close(&d.progress_end);
	weir_rx_close(&d.finished_end);
	return 0;
}

static int moby_21233_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return transfer_all(ctx, true);
}

static int moby_21233_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return transfer_all(ctx, false);
}

WEIR_BUG(moby_21233, "Communication: channel", WEIR_SIM_DEADLOCK, false);
