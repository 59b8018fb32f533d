/* SPDX-License-Identifier: MIT
 *
 * Read-write lock with writer preference.
 *
 *  L1  Either writer is set, or n_readers counts who reads; never both.
 *  L2  A reader comes in only while nobody writes and no writer waits. So readers wait only while somebody writes or a
 *      writer waits, and a writer waits at most for the readers that are in and the writers in front of it.
 *  L3  Who leaves hands over: the last reader to the first writer; a writer to the first writer, and without one to
 *      all readers that wait. It is never free while somebody waits.
 *  L4  Readers are counted, not remembered: who they are would need memory per reader. So an unlock by somebody who
 *      does not read goes unnoticed while others do, and a reader that wants to write waits for itself. The simulator
 *      finds the second as a deadlock.
 *  L5  As in a mutex, nobody leaves a queue but by being let in.
 *
 * A strict preference lets writers that keep coming starve readers. It is chosen for what it makes certain: a writer
 * gets in as soon as those who read have left, and a read side that is held again by its holder while a writer waits is
 * always a deadlock, never only sometimes: a test finds it.
 *
 * Where it takes effect: at one point inside the internal lock, or at the claim. Locks: WEIR__RANK_SYNC. Anything may
 * run at the same time but init and fini; see core/sync.h. */
#include "sync.h"

WEIR__FITS(rwlock);

static struct weir__rwlock *inside(weir_rwlock *l)
{
	struct weir__rwlock *rw = (struct weir__rwlock *)l;
	assert(rw->head.obj.kind == WEIR_OBJ_RWLOCK); /* zeroed, or finished */
	return rw;
}

void weir_rwlock_init(weir_rwlock *l, weir_rt *rt)
{
	memset(l, 0, sizeof(*l));
	weir__sync_init(&((struct weir__rwlock *)l)->head, rt, WEIR_OBJ_RWLOCK, WEIR__SITE());
}

void weir_rwlock_fini(weir_rwlock *l)
{
	struct weir__rwlock *rw = (struct weir__rwlock *)l;
	if (!rw || rw->head.obj.kind == WEIR_OBJ_DEAD)
		return;
	rw = inside(l);
	uint32_t rank = weir__lock(&rw->head.lock, WEIR__RANK_SYNC);
	const char *wrong = rw->writer      ? "fini of a lock that is held for writing: unlock it first"
			    : rw->n_readers ? "fini of a lock that is held for reading: unlock it first"
					    : NULL;
	const void *site = rw->site;
	assert(wrong || (!rw->readers.first && !rw->writers.first)); /* L3 */
	weir__unlock(&rw->head.lock, rank);
	weir__sync_fini(&rw->head, wrong, "rwlock", WEIR__SITE(), site);
	memset(l, 0, sizeof(*l));
}

/* Under the internal lock; false: it has to wait. */
static bool enter(struct weir__rwlock *rw, bool write, weir_task *self, const void *site)
{
	assert(!rw->writer || rw->n_readers == 0);                                 /* L1 */
	if (rw->writer || (write ? rw->n_readers > 0 : rw->writers.first != NULL)) /* L2 */
		return false;
	if (write)
		rw->writer = self;
	else
		rw->n_readers++;
	rw->site = site;
	return true;
}

static void rw_lock(struct weir__rwlock *rw, bool write, const void *site)
{
	weir_rt *rt = rw->head.rt;
	weir_task *self = rt->vt->self(rt);
	int rc;
	uint32_t rank = weir__lock(&rw->head.lock, WEIR__RANK_SYNC);
	bool entered = enter(rw, write, self, site);
	if (!entered && rw->writer != self) {
		bool mine = weir__queue_wait(write ? &rw->writers : &rw->readers, &rw->head.lock, rank,
					     (void *)(uintptr_t)site, NULL, rt, WEIR_FOREVER, &rc,
					     write ? "write_lock" : "read_lock", NULL);
		assert(mine); /* L5 */
		(void)mine;
		return;
	}
	const void *other = rw->site;
	weir__unlock(&rw->head.lock, rank);
	if (!entered)
		weir__misuse(rt, "lock of a lock that this task holds for writing: it would wait for itself", "rwlock",
			     site, other);
}

