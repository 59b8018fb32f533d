/* SPDX-License-Identifier: MIT
 *
 * Descriptors in the simulator: what weir/core/io.h promises about races, and what the fake descriptors of weir/sim.h
 * promise about pipes, connections and signals.
 *
 * Three groups. What is right in every schedule is searched exhaustively where it is small (dfs) and by the portfolio
 * where it is not. What must also be possible is collected over all schedules of a search: a race that only ever ends
 * one way would pass the first kind of test and prove nothing. And programs that are wrong must be found, each as the
 * kind of failure it is, with the descriptor's name in the message.
 *
 * Byte streams are checked against a counter: byte i of a stream is (unsigned char)(i * 7), so a lost, doubled or
 * swapped byte shows. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/sim.h>

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7);
}

/* Writes n bytes of the pattern, from the first-th on. Returns how many were written. */
static size_t write_pattern(weir_ctx *ctx, weir_fd fd, size_t first, size_t n, int *rc)
{
	unsigned char buf[256];
	size_t done = 0;
	*rc = 0;
	WEIR_SIM_ASSERT(n <= sizeof(buf));
	for (size_t i = 0; i < n; i++)
		buf[i] = byte_at(first + i);
	while (done < n) {
		*rc = weir_fd_write(ctx, fd, buf + done, n - done);
		if (*rc < 0)
			break;
		WEIR_SIM_ASSERT(*rc > 0 && (size_t)*rc <= n - done);
		done += (size_t)*rc;
	}
	return done;
}

struct end {
	weir_fd fd;
	size_t n;     /* written or read */
	size_t want;  /* writer: how many */
	size_t chunk; /* reader: how many at once */
	int rc;       /* of the last call */
	bool close;
};

static int writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct end *e = arg;
	(void)err;
	e->n = write_pattern(ctx, e->fd, 0, e->want, &e->rc);
	if (e->close)
		weir_fd_close(weir_ctx_rt(ctx), &e->fd);
	return 0;
}

/* Reads to the end, or until its context ends. */
static int reader(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct end *e = arg;
	unsigned char buf[64];
	(void)err;
	while ((e->rc = weir_fd_read(ctx, e->fd, buf, e->chunk)) > 0)
		for (int i = 0; i < e->rc; i++)
			WEIR_SIM_EQ(buf[i], byte_at(e->n++));
	return 0;
}

/* What is in fd now: reads until it would have to wait (a deadline that has passed) or the end. */
static size_t drain(weir_ctx *ctx, weir_fd fd, size_t first)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	unsigned char buf[16];
	int rc;
	size_t n = 0;
	while ((rc = rt->vt->fd_read(rt, fd, buf, sizeof(buf))) > 0)
		for (int i = 0; i < rc; i++)
			WEIR_SIM_EQ(buf[i], byte_at(first + n++));
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EAGAIN);
	return n;
}

/* ---- cancel against readiness ---- */

/* The two ways a race can end. */
enum { SAW_BYTES = 1, SAW_CODE = 2 };

static unsigned seen;

struct once {
	weir_fd fd;
	int rc;
	char got[8];
};

static int read_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once *o = arg;
	(void)err;
	o->rc = weir_fd_read(ctx, o->fd, o->got, sizeof(o->got));
	return 0;
}

static int write_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once *o = arg;
	(void)err;
	o->rc = weir_fd_write(ctx, o->fd, "abc", 3);
	return 0;
}

/* A reader, a writer in a scope of its own, and a cancel of the reader, in any order: either the reader has the bytes,
 * or it has the code and the bytes are still in the pipe. */
