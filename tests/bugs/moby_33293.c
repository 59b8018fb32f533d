/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 33293. Class: communication deadlock, channel.
 *
 * A function makes a channel for errors and, where one occurs (a choice of the schedule), sends it there before it
 * returns the channel: the only one who could receive is the caller it has not returned to. Fix: room for one error. */
#include "bugs.h"

static weir_rx *start_mount(weir_ctx *ctx, bool bad)
{
	weir_tx *errors = NULL;
	weir_rx *errors_end = NULL;
	bug_chan(ctx, &bug_num, bad ? 0 : 1, &errors, &errors_end);
	if (weir_sim_choose(2, "whether mounting fails"))
		WEIR_SIM_EQ(weir_tx_send(ctx, errors, &(int){WEIR_EIO}), 0);
	weir_tx_close(&errors);
	return errors_end;
}

static int mount_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	const bool *bad = arg;
	int got = 0;
	(void)err;
	weir_rx *errors = start_mount(ctx, *bad);
	int rc = weir_rx_recv(ctx, errors, &got);
	WEIR_SIM_ASSERT(rc == 0 || (rc == 1 && got == WEIR_EIO));
	weir_rx_close(&errors);
	return 0;
}

static int mount_plugin(weir_ctx *ctx, bool bad)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "mount", mount_it, &bad);
	bug_join(ctx, &s);
	return 0;
}

static int moby_33293_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return mount_plugin(ctx, true);
}

static int moby_33293_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return mount_plugin(ctx, false);
}

WEIR_BUG(moby_33293, "Communication: channel", WEIR_SIM_DEADLOCK, false);