static int rw_try(struct weir__rwlock *rw, bool write, const void *site)
{
	weir_task *self = rw->head.rt->vt->self(rw->head.rt);
	uint32_t rank = weir__lock(&rw->head.lock, WEIR__RANK_SYNC);
	bool entered = enter(rw, write, self, site);
	weir__unlock(&rw->head.lock, rank);
	return entered ? 0 : WEIR_EAGAIN;
}

/* L3, under the internal lock, when nobody is in. */
static void hand_over(struct weir__rwlock *rw, struct weir__wake *wake)
{
	struct weir__link *next = weir__queue_claim(&rw->writers, wake);
	assert(!rw->writer && rw->n_readers == 0);
	rw->site = NULL;
	if (next) {
		rw->writer = next->waiter->task;
		rw->site = next->item;
		return;
	}
	while ((next = weir__queue_claim(&rw->readers, wake))) {
		rw->n_readers++;
		rw->site = next->item;
	}
}

static void rw_unlock(struct weir__rwlock *rw, bool write, const void *site)
{
	weir_rt *rt = rw->head.rt;
	weir_task *self = rt->vt->self(rt);
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&rw->head.lock, WEIR__RANK_SYNC);
	bool mine = write ? rw->writer == self : rw->n_readers > 0;
	const void *other = rw->site;
	if (mine && write)
		rw->writer = NULL;
	else if (mine)
		rw->n_readers--;
	if (mine && rw->n_readers == 0)
		hand_over(rw, &wake);
	weir__unlock(&rw->head.lock, rank);
	weir__wake_all(&wake);
	if (!mine)
		weir__misuse(rt,
			     write ? "write_unlock of a lock that this task does not hold for writing"
				   : "read_unlock of a lock that nobody holds for reading",
			     "rwlock", site, other);
}

/* ---- with their choices ---- */

static void lock_at(weir_ctx *ctx, weir_rwlock *l, bool write, const void *site)
{
	struct weir__rwlock *rw = inside(l);
	weir_rt *rt = rw->head.rt;
	if (weir__ctx_rt(ctx) != rt)
		weir__misuse(rt, "lock with a context of another runtime", "rwlock", site, NULL);
	if (!weir__hooked(rt)) {
		rw_lock(rw, write, site);
		return;
	}
	struct weir_op op = weir__sync_op(write ? WEIR_OP_WRITE_LOCK : WEIR_OP_READ_LOCK, &rw->head.obj, ctx, site);
	weir__choice(rt, &op);
	rw_lock(rw, write, site);
	weir__result(rt, &op, 0);
}

void weir_rwlock_read_lock(weir_ctx *ctx, weir_rwlock *l)
{
	lock_at(ctx, l, false, WEIR__SITE());
}

void weir_rwlock_write_lock(weir_ctx *ctx, weir_rwlock *l)
{
	lock_at(ctx, l, true, WEIR__SITE());
}

static int try_at(weir_rwlock *l, bool write, const void *site)
{
	struct weir__rwlock *rw = inside(l);
	weir_rt *rt = rw->head.rt;
	if (!weir__hooked(rt))
		return rw_try(rw, write, site);
	struct weir_op op = weir__sync_op(write ? WEIR_OP_TRY_WRITE_LOCK : WEIR_OP_TRY_READ_LOCK, &rw->head.obj, NULL,
					  site);
	weir__choice(rt, &op);
	return weir__result(rt, &op, rw_try(rw, write, site));
}

int weir_rwlock_try_read_lock(weir_rwlock *l)
{
	return try_at(l, false, WEIR__SITE());
}

int weir_rwlock_try_write_lock(weir_rwlock *l)
{
	return try_at(l, true, WEIR__SITE());
}

static void unlock_at(weir_rwlock *l, bool write, const void *site)
{
	struct weir__rwlock *rw = inside(l);
	weir_rt *rt = rw->head.rt;
	if (!weir__hooked(rt)) {
		rw_unlock(rw, write, site);
		return;
	}
	struct weir_op op = weir__sync_op(write ? WEIR_OP_WRITE_UNLOCK : WEIR_OP_READ_UNLOCK, &rw->head.obj, NULL,
					  site);
	weir__choice(rt, &op);
	rw_unlock(rw, write, site);
	weir__result(rt, &op, 0);
}

void weir_rwlock_read_unlock(weir_rwlock *l)
{
	unlock_at(l, false, WEIR__SITE());
}

void weir_rwlock_write_unlock(weir_rwlock *l)
{
	unlock_at(l, true, WEIR__SITE());
}