static int cancel_against_data(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once r = {.fd = WEIR_FD_NONE}, w = {.fd = WEIR_FD_NONE};
	weir_scope readers, writers;
	char rest[8];
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("data", 8, &r.fd, &w.fd), 0);
	weir_scope_init(&readers, ctx);
	weir_scope_init(&writers, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&readers, "reader", read_once, &r), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&writers, "writer", write_once, &w), 0);
	weir_scope_cancel(&readers, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, &readers, 0, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &writers, 0, NULL), 0);
	WEIR_SIM_EQ(w.rc, 3);
	if (r.rc == WEIR_ECANCELED) {
		seen |= SAW_CODE;
		WEIR_SIM_EQ(weir_fd_read(ctx, r.fd, rest, sizeof(rest)), 3);
		WEIR_SIM_EQ(memcmp(rest, "abc", 3), 0);
	} else {
		seen |= SAW_BYTES;
		WEIR_SIM_EQ(r.rc, 3);
		WEIR_SIM_EQ(memcmp(r.got, "abc", 3), 0);
	}
	weir_fd_close(weir_ctx_rt(ctx), &r.fd);
	weir_fd_close(weir_ctx_rt(ctx), &w.fd);
	return 0;
}

/* The same for wait_fd: an event, or the code. */
static int wait_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once *o = arg;
	(void)err;
	o->rc = weir_wait_fd(ctx, o->fd, POLLIN);
	return 0;
}

static int cancel_against_event(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once r = {.fd = WEIR_FD_NONE}, w = {.fd = WEIR_FD_NONE};
	weir_scope readers, writers;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("data", 8, &r.fd, &w.fd), 0);
	weir_scope_init(&readers, ctx);
	weir_scope_init(&writers, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&readers, "waiter", wait_once, &r), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&writers, "writer", write_once, &w), 0);
	weir_scope_cancel(&readers, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, &readers, 0, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &writers, 0, NULL), 0);
	WEIR_SIM_ASSERT(r.rc == POLLIN || r.rc == WEIR_ECANCELED);
	seen |= r.rc == POLLIN ? SAW_BYTES : SAW_CODE;
	WEIR_SIM_EQ(weir_wait_fd(ctx, r.fd, POLLIN), POLLIN);
	weir_fd_close(weir_ctx_rt(ctx), &r.fd);
	weir_fd_close(weir_ctx_rt(ctx), &w.fd);
	return 0;
}

/* The writer sleeps as long as the reader's deadline: whichever comes first, and the instant is the deadline's. */
static int write_at_5ms(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once *o = arg;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	o->rc = weir_fd_write(ctx, o->fd, "abc", 3);
	return 0;
}

static int deadline_against_data(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once r = {.fd = WEIR_FD_NONE}, w = {.fd = WEIR_FD_NONE};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_ctx limited;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("data", 8, &r.fd, &w.fd), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", write_at_5ms, &w), 0);
	weir_ctx_init(&limited, ctx, weir_rt_now(rt) + WEIR_MS(5));
	int rc = weir_fd_read(&limited, r.fd, r.got, sizeof(r.got));
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(5));
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(rc == 3 || rc == WEIR_EDEADLINE);
	seen |= rc == 3 ? SAW_BYTES : SAW_CODE;
	if (rc != 3)
		WEIR_SIM_EQ(weir_fd_read(ctx, r.fd, r.got, sizeof(r.got)), 3);
	WEIR_SIM_EQ(memcmp(r.got, "abc", 3), 0);
	weir_ctx_fini(&limited);
	weir_fd_close(rt, &r.fd);
	weir_fd_close(rt, &w.fd);
	return 0;
}

/* A context that has ended wins over data that are there, and takes none; a deadline in the past likewise. */
static int ended_wins_at_entry(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_fd r, w;
	weir_ctx child;
	char buf[4];
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("data", 4, &r, &w), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, w, "abcdef", 6), 4);
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&child, "before");
	WEIR_SIM_EQ(weir_fd_read(&child, r, buf, 4), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_fd_write(&child, w, "x", 1), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_wait_fd(&child, r, POLLIN), WEIR_ECANCELED);
	weir_ctx_fini(&child);
	weir_ctx_init(&child, ctx, 0);
	WEIR_SIM_EQ(weir_fd_read(&child, r, buf, 4), WEIR_EDEADLINE);
	weir_ctx_fini(&child);
	WEIR_SIM_EQ(weir_fd_read(ctx, r, buf, 4), 4);
	WEIR_SIM_EQ(memcmp(buf, "abcd", 4), 0);
	weir_fd_close(weir_ctx_rt(ctx), &r);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	return 0;
}

