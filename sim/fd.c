/* SPDX-License-Identifier: MIT
 *
 * Fake descriptors: pipes, stream sockets and signals that exist only inside a schedule.
 *
 * A program that uses weir/core/io.h cannot tell them from the system's, but for their numbers, which begin far above
 * any that the system gives out: a real call on a fake one is EBADF and touches nobody's file, a weir call on a real
 * one is WEIR_EBADF here.
 *
 *  F1  Two ends that are connected are each other's `peer`. An end holds what can be read from it; to write is to add
 *      to the peer's bytes, of which there are at most `capacity`. A pipe's writing end holds nothing.
 *  F2  Readiness is looked up, never stored: after every change each task parked for a descriptor that is ready now
 *      can run. When it does, another may have been faster, and it is told so (WEIR_EINTR); or a cancel may have
 *      claimed it first, and its token wins. Both are schedules like any other.
 *  F3  A number is used once per schedule, so a stale one is always recognised: using it is a failure, and so is
 *      closing a descriptor that a task is parked for.
 *  F4  The accepting end of a connection exists from connect on, and becomes an object, which can leak, when it is
 *      accepted. Until then its listener answers for it: closing the listener resets it.
 *  F5  Closing with bytes unread resets the connection: the peer's next call is -ECONNRESET, and what it had not read
 *      is lost. Otherwise the peer reads what is there, then the end; writing to it is WEIR_EPIPE at once (the
 *      system's TCP may take a first write and lose it).
 *  F6  Signals are pending once, however often they were raised, and go to whoever takes them first.
 *  F7  What a task knew when it wrote, closed, connected is known to whoever uses the other end: both ends share a row
 *      of the clock table (objects.c).
 *  F8  A call that opts.faults makes go wrong does what the system's may do. On a connection: it is reset, for both
 *      ends and for good (a peer's machine, or a box on the way, that has lost it): -ECONNRESET once, then the end to
 *      read and WEIR_EPIPE to write; or WEIR_EAGAIN although it is ready (select(2), BUGS), after which core waits
 *      again; or one byte is moved. On a pipe: one byte is moved. accept: -EMFILE, and the connection stays in the
 *      queue. EINTR is not told by any runtime, and ENOSPC is for files, which are not here.
 *
 * The records are kept from schedule to schedule. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define FDS 4096
#define BACKLOG 16
#define SIGNALS 64

enum fd_kind { FD_PIPE_READ, FD_PIPE_WRITE, FD_CONNECTION, FD_LISTENER, FD_SIGNALS };
enum fd_state { FD_PENDING, FD_OPEN, FD_CLOSED }; /* F4 */

struct sim_fd {
	struct weir_obj obj;
	weir_fd number;
	enum fd_kind kind;
	enum fd_state state;
	struct sim_fd *peer; /* F1 */
	bool ended;          /* the peer writes no more */
	bool shut;           /* this end writes no more */
	bool reset;          /* the next call is -ECONNRESET */
	size_t capacity, head, length;
	unsigned char bytes[WEIR_SIM_FD_BYTES];
	struct sim_fd *backlog[BACKLOG];
	size_t n_backlog;
	uint64_t signals; /* that it is for */
};

struct sim_fds {
	struct sim_fd *fd[FDS];
	uint32_t n, n_made; /* of this schedule; records that exist */
	uint64_t pending;   /* F6 */
};

static struct sim *of(weir_rt *rt)
{
	return (struct sim *)rt;
}

static struct sim *active(void)
{
	return weir__sim && weir__sim->inside ? weir__sim : NULL;
}

/* ---- the table ---- */

void weir__sim_fds_reset(struct sim *s)
{
	if (s->fds) {
		s->fds->n = 0;
		s->fds->pending = 0;
	}
}

void weir__sim_fds_free(struct sim *s)
{
	for (uint32_t i = 0; s->fds && i < s->fds->n_made; i++)
		free(s->fds->fd[i]);
	free(s->fds);
	s->fds = NULL;
}

