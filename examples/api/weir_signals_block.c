/* SPDX-License-Identifier: MIT
 *
 * weir_signals_block: from main, before the first thread: then signals can be received by a task, and take no default
 * action. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const int signals[] = {SIGUSR1, SIGTERM};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_fd fd = WEIR_FD_NONE;
	int rc = weir_signals_open(weir_ctx_rt(ctx), signals, 2, &fd);
	(void)arg;
	if (rc < 0)
		return weir_fail(err, rc, "no descriptor for signals");
	CHECK(kill(getpid(), SIGTERM) == 0); /* would end a process that has not blocked it */
	CHECK(weir_signals_next(ctx, fd) == SIGTERM);
	weir_fd_close(weir_ctx_rt(ctx), &fd);
	return 0;
}

int main(void)
{
	CHECK(weir_signals_block(&(int){-1}, 1) == WEIR_EINVAL);
	CHECK(weir_signals_block(signals, 2) == 0);
	return weir_main(app, NULL);
}