WEIR_SIM_TEST_WITH(an_ended_context_wins_at_entry, .allow_no_decisions = true)
{
	WEIR_SIM_EQ(ended_wins_at_entry(ctx, NULL, NULL), 0);
}

/* ---- pipes ---- */

/* Three bytes of room for forty: the writer waits again and again, and no byte is lost, doubled or swapped. */
static void backpressure(weir_ctx *ctx)
{
	struct end r = {.chunk = 5}, w = {.want = 40, .close = true};
	weir_scope s;
	WEIR_SIM_EQ(weir_sim_pipe("narrow", 3, &r.fd, &w.fd), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", writer, &w), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "reader", reader, &r), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w.n, 40);
	WEIR_SIM_EQ(r.n, 40);
	WEIR_SIM_EQ(r.rc, 0);
	weir_fd_close(weir_ctx_rt(ctx), &r.fd);
}

WEIR_SIM_TEST(backpressure_loses_no_byte)
{
	backpressure(ctx);
}

WEIR_SIM_TEST_WITH(backpressure_with_short_reads_and_writes, .short_io = true)
{
	backpressure(ctx);
}

/* A writer that is cancelled anywhere has written exactly as many bytes as it says. */
WEIR_SIM_TEST_WITH(a_cancelled_writer_knows_what_it_wrote, .short_io = true)
{
	struct end w = {.want = 10};
	weir_fd r;
	weir_scope s;
	WEIR_SIM_EQ(weir_sim_pipe("narrow", 4, &r, &w.fd), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", writer, &w), 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	size_t n = drain(ctx, r, 0);
	weir_scope_cancel(&s, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(w.rc == WEIR_ECANCELED || w.n == 10);
	n += drain(ctx, r, n);
	WEIR_SIM_EQ(n, w.n);
	weir_fd_close(weir_ctx_rt(ctx), &r);
	weir_fd_close(weir_ctx_rt(ctx), &w.fd);
}

/* Two readers, one pipe: each byte goes to one of them, and both see the end. */
WEIR_SIM_TEST(each_byte_goes_to_one_reader)
{
	struct once a = {.fd = WEIR_FD_NONE}, b = {.fd = WEIR_FD_NONE};
	weir_fd w;
	weir_scope s;
	WEIR_SIM_EQ(weir_sim_pipe("shared", 4, &a.fd, &w), 0);
	b.fd = a.fd;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", read_once, &a), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", read_once, &b), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, w, "x", 1), 1);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT((a.rc == 1 && b.rc == 0) || (a.rc == 0 && b.rc == 1));
	weir_fd_close(weir_ctx_rt(ctx), &a.fd);
}

/* The last reader goes: the writer is not stranded. */
WEIR_SIM_TEST(a_writer_without_a_reader_gets_epipe)
{
	struct end w = {.want = 10};
	weir_fd r;
	weir_scope s;
	WEIR_SIM_EQ(weir_sim_pipe("data", 2, &r, &w.fd), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", writer, &w), 0);
	weir_fd_close(weir_ctx_rt(ctx), &r);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w.rc, WEIR_EPIPE);
	WEIR_SIM_ASSERT(w.n <= 2);
	WEIR_SIM_EQ(weir_wait_fd(ctx, w.fd, POLLOUT), POLLOUT | POLLERR);
	weir_fd_close(weir_ctx_rt(ctx), &w.fd);
}