static struct sim_fds *table(struct sim *s)
{
	if (!s->fds)
		s->fds = weir__own_calloc(sizeof(*s->fds));
	return s->fds;
}

/* NULL: no room, or no memory. */
static struct sim_fd *fd_new(struct sim *s, enum fd_kind kind, size_t capacity)
{
	struct sim_fds *t = table(s);
	if (!t || t->n == FDS)
		return NULL;
	if (t->n == t->n_made) {
		t->fd[t->n] = weir__own_calloc(sizeof(struct sim_fd));
		if (!t->fd[t->n])
			return NULL;
		t->n_made++;
	}
	struct sim_fd *f = t->fd[t->n];
	weir__san_enter();
	memset(f, 0, offsetof(struct sim_fd, bytes));
	weir__san_leave();
	f->n_backlog = 0;
	f->signals = 0;
	f->obj.kind = WEIR_OBJ_FD;
	f->number = WEIR_SIM_FD + (weir_fd)t->n++;
	f->kind = kind;
	f->capacity = capacity;
	return f;
}

static struct sim_fd *find(struct sim *s, weir_fd fd)
{
	uint32_t i = (uint32_t)(fd - WEIR_SIM_FD);
	return fd >= WEIR_SIM_FD && s->fds && i < s->fds->n ? s->fds->fd[i] : NULL;
}

struct weir_obj *weir__sim_fd_object(struct sim *s, weir_fd fd)
{
	struct sim_fd *f = find(s, fd);
	return f ? &f->obj : NULL;
}

/* From here on it can be used, and leak. Its name is name, or that of `like`, whose row it shares (F7). */
static void fd_open(struct sim *s, struct sim_fd *f, const char *name, const struct sim_fd *like, const void *site)
{
	assert(f->state == FD_PENDING);
	f->state = FD_OPEN;
	weir__san_enter();
	weir__sim_created(s, &f->obj, NULL, site);
	struct sim_object *o = weir__sim_object(s, &f->obj), *l = like ? weir__sim_object(s, &like->obj) : NULL;
	if (l)
		o->takes = o->leaves = l->leaves;
	snprintf(o->name, sizeof(o->name), "%s", name ? name : l ? l->name : "");
	weir__san_leave();
}

/* F7, for ThreadSanitizer: what was done before the last operation on either end comes before this one. */
static void in_order(const struct sim_fd *f)
{
	const struct sim_fd *pair = f->peer && f->peer < f ? f->peer : f;
	weir__san_acquire(pair);
	weir__san_release(pair);
}

static void put_name(struct sim *s, const struct sim_fd *f, char *buf, size_t cap)
{
	const struct sim_object *o = weir__sim_object(s, &f->obj);
	snprintf(buf, cap, o->name[0] ? "fd%u \"%s\"" : "fd%u%s", o->display, o->name);
}

/* The open descriptor of that number; NULL: it is not one of ours. F3. */
static struct sim_fd *use(struct sim *s, weir_fd fd)
{
	struct sim_fd *f = find(s, fd);
	char name[40];
	if (!f || f->state == FD_PENDING)
		return NULL;
	if (f->state == FD_OPEN) {
		in_order(f);
		return f;
	}
	const struct sim_object *o = weir__sim_object(s, &f->obj);
	put_name(s, f, name, sizeof(name));
	s->failure.other_site = o->user_site;
	s->failure.other_task = o->user;
	weir__sim_fail(s, WEIR_SIM_OWNERSHIP, "T%u uses %s, which T%u has closed", s->current, name, o->user);
	return NULL;
}

/* ---- readiness ---- */

static bool has_room(const struct sim_fd *f)
{
	return f->peer->length < f->peer->capacity;
}

