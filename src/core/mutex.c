/* SPDX-License-Identifier: MIT
 *
 * Mutex: a holder, a queue, and hand-off.
 *
 *  M1  holder is the task that has it, from the moment it was given (the claim of a waiter, or finding it free) until
 *      its unlock. It is never free while somebody waits.
 *  M2  unlock gives it to the first waiter before anybody else can look, so nobody overtakes, a task that unlocks and
 *      locks again in a loop included. That costs a switch per hand-over where a lock that can be stolen would not;
 *      what it buys is that waiting is bounded by the number of those in front.
 *  M3  site is where the holder asked for it: for the second site of a misuse, and for the simulator's reports. A
 *      waiter carries its own in its link.
 *  M4  Nobody leaves the queue but by being handed the mutex: there is no context and no deadline in this wait, so
 *      every link in it can be claimed.
 *
 * Where it takes effect: lock and try_lock at one point inside the internal lock; a lock that waited at the claim, with
 * its second choice where it comes back; unlock at one point.
 *
 * The holder is compared under the internal lock only: a task that is not the holder may be comparing at the same time.
 * A task that ends without unlocking leaves its record's address behind; whoever gets that address next would look like
 * the holder. The simulator reports the leak before that can happen.
 *
 * Locks: WEIR__RANK_SYNC. Anything may run at the same time but init and fini; see core/sync.h. */
#include "sync.h"

WEIR__FITS(mutex);

void weir_mutex_init(weir_mutex *m, weir_rt *rt)
{
	memset(m, 0, sizeof(*m));
	weir__sync_init(&((struct weir__mutex *)m)->head, rt, WEIR_OBJ_MUTEX, WEIR__SITE());
}

void weir_mutex_fini(weir_mutex *m)
{
	struct weir__mutex *mutex = (struct weir__mutex *)m;
	if (!mutex || mutex->head.obj.kind == WEIR_OBJ_DEAD)
		return;
	mutex = weir__mutex(m);
	uint32_t rank = weir__lock(&mutex->head.lock, WEIR__RANK_SYNC);
	const char *wrong = mutex->holder ? "fini of a mutex that is held: unlock it first" : NULL;
	const void *site = mutex->site;
	assert(mutex->holder || !mutex->waiters.first); /* M1 */
	weir__unlock(&mutex->head.lock, rank);
	weir__sync_fini(&mutex->head, wrong, "mutex", WEIR__SITE(), site);
	memset(m, 0, sizeof(*m));
}

void weir__mutex_acquire(struct weir__mutex *m, const void *site)
{
	weir_rt *rt = m->head.rt;
	weir_task *self = rt->vt->self(rt);
	int rc;
	uint32_t rank = weir__lock(&m->head.lock, WEIR__RANK_SYNC);
	if (m->holder && m->holder != self) {
		bool mine = weir__queue_wait(&m->waiters, &m->head.lock, rank, (void *)(uintptr_t)site, NULL, rt,
					     WEIR_FOREVER, &rc, "lock", NULL);
		assert(mine); /* M4 */
		(void)mine;
		return;
	}
	const void *other = m->site;
	bool again = m->holder != NULL;
	m->holder = self;
	m->site = site;
	weir__unlock(&m->head.lock, rank);
	if (again)
		weir__misuse(rt, "lock of a mutex that this task holds already: it would wait for itself", "mutex",
			     site, other);
}

static int mutex_try(struct weir__mutex *m, const void *site)
{
	weir_task *self = m->head.rt->vt->self(m->head.rt);
	uint32_t rank = weir__lock(&m->head.lock, WEIR__RANK_SYNC);
	bool taken = !m->holder;
	if (taken) {
		m->holder = self;
		m->site = site;
	}
	weir__unlock(&m->head.lock, rank);
	return taken ? 0 : WEIR_EAGAIN;
}

bool weir__mutex_is_mine(struct weir__mutex *m, const void **out_site)
{
	weir_task *self = m->head.rt->vt->self(m->head.rt);
	uint32_t rank = weir__lock(&m->head.lock, WEIR__RANK_SYNC);
	bool mine = m->holder == self;
	*out_site = m->site;
	weir__unlock(&m->head.lock, rank);
	return mine;
}

bool weir__mutex_release(struct weir__mutex *m)
{
	weir_task *self = m->head.rt->vt->self(m->head.rt);
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&m->head.lock, WEIR__RANK_SYNC);
	bool mine = m->holder == self;
	if (mine) { /* M2 */
		struct weir__link *next = weir__queue_claim(&m->waiters, &wake);
		m->holder = next ? next->waiter->task : NULL;
		m->site = next ? next->item : NULL;
	}
	weir__unlock(&m->head.lock, rank);
	weir__wake_all(&wake);
	return mine;
}

static void check_runtime(weir_ctx *ctx, const struct weir__mutex *m, const void *site)
{
	if (weir__ctx_rt(ctx) != m->head.rt)
		weir__misuse(m->head.rt, "lock with a context of another runtime", "mutex", site, NULL);
}

void weir_mutex_lock(weir_ctx *ctx, weir_mutex *m)
{
	struct weir__mutex *mutex = weir__mutex(m);
	weir_rt *rt = mutex->head.rt;
	check_runtime(ctx, mutex, WEIR__SITE());
	if (!weir__hooked(rt)) {
		weir__mutex_acquire(mutex, WEIR__SITE());
		return;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_LOCK, &mutex->head.obj, ctx, WEIR__SITE());
	weir__choice(rt, &op);
	weir__mutex_acquire(mutex, op.site);
	weir__result(rt, &op, 0);
}

int weir_mutex_try_lock(weir_mutex *m)
{
	struct weir__mutex *mutex = weir__mutex(m);
	weir_rt *rt = mutex->head.rt;
	if (!weir__hooked(rt))
		return mutex_try(mutex, WEIR__SITE());
	struct weir_op op = weir__sync_op(WEIR_OP_TRY_LOCK, &mutex->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	return weir__result(rt, &op, mutex_try(mutex, op.site));
}

static void mutex_unlock(struct weir__mutex *m, weir_rt *rt, const void *site)
{
	const void *other;
	if (weir__mutex_release(m))
		return;
	bool mine = weir__mutex_is_mine(m, &other);
	assert(!mine);
	(void)mine;
	weir__misuse(rt, other ? "unlock of a mutex that another task holds" : "unlock of a mutex that is free",
		     "mutex", site, other);
}

void weir_mutex_unlock(weir_mutex *m)
{
	struct weir__mutex *mutex = weir__mutex(m);
	weir_rt *rt = mutex->head.rt;
	if (!weir__hooked(rt)) {
		mutex_unlock(mutex, rt, WEIR__SITE());
		return;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_UNLOCK, &mutex->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	mutex_unlock(mutex, rt, op.site);
	weir__result(rt, &op, 0);
}
