/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 33781. Class: communication deadlock, channel and context.
 *
 * A monitor probes a container every 50 ns; each probe is a task that sends its result. Told to stop while a probe is
 * under way, the monitor leaves without receiving, and the probe waits in its send for ever. With weir it would be
 * enough to close the receiving end, which this path forgets too. The stop must come between the start of a probe and
 * its result; both are due at the same virtual time, so their order is a choice and no timer needs to fire early. Fix:
 * close the end (the original receives the result on that path). */
#include "bugs.h"

struct monitor {
	weir_scope s;
	weir_tx *stop;
	weir_rx *stop_end;
	bool bad;
};

static int64_t in_50(weir_ctx *ctx)
{
	return weir_rt_now(weir_ctx_rt(ctx)) + 50;
}

static int probe(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *result = arg;
	(void)err;
	int rc = weir_tx_send(ctx, result, &(int){0});
	weir_tx_close(&result);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EPIPE);
	return 0;
}

/* False: was told to stop. */
static bool probe_once(weir_ctx *ctx, struct monitor *m)
{
	weir_ctx limit;
	weir_tx *result = NULL;
	weir_rx *result_end = NULL;
	int got;
	bug_chan(ctx, &bug_num, 0, &result, &result_end);
	bug_spawn(&m->s, "probe", probe, result);
	weir_ctx_init(&limit, ctx, in_50(ctx));
	weir_case cases[] = {weir_case_recv(m->stop_end, NULL), weir_case_recv(result_end, &got),
			     weir_case_ctx(&limit)};
	int which = weir_select(ctx, cases, 3);
	weir_ctx_cancel(&limit, "the probe is over");
	if (which == 2)
		WEIR_SIM_EQ(weir_rx_recv(ctx, result_end, &got), 1);
	if (which != 0 || !m->bad)
		weir_rx_close(&result_end);
	weir_ctx_fini(&limit);
	return which != 0;
}

static int monitor(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct monitor *m = arg;
	(void)err;
	for (;;) {
		weir_case cases[] = {weir_case_recv(m->stop_end, NULL), weir_case_timer(in_50(ctx))};
		if (weir_select(ctx, cases, 2) == 0 || !probe_once(ctx, m))
			return 0;
	}
}

static int stop_later(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct monitor *m = arg;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, 50), 0);
	return weir_tx_send(ctx, m->stop, NULL);
}

static int monitor_health(weir_ctx *ctx, bool bad)
{
	struct monitor m = {.bad = bad};
	bug_chan(ctx, &bug_event, 0, &m.stop, &m.stop_end);
	weir_scope_init(&m.s, ctx);
	bug_spawn(&m.s, "monitor", monitor, &m);
	bug_spawn(&m.s, "stopper", stop_later, &m);
	bug_join(ctx, &m.s);
	weir_tx_close(&m.stop);
	weir_rx_close(&m.stop_end);
	return 0;
}

static int moby_33781_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return monitor_health(ctx, true);
}

static int moby_33781_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return monitor_health(ctx, false);
}

WEIR_BUG(moby_33781, "Communication: channel and context", WEIR_SIM_DEADLOCK, false);
