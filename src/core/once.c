/* SPDX-License-Identifier: MIT
 *
 * Once: a function that runs in the first call, and a code that is everybody's.
 *
 *  O1  state goes NEW, RUNNING, DONE, each step once, under the internal lock; rc is written before DONE is, and DONE
 *      is published with release. So a call that sees DONE needs no lock: one load, and the code.
 *  O2  The function runs with no lock held and state RUNNING; runner is the task it runs in. A call from inside it, in
 *      that task, would wait for itself: WEIR_EDEADLK. From a task that the function waits for it is a deadlock that
 *      only the simulator sees: it knows who runs it.
 *  O3  Whoever waits is released with the code, all at once, by the call that ran it. A waiter whose context ended has
 *      left nothing behind.
 *  O4  A context that has ended keeps a call from beginning: once the function runs, its code counts, also where that
 *      is the code of the runner's own context. An operation that should be tried again after a failure is not a once.
 *
 * Where it takes effect: two operations of the simulator's in the call that runs it, the take-over and the completion,
 * with whatever the function does in between; one in every other.
 *
 * Locks: WEIR__RANK_SYNC. Anything may run at the same time but init and fini; see core/sync.h. */
#include "sync.h"

WEIR__FITS(once);

#define RUNS 1 /* of begin: the caller is to run it */

static struct weir__once *inside(weir_once *o)
{
	struct weir__once *once = (struct weir__once *)o;
	assert(once->head.obj.kind == WEIR_OBJ_ONCE); /* zeroed, or finished */
	return once;
}

void weir_once_init(weir_once *o, weir_rt *rt)
{
	memset(o, 0, sizeof(*o));
	weir__sync_init(&((struct weir__once *)o)->head, rt, WEIR_OBJ_ONCE, WEIR__SITE());
}

void weir_once_fini(weir_once *o)
{
	struct weir__once *once = (struct weir__once *)o;
	if (!once || once->head.obj.kind == WEIR_OBJ_DEAD)
		return;
	once = inside(o);
	uint32_t rank = weir__lock(&once->head.lock, WEIR__RANK_SYNC);
	const char *wrong = weir__load32(&once->state) == WEIR__ONCE_RUNNING ? "fini of a once whose function runs"
			    : once->waiters.first                            ? "fini of a once that tasks wait for"
									     : NULL;
	const void *site = once->site;
	weir__unlock(&once->head.lock, rank);
	weir__sync_fini(&once->head, wrong, "once", WEIR__SITE(), site);
	memset(o, 0, sizeof(*o));
}

static int tell(struct weir__once *o, weir_err *err)
{
	if (o->rc < 0)
		weir_fail(err, o->rc, "the function of a once failed in the call that ran it");
	return o->rc;
}

/* RUNS, or the call's code. */
static int begin(weir_ctx *ctx, struct weir__once *o, weir_err *err, const void *site)
{
	weir_rt *rt = o->head.rt;
	bool done = weir__load32(&o->state) == WEIR__ONCE_DONE;
	int rc = weir__sync_enter(ctx, &o->head);
	if (rc < 0)
		return rc; /* O4 */
	if (done)
		return tell(o, err); /* O1; the look at ctx came later, and is its point (W7) */
	weir_task *self = rt->vt->self(rt);
	uint32_t rank = weir__lock(&o->head.lock, WEIR__RANK_SYNC);
	rc = weir__ctx_marked(ctx); /* W7 */
	if (rc < 0) {
		weir__unlock(&o->head.lock, rank);
		return rc;
	}
	if (weir__load32(&o->state) == WEIR__ONCE_RUNNING && o->runner != self) {
		if (!weir__queue_wait(&o->waiters, &o->head.lock, rank, NULL, ctx, rt, WEIR_FOREVER, &rc, "once", NULL))
			return weir__ctx_ended(ctx); /* O3 */
		return tell(o, err);
	}
	switch (weir__load32(&o->state)) {
	case WEIR__ONCE_NEW:
		weir__store32(&o->state, WEIR__ONCE_RUNNING);
		o->runner = self;
		o->site = site;
		rc = RUNS;
		break;
	case WEIR__ONCE_RUNNING:
		rc = WEIR_EDEADLK; /* O2 */
		break;
	default: /* done since it looked */
		break;
	}
	weir__unlock(&o->head.lock, rank);
	return rc == 0 ? tell(o, err) : rc;
}

static void finish(struct weir__once *o, int rc)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&o->head.lock, WEIR__RANK_SYNC);
	assert(weir__load32(&o->state) == WEIR__ONCE_RUNNING); /* O1 */
	o->rc = rc;
	o->runner = NULL;
	weir__store32(&o->state, WEIR__ONCE_DONE);
	weir__queue_release(&o->waiters, rc, &wake);
	weir__unlock(&o->head.lock, rank);
	weir__wake_all(&wake);
}

static int run(weir_ctx *ctx, weir_task_fn *fn, void *arg, weir_err *err)
{
	int rc = fn(ctx, err, arg);
	assert(weir__locks_held() == 0);
	if (rc > 0)
		rc = weir_fail(err, WEIR_EINVAL, "the function of a once returned %d: 0 is success, negative an error",
			       rc);
	return rc;
}

int weir_once_do(weir_ctx *ctx, weir_once *o, weir_task_fn *fn, void *arg, weir_err *err)
{
	struct weir__once *once = inside(o);
	weir_rt *rt = once->head.rt;
	if (!fn)
		return WEIR_EINVAL;
	if (!weir__hooked(rt)) {
		int rc = begin(ctx, once, err, WEIR__SITE());
		if (rc == RUNS)
			finish(once, rc = run(ctx, fn, arg, err));
		return rc;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_ONCE, &once->head.obj, ctx, WEIR__SITE());
	weir__choice(rt, &op);
	int rc = weir__result(rt, &op, begin(ctx, once, err, op.site));
	if (rc != RUNS)
		return rc;
	rc = run(ctx, fn, arg, err);
	struct weir_op end = weir__sync_op(WEIR_OP_ONCE_DONE, &once->head.obj, NULL, op.site);
	weir__choice(rt, &end);
	finish(once, rc);
	return weir__result(rt, &end, rc);
}
