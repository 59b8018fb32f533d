/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 82239. Class: traditional, data race.
 *
 * A controller makes deep copies of a volume, one after the other, until it is told to stop; a test sleeps and then
 * adds an annotation to the same volume, without a lock. A copy that is being made meets an annotation that is
 * counted and not there yet. The sleep must end while the copies are made, so the clock must be free to run. The
 * original copies without end; six copies are enough here, and keep those schedules finite in which the clock
 * waits until all tasks do. Fix: a lock around the copy and the write. */
#include "bugs.h"

#define COPIES 6

struct volume {
	weir_mutex m;
	bool locks;
	uint64_t used, annotation; /* room for one */
	weir_rx *stopped;
};

static void deep_copy(weir_ctx *ctx, struct volume *v)
{
	if (v->locks)
		weir_mutex_lock(ctx, &v->m);
	if (WEIR_SIM_GET(v->used) == 1)
		WEIR_SIM_EQ(WEIR_SIM_GET(v->annotation), 82239);
	if (v->locks)
		weir_mutex_unlock(&v->m);
}

static int control(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct volume *v = arg;
	char nothing;
	(void)err;
	for (int i = 0; i < COPIES && weir_rx_try_recv(v->stopped, &nothing) == WEIR_EAGAIN; i++)
		deep_copy(ctx, v);
	return weir_rx_recv(ctx, v->stopped, &nothing);
}

static void annotate(weir_ctx *ctx, struct volume *v)
{
	if (v->locks)
		weir_mutex_lock(ctx, &v->m);
	WEIR_SIM_SET(v->used, 1);
	WEIR_SIM_SET(v->annotation, 82239);
	if (v->locks)
		weir_mutex_unlock(&v->m);
}

static int bind_volume(weir_ctx *ctx, bool locks)
{
	struct volume v = {.locks = locks};
	weir_tx *stop = NULL;
	weir_scope s;
	weir_mutex_init(&v.m, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_event, 0, &stop, &v.stopped);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "controller", control, &v);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	annotate(ctx, &v);
	weir_tx_close(&stop);
	bug_join(ctx, &s);
	weir_rx_close(&v.stopped);
	weir_mutex_fini(&v.m);
	return 0;
}

static int kubernetes_82239_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return bind_volume(ctx, false);
}

static int kubernetes_82239_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return bind_volume(ctx, true);
}

WEIR_BUG(kubernetes_82239, "Traditional: data race", WEIR_SIM_RACE, true);
