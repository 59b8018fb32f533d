/* SPDX-License-Identifier: MIT
 *
 * Descriptors on real threads: what weir/core/io.h promises, on pipes, sockets, a file and signals of the system. The
 * races have a second home in tests/sim/test_fd.c, where every order is tried; here they are run often, with a cancel
 * and a byte that come as they please, so that the system's own wake-ups and ThreadSanitizer have their say.
 *
 * Byte i of a stream is (unsigned char)(i * 7), so that a byte that is lost, doubled or out of order shows. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7);
}

static void make_pipe(weir_fd fds[2], int flags)
{
	ck_assert_int_eq(pipe2(fds, flags | O_CLOEXEC), 0);
}

static void make_sockets(weir_fd fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_both(weir_fd fds[2])
{
	weir_fd_close(rt, &fds[0]);
	weir_fd_close(rt, &fds[1]);
}

static int flags_of(weir_fd fd)
{
	return fcntl(fd, F_GETFL);
}

/* A stream that a helper writes or reads until n bytes are through, the end, or its context ends. */
struct stream {
	weir_ctx *ctx;
	weir_fd fd;
	size_t n, done;
	bool wrong; /* reader: a byte was not the one to come */
};

static int write_stream(void *arg)
{
	struct stream *s = arg;
	unsigned char buf[7000];
	while (s->done < s->n) {
		size_t length = s->n - s->done < sizeof(buf) ? s->n - s->done : sizeof(buf);
		for (size_t i = 0; i < length; i++)
			buf[i] = byte_at(s->done + i);
		int rc = weir_fd_write(s->ctx, s->fd, buf, length);
		if (rc < 0)
			return rc;
		if (rc == 0 || (size_t)rc > length)
			return 1;
		s->done += (size_t)rc;
	}
	return 0;
}

static int read_stream(void *arg)
{
	struct stream *s = arg;
	unsigned char buf[5000];
	int rc;
	while ((rc = weir_fd_read(s->ctx, s->fd, buf, sizeof(buf))) > 0)
		for (int i = 0; i < rc; i++)
			s->wrong |= buf[i] != byte_at(s->done++);
	return rc;
}

/* A megabyte through fds[1] -> fds[0]: the writer has to wait again and again. */
static void assert_stream(weir_fd fds[2])
{
	struct stream w = {.ctx = &root, .fd = fds[1], .n = 1 << 20}, r = {.ctx = &root, .fd = fds[0]};
	int before[2] = {flags_of(fds[0]), flags_of(fds[1])};
	struct helper writer, reader;
	helper_start(&reader, read_stream, &r);
	helper_start(&writer, write_stream, &w);
	ck_assert_int_eq(helper_join(&writer), 0);
	ck_assert_int_eq(flags_of(fds[1]), before[1]); /* the mode is not ours */
	weir_fd_close(rt, &fds[1]);
	ck_assert_int_eq(helper_join(&reader), 0);
	ck_assert_int_eq(flags_of(fds[0]), before[0]);
	ck_assert_uint_eq(w.done, 1 << 20);
	ck_assert_uint_eq(r.done, 1 << 20);
	ck_assert(!r.wrong);
	weir_fd_close(rt, &fds[0]);
}

START_TEST(a_stream_through_a_pipe)
{
	weir_fd fds[2];
	make_pipe(fds, _i ? O_NONBLOCK : 0);
	assert_stream(fds);
}
END_TEST

START_TEST(a_stream_through_sockets)
{
	weir_fd fds[2];
	make_sockets(fds);
	assert_stream(fds);
}
END_TEST

START_TEST(a_file_never_waits)
{
	FILE *file = tmpfile();
	char buf[8];
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(weir_fd_write(&root, fileno(file), "hello", 5), 5);
	ck_assert_int_eq(lseek(fileno(file), 0, SEEK_SET), 0);
	ck_assert_int_eq(weir_fd_read(&root, fileno(file), buf, sizeof(buf)), 5);
	ck_assert_int_eq(memcmp(buf, "hello", 5), 0);
	ck_assert_int_eq(weir_fd_read(&root, fileno(file), buf, sizeof(buf)), 0);
	fclose(file);
}
END_TEST

