/* SPDX-License-Identifier: MIT
 *
 * Counting semaphore: permits, and a queue in which nobody overtakes.
 *
 *  N1  A permit is taken or free, and free are capacity - taken. Granting takes n for a waiter together with its claim:
 *      they are either free or with a task that will return 0, never lost with one that was cancelled.
 *  N2  The first waiter that can still be claimed wants more than there are, always, between two operations. Those
 *      behind it wait even if they want less: so the first gets its turn, however large it is.
 *  N3  Waiters that their context has claimed, or is about to (W7), count for nothing: `grant` throws them out as it
 *      meets them. One that stood in front of smaller requests lets them go on: by whatever comes next, at the latest
 *      by itself when it leaves.
 *  N4  0 permits are asked for like any other number: after those in front.
 *  N5  The capacity may fall below what is taken: nothing is free then until so much has come back. Nobody is made to
 *      give anything back, and who waits for more than the capacity waits until it has risen again.
 *
 * Between the claim of a context and the task's own return there may be a moment in which those behind could go on and
 * nobody has told them yet; the task that was cancelled does, before it returns.
 *
 * Where it takes effect: at one point inside the internal lock, or at the claim. Locks: WEIR__RANK_SYNC. Anything may
 * run at the same time but init and fini; see core/sync.h. */
#include "sync.h"

WEIR__FITS(sem);

static struct weir__sem *inside(weir_sem *s)
{
	struct weir__sem *sem = (struct weir__sem *)s;
	assert(sem->head.obj.kind == WEIR_OBJ_SEM); /* zeroed, or finished */
	return sem;
}

static void init_at(weir_sem *s, weir_rt *rt, uint64_t permits, uint64_t capacity, const void *site)
{
	struct weir__sem *sem = (struct weir__sem *)s;
	memset(s, 0, sizeof(*s));
	if (permits > capacity) {
		weir__misuse(rt, "a semaphore with more permits than its capacity", "semaphore", site, NULL);
		permits = capacity;
	}
	sem->taken = capacity - permits;
	sem->capacity = capacity;
	weir__sync_init(&sem->head, rt, WEIR_OBJ_SEM, site);
}

void weir_sem_init(weir_sem *s, weir_rt *rt, uint64_t permits)
{
	init_at(s, rt, permits, UINT64_MAX, WEIR__SITE());
}

void weir_sem_init_bounded(weir_sem *s, weir_rt *rt, uint64_t permits, uint64_t capacity)
{
	init_at(s, rt, permits, capacity, WEIR__SITE());
}

void weir_sem_fini(weir_sem *s)
{
	struct weir__sem *sem = (struct weir__sem *)s;
	if (!sem || sem->head.obj.kind == WEIR_OBJ_DEAD)
		return;
	sem = inside(s);
	uint32_t rank = weir__lock(&sem->head.lock, WEIR__RANK_SYNC);
	bool waited_on = sem->waiters.first != NULL;
	weir__unlock(&sem->head.lock, rank);
	weir__sync_fini(&sem->head, waited_on ? "fini of a semaphore that tasks wait for" : NULL, "semaphore",
			WEIR__SITE(), NULL);
	memset(s, 0, sizeof(*s));
}

static uint64_t free_of(const struct weir__sem *s)
{
	return s->taken < s->capacity ? s->capacity - s->taken : 0; /* N5 */
}

/* Serves the queue from the front, as far as the permits go; under the internal lock. */
static void grant(struct weir__sem *s, struct weir__wake *wake)
{
	struct weir__link *link;
	while ((link = s->waiters.first)) {
		uint64_t n = *(const uint64_t *)link->item;
		bool claimable = weir__waiter_open(link->waiter);
		if (claimable && n > free_of(s))
			return; /* N2 */
		weir__queue_remove(&s->waiters, link);
		if (claimable && weir__claim(link->waiter, link->claim)) { /* N1 */
			s->taken += n;
			weir__wake_add(wake, link->waiter);
		} /* else N3 */
	}
}

/* One step under the internal lock: 0, WEIR_EAGAIN or WEIR_EINVAL. */
static int take(struct weir__sem *s, uint64_t n, struct weir__wake *wake)
{
	grant(s, wake); /* N3: who waits for nothing any more is not in the way */
	if (n > s->capacity)
		return WEIR_EINVAL;
	if (s->waiters.first || n > free_of(s))
		return WEIR_EAGAIN;
	s->taken += n;
	return 0;
}

