/* SPDX-License-Identifier: MIT
 *
 * The one place where tasks wait and are woken: a record on the waiting task's stack.
 *
 * A task that must wait puts one *waiter* on its stack, and one *link* for each queue it waits in (a select: in its
 * case array). Whoever can end the wait - a peer of a channel, a canceller, the last task of a scope, the waiting task
 * itself when its deadline passes - first has to win the waiter's claim word. The protocol:
 *
 *  W1  The claim word goes from 0 to a value once, by compare-and-swap. That is the linearization point of whatever
 *      ended the wait.
 *  W2  A claim by another task is followed by exactly one unpark of the waiting task, sent after all locks are
 *      released, and the claimer touches neither the waiter nor its links after that unpark (it reads the next of its
 *      chain before).
 *  W3  A task whose waiter was claimed by another returns from weir__wait only after taking that token. So its token is
 *      always absent when the next wait begins, and no wake-up is ever left over or lost.
 *  W4  A task that gives up by itself (deadline) must win the claim, or wait for the token of the one that did.
 *  W5  A link is in a queue only under the lock of the queue's owner; the waiting task takes its links out before its
 *      frame goes.
 *  W6  The item behind a link is moved under that lock, by the task that won the claim, before its unpark.
 *  W7  Who commits a waiter looks first whether its context carries a mark (ctx.c), and passes it over if so; who
 *      performs an operation looks at its own context's mark again under the lock where the operation takes effect. So
 *      once a mark is there, nothing is committed any more for a task under it, though it may be a moment until that
 *      task is claimed: an operation has one point, the look at the mark under the lock, and cancel has one, the mark.
 *
 * Nothing here allocates. */
#ifndef WEIR_SRC_CORE_WAITER_H
#define WEIR_SRC_CORE_WAITER_H

#include "core.h"

enum {
	WEIR__CLAIM_NONE = 0,
	WEIR__CLAIM_SELF = 1, /* its deadline passed, or its context had ended when it looked again */
	WEIR__CLAIM_CTX = 2,  /* its context was cancelled */
	WEIR__CLAIM_CASE = 3, /* + index: the case with that index was committed by a peer */
};

struct weir__waiter {
	weir__a32 claim;
	weir_rt *rt;
	weir_task *task;
	weir_ctx *ctx;                  /* whose end takes it out of every queue (W7); NULL: none */
	const char *what, *name;        /* for a dump */
	struct weir__waiter *next_wake; /* the claimer's chain, between claim and unpark */
};

struct weir__link {
	struct weir__link *prev, *next;
	struct weir__waiter *waiter;
	void *item;     /* channels: where the item comes from, or goes to */
	uint32_t claim; /* the value to claim with */
	int rc;         /* outcome, written by the claimer */
	bool linked;
};

struct weir__queue {
	struct weir__link *first, *last;
};

struct weir__wake {
	struct weir__waiter *first, **last;
};

/* what: static, for a dump: what the task waits for ("send"); name: of the object, or NULL. */
static inline void weir__waiter_init(struct weir__waiter *w, weir_rt *rt, weir_ctx *ctx, const char *what,
				     const char *name)
{
	atomic_init(&w->claim, WEIR__CLAIM_NONE);
	w->rt = rt;
	w->task = rt->vt->self(rt);
	w->ctx = ctx;
	w->what = what;
	w->name = name;
	w->next_wake = NULL;
}

static inline void weir__link_init(struct weir__link *link, struct weir__waiter *w, uint32_t claim, void *item)
{
	*link = (struct weir__link){.waiter = w, .item = item, .claim = claim};
}

void weir__queue_add(struct weir__queue *q, struct weir__link *link);
void weir__queue_remove(struct weir__queue *q, struct weir__link *link);

/* Whether a peer may commit w now (W7): nobody has claimed it, and its context carries no mark. Under the lock of a
 * queue it stands in. */
bool weir__waiter_open(const struct weir__waiter *w);

/* Takes the first waiter that is open out of q and claims it; the others fall out on the way: they are claimed
 * already, or their context's end is about to. NULL: nobody waits. The caller holds the queue's lock, moves the
 * item, sets rc, and wakes after unlocking. */
struct weir__link *weir__queue_claim(struct weir__queue *q, struct weir__wake *wake);

bool weir__claim(struct weir__waiter *w, uint32_t value);

/* A chain of claimed waiters, in order of their claims; woken after all locks are released. */
static inline void weir__wake_init(struct weir__wake *wake)
{
	wake->first = NULL;
	wake->last = &wake->first;
}

void weir__wake_add(struct weir__wake *wake, struct weir__waiter *w);
void weir__wake_all(struct weir__wake *wake);

/* Waits until w is claimed: by a peer that finds one of its links, by the end of ctx (NULL: no context), or by
 * itself at deadline_at. Returns the claim. The caller has put its links in their queues before, and takes those
 * that are left out after. */
uint32_t weir__wait(struct weir__waiter *w, weir_ctx *ctx, int64_t deadline_at);

/* The common case of one queue. Called with its lock held (whose weir__lock returned rank_before): adds a link with
 * the given item, unlocks, waits, and takes the link out again. True: a peer committed it, and *rc is what the peer
 * decided; false: ctx or the deadline ended the wait. The lock is released in either case. */
bool weir__queue_wait(struct weir__queue *q, struct weir__lock *lock, uint32_t rank_before, void *item, weir_ctx *ctx,
		      weir_rt *rt, int64_t deadline_at, int *rc, const char *what, const char *name);

/* How many links stand in the queue, those included that somebody has claimed and that are still to leave. */
size_t weir__queue_length(const struct weir__queue *q);

/* Everybody in the queue is committed with rc; under the queue's lock. */
void weir__queue_release(struct weir__queue *q, int rc, struct weir__wake *wake);

#endif
