/* SPDX-License-Identifier: MIT
 *
 * The sequential models of core/sync.h: locks, semaphore, wait group, once, atomic. What waits reserves its place
 * (WEIR_SIM_WAITS) and is finished by the operation that lets it in, in the same step: direct hand-off, and nobody
 * overtakes. Why that takes two points is in hub.h. A once is two operations with the function in between: the call
 * that runs it reserves, and its second point is the completion, which finishes all that wait.
 *
 * What it cannot see: that an operation has reserved shows only in what comes of others. A lock whose readers overtake
 * the writers that wait, all of them and always, looks to its callers like one whose writers were slow to ask.
 *
 * Every state is a set of numbers and a queue; contexts are numbers that a cancel ends. */
#ifndef WEIR_TESTS_MODELS_SYNC_H
#define WEIR_TESTS_MODELS_SYNC_H

#include <stdio.h>
#include <string.h>
#include <weir/core.h>
#include <weir/sim/history.h>

enum { SYNC_WAITING = 16 };

enum sync_op {
	SYNC_READ_LOCK,
	SYNC_WRITE_LOCK, /* of a mutex: lock */
	SYNC_TRY_READ,
	SYNC_TRY_WRITE, /* all of these: out: rc */
	SYNC_READ_UNLOCK,
	SYNC_WRITE_UNLOCK,
	SYNC_ACQUIRE,     /* in: context, permits; out: rc */
	SYNC_TRY_ACQUIRE, /* in: -, permits; out: rc */
	SYNC_RELEASE,     /* in: -, permits */
	SYNC_RESIZE,      /* in: -, the capacity, less what it was at first */
	SYNC_ADD,         /* in: -, how many */
	SYNC_DONE,
	SYNC_WAIT,      /* in: context; out: rc */
	SYNC_ONCE,      /* in: context, what the function would return; out: rc */
	SYNC_CANCEL,    /* in: context */
	SYNC_LOAD,      /* out: value */
	SYNC_STORE,     /* in: value */
	SYNC_FETCH_ADD, /* in: value; out: value before */
	SYNC_EXCHANGE,  /* the same */
	SYNC_CAS,       /* in: expected, desired; out: whether, value seen */
};

struct sync_state {
	int64_t count;  /* readers, permits, of the wait group, the atomic; of a once: 0 new, 1 running, 2 done */
	int64_t writer; /* or the code of the once, or how much capacity a semaphore has gained */
	uint32_t cancelled, n_waiting;
	uint32_t waiting[SYNC_WAITING];
};

/* arg: what count begins with. */
static int sync_init(void *state, void *arg)
{
	((struct sync_state *)state)->count = *(const int64_t *)arg;
	return 0;
}

static enum weir_sim_step sync_is(const struct weir_sim_op *op, int64_t out)
{
	return !weir_sim_op_returned(op) || op->out.v[0] == out ? WEIR_SIM_DONE : WEIR_SIM_NO;
}

static enum weir_sim_step sync_queue(struct sync_state *s, uint32_t id)
{
	s->waiting[s->n_waiting++] = id;
	return WEIR_SIM_WAITS;
}

/* The i-th that waits is through with this code; false: that is not what it returned. */
static bool sync_finish(struct sync_state *s, struct weir_sim_point *p, uint32_t i, int64_t rc)
{
	uint32_t id = s->waiting[i];
	memmove(s->waiting + i, s->waiting + i + 1, (SYNC_WAITING - 1 - i) * sizeof(s->waiting[0]));
	s->waiting[SYNC_WAITING - 1] = 0;
	s->n_waiting--;
	weir_sim_point_finish(p, id);
	return sync_is(&p->ops[id], rc) == WEIR_SIM_DONE;
}

static bool sync_finish_all(struct sync_state *s, struct weir_sim_point *p, int64_t rc)
{
	bool ok = true;
	while (ok && s->n_waiting > 0)
		ok = sync_finish(s, p, 0, rc);
	return ok;
}

static bool sync_ended(const struct sync_state *s, const struct weir_sim_op *op)
{
	return s->cancelled >> op->in.v[0] & 1;
}

/* ---- locks ---- */

