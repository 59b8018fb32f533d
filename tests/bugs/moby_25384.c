/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 25384. Class: mixed deadlock, misuse of a wait group.
 *
 * All plugins are added to the wait group at once, a task for each is started in a loop, and the wait is inside of the
 * loop: the first one waits for tasks that are not started yet. Fix: wait after the loop. */
#include "bugs.h"

#define PLUGINS 2

static int restore(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_wg_done(arg);
	return 0;
}

static int init_plugins(weir_ctx *ctx, bool bad)
{
	weir_wg g;
	weir_scope s;
	weir_wg_init(&g, weir_ctx_rt(ctx));
	weir_wg_add(&g, PLUGINS);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < PLUGINS; i++) {
		bug_spawn(&s, "plugin", restore, &g);
		if (bad)
			WEIR_SIM_EQ(weir_wg_wait(ctx, &g), 0);
	}
	WEIR_SIM_EQ(weir_wg_wait(ctx, &g), 0);
	bug_join(ctx, &s);
	weir_wg_fini(&g);
	return 0;
}

static int moby_25384_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return init_plugins(ctx, true);
}

static int moby_25384_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return init_plugins(ctx, false);
}

WEIR_BUG(moby_25384, "Mixed: misuse of a wait group", WEIR_SIM_DEADLOCK, false);
