/* SPDX-License-Identifier: MIT
 *
 * Condition: a queue of tasks that have let go of their mutex.
 *
 *  D1  A waiter is in the queue before it lets go of the mutex. So whoever changes what it waits for under that mutex,
 *      and signals, finds it there: no signal falls between unlock and wait.
 *  D2  A signal claims one waiter that can still be claimed: one whose context has taken it away does not use it up,
 *      and one that was signalled returns 0 whatever becomes of its context (W1).
 *  D3  The mutex is locked again in every case, and that wait looks at no context: the caller's next line relies on it.
 *      So a wait may park twice; the second time it stands in the mutex's queue.
 *  D4  The context is asked before anything is let go: with one that has ended, the mutex was never free.
 *
 * A signalled task is woken and then takes its turn for the mutex, rather than being moved from queue to queue: then
 * the condition need not know of mutexes, and waiters may use different ones (which is rarely a good idea).
 *
 * Where it takes effect: a wait at two points, the unlock and the re-lock, with a choice between them (it parks);
 * signal and broadcast at one point.
 *
 * Locks: WEIR__RANK_SYNC, of the condition and then of the mutex, never both. Anything may run at the same time but
 * init and fini; see core/sync.h. */
#include "sync.h"

WEIR__FITS(cond);

static struct weir__cond *inside(weir_cond *c)
{
	struct weir__cond *cond = (struct weir__cond *)c;
	assert(cond->head.obj.kind == WEIR_OBJ_COND); /* zeroed, or finished */
	return cond;
}

void weir_cond_init(weir_cond *c, weir_rt *rt)
{
	memset(c, 0, sizeof(*c));
	weir__sync_init(&((struct weir__cond *)c)->head, rt, WEIR_OBJ_COND, WEIR__SITE());
}

void weir_cond_fini(weir_cond *c)
{
	struct weir__cond *cond = (struct weir__cond *)c;
	if (!cond || cond->head.obj.kind == WEIR_OBJ_DEAD)
		return;
	cond = inside(c);
	uint32_t rank = weir__lock(&cond->head.lock, WEIR__RANK_SYNC);
	bool waited_on = cond->waiters.first != NULL;
	weir__unlock(&cond->head.lock, rank);
	weir__sync_fini(&cond->head, waited_on ? "fini of a condition that tasks wait for" : NULL, "condition",
			WEIR__SITE(), NULL);
	memset(c, 0, sizeof(*c));
}

static int cond_wait(weir_ctx *ctx, struct weir__cond *c, struct weir__mutex *m, const void *site)
{
	struct weir__waiter w;
	struct weir__link link;
	const void *other;
	int rc = weir__sync_enter(ctx, &c->head);
	if (rc == 0 && m->head.rt != c->head.rt)
		rc = WEIR_EINVAL;
	if (rc < 0)
		return rc; /* D4 */
	if (!weir__mutex_is_mine(m, &other)) {
		weir__misuse(c->head.rt, "wait with a mutex that this task does not hold", "condition", site, other);
		return WEIR_EINVAL;
	}
	weir__waiter_init(&w, c->head.rt, ctx, "condition", NULL);
	weir__link_init(&link, &w, WEIR__CLAIM_CASE, NULL);
	uint32_t rank = weir__lock(&c->head.lock, WEIR__RANK_SYNC);
	weir__queue_add(&c->waiters, &link); /* D1 */
	weir__unlock(&c->head.lock, rank);
	bool released = weir__mutex_release(m);
	assert(released);
	(void)released;
	if (weir__wait(&w, ctx, WEIR_FOREVER) != WEIR__CLAIM_CASE) { /* D2 */
		rank = weir__lock(&c->head.lock, WEIR__RANK_SYNC);
		if (link.linked)
			weir__queue_remove(&c->waiters, &link);
		weir__unlock(&c->head.lock, rank);
		rc = weir__ctx_ended(ctx);
		assert(rc < 0);
	}
	weir__mutex_acquire(m, site); /* D3 */
	return rc;
}

int weir_cond_wait(weir_ctx *ctx, weir_cond *c, weir_mutex *m)
{
	struct weir__cond *cond = inside(c);
	struct weir__mutex *mutex = weir__mutex(m);
	weir_rt *rt = cond->head.rt;
	if (!weir__hooked(rt))
		return cond_wait(ctx, cond, mutex, WEIR__SITE());
	struct weir_op op = weir__sync_op(WEIR_OP_COND_WAIT, &cond->head.obj, ctx, WEIR__SITE());
	op.obj[2] = &mutex->head.obj;
	weir__choice(rt, &op);
	return weir__result(rt, &op, cond_wait(ctx, cond, mutex, op.site));
}

static void cond_wake(struct weir__cond *c, bool all)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&c->head.lock, WEIR__RANK_SYNC);
	if (all)
		weir__queue_release(&c->waiters, 0, &wake);
	else
		weir__queue_claim(&c->waiters, &wake); /* its rc is 0 from the beginning */
	weir__unlock(&c->head.lock, rank);
	weir__wake_all(&wake);
}

static void wake_at(weir_cond *c, bool all, const void *site)
{
	struct weir__cond *cond = inside(c);
	weir_rt *rt = cond->head.rt;
	if (!weir__hooked(rt)) {
		cond_wake(cond, all);
		return;
	}
	struct weir_op op = weir__sync_op(all ? WEIR_OP_COND_BROADCAST : WEIR_OP_COND_SIGNAL, &cond->head.obj, NULL,
					  site);
	weir__choice(rt, &op);
	cond_wake(cond, all);
	weir__result(rt, &op, 0);
}

void weir_cond_signal(weir_cond *c)
{
	wake_at(c, false, WEIR__SITE());
}

void weir_cond_broadcast(weir_cond *c)
{
	wake_at(c, true, WEIR__SITE());
}
