/* SPDX-License-Identifier: MIT
 *
 * weir_signals_next: a task that waits for signals, and ends the work when it is told to. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const int signals[] = {SIGUSR1, SIGTERM};

static int watch_signals(weir_ctx *ctx, weir_err *err, void *work)
{
	weir_fd fd = WEIR_FD_NONE;
	int rc = weir_signals_open(weir_ctx_rt(ctx), signals, 2, &fd);
	(void)err;
	if (rc == 0)
		rc = weir_signals_next(ctx, fd); /* its number, or an error */
	if (rc == SIGTERM)
		weir_ctx_cancel_as(work, WEIR_CAUSE_SHUTDOWN, "SIGTERM");
	weir_fd_close(weir_ctx_rt(ctx), &fd);
	return rc < 0 ? rc : 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx work;
	weir_scope s;
	(void)err, (void)arg;
	weir_ctx_init(&work, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "signals", watch_signals, &work) == 0);
	CHECK(kill(getpid(), SIGTERM) == 0); /* as an operator would */
	CHECK(weir_sleep(&work, WEIR_SEC(3600)) == WEIR_ECANCELED);
	CHECK(weir_ctx_cause(&work, NULL) == WEIR_CAUSE_SHUTDOWN);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_ctx_fini(&work);
	return 0;
}

int main(void)
{
	if (weir_signals_block(signals, 2) < 0) /* before there is a second thread */
		return 1;
	return weir_main(app, NULL);
}
