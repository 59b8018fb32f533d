/* SPDX-License-Identifier: MIT
 *
 * weir_fd_close: closes what is open, and forgets it; one exit path does, whether it was ever open or not. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int fds[2] = {WEIR_FD_NONE, WEIR_FD_NONE};
	char byte;
	(void)err, (void)arg;
	int rc = pipe(fds) == 0 ? 0 : WEIR_EIO;
	weir_fd_close(weir_ctx_rt(ctx), &fds[1]);
	CHECK(fds[1] == WEIR_FD_NONE);
	if (rc == 0)
		rc = weir_fd_read(ctx, fds[0], &byte, 1);
	CHECK(rc == 0); /* the other end was closed: the end */
	weir_fd_close(weir_ctx_rt(ctx), &fds[0]);
	weir_fd_close(weir_ctx_rt(ctx), &fds[0]); /* WEIR_FD_NONE by now: allowed */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