WEIR_SIM_TEST_WITH(poll_masks_are_those_of_a_pipe, .allow_no_decisions = true)
{
	weir_fd r, w;
	weir_rt *rt = weir_ctx_rt(ctx);
	char c;
	WEIR_SIM_EQ(weir_sim_pipe("data", 1, &r, &w), 0);
	WEIR_SIM_EQ(weir_wait_fd(ctx, w, POLLIN | POLLOUT), POLLOUT);
	WEIR_SIM_EQ(weir_fd_write(ctx, w, "xy", 2), 1);
	WEIR_SIM_EQ(rt->vt->wait_fd(rt, w, POLLOUT, 0), WEIR_ETIMEOUT); /* full */
	WEIR_SIM_EQ(weir_wait_fd(ctx, r, POLLIN), POLLIN);
	weir_fd_close(rt, &w);
	WEIR_SIM_EQ(weir_wait_fd(ctx, r, POLLIN), POLLIN | POLLHUP);
	WEIR_SIM_EQ(weir_fd_read(ctx, r, &c, 1), 1);
	WEIR_SIM_EQ(weir_wait_fd(ctx, r, POLLIN), POLLHUP);
	WEIR_SIM_EQ(weir_fd_read(ctx, r, &c, 1), 0);
	weir_fd_close(rt, &r);
	weir_fd_close(rt, &r); /* WEIR_FD_NONE: nothing */
}

WEIR_SIM_TEST_WITH(calls_that_make_no_sense_are_refused, .allow_no_decisions = true)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_fd r, w, l, out;
	char c;
	WEIR_SIM_EQ(weir_sim_pipe("data", 0, &r, &w), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_sim_pipe("data", WEIR_SIM_FD_BYTES + 1, &r, &w), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_sim_pipe("data", 1, &r, &w), 0);
	WEIR_SIM_EQ(weir_sim_listen("door", 1, &l), 0);
	WEIR_SIM_EQ(weir_fd_read(ctx, w, &c, 1), WEIR_EBADF);
	WEIR_SIM_EQ(weir_fd_write(ctx, r, "x", 1), WEIR_EBADF);
	WEIR_SIM_EQ(weir_fd_read(ctx, l, &c, 1), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_fd_read(ctx, r, &c, 0), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_fd_read(ctx, 0, &c, 1), WEIR_EBADF); /* the real standard input is not ours */
	WEIR_SIM_EQ(weir_fd_read(ctx, WEIR_FD_NONE, &c, 1), WEIR_EBADF);
	WEIR_SIM_EQ(weir_wait_fd(ctx, r, 0), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_fd_accept(ctx, r, &out), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_fd_shut(rt, w), -ENOTSOCK);
	WEIR_SIM_EQ(weir_signals_next(ctx, r), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_signals_open(rt, (int[]){0}, 1, &out), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_sim_connect("c", r, &out), WEIR_EBADF);
	weir_fd_close(rt, &r);
	weir_fd_close(rt, &w);
	weir_fd_close(rt, &l);
}

/* ---- connections ---- */

struct server {
	weir_fd listener;
	size_t echoed;
	int rc;
};

/* Takes one connection and sends everything back until the peer has said all it had. */
static int echo_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct server *s = arg;
	weir_fd c = WEIR_FD_NONE;
	unsigned char buf[3];
	(void)err;
	s->rc = weir_fd_accept(ctx, s->listener, &c);
	while (s->rc >= 0 && (s->rc = weir_fd_read(ctx, c, buf, sizeof(buf))) > 0) {
		int n = s->rc, at = 0;
		while (at < n && (s->rc = weir_fd_write(ctx, c, buf + at, (size_t)(n - at))) > 0)
			at += s->rc;
		s->echoed += (size_t)at;
		if (s->rc < 0)
			break;
	}
	weir_fd_close(weir_ctx_rt(ctx), &c);
	return 0;
}

/* The client says everything, half closes, and still reads what comes back. */
WEIR_SIM_TEST_WITH(half_close_lets_the_answer_through, .short_io = true)
{
	struct server server = {.rc = 1};
	struct end back = {.chunk = 4};
	weir_scope s;
	int rc;
	WEIR_SIM_EQ(weir_sim_listen("door", 4, &server.listener), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "server", echo_one, &server), 0);
	WEIR_SIM_EQ(weir_sim_connect("caller", server.listener, &back.fd), 0);
	WEIR_SIM_EQ(write_pattern(ctx, back.fd, 0, 4, &rc), 4);
	WEIR_SIM_EQ(weir_fd_shut(weir_ctx_rt(ctx), back.fd), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, back.fd, "x", 1), WEIR_EPIPE); /* it has said that it is done */
	WEIR_SIM_EQ(reader(ctx, NULL, &back), 0);
	WEIR_SIM_EQ(back.n, 4);
	WEIR_SIM_EQ(back.rc, 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(server.echoed, 4);
	WEIR_SIM_EQ(server.rc, 0);
	weir_fd_close(weir_ctx_rt(ctx), &back.fd);
	weir_fd_close(weir_ctx_rt(ctx), &server.listener);
}

