/* SPDX-License-Identifier: MIT
 *
 * weir_fd_shut: half close: the request is complete, and the answer can still be read. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int two[2];
	char answer[8];
	(void)err, (void)arg;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, two) == 0);
	CHECK(weir_fd_write(ctx, two[0], "ping", 4) == 4);
	CHECK(weir_fd_shut(weir_ctx_rt(ctx), two[0]) == 0);
	CHECK(weir_fd_read(ctx, two[1], answer, sizeof(answer)) == 4);
	CHECK(weir_fd_read(ctx, two[1], answer, sizeof(answer)) == 0); /* the peer sees the end, */
	CHECK(weir_fd_write(ctx, two[1], "pong", 4) == 4);             /* and answers */
	CHECK(weir_fd_read(ctx, two[0], answer, sizeof(answer)) == 4 && answer[1] == 'o');
	weir_fd_close(weir_ctx_rt(ctx), &two[1]);
	weir_fd_close(weir_ctx_rt(ctx), &two[0]);
	CHECK(weir_fd_shut(weir_ctx_rt(ctx), two[0]) == WEIR_EBADF);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
