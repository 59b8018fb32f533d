/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 38669. Class: communication deadlock, channel.
 *
 * A cache watcher first sends its initial events and then serves its input until that is closed. Whoever stops it
 * closes the input, but a watcher that nobody reads is still in its first send. With weir a reader that closes its end
 * would free it (WEIR_EPIPE); here, as in the original, the reader only stops reading. Fix: the sends select on a stop
 * event. */
#include "bugs.h"

struct watcher {
	weir_mutex m;
	bool stopped, bad;
	weir_tx *input, *result, *quit;
	weir_rx *input_end, *result_end, *quit_end;
};

static void stop(weir_ctx *ctx, struct watcher *w)
{
	weir_mutex_lock(ctx, &w->m);
	if (!w->stopped) {
		w->stopped = true;
		weir_tx_close(&w->input);
		weir_tx_close(&w->quit);
	}
	weir_mutex_unlock(&w->m);
}

static int process(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct watcher *w = arg;
	int event;
	(void)err;
	for (event = 1; event <= 2; event++) {
		weir_case cases[] = {weir_case_send(w->result, &event), weir_case_recv(w->quit_end, NULL)};
		WEIR_SIM_ASSERT(weir_select(ctx, cases, w->bad ? 1 : 2) >= 0); /* of one case: a plain send */
	}
	while (weir_rx_recv(ctx, w->input_end, &event) == 1)
		;
	stop(ctx, w);
	weir_tx_close(&w->result);
	return 0;
}

static int watch_and_stop(weir_ctx *ctx, bool bad)
{
	struct watcher w = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&w.m, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_num, 0, &w.input, &w.input_end);
	bug_chan(ctx, &bug_num, 0, &w.result, &w.result_end);
	bug_chan(ctx, &bug_event, 0, &w.quit, &w.quit_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "watcher", process, &w);
	stop(ctx, &w);
	bug_join(ctx, &s);
	weir_rx_close(&w.input_end);
	weir_rx_close(&w.result_end);
	weir_rx_close(&w.quit_end);
	weir_mutex_fini(&w.m);
	return 0;
}

static int kubernetes_38669_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return watch_and_stop(ctx, true);
}

static int kubernetes_38669_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return watch_and_stop(ctx, false);
}

WEIR_BUG(kubernetes_38669, "Communication: channel", WEIR_SIM_DEADLOCK, false);