/* An abrupt end is told once, as -ECONNRESET, and then there is nothing to read and nobody to write to. */
WEIR_SIM_TEST(a_reset_is_told_once)
{
	struct end r = {.chunk = 4};
	weir_fd two[2];
	weir_scope s;
	WEIR_SIM_EQ(weir_sim_socketpair("pair", 8, two), 0);
	r.fd = two[0];
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "reader", reader, &r), 0);
	weir_sim_reset(&two[1]);
	WEIR_SIM_EQ(two[1], WEIR_FD_NONE);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(r.rc, -ECONNRESET);
	WEIR_SIM_EQ(reader(ctx, NULL, &r), 0);
	WEIR_SIM_EQ(r.rc, 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, r.fd, "x", 1), WEIR_EPIPE);
	weir_fd_close(weir_ctx_rt(ctx), &r.fd);
}

WEIR_SIM_TEST_WITH(closing_with_bytes_unread_resets, .allow_no_decisions = true)
{
	weir_fd two[2];
	weir_rt *rt = weir_ctx_rt(ctx);
	char buf[4];
	WEIR_SIM_EQ(weir_sim_socketpair("pair", 8, two), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, two[0], "abc", 3), 3);
	WEIR_SIM_EQ(weir_fd_write(ctx, two[1], "back", 4), 4);
	weir_fd_close(rt, &two[1]); /* "abc" is unread */
	WEIR_SIM_EQ(weir_wait_fd(ctx, two[0], POLLIN), POLLIN | POLLERR | POLLHUP);
	WEIR_SIM_EQ(weir_fd_shut(rt, two[0]), -ENOTCONN);
	WEIR_SIM_EQ(weir_fd_read(ctx, two[0], buf, 4), -ECONNRESET); /* "back" is lost */
	WEIR_SIM_EQ(weir_fd_read(ctx, two[0], buf, 4), 0);
	weir_fd_close(rt, &two[0]);
	WEIR_SIM_EQ(weir_sim_socketpair("pair", 8, two), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, two[1], "back", 4), 4);
	weir_fd_close(rt, &two[1]); /* nothing is unread */
	WEIR_SIM_EQ(weir_fd_read(ctx, two[0], buf, 4), 4);
	WEIR_SIM_EQ(weir_fd_read(ctx, two[0], buf, 4), 0);
	weir_fd_close(rt, &two[0]);
}

/* A listener that is closed answers for those it did not take, and is not there for those who come later. */
WEIR_SIM_TEST_WITH(a_closed_listener_resets_its_backlog, .allow_no_decisions = true)
{
	weir_fd l, c, address;
	weir_rt *rt = weir_ctx_rt(ctx);
	char buf[4];
	WEIR_SIM_EQ(weir_sim_listen("door", 4, &l), 0);
	address = l;
	WEIR_SIM_EQ(weir_sim_connect("caller", l, &c), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, c, "abc", 3), 3);
	weir_fd_close(rt, &l);
	WEIR_SIM_EQ(weir_fd_read(ctx, c, buf, 4), -ECONNRESET);
	weir_fd_close(rt, &c);
	WEIR_SIM_EQ(weir_sim_connect("late", address, &c), -ECONNREFUSED);
}

