/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 9935. Class: resource deadlock, double locking on an error path.
 *
 * The logger makes its file under its lock. Where that fails (three times out of four here, a choice of the schedule)
 * it calls its exit routine, which takes the lock again. In weir that is misuse rather than a hang. Fix: unlock before
 * the exit routine. */
#include "bugs.h"

struct logger {
	weir_mutex m;
	bool exited, bad;
};

static void leave(weir_ctx *ctx, struct logger *l)
{
	weir_mutex_lock(ctx, &l->m);
	l->exited = true;
	weir_mutex_unlock(&l->m);
}

static int output(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct logger *l = arg;
	(void)err;
	weir_mutex_lock(ctx, &l->m);
	bool failed = weir_sim_choose(4, "creating the log file fails unless 0") != 0;
	if (failed && l->bad)
		leave(ctx, l);
	weir_mutex_unlock(&l->m);
	if (failed && !l->bad)
		leave(ctx, l);
	return 0;
}

static int run_logger(weir_ctx *ctx, bool bad)
{
	struct logger l = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&l.m, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "output", output, &l);
	bug_join(ctx, &s);
	weir_mutex_fini(&l.m);
	return 0;
}

static int cockroach_9935_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_logger(ctx, true);
}

static int cockroach_9935_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_logger(ctx, false);
}

WEIR_BUG(cockroach_9935, "Resource: double locking", WEIR_SIM_MISUSE, false);