/* poll(2) of a real pipe, socket or signalfd in that state. */
static short ready(const struct sim *s, const struct sim_fd *f)
{
	int mask = 0;
	switch (f->kind) {
	case FD_PIPE_READ:
		mask = (f->length ? POLLIN : 0) | (f->ended ? POLLHUP : 0);
		break;
	case FD_PIPE_WRITE:
		if (f->peer->state == FD_CLOSED)
			mask = POLLOUT | POLLERR;
		else
			mask = has_room(f) ? POLLOUT : 0;
		break;
	case FD_CONNECTION:
		if (f->length || f->ended || f->reset)
			mask = POLLIN;
		if (f->shut || f->reset || f->peer->state == FD_CLOSED || has_room(f))
			mask |= POLLOUT;
		mask |= (f->reset ? POLLERR | POLLHUP : 0) | (f->ended && f->shut ? POLLHUP : 0);
		break;
	case FD_LISTENER:
		mask = f->n_backlog ? POLLIN : 0;
		break;
	case FD_SIGNALS:
		mask = s->fds->pending & f->signals ? POLLIN : 0;
		break;
	}
	return (short)mask;
}

/* F2 */
static void wake_ready(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *t = s->tasks[i];
		if (t->state != SIM_PARKED || !t->wait_fd)
			continue;
		if (ready(s, find(s, t->wait_fd)) & (t->wait_events | POLLHUP | POLLERR))
			weir__sim_wake(s, t);
	}
}

const char *weir__sim_events_text(short events)
{
	switch (events & (POLLIN | POLLOUT)) {
	case POLLIN:
		return "readable";
	case POLLOUT:
		return "writable";
	case POLLIN | POLLOUT:
		return "readable or writable";
	default:
		return "in error";
	}
}

int weir__sim_wait_fd(weir_rt *rt, weir_fd fd, short events, int64_t deadline_at)
{
	struct sim *s = of(rt);
	struct sim_task *t = weir__sim_current(s);
	struct sim_fd *f = use(s, fd);
	int mask;
	if (events <= 0)
		return WEIR_EINVAL;
	if (!f)
		return WEIR_EBADF;
	if (!t->token) {
		mask = ready(s, f) & (events | POLLHUP | POLLERR);
		if (mask)
			return mask;
		if (deadline_at <= s->now)
			return WEIR_ETIMEOUT;
		t->wait_fd = fd;
		t->wait_events = events;
		weir__sim_stop(s, t, deadline_at, __builtin_return_address(0));
		t->wait_fd = 0;
	}
	bool token = t->token, due = t->due;
	if (token)
		weir__san_acquire(&t->token);
	else
		in_order(f);
	t->token = t->due = false;
	if (token) /* as on threads: the descriptor can be asked again, the token cannot */
		return 0;
	assert(f->state == FD_OPEN); /* F3 */
	mask = ready(s, f) & (events | POLLHUP | POLLERR);
	return mask ? mask : due ? WEIR_ETIMEOUT : WEIR_EINTR;
}

/* ---- bytes ---- */

/* How many of at most n bytes (1 or more) a call moves: all, unless the scenario asked for short ones. */
static size_t moved(struct sim *s, size_t n)
{
	if (!s->opts->short_io || n == 1)
		return n;
	switch (weir__sim_data(s, n == 2 ? 2 : 3)) {
	case 0:
		return n;
	case 1:
		return 1;
	default:
		return n / 2;
	}
}

/* F5: told once; then there is the end to read, and nobody to write to. */
static int told_reset(struct sim_fd *f)
{
	f->reset = false;
	f->length = 0;
	return -ECONNRESET;
}

/* F8. can_move: bytes that the call would move if nothing went wrong. */
enum io_fault { IO_NONE, IO_RESET, IO_AGAIN, IO_SHORT };

static enum io_fault io_fault(struct sim *s, const struct sim_fd *f, size_t can_move)
{
	static const enum io_fault of_pipe[] = {IO_NONE, IO_SHORT},
				   of_connection[] = {IO_NONE, IO_RESET, IO_AGAIN, IO_SHORT};
	bool connection = f->kind == FD_CONNECTION;
	uint32_t n = connection ? 2 : 1;
	if (can_move > 0)
		n += connection;
	if (can_move > 1)
		n++;
	if (n == 1)
		return IO_NONE;
	uint32_t value = weir__sim_fault(s, SIM_FAULT_IO, n);
	enum io_fault fault = connection ? of_connection[value] : of_pipe[value];
	if (s->trace && fault != IO_NONE)
		weir__sim_trace_note(s, fault == IO_RESET   ? "FAULT: the connection is reset"
					: fault == IO_AGAIN ? "FAULT: not now, although it is ready"
							    : "FAULT: one byte is moved");
	return fault;
}