WEIR_SIM_TEST_WITH(the_backlog_is_bounded, .allow_no_decisions = true)
{
	weir_fd l, c[17], taken;
	weir_rt *rt = weir_ctx_rt(ctx);
	WEIR_SIM_EQ(weir_sim_listen("door", 4, &l), 0);
	for (int i = 0; i < 16; i++)
		WEIR_SIM_EQ(weir_sim_connect("caller", l, &c[i]), 0);
	WEIR_SIM_EQ(weir_sim_connect("caller", l, &c[16]), -ECONNREFUSED);
	WEIR_SIM_EQ(weir_fd_accept(ctx, l, &taken), 0);
	WEIR_SIM_EQ(weir_sim_connect("caller", l, &c[16]), 0);
	WEIR_SIM_EQ(weir_fd_write(ctx, c[0], "x", 1), 1); /* first come, first taken */
	WEIR_SIM_EQ(weir_wait_fd(ctx, taken, POLLIN), POLLIN);
	for (int i = 0; i < 17; i++)
		weir_fd_close(rt, &c[i]);
	weir_fd_close(rt, &taken);
	weir_fd_close(rt, &l);
}

/* ---- signals ---- */

struct signals {
	weir_fd fd;
	int got[4], n, rc;
};

static int take_signals(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct signals *s = arg;
	(void)err;
	while ((s->rc = weir_signals_next(ctx, s->fd)) > 0)
		s->got[s->n++] = s->rc;
	return 0;
}

/* Raised twice: taken twice, or once where the second came before the first was taken; never lost, never more. */
static int signal_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct signals sig = {.n = 0};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_signals_open(rt, (int[]){SIGINT, SIGTERM}, 2, &sig.fd), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "signals", take_signals, &sig), 0);
	weir_sim_signal_raise(SIGINT);
	weir_sim_signal_raise(SIGINT);
	weir_sim_quiesce(ctx);
	weir_scope_cancel(&s, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(sig.rc, WEIR_ECANCELED);
	WEIR_SIM_ASSERT(sig.n == 1 || sig.n == 2);
	for (int i = 0; i < sig.n; i++)
		WEIR_SIM_EQ(sig.got[i], SIGINT);
	seen |= sig.n == 1 ? SAW_BYTES : SAW_CODE;
	weir_fd_close(rt, &sig.fd);
	return 0;
}

/* Two different ones do not merge; those that nobody asked for stay. */
WEIR_SIM_TEST(different_signals_do_not_merge)
{
	struct signals sig = {.n = 0};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_fd late;
	weir_scope s;
	weir_sim_signal_raise(SIGHUP); /* before anybody looks */
	WEIR_SIM_EQ(weir_signals_open(rt, (int[]){SIGINT, SIGTERM}, 2, &sig.fd), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "signals", take_signals, &sig), 0);
	weir_sim_signal_raise(SIGTERM);
	weir_sim_signal_raise(SIGINT);
	weir_sim_quiesce(ctx);
	weir_scope_cancel(&s, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(sig.n, 2);
	WEIR_SIM_EQ(sig.got[0] + sig.got[1], SIGINT + SIGTERM);
	WEIR_SIM_EQ(weir_signals_open(rt, (int[]){SIGHUP}, 1, &late), 0);
	WEIR_SIM_EQ(weir_signals_next(ctx, late), SIGHUP);
	weir_fd_close(rt, &late);
	weir_fd_close(rt, &sig.fd);
}

/* ---- programs that are wrong, and what must be found ---- */

static int leaks_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_fd r, w;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("forgotten", 4, &r, &w), 0);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	return 0;
}

static int uses_after_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_fd r, w, copy;
	char c;
	int rc;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("stale", 4, &r, &w), 0);
	copy = r;
	weir_fd_close(weir_ctx_rt(ctx), &r);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	rc = weir_fd_read(ctx, copy, &c, 1);
	return rc < 0 ? rc : 0;
}

static int closes_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_fd r, w, copy;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("twice", 4, &r, &w), 0);
	copy = r;
	weir_fd_close(weir_ctx_rt(ctx), &r);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	weir_fd_close(weir_ctx_rt(ctx), &copy);
	return 0;
}

static int closes_under_a_reader(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct once r = {.fd = WEIR_FD_NONE};
	weir_fd w;
	weir_scope s;
	(void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("pulled", 4, &r.fd, &w), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "reader", read_once, &r), 0);
	weir_sim_quiesce(ctx);
	weir_fd copy = r.fd;
	weir_fd_close(weir_ctx_rt(ctx), &copy);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	return weir_scope_join(ctx, &s, 0, err);
}