static bool sync_writer_waits(const struct sync_state *s, const struct weir_sim_point *p)
{
	for (uint32_t i = 0; i < s->n_waiting; i++)
		if (p->ops[s->waiting[i]].op == SYNC_WRITE_LOCK)
			return true;
	return false;
}

/* Free now: the first writer, or all readers. */
static bool sync_hand_over(struct sync_state *s, struct weir_sim_point *p)
{
	for (uint32_t i = 0; i < s->n_waiting; i++) {
		if (p->ops[s->waiting[i]].op == SYNC_WRITE_LOCK) {
			s->writer = 1;
			return sync_finish(s, p, i, 0);
		}
	}
	s->count += s->n_waiting;
	return sync_finish_all(s, p, 0);
}

static enum weir_sim_step sync_lock_step(struct sync_state *s, struct weir_sim_point *p)
{
	bool reads = p->op->op == SYNC_READ_LOCK || p->op->op == SYNC_TRY_READ;
	bool tries = p->op->op == SYNC_TRY_READ || p->op->op == SYNC_TRY_WRITE;
	bool unlocks = p->op->op == SYNC_READ_UNLOCK || p->op->op == SYNC_WRITE_UNLOCK;
	if (unlocks) {
		if (p->op->op == SYNC_WRITE_UNLOCK)
			s->writer = 0;
		else
			s->count--;
		return s->writer || s->count || sync_hand_over(s, p) ? WEIR_SIM_DONE : WEIR_SIM_NO;
	}
	if (s->writer || (reads ? sync_writer_waits(s, p) : s->count > 0))
		return tries ? sync_is(p->op, WEIR_EAGAIN) : sync_queue(s, p->id);
	if (reads)
		s->count++;
	else
		s->writer = 1;
	return sync_is(p->op, 0);
}

/* ---- semaphore ---- */

/* A capacity that fell below what is taken leaves nothing, and not less. */
static int64_t sync_free(const struct sync_state *s)
{
	return s->count > 0 ? s->count : 0;
}

static bool sync_grant(struct sync_state *s, struct weir_sim_point *p)
{
	bool ok = true;
	while (ok && s->n_waiting > 0 && p->ops[s->waiting[0]].in.v[1] <= sync_free(s)) {
		s->count -= p->ops[s->waiting[0]].in.v[1];
		ok = sync_finish(s, p, 0, 0);
	}
	return ok;
}

static enum weir_sim_step sync_sem_step(struct sync_state *s, struct weir_sim_point *p)
{
	int64_t n = p->op->in.v[1];
	if (p->op->op == SYNC_RELEASE || p->op->op == SYNC_RESIZE) {
		s->count += p->op->op == SYNC_RELEASE ? n : n - s->writer;
		s->writer = p->op->op == SYNC_RELEASE ? s->writer : n;
		return sync_grant(s, p) ? WEIR_SIM_DONE : WEIR_SIM_NO;
	}
	if (p->op->op == SYNC_ACQUIRE && sync_ended(s, p->op))
		return sync_is(p->op, WEIR_ECANCELED);
	if (s->n_waiting > 0 || n > sync_free(s))
		return p->op->op == SYNC_ACQUIRE ? sync_queue(s, p->id) : sync_is(p->op, WEIR_EAGAIN);
	s->count -= n;
	return sync_is(p->op, 0);
}

/* ---- wait group, once ---- */

static enum weir_sim_step sync_wg_step(struct sync_state *s, struct weir_sim_point *p)
{
	switch ((enum sync_op)p->op->op) {
	case SYNC_ADD:
		s->count += p->op->in.v[1];
		return WEIR_SIM_DONE;
	case SYNC_DONE:
		return --s->count > 0 || sync_finish_all(s, p, 0) ? WEIR_SIM_DONE : WEIR_SIM_NO;
	default:
		if (sync_ended(s, p->op))
			return sync_is(p->op, WEIR_ECANCELED);
		return s->count == 0 ? sync_is(p->op, 0) : sync_queue(s, p->id);
	}
}