static int lose_connection(struct sim *s, struct sim_fd *f)
{
	s->fault_hit = true;
	f->shut = f->peer->shut = f->ended = true;
	f->peer->reset = f->peer->ended = true;
	f->peer->length = 0;
	wake_ready(s);
	return told_reset(f);
}

int weir__sim_fd_read(weir_rt *rt, weir_fd fd, void *buf, size_t n)
{
	struct sim *s = of(rt);
	struct sim_fd *f = use(s, fd);
	unsigned char *to = buf;
	if (!f || f->kind == FD_PIPE_WRITE)
		return WEIR_EBADF;
	if (f->kind == FD_LISTENER || f->kind == FD_SIGNALS)
		return WEIR_EINVAL;
	if (f->reset)
		return told_reset(f);
	n = n < f->length ? n : f->length;
	enum io_fault fault = io_fault(s, f, n);
	if (fault == IO_RESET)
		return lose_connection(s, f);
	if (f->length == 0)
		return f->ended ? 0 : WEIR_EAGAIN;
	if (fault == IO_AGAIN)
		return WEIR_EAGAIN;
	n = fault == IO_SHORT ? 1 : moved(s, n);
	for (size_t i = 0; i < n; i++)
		to[i] = f->bytes[(f->head + i) % f->capacity];
	f->head = (f->head + n) % f->capacity;
	f->length -= n;
	wake_ready(s);
	return (int)n;
}

int weir__sim_fd_write(weir_rt *rt, weir_fd fd, const void *buf, size_t n)
{
	struct sim *s = of(rt);
	struct sim_fd *f = use(s, fd);
	const unsigned char *from = buf;
	if (!f || f->kind == FD_PIPE_READ)
		return WEIR_EBADF;
	if (f->kind == FD_LISTENER || f->kind == FD_SIGNALS)
		return WEIR_EINVAL;
	if (f->reset)
		return told_reset(f);
	struct sim_fd *p = f->peer;
	if (f->shut || p->state == FD_CLOSED)
		return WEIR_EPIPE;
	size_t room = p->capacity - p->length;
	n = n < room ? n : room;
	enum io_fault fault = io_fault(s, f, n);
	if (fault == IO_RESET)
		return lose_connection(s, f);
	if (room == 0 || fault == IO_AGAIN)
		return WEIR_EAGAIN;
	n = fault == IO_SHORT ? 1 : moved(s, n);
	for (size_t i = 0; i < n; i++)
		p->bytes[(p->head + p->length + i) % p->capacity] = from[i];
	p->length += n;
	wake_ready(s);
	return (int)n;
}

int weir__sim_fd_shut(weir_rt *rt, weir_fd fd)
{
	struct sim *s = of(rt);
	struct sim_fd *f = use(s, fd);
	if (!f)
		return WEIR_EBADF;
	if (f->kind != FD_CONNECTION)
		return -ENOTSOCK;
	if (f->reset)
		return -ENOTCONN;
	f->shut = f->peer->ended = true;
	wake_ready(s);
	return 0;
}

/* ---- connections ---- */