static int waits_for_ever(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_fd r, w;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sim_pipe("conn", 4, &r, &w), 0);
	return weir_wait_fd(ctx, r, POLLIN) > 0 ? 0 : WEIR_EIO;
}

struct wrong {
	const char *name;
	weir_task_fn *fn;
	enum weir_sim_kind kind;
	const char *message; /* part of it */
	const char *report;  /* part of the whole report, or NULL */
};

static const struct wrong wrongs[] = {
	{"leak", leaks_one, WEIR_SIM_LEAK, "a descriptor \"forgotten\" that T0 made",
	 "fd1 \"forgotten\"  made test_fd.c"},
	{"use after close", uses_after_close, WEIR_SIM_OWNERSHIP, "T0 uses fd1 \"stale\", which T0 has closed", NULL},
	{"close twice", closes_twice, WEIR_SIM_OWNERSHIP, "T0 uses fd1 \"twice\", which T0 has closed", NULL},
	{"close under a reader", closes_under_a_reader, WEIR_SIM_OWNERSHIP,
	 "T0 closes fd1 \"pulled\" while T1 waits for it", NULL},
	{"deadlock", waits_for_ever, WEIR_SIM_DEADLOCK, "1 task waits for ever", "wait_fd(fd1 \"conn\" readable)"},
};

static bool file_has(const char *path, const char *text)
{
	static char buf[1 << 16];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;
	if (f)
		fclose(f);
	buf[n] = '\0';
	return strstr(buf, text) != NULL;
}

static int check_wrong(const struct wrong *w)
{
	static struct weir_sim_result r;
	char path[] = "/tmp/weir-test-fd-XXXXXX";
	int file = mkstemp(path), failed = 0;
	struct weir_sim_opts opts = {
		.name = w->name, .strategy = "dfs", .quiet = true, .report = path, .allow_no_decisions = true};
	if (weir_sim_run(&opts, w->fn, NULL, &r) != 1 || r.kind != w->kind || !strstr(r.message, w->message)) {
		printf("FAIL %s: %s: %s\n", w->name, weir_sim_kind_name(r.kind), r.message);
		failed = 1;
	} else if (w->report && !file_has(path, w->report)) {
		printf("FAIL %s: the report does not say %s\n", w->name, w->report);
		failed = 1;
	}
	if (file >= 0)
		close(file);
	unlink(path);
	return failed;
}

/* ---- what must be right in every schedule, and possible in some ---- */

struct race {
	const char *name;
	weir_task_fn *fn;
};

static const struct race races[] = {
	{"cancel against data", cancel_against_data},
	{"cancel against an event", cancel_against_event},
	{"deadline against data", deadline_against_data},
	{"a signal twice", signal_twice},
};

static int check_race(const struct race *race)
{
	static struct weir_sim_result r;
	struct weir_sim_opts opts = {.name = race->name, .strategy = "dfs3", .early = 1};
	seen = 0;
	if (weir_sim_run(&opts, race->fn, NULL, &r) != 0)
		return 1;
	if (r.exhausted && seen == (SAW_BYTES | SAW_CODE))
		return 0;
	printf("FAIL %s: %s, and saw %s\n", race->name, r.exhausted ? "exhausted" : "not exhausted",
	       seen == SAW_BYTES ? "the first outcome only"
	       : seen            ? "the second outcome only"
				 : "nothing");
	return 1;
}

int main(int argc, char **argv)
{
	const int n_wrong = sizeof(wrongs) / sizeof(wrongs[0]), n_race = sizeof(races) / sizeof(races[0]);
	int failed = 0;
	for (int i = 0; i < n_wrong; i++)
		failed += check_wrong(&wrongs[i]);
	for (int i = 0; i < n_race; i++)
		failed += check_race(&races[i]);
	int status = weir_sim_main(argc, argv);
	return status ? status : failed != 0;
}