START_TEST(wait_fd_says_what_there_is)
{
	weir_fd fds[2];
	make_pipe(fds, 0);
	ck_assert_int_eq(weir_wait_fd(&root, fds[1], POLLIN | POLLOUT), POLLOUT);
	ck_assert_int_eq(weir_fd_write(&root, fds[1], "x", 1), 1);
	ck_assert_int_eq(weir_wait_fd(&root, fds[0], POLLIN), POLLIN);
	weir_fd_close(rt, &fds[1]);
	ck_assert_int_eq(weir_wait_fd(&root, fds[0], POLLIN), POLLIN | POLLHUP);
	weir_fd_close(rt, &fds[0]);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	weir_fd fds[2], out = 77;
	char c;
	make_pipe(fds, O_NONBLOCK);
	weir_fd closed = dup(fds[0]);
	close(closed);
	ck_assert_int_eq(weir_wait_fd(&root, -1, POLLIN), WEIR_EBADF);
	ck_assert_int_eq(weir_wait_fd(&root, fds[0], 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_read(&root, -1, &c, 1), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_read(&root, closed, &c, 1), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_read(&root, fds[1], &c, 1), WEIR_EBADF); /* the writing end */
	ck_assert_int_eq(weir_fd_read(&root, fds[0], NULL, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_read(&root, fds[0], &c, 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_read(&root, fds[0], &c, (size_t)INT_MAX + 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_write(&root, -1, &c, 1), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_write(&root, closed, "x", 1), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_write(&root, fds[1], NULL, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_write(&root, fds[1], "x", 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_accept(&root, -1, &out), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_accept(&root, fds[0], NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_fd_accept(&root, fds[0], &out), -ENOTSOCK);
	ck_assert_int_eq(weir_fd_accept(&root, closed, &out), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_shut(rt, -1), WEIR_EBADF);
	ck_assert_int_eq(weir_fd_shut(rt, fds[1]), -ENOTSOCK);
	ck_assert_int_eq(weir_signals_next(&root, -1), WEIR_EBADF);
	ck_assert_int_eq(out, 77);
	close_both(fds);
}
END_TEST

START_TEST(close_sets_none_and_takes_none)
{
	weir_fd fds[2];
	make_pipe(fds, 0);
	weir_fd copy = fds[0];
	close_both(fds);
	ck_assert_int_eq(fds[0], WEIR_FD_NONE);
	ck_assert_int_eq(fds[1], WEIR_FD_NONE);
	ck_assert_int_eq(flags_of(copy), -1);
	close_both(fds);
	weir_fd_close(rt, NULL);
}
END_TEST

/* ---- contexts that end ---- */

START_TEST(an_ended_context_wins_at_entry)
{
	weir_ctx child;
	weir_fd fds[2];
	char c;
	make_pipe(fds, O_NONBLOCK);
	ck_assert_int_eq(weir_fd_write(&root, fds[1], "x", 1), 1);
	weir_ctx_init(&child, &root, _i ? 0 : WEIR_FOREVER);
	weir_ctx_cancel(&child, "before");
	int code = weir_ctx_err(&child);
	ck_assert_int_lt(code, 0);
	ck_assert_int_eq(weir_fd_read(&child, fds[0], &c, 1), code);
	ck_assert_int_eq(weir_fd_write(&child, fds[1], "y", 1), code);
	ck_assert_int_eq(weir_wait_fd(&child, fds[0], POLLIN), code);
	weir_ctx_fini(&child);
	weir_fd_close(rt, &fds[1]);
	ck_assert_int_eq(weir_fd_read(&root, fds[0], &c, 1), 1); /* there it still is, and nothing else */
	ck_assert_int_eq(c, 'x');
	ck_assert_int_eq(weir_fd_read(&root, fds[0], &c, 1), 0);
	weir_fd_close(rt, &fds[0]);
}
END_TEST

START_TEST(a_deadline_ends_each_wait)
{
	weir_ctx child;
	weir_fd fds[2];
	char block[4096] = {0};
	int rc;
	make_pipe(fds, O_NONBLOCK);
	weir_ctx_init(&child, &root, weir_rt_now(rt) + WEIR_MS(1));
	ck_assert_int_eq(weir_fd_read(&child, fds[0], block, 1), WEIR_EDEADLINE);
	weir_ctx_fini(&child);
	weir_ctx_init(&child, &root, weir_rt_now(rt) + WEIR_MS(1));
	do
		rc = weir_fd_write(&child, fds[1], block, sizeof(block));
	while (rc > 0); /* until it is full */
	ck_assert_int_eq(rc, WEIR_EDEADLINE);
	weir_ctx_fini(&child);
	close_both(fds);
}
END_TEST

static int read_one(void *arg)
{
	struct stream *s = arg;
	unsigned char c;
	int rc = weir_fd_read(s->ctx, s->fd, &c, 1);
	s->done += rc == 1;
	return rc;
}

static int cancel_it(void *arg)
{
	weir_ctx_cancel(arg, "enough");
	return 0;
}

/* A byte and a cancel at the same time, from two tasks: either the reader has the byte, or the pipe has. */
START_TEST(cancel_against_a_byte)
{
	weir_fd fds[2];
	make_pipe(fds, _i ? O_NONBLOCK : 0);
	for (int i = 0; i < 300; i++) {
		weir_ctx child;
		weir_ctx_init(&child, &root, WEIR_FOREVER);
		struct stream r = {.ctx = &child, .fd = fds[0]};
		struct helper reader, canceller;
		unsigned char c;
		helper_start(&reader, read_one, &r);
		for (int k = 0; k < i % 7; k++)
			weir_rt_yield(rt);
		helper_start(&canceller, cancel_it, &child);
		ck_assert_int_eq(weir_fd_write(&root, fds[1], "x", 1), 1);
		int rc = helper_join(&reader);
		helper_join(&canceller);
		ck_assert(rc == 1 || rc == WEIR_ECANCELED);
		if (rc != 1)
			ck_assert_int_eq(weir_fd_read(&root, fds[0], &c, 1), 1);
		ck_assert_int_eq(rt->vt->fd_read(rt, fds[0], &c, 1), WEIR_EAGAIN); /* one byte, once */
		weir_ctx_fini(&child);
	}
	close_both(fds);
}
END_TEST

struct both {
	weir_ctx *ctx;
	weir_fd fd;
	int between; /* how much is done between the two, so that they fall on every place of the waking task */
};

static int write_and_cancel(void *arg)
{
	struct both *b = arg;
	int rc = (int)write(b->fd, "x", 1);
	for (int i = 0; i < b->between; i++)
		(void)weir_rt_now(rt);
	weir_ctx_cancel(b->ctx, "enough");
	return rc;
}

/* An event and a cancel right after each other, again and again in the same task: whichever ends the wait, the other is
 * not left over as a token that would end the next wait for nothing. */
START_TEST(no_token_is_left_over)
{
	weir_fd fds[2];
	char c;
	make_pipe(fds, O_NONBLOCK);
	for (int i = 0; i < 3000; i++) {
		weir_ctx child;
		weir_ctx_init(&child, &root, WEIR_FOREVER);
		struct both b = {.ctx = &child, .fd = fds[1], .between = i * 37 % 4000};
		struct helper helper;
		helper_start(&helper, write_and_cancel, &b);
		int rc = weir_wait_fd(&child, fds[0], POLLIN);
		ck_assert(rc == POLLIN || rc == WEIR_ECANCELED);
		ck_assert_int_eq(helper_join(&helper), 1);
		ck_assert_int_eq(rt->vt->park(rt, 0), WEIR_ETIMEOUT);
		ck_assert_int_eq(weir_fd_read(&root, fds[0], &c, 1), 1);
		weir_ctx_fini(&child);
	}
	close_both(fds);
}
END_TEST

/* A writer that is cancelled while the pipe is full has written what it says, to the byte. */
START_TEST(a_cancelled_writer_knows_what_it_wrote)
{
	weir_fd fds[2];
	weir_ctx child;
	make_pipe(fds, _i ? O_NONBLOCK : 0);
	weir_ctx_init(&child, &root, WEIR_FOREVER);
	struct stream w = {.ctx = &child, .fd = fds[1], .n = SIZE_MAX}, r = {.ctx = &root, .fd = fds[0]};
	struct helper writer;
	helper_start(&writer, write_stream, &w);
	struct pollfd full = {.fd = fds[1], .events = POLLOUT};
	AWAIT(poll(&full, 1, 0) == 0);
	weir_ctx_cancel(&child, "enough");
	ck_assert_int_eq(helper_join(&writer), WEIR_ECANCELED);
	weir_fd_close(rt, &fds[1]);
	ck_assert_int_eq(read_stream(&r), 0);
	ck_assert(!r.wrong);
	ck_assert_uint_eq(r.done, w.done);
	ck_assert_uint_gt(w.done, 0);
	weir_ctx_fini(&child);
	weir_fd_close(rt, &fds[0]);
}
END_TEST

/* Two readers of one pipe, many bytes: each byte goes to one, and both see the end. */
START_TEST(two_readers_share_the_bytes)
{
	weir_fd fds[2];
	make_pipe(fds, O_NONBLOCK);
	struct stream r[2] = {{.ctx = &root, .fd = fds[0]}, {.ctx = &root, .fd = fds[0]}};
	struct helper readers[2];
	for (int i = 0; i < 2; i++)
		helper_start(&readers[i], read_stream, &r[i]);
	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(weir_fd_write(&root, fds[1], "x", 1), 1);
	weir_fd_close(rt, &fds[1]);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(helper_join(&readers[i]), 0);
	ck_assert_uint_eq(r[0].done + r[1].done, 2000);
	weir_fd_close(rt, &fds[0]);
}
END_TEST

/* ---- sockets ---- */

START_TEST(half_close_lets_the_answer_through)
{
	weir_fd two[2];
	char buf[4];
	make_sockets(two);
	ck_assert_int_eq(weir_fd_write(&root, two[0], "ask", 3), 3);
	ck_assert_int_eq(weir_fd_shut(rt, two[0]), 0);
	ck_assert_int_eq(weir_fd_read(&root, two[1], buf, 4), 3);
	ck_assert_int_eq(weir_fd_read(&root, two[1], buf, 4), 0);
	ck_assert_int_eq(weir_fd_write(&root, two[1], "yes", 3), 3);
	ck_assert_int_eq(weir_fd_read(&root, two[0], buf, 4), 3);
	ck_assert_int_eq(weir_fd_write(&root, two[0], "x", 1), WEIR_EPIPE);
	close_both(two);
}
END_TEST

/* SIGPIPE has its default action here: it would end the test. */
START_TEST(a_socket_without_a_reader_is_epipe)
{
	weir_fd two[2];
	make_sockets(two);
	weir_fd_close(rt, &two[1]);
	ck_assert_int_eq(weir_fd_write(&root, two[0], "x", 1), WEIR_EPIPE);
	weir_fd_close(rt, &two[0]);
}
END_TEST

START_TEST(closing_with_bytes_unread_resets)
{
	weir_fd two[2];
	char c;
	make_sockets(two);
	ck_assert_int_eq(weir_fd_write(&root, two[0], "x", 1), 1);
	weir_fd_close(rt, &two[1]);
	ck_assert_int_eq(weir_fd_read(&root, two[0], &c, 1), -ECONNRESET);
	ck_assert_int_eq(weir_fd_read(&root, two[0], &c, 1), 0);
	weir_fd_close(rt, &two[0]);
}
END_TEST

static weir_fd listener_of(int flags, struct sockaddr_in *at)
{
	socklen_t length = sizeof(*at);
	weir_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)at, sizeof(*at)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &length), 0);
	return fd;
}

static int connect_to(void *arg)
{
	weir_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, arg, sizeof(struct sockaddr_in)) != 0)
		return -errno;
	int rc = weir_fd_write(&root, fd, "hi", 2);
	weir_fd_close(rt, &fd);
	return rc;
}

START_TEST(accept_waits_for_a_connection)
{
	struct sockaddr_in at;
	weir_fd listener = listener_of(SOCK_NONBLOCK, &at), fd = WEIR_FD_NONE;
	struct helper client;
	char buf[4];
	helper_start(&client, connect_to, &at);
	ck_assert_int_eq(weir_fd_accept(&root, listener, &fd), 0);
	ck_assert_int_ne(flags_of(fd) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(weir_fd_read(&root, fd, buf, 4), 2);
	ck_assert_int_eq(weir_fd_read(&root, fd, buf, 4), 0);
	ck_assert_int_eq(helper_join(&client), 2);
	weir_fd_close(rt, &fd);
	weir_fd_close(rt, &listener);
}
END_TEST

struct acceptor {
	weir_ctx *ctx;
	weir_fd listener, got;
};

static int accept_one(void *arg)
{
	struct acceptor *a = arg;
	return weir_fd_accept(a->ctx, a->listener, &a->got);
}

START_TEST(a_cancel_ends_accept)
{
	struct sockaddr_in at;
	weir_ctx child;
	weir_ctx_init(&child, &root, WEIR_FOREVER);
	struct acceptor a = {.ctx = &child, .listener = listener_of(SOCK_NONBLOCK, &at), .got = WEIR_FD_NONE};
	struct helper helper;
	helper_start(&helper, accept_one, &a);
	weir_ctx_cancel(&child, "enough");
	ck_assert_int_eq(helper_join(&helper), WEIR_ECANCELED);
	ck_assert_int_eq(a.got, WEIR_FD_NONE);
	weir_ctx_fini(&child);
	weir_fd_close(rt, &a.listener);
}
END_TEST

START_TEST(a_listener_that_blocks_is_refused)
{
	struct sockaddr_in at;
	weir_fd listener = listener_of(0, &at), fd = WEIR_FD_NONE;
	ck_assert_int_eq(weir_fd_accept(&root, listener, &fd), WEIR_EINVAL);
	weir_fd_close(rt, &listener);
}
END_TEST

/* ---- signals ---- */

static int kill_ourselves(void *arg)
{
	return kill(getpid(), *(int *)arg);
}

/* From a task to the process: it waits for the task that asks, whichever thread there is. */
START_TEST(signals_arrive_in_a_task)
{
	const int ours[] = {SIGUSR1, SIGTERM};
	int numbers[] = {SIGUSR1, SIGTERM, SIGUSR1};
	weir_fd fd = WEIR_FD_NONE;
	ck_assert_int_eq(weir_signals_block(ours, 2), 0);
	ck_assert_int_eq(weir_signals_open(rt, ours, 2, &fd), 0);
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		struct helper sender;
		helper_start(&sender, kill_ourselves, &numbers[i]);
		ck_assert_int_eq(weir_signals_next(&root, fd), numbers[i]);
		ck_assert_int_eq(helper_join(&sender), 0);
	}
	ck_assert_int_eq(rt->vt->signals_next(rt, fd), WEIR_EAGAIN); /* each once */
	weir_fd_close(rt, &fd);
}
END_TEST

START_TEST(one_signal_twice_before_it_is_taken_is_one)
{
	int number = SIGUSR1;
	weir_fd fd = WEIR_FD_NONE;
	ck_assert_int_eq(weir_signals_block(&number, 1), 0);
	ck_assert_int_eq(kill_ourselves(&number), 0); /* also before it is open */
	ck_assert_int_eq(weir_signals_open(rt, &number, 1, &fd), 0);
	ck_assert_int_eq(kill_ourselves(&number), 0);
	ck_assert_int_eq(weir_signals_next(&root, fd), SIGUSR1);
	ck_assert_int_eq(rt->vt->signals_next(rt, fd), WEIR_EAGAIN);
	weir_fd_close(rt, &fd);
}
END_TEST

struct next {
	weir_ctx *ctx;
	weir_fd fd;
};

static int next_signal(void *arg)
{
	struct next *n = arg;
	return weir_signals_next(n->ctx, n->fd);
}

START_TEST(a_cancel_ends_waiting_for_signals)
{
	int number = SIGUSR1;
	weir_ctx child;
	weir_ctx_init(&child, &root, WEIR_FOREVER);
	struct next n = {.ctx = &child, .fd = WEIR_FD_NONE};
	struct helper helper;
	ck_assert_int_eq(weir_signals_block(&number, 1), 0);
	ck_assert_int_eq(weir_signals_open(rt, &number, 1, &n.fd), 0);
	helper_start(&helper, next_signal, &n);
	weir_ctx_cancel(&child, "enough");
	ck_assert_int_eq(helper_join(&helper), WEIR_ECANCELED);
	weir_ctx_fini(&child);
	weir_fd_close(rt, &n.fd);
}
END_TEST

START_TEST(signals_that_cannot_be_are_refused)
{
	weir_fd fd = 77;
	ck_assert_int_eq(weir_signals_open(rt, (int[]){SIGUSR2}, 1, &fd), WEIR_EINVAL); /* not blocked */
	ck_assert_int_eq(weir_signals_open(rt, (int[]){0}, 1, &fd), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_open(rt, (int[]){-1}, 1, &fd), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_open(rt, NULL, 1, &fd), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_open(rt, (int[]){SIGUSR2}, 0, &fd), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_open(rt, (int[]){SIGUSR2}, 1, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_block((int[]){1000}, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_block(NULL, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_signals_block((int[]){SIGUSR2}, 0), WEIR_EINVAL);
	ck_assert_int_eq(fd, 77);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/io");
	TCase *moving = world_case(suite, "moving"), *ending = world_case(suite, "ending");
	TCase *sockets = world_case(suite, "sockets"), *signals = world_case(suite, "signals");
	tcase_add_loop_test(moving, a_stream_through_a_pipe, 0, 2);
	tcase_add_test(moving, a_stream_through_sockets);
	tcase_add_test(moving, a_file_never_waits);
	tcase_add_test(moving, wait_fd_says_what_there_is);
	tcase_add_test(moving, nonsense_is_refused);
	tcase_add_test(moving, close_sets_none_and_takes_none);
	tcase_add_test(moving, two_readers_share_the_bytes);
	tcase_add_loop_test(ending, an_ended_context_wins_at_entry, 0, 2);
	tcase_add_test(ending, a_deadline_ends_each_wait);
	tcase_add_loop_test(ending, cancel_against_a_byte, 0, 2);
	tcase_add_test(ending, no_token_is_left_over);
	tcase_add_loop_test(ending, a_cancelled_writer_knows_what_it_wrote, 0, 2);
	tcase_add_test(sockets, half_close_lets_the_answer_through);
	tcase_add_test(sockets, a_socket_without_a_reader_is_epipe);
	tcase_add_test(sockets, closing_with_bytes_unread_resets);
	tcase_add_test(sockets, accept_waits_for_a_connection);
	tcase_add_test(sockets, a_cancel_ends_accept);
	tcase_add_test(sockets, a_listener_that_blocks_is_refused);
	tcase_add_test(signals, signals_arrive_in_a_task);
	tcase_add_test(signals, one_signal_twice_before_it_is_taken_is_one);
	tcase_add_test(signals, a_cancel_ends_waiting_for_signals);
	tcase_add_test(signals, signals_that_cannot_be_are_refused);
	return run_suite(suite);
}