int weir__sim_fd_accept(weir_rt *rt, weir_fd listener, weir_fd *out)
{
	struct sim *s = of(rt);
	struct sim_fd *l = use(s, listener);
	if (!l)
		return WEIR_EBADF;
	if (l->kind != FD_LISTENER)
		return WEIR_EINVAL;
	if (l->n_backlog == 0)
		return WEIR_EAGAIN;
	if (weir__sim_fault(s, SIM_FAULT_IO, 2)) {
		s->fault_hit = true;
		if (s->trace)
			weir__sim_trace_note(s, "FAULT: too many files are open");
		return -EMFILE;
	}
	struct sim_fd *f = l->backlog[0];
	l->n_backlog--;
	for (size_t i = 0; i < l->n_backlog; i++)
		l->backlog[i] = l->backlog[i + 1];
	in_order(f);
	const struct weir_op *op = weir__sim_current(s)->op;
	fd_open(s, f, NULL, f->peer, op ? op->site : NULL);
	*out = f->number;
	return 0;
}

static void reset_peer(struct sim_fd *f)
{
	f->peer->reset = f->peer->ended = true;
	f->peer->length = 0;
}

static void close_end(struct sim_fd *f, bool reset)
{
	f->state = FD_CLOSED;
	if (f->kind == FD_CONNECTION && (reset || f->length > 0)) /* F5 */
		reset_peer(f);
	else if (f->peer)
		f->peer->ended = true;
	for (size_t i = 0; i < f->n_backlog; i++) { /* F4 */
		f->backlog[i]->state = FD_CLOSED;
		reset_peer(f->backlog[i]);
	}
}

static void close_fd(struct sim *s, struct sim_fd *f, bool reset, const void *site)
{
	struct sim_object *o = weir__sim_object(s, &f->obj);
	char name[40];
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i]->wait_fd != f->number) /* parked for it, or woken and not yet back */
			continue;
		put_name(s, f, name, sizeof(name));
		s->failure.other_site = s->tasks[i]->op->site;
		s->failure.other_task = i;
		weir__sim_fail(s, WEIR_SIM_OWNERSHIP, "T%u closes %s while T%u waits for it", s->current, name, i);
	}
	o->user = s->current;
	o->user_site = site;
	close_end(f, reset);
	weir__sim_gone(s, &f->obj);
	wake_ready(s);
}

void weir__sim_fd_close(weir_rt *rt, weir_fd fd)
{
	struct sim *s = of(rt);
	struct sim_fd *f = use(s, fd);
	const struct weir_op *op = weir__sim_current(s)->op;
	if (f)
		close_fd(s, f, false, op ? op->site : NULL);
}

/* ---- signals ---- */

int weir__sim_signals_open(weir_rt *rt, const int *signals, size_t n, weir_fd *out)
{
	struct sim *s = of(rt);
	const struct weir_op *op = weir__sim_current(s)->op;
	uint64_t set = 0;
	for (size_t i = 0; i < n; i++) {
		if (signals[i] < 1 || signals[i] >= SIGNALS)
			return WEIR_EINVAL;
		set |= UINT64_C(1) << signals[i];
	}
	struct sim_fd *f = fd_new(s, FD_SIGNALS, 0);
	if (!f)
		return -EMFILE;
	f->signals = set;
	fd_open(s, f, "signals", NULL, op ? op->site : NULL);
	*out = f->number;
	return 0;
}

int weir__sim_signals_next(weir_rt *rt, weir_fd fd)
{
	struct sim *s = of(rt);
	struct sim_fd *f = use(s, fd);
	if (!f)
		return WEIR_EBADF;
	if (f->kind != FD_SIGNALS)
		return WEIR_EINVAL;
	uint64_t there = s->fds->pending & f->signals;
	if (!there)
		return WEIR_EAGAIN;
	s->fds->pending &= ~(there & -there);
	return __builtin_ctzll(there);
}

/* ---- what a scenario calls ---- */

/* Two ends of what was just made, or none. */
static int open_pair(struct sim *s, struct sim_fd *a, struct sim_fd *b, const char *name, const void *site)
{
	if (!a || !b)
		return -EMFILE;
	a->peer = b;
	b->peer = a;
	fd_open(s, a, name, NULL, site);
	fd_open(s, b, NULL, a, site);
	return 0;
}

