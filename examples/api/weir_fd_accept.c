/* SPDX-License-Identifier: MIT
 *
 * weir_fd_accept: takes a connection of a listening socket, which must not be in blocking mode. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	weir_ctx limit;
	weir_fd conn = WEIR_FD_NONE;
	(void)err, (void)arg;
	weir_fd listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 8) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&at, &size) == 0);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	CHECK(weir_fd_accept(&limit, listener, &conn) == WEIR_EDEADLINE && conn == WEIR_FD_NONE); /* nobody comes */
	weir_ctx_fini(&limit);
	CHECK(connect(client, (struct sockaddr *)&at, size) == 0);
	CHECK(weir_fd_accept(ctx, listener, &conn) == 0);
	char byte;
	CHECK(weir_fd_write(ctx, client, "!", 1) == 1 && weir_fd_read(ctx, conn, &byte, 1) == 1 && byte == '!');
	weir_fd_close(weir_ctx_rt(ctx), &conn);
	weir_fd_close(weir_ctx_rt(ctx), &client);
	weir_fd_close(weir_ctx_rt(ctx), &listener);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