static int sem_acquire(weir_ctx *ctx, struct weir__sem *s, uint64_t n)
{
	struct weir__waiter w;
	struct weir__link link;
	struct weir__wake wake;
	int rc = weir__sync_enter(ctx, &s->head);
	if (rc < 0)
		return rc;
	weir__wake_init(&wake);
	weir__waiter_init(&w, s->head.rt, ctx, "acquire", NULL);
	weir__link_init(&link, &w, WEIR__CLAIM_CASE, &n);
	uint32_t rank = weir__lock(&s->head.lock, WEIR__RANK_SYNC);
	rc = weir__ctx_marked(ctx); /* W7 */
	if (rc == 0)
		rc = take(s, n, &wake);
	if (rc == WEIR_EAGAIN)
		weir__queue_add(&s->waiters, &link);
	weir__unlock(&s->head.lock, rank);
	weir__wake_all(&wake); /* before it waits: a cancelled waiter in front may have held these up (N3) */
	if (rc != WEIR_EAGAIN)
		return rc;
	if (weir__wait(&w, ctx, WEIR_FOREVER) == WEIR__CLAIM_CASE)
		return 0;
	rank = weir__lock(&s->head.lock, WEIR__RANK_SYNC);
	if (link.linked)
		weir__queue_remove(&s->waiters, &link);
	grant(s, &wake); /* N3 */
	weir__unlock(&s->head.lock, rank);
	weir__wake_all(&wake);
	rc = weir__ctx_ended(ctx);
	assert(rc < 0);
	return rc;
}

int weir_sem_acquire(weir_ctx *ctx, weir_sem *s, uint64_t n)
{
	struct weir__sem *sem = inside(s);
	weir_rt *rt = sem->head.rt;
	if (!weir__hooked(rt))
		return sem_acquire(ctx, sem, n);
	struct weir_op op = weir__sync_op(WEIR_OP_ACQUIRE, &sem->head.obj, ctx, WEIR__SITE());
	weir__choice(rt, &op);
	return weir__result(rt, &op, sem_acquire(ctx, sem, n));
}

static int sem_try(struct weir__sem *s, uint64_t n)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&s->head.lock, WEIR__RANK_SYNC);
	int rc = take(s, n, &wake);
	weir__unlock(&s->head.lock, rank);
	weir__wake_all(&wake);
	return rc;
}

int weir_sem_try_acquire(weir_sem *s, uint64_t n)
{
	struct weir__sem *sem = inside(s);
	weir_rt *rt = sem->head.rt;
	if (!weir__hooked(rt))
		return sem_try(sem, n);
	struct weir_op op = weir__sync_op(WEIR_OP_TRY_ACQUIRE, &sem->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	return weir__result(rt, &op, sem_try(sem, n));
}

static void sem_release(struct weir__sem *s, weir_rt *rt, uint64_t n, const void *site)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&s->head.lock, WEIR__RANK_SYNC);
	bool fits = n <= s->taken;
	if (fits) {
		s->taken -= n;
		grant(s, &wake);
	}
	weir__unlock(&s->head.lock, rank);
	weir__wake_all(&wake);
	if (!fits)
		weir__misuse(rt, "release of more permits than the capacity leaves room for", "semaphore", site, NULL);
}

void weir_sem_release(weir_sem *s, uint64_t n)
{
	struct weir__sem *sem = inside(s);
	weir_rt *rt = sem->head.rt;
	if (!weir__hooked(rt)) {
		sem_release(sem, rt, n, WEIR__SITE());
		return;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_RELEASE, &sem->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	sem_release(sem, rt, n, op.site);
	weir__result(rt, &op, 0);
}

static void sem_resize(struct weir__sem *s, weir_rt *rt, uint64_t capacity, const void *site)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&s->head.lock, WEIR__RANK_SYNC);
	bool bounded = s->capacity != UINT64_MAX && capacity != UINT64_MAX;
	if (bounded) {
		s->capacity = capacity;
		grant(s, &wake);
	}
	weir__unlock(&s->head.lock, rank);
	weir__wake_all(&wake);
	if (!bounded)
		weir__misuse(rt, "resize of a semaphore from or to no capacity", "semaphore", site, NULL);
}

/* To hooks it is a release: it writes, and may let others go on. */
void weir_sem_resize(weir_sem *s, uint64_t capacity)
{
	struct weir__sem *sem = inside(s);
	weir_rt *rt = sem->head.rt;
	if (!weir__hooked(rt)) {
		sem_resize(sem, rt, capacity, WEIR__SITE());
		return;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_RELEASE, &sem->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	sem_resize(sem, rt, capacity, op.site);
	weir__result(rt, &op, 0);
}
