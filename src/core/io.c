/* SPDX-License-Identifier: MIT
 *
 * Waiting for descriptors, and what moves bytes through them.
 *
 * The runtime has the calls themselves, none of which waits, and wait_fd, which parks a task until a descriptor is
 * ready, the deadline has passed, or the task was unparked. This file makes of them operations that a context ends:
 *
 *  I1  Try; where that says WEIR_EAGAIN, wait and try again. The context is asked at entry and before each wait, never
 *      between an event and the attempt it calls for: what has been moved is returned.
 *  I2  A waiting task is linked to its context like any other (waiter.h), so a cancel claims the waiter and sends one
 *      token. wait_fd answers 0 for the token. Any other answer was not a claim: the task claims its waiter itself,
 *      or finds that a cancel was faster and takes the token that is on its way (W3, W4 of waiter.h).
 *  I3  An event wins over a cancel that comes after it, and the other way round; either way nothing is moved by
 *      waiting, so no byte is lost by losing.
 *  I4  Each public function is one operation: one choice before the first attempt, one each time the task comes back
 *      from a wait, and nothing shared in between.
 *
 * No lock is held while anything of the runtime is called. Any number of tasks may be inside on one descriptor. */
#include <weir/core/io.h>

#include <limits.h>
#include <poll.h>

#include "blocked.h"
#include "ctx.h"

/* Parks until fd is ready: its events, or a negative code. */
static int wait_ready(weir_ctx *ctx, weir_rt *rt, weir_fd fd, short events)
{
	struct weir__waiter w;
	struct weir__link link;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	weir__waiter_init(&w, rt, ctx, "wait_fd", NULL);
	weir__link_init(&link, &w, WEIR__CLAIM_CTX, NULL);
	weir__ctx_link(ctx, &link);
	bool claimed = weir__ctx_ended(ctx) && weir__claim(&w, WEIR__CLAIM_SELF);
	while (!claimed) {
		weir__duties_do(w.task);
		weir__blocked_set(w.task, w.what, NULL, rt->vt->now(rt), weir_ctx_deadline(ctx));
		rc = rt->vt->wait_fd(rt, fd, events, weir_ctx_deadline(ctx));
		weir__blocked_set(w.task, NULL, NULL, 0, WEIR_FOREVER);
		if (rc == 0 || rc == WEIR_EINTR) { /* the token of a cancel, or nothing */
			claimed = rc == 0;
			continue;
		}
		if (weir__claim(&w, WEIR__CLAIM_SELF)) /* I2: an event, the deadline, or an error of the runtime */
			break;
		while (rt->vt->park(rt, WEIR_FOREVER) != 0)
			;
		break;
	}
	weir__ctx_unlink(ctx, &link);
	int ended = weir__ctx_ended(ctx);
	return rc > 0 || !ended ? rc : ended; /* I3 */
}

struct io {
	enum weir_op_kind kind;
	weir_fd fd;
	short events; /* 0: never waits */
	void *in;
	const void *from;
	size_t n;
	const int *signals;
	weir_fd *out;
};

static int attempt(weir_rt *rt, const struct io *io)
{
	switch (io->kind) {
	case WEIR_OP_FD_READ:
		return rt->vt->fd_read(rt, io->fd, io->in, io->n);
	case WEIR_OP_FD_WRITE:
		return rt->vt->fd_write(rt, io->fd, io->from, io->n);
	case WEIR_OP_FD_ACCEPT:
		return rt->vt->fd_accept(rt, io->fd, io->out);
	case WEIR_OP_FD_SHUT:
		return rt->vt->fd_shut(rt, io->fd);
	case WEIR_OP_SIGNALS_OPEN:
		return rt->vt->signals_open(rt, io->signals, io->n, io->out);
	case WEIR_OP_SIGNALS_NEXT:
		return rt->vt->signals_next(rt, io->fd);
	default:
		assert(io->kind == WEIR_OP_FD_CLOSE);
		rt->vt->fd_close(rt, io->fd);
		return 0;
	}
}

