/* SPDX-License-Identifier: MIT
 *
 * weir_fd_write: writes all there is: a write may take less than it was given; a context ends it where there is no
 * room. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int write_all(weir_ctx *ctx, weir_fd fd, const char *text, size_t n)
{
	while (n > 0) {
		int rc = weir_fd_write(ctx, fd, text, n);
		if (rc < 0)
			return rc;
		text += rc;
		n -= (size_t)rc;
	}
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int fds[2];
	weir_ctx limit;
	static const char zeros[1 << 16];
	(void)err, (void)arg;
	CHECK(pipe(fds) == 0);
	CHECK(write_all(ctx, fds[1], "hello", 5) == 0);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(500)));
	CHECK(write_all(&limit, fds[1], zeros, sizeof(zeros)) == WEIR_EDEADLINE); /* nobody reads */
	weir_ctx_fini(&limit);
	weir_fd_close(weir_ctx_rt(ctx), &fds[0]);
	signal(SIGPIPE, SIG_IGN);
	CHECK(write_all(ctx, fds[1], "more", 4) == WEIR_EPIPE); /* nobody will */
	weir_fd_close(weir_ctx_rt(ctx), &fds[1]);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