int weir_sim_pipe(const char *name, size_t capacity, weir_fd *out_read, weir_fd *out_write)
{
	struct sim *s = active();
	if (!s)
		return WEIR_ENOSYS;
	if (capacity == 0 || capacity > WEIR_SIM_FD_BYTES)
		return WEIR_EINVAL;
	struct sim_fd *r = fd_new(s, FD_PIPE_READ, capacity), *w = fd_new(s, FD_PIPE_WRITE, 0);
	int rc = open_pair(s, r, w, name, __builtin_return_address(0));
	if (rc == 0) {
		*out_read = r->number;
		*out_write = w->number;
	}
	return rc;
}

int weir_sim_socketpair(const char *name, size_t capacity, weir_fd *out)
{
	struct sim *s = active();
	if (!s)
		return WEIR_ENOSYS;
	if (capacity == 0 || capacity > WEIR_SIM_FD_BYTES)
		return WEIR_EINVAL;
	struct sim_fd *a = fd_new(s, FD_CONNECTION, capacity), *b = fd_new(s, FD_CONNECTION, capacity);
	int rc = open_pair(s, a, b, name, __builtin_return_address(0));
	if (rc == 0) {
		out[0] = a->number;
		out[1] = b->number;
	}
	return rc;
}

int weir_sim_listen(const char *name, size_t capacity, weir_fd *out)
{
	struct sim *s = active();
	if (!s)
		return WEIR_ENOSYS;
	if (capacity == 0 || capacity > WEIR_SIM_FD_BYTES)
		return WEIR_EINVAL;
	struct sim_fd *f = fd_new(s, FD_LISTENER, capacity);
	if (!f)
		return -EMFILE;
	fd_open(s, f, name, NULL, __builtin_return_address(0));
	*out = f->number;
	return 0;
}

static int connect_to(struct sim *s, struct sim_fd *l, const char *name, const void *site, weir_fd *out)
{
	if (l->state != FD_OPEN || l->n_backlog == BACKLOG)
		return -ECONNREFUSED;
	struct sim_fd *client = fd_new(s, FD_CONNECTION, l->capacity), *server = fd_new(s, FD_CONNECTION, l->capacity);
	if (!client || !server)
		return -EMFILE;
	client->peer = server;
	server->peer = client;
	fd_open(s, client, name, NULL, site);
	in_order(client);
	l->backlog[l->n_backlog++] = server;
	wake_ready(s);
	*out = client->number;
	return 0;
}

int weir_sim_connect(const char *name, weir_fd listener, weir_fd *out)
{
	struct sim *s = active();
	const void *site = __builtin_return_address(0);
	if (!s)
		return WEIR_ENOSYS;
	struct sim_fd *l = find(s, listener);
	if (!l || l->kind != FD_LISTENER)
		return WEIR_EBADF;
	weir__sim_begin(s, WEIR_OP_FD_CONNECT, listener, site);
	int rc = connect_to(s, l, name, site, out);
	weir__sim_end(s, rc);
	return rc;
}

void weir_sim_reset(weir_fd *fd)
{
	struct sim *s = active();
	const void *site = __builtin_return_address(0);
	if (!s || *fd < 0)
		return;
	weir__sim_begin(s, WEIR_OP_FD_CLOSE, *fd, site);
	struct sim_fd *f = use(s, *fd);
	*fd = WEIR_FD_NONE;
	if (f && f->kind == FD_CONNECTION)
		close_fd(s, f, true, site);
	else
		weir__sim_fail(s, WEIR_SIM_MISUSE, "weir_sim_reset wants a connection");
	weir__sim_end(s, 0);
}

void weir_sim_signal_raise(int signal)
{
	struct sim *s = active();
	if (!s)
		return;
	if (signal < 1 || signal >= SIGNALS || !table(s)) {
		weir__sim_fail(s, WEIR_SIM_MISUSE, "%d is no signal that can be raised here", signal);
		return;
	}
	weir__sim_begin(s, WEIR_OP_SIGNAL_RAISE, 0, __builtin_return_address(0));
	s->fds->pending |= UINT64_C(1) << signal;
	wake_ready(s);
	weir__sim_end(s, 0);
}