/* I1. ctx is NULL where nothing is waited for. */
static int perform(weir_ctx *ctx, weir_rt *rt, const struct io *io)
{
	assert(!ctx == !io->events);
	if (!ctx)
		return attempt(rt, io);
	if (io->kind == WEIR_OP_FD)
		return wait_ready(ctx, rt, io->fd, io->events);
	int rc = weir__ctx_ended(ctx);
	while (rc >= 0) {
		rc = attempt(rt, io);
		if (rc != WEIR_EAGAIN)
			break;
		rc = wait_ready(ctx, rt, io->fd, io->events);
	}
	return rc;
}

static int operate(weir_ctx *ctx, weir_rt *rt, const struct io *io, const void *site)
{
	assert(weir__locks_held() == 0);
	if (!weir__hooked(rt))
		return perform(ctx, rt, io);
	struct weir_op op = {.kind = (uint8_t)io->kind,
			     .access = WEIR_ACCESS_WRITE,
			     .may_park = ctx != NULL,
			     .obj = {ctx ? &weir__ctx(ctx)->obj : NULL},
			     .at = WEIR_FOREVER,
			     .site = site,
			     .fd = io->fd,
			     .events = io->events};
	weir__choice(rt, &op);
	return weir__result(rt, &op, perform(ctx, rt, io));
}

int weir_wait_fd(weir_ctx *ctx, weir_fd fd, short events)
{
	if (fd < 0)
		return WEIR_EBADF;
	if (events <= 0)
		return WEIR_EINVAL;
	return operate(ctx, weir__ctx_rt(ctx), &(struct io){.kind = WEIR_OP_FD, .fd = fd, .events = events},
		       WEIR__SITE());
}

int weir_fd_read(weir_ctx *ctx, weir_fd fd, void *buf, size_t n)
{
	if (fd < 0)
		return WEIR_EBADF;
	if (!buf || n == 0 || n > INT_MAX)
		return WEIR_EINVAL;
	return operate(ctx, weir__ctx_rt(ctx),
		       &(struct io){.kind = WEIR_OP_FD_READ, .fd = fd, .events = POLLIN, .in = buf, .n = n},
		       WEIR__SITE());
}

int weir_fd_write(weir_ctx *ctx, weir_fd fd, const void *buf, size_t n)
{
	if (fd < 0)
		return WEIR_EBADF;
	if (!buf || n == 0 || n > INT_MAX)
		return WEIR_EINVAL;
	return operate(ctx, weir__ctx_rt(ctx),
		       &(struct io){.kind = WEIR_OP_FD_WRITE, .fd = fd, .events = POLLOUT, .from = buf, .n = n},
		       WEIR__SITE());
}

int weir_fd_accept(weir_ctx *ctx, weir_fd listener, weir_fd *out)
{
	if (listener < 0)
		return WEIR_EBADF;
	if (!out)
		return WEIR_EINVAL;
	return operate(ctx, weir__ctx_rt(ctx),
		       &(struct io){.kind = WEIR_OP_FD_ACCEPT, .fd = listener, .events = POLLIN, .out = out},
		       WEIR__SITE());
}

int weir_fd_shut(weir_rt *rt, weir_fd fd)
{
	if (fd < 0)
		return WEIR_EBADF;
	return operate(NULL, rt, &(struct io){.kind = WEIR_OP_FD_SHUT, .fd = fd}, WEIR__SITE());
}

void weir_fd_close(weir_rt *rt, weir_fd *fd)
{
	if (!fd || *fd < 0)
		return;
	struct io io = {.kind = WEIR_OP_FD_CLOSE, .fd = *fd};
	*fd = WEIR_FD_NONE;
	(void)operate(NULL, rt, &io, WEIR__SITE()); /* has no failure to tell */
}

int weir_signals_open(weir_rt *rt, const int *signals, size_t n, weir_fd *out)
{
	if (!signals || n == 0 || !out)
		return WEIR_EINVAL;
	return operate(
		NULL, rt,
		&(struct io){.kind = WEIR_OP_SIGNALS_OPEN, .fd = WEIR_FD_NONE, .signals = signals, .n = n, .out = out},
		WEIR__SITE());
}

int weir_signals_next(weir_ctx *ctx, weir_fd fd)
{
	if (fd < 0)
		return WEIR_EBADF;
	return operate(ctx, weir__ctx_rt(ctx), &(struct io){.kind = WEIR_OP_SIGNALS_NEXT, .fd = fd, .events = POLLIN},
		       WEIR__SITE());
}
