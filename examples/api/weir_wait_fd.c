/* SPDX-License-Identifier: MIT
 *
 * weir_wait_fd: waits for a descriptor, to use calls of the system on it; the context ends the wait. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int fds[2];
	weir_ctx limit;
	(void)err, (void)arg;
	CHECK(pipe(fds) == 0);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	CHECK(weir_wait_fd(&limit, fds[0], POLLIN) == WEIR_EDEADLINE); /* nobody writes */
	weir_ctx_fini(&limit);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(weir_wait_fd(ctx, fds[0], POLLIN) & POLLIN);
	CHECK(weir_wait_fd(ctx, fds[0], 0) == WEIR_EINVAL); /* wait for what? */
	weir_fd_close(weir_ctx_rt(ctx), &fds[0]);
	weir_fd_close(weir_ctx_rt(ctx), &fds[1]);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