static enum weir_sim_step sync_once_step(struct sync_state *s, struct weir_sim_point *p)
{
	if (p->again) { /* the one that runs it; the others are finished by it */
		for (uint32_t i = 0; i < s->n_waiting; i++)
			if (s->waiting[i] == p->id)
				return WEIR_SIM_NO;
		s->count = 2;
		s->writer = p->op->in.v[1];
		if (!sync_finish_all(s, p, s->writer))
			return WEIR_SIM_NO;
		return sync_is(p->op, s->writer);
	}
	if (sync_ended(s, p->op))
		return sync_is(p->op, WEIR_ECANCELED);
	if (s->count == 2)
		return sync_is(p->op, s->writer);
	if (s->count == 1)
		return sync_queue(s, p->id);
	s->count = 1;
	return WEIR_SIM_WAITS;
}

/* ---- atomic ---- */

static enum weir_sim_step sync_atomic_step(struct sync_state *s, const struct weir_sim_op *op)
{
	int64_t before = s->count;
	switch ((enum sync_op)op->op) {
	case SYNC_STORE:
		s->count = op->in.v[0];
		return WEIR_SIM_DONE;
	case SYNC_FETCH_ADD:
		s->count += op->in.v[0];
		break;
	case SYNC_EXCHANGE:
		s->count = op->in.v[0];
		break;
	case SYNC_CAS:
		if (weir_sim_op_returned(op) && (op->out.v[0] != (before == op->in.v[0]) || op->out.v[1] != before))
			return WEIR_SIM_NO;
		s->count = before == op->in.v[0] ? op->in.v[1] : before;
		return WEIR_SIM_DONE;
	default:
		break;
	}
	return sync_is(op, before);
}

/* ---- all ---- */

static enum weir_sim_step sync_cancel(struct sync_state *s, struct weir_sim_point *p)
{
	bool ok = true, semaphore = false;
	s->cancelled |= 1u << p->op->in.v[0];
	for (uint32_t i = s->n_waiting; ok && i > 0; i--) {
		semaphore |= p->ops[s->waiting[i - 1]].op == SYNC_ACQUIRE;
		if (p->ops[s->waiting[i - 1]].in.v[0] == p->op->in.v[0])
			ok = sync_finish(s, p, i - 1, WEIR_ECANCELED);
	}
	/* one that stood in front lets those behind it go on */
	return ok && (!semaphore || sync_grant(s, p)) ? WEIR_SIM_DONE : WEIR_SIM_NO;
}

static enum weir_sim_step sync_step(void *state, struct weir_sim_point *p, void *arg)
{
	struct sync_state *s = state;
	(void)arg;
	if (p->again && p->op->op != SYNC_ONCE)
		return WEIR_SIM_NO; /* nobody has let it in */
	if (p->op->op <= SYNC_WRITE_UNLOCK)
		return sync_lock_step(s, p);
	if (p->op->op <= SYNC_RESIZE)
		return sync_sem_step(s, p);
	if (p->op->op <= SYNC_WAIT)
		return sync_wg_step(s, p);
	if (p->op->op == SYNC_ONCE)
		return sync_once_step(s, p);
	return p->op->op == SYNC_CANCEL ? sync_cancel(s, p) : sync_atomic_step(s, p->op);
}

static void sync_put_call(const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	static const char *const names[] = {"read_lock", "lock",    "try_read_lock", "try_lock", "read_unlock",
					    "unlock",    "acquire", "try_acquire",   "release",  "resize",
					    "add",       "done",    "wait",          "once",     "cancel",
					    "load",      "store",   "add",           "exchange", "cas"};
	(void)arg;
	(void)snprintf(text, cap, "%s(%d, %d)", names[op->op], (int)op->in.v[0], (int)op->in.v[1]);
}

static void sync_put_state(const void *state, char *text, size_t cap, void *arg)
{
	const struct sync_state *s = state;
	(void)arg;
	(void)snprintf(text, cap, "count %d, writer or code %d, %u waiting", (int)s->count, (int)s->writer,
		       s->n_waiting);
}

static inline struct weir_sim_model sync_model(const char *name, const int64_t *count)
{
	return (struct weir_sim_model){.name = name,
				       .state_size = sizeof(struct sync_state),
				       .init = sync_init,
				       .step = sync_step,
				       .put_call = sync_put_call,
				       .put_state = sync_put_state,
				       .arg = (void *)(uintptr_t)count};
}

#endif
