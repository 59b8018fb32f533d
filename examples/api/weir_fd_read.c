/* SPDX-License-Identifier: MIT
 *
 * weir_fd_read: reads to the end: a read may give less than was asked for, 0 is the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int fds[2], rc;
	size_t length = 0;
	char text[32];
	(void)err, (void)arg;
	CHECK(pipe(fds) == 0);
	CHECK(write(fds[1], "hello, ", 7) == 7 && write(fds[1], "world", 5) == 5);
	weir_fd_close(weir_ctx_rt(ctx), &fds[1]);
	while ((rc = weir_fd_read(ctx, fds[0], text + length, 4)) > 0) /* in pieces, to show the loop */
		length += (size_t)rc;
	CHECK(rc == 0 && length == 12 && memcmp(text, "hello, world", 12) == 0);
	weir_fd_close(weir_ctx_rt(ctx), &fds[0]);
	CHECK(weir_fd_read(ctx, fds[0], text, 4) == WEIR_EBADF);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
