/* SPDX-License-Identifier: MIT
 *
 * weir_signals_open: signals as something to read: a descriptor for those that main has blocked. */
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
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_fd fd = WEIR_FD_NONE;
	(void)err, (void)arg;
	CHECK(weir_signals_open(rt, &(int){SIGUSR2}, 1, &fd) == WEIR_EINVAL); /* not blocked: it would be missed */
	CHECK(fd == WEIR_FD_NONE);
	CHECK(weir_signals_open(rt, signals, 2, &fd) == 0);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(weir_signals_next(ctx, fd) == SIGUSR1);
	weir_fd_close(rt, &fd);
	return 0;
}

int main(void)
{
	if (weir_signals_block(signals, 2) < 0) /* before there is a second thread */
		return 1;
	return weir_main(app, NULL);
}
