/* SPDX-License-Identifier: MIT
 *
 * Origin: istio/istio, pull request 8967. Class: Go-specific, misuse of a channel.
 *
 * A source is told to stop by closing a channel that its task finds in a field, and then the field is cleared. The
 * task reads the field each time it waits; if it comes late it finds null, and waits for nothing for ever. In Go a
 * null channel blocks in every operation. Here only a select does that, as a case without a handle is switched off; a
 * plain receive would return WEIR_EBADF. Fix: do not clear the field. */
#include "bugs.h"

struct source {
	weir_tx *stop;
	weir_rx *stopped;
	weir_rx *field; /* stopped, or NULL */
};

static int serve(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct source *source = arg;
	char nothing;
	(void)err;
	for (;;) {
		weir_case stopped = weir_case_recv(WEIR_SIM_GET(source->field), &nothing);
		int rc = weir_select(ctx, &stopped, 1);
		if (rc < 0 || stopped.rc == 0)
			return rc;
	}
}

static int stop_source(weir_ctx *ctx, bool clears)
{
	struct source source = {.stop = NULL};
	weir_scope s;
	bug_chan(ctx, &bug_event, 0, &source.stop, &source.stopped);
	WEIR_SIM_SET(source.field, source.stopped);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "source", serve, &source);
	weir_tx_close(&source.stop);
	weir_rt_yield(weir_ctx_rt(ctx)); /* whatever else there is to stop */
	if (clears)
		WEIR_SIM_SET(source.field, NULL);
	bug_join(ctx, &s);
	weir_rx_close(&source.stopped);
	return 0;
}

static int istio_8967_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return stop_source(ctx, true);
}

static int istio_8967_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return stop_source(ctx, false);
}

WEIR_BUG(istio_8967, "Go-specific: misuse of a channel", WEIR_SIM_RACE, false);
