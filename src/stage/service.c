/* SPDX-License-Identifier: MIT
 *
 * Services: see stage/service.h.
 *
 *  V1  `gate` counts who is inside, in steps of ONE, and its lowest bit is OPEN. Who comes adds ONE and looks at what
 *      it was: not open, and it goes again. Who leaves a gate that is closed wakes the one who stops.
 *  V2  The gate is opened and closed, `state` changes and lifecycle functions run, only in one's turn: `turn` is a
 *      semaphore and not a mutex, so that waiting for it ends with the context.
 *  V3  The tree is closed only when the gate is closed and nobody has come through it while it was open. Those who find
 *      it closed are counted for a moment, touch nothing of the tree, and may make the one who stops wait a moment
 *      longer.
 *  V4  Who leaves uses lock and cond after the count is 0: they live, since the stage does until its calls are freed,
 *      and the service outlives the stage.
 *
 * LOCK: `lock` is for the condition alone. Order: turn, lock. Entering and leaving takes none, unless it is closed. */
#include <weir/stage/service.h>

#include "on_error.h"

#define OPEN UINT64_C(1)
#define ONE UINT64_C(2)

enum state { STOPPED, STARTED, STOPPING };

struct service {
	weir_rt *rt;
	weir_stage *st;
	struct weir_on_error_opts on_error; /* its grace is that of close too */
	enum state state;                   /* V2 */
	weir_atomic gate;                   /* V1 */
	weir_sem turn;
	weir_mutex lock;
	weir_cond left;
};

_Static_assert(sizeof(struct service) * 5 <= sizeof(weir_service) * 4, "a quarter of the opaque words is spare");

struct service_stage {
	weir_stage base;
	struct service *svc;
};

struct service_node {
	struct service *svc;
	struct weir__run child;
};

static struct service *inside(weir_service *svc)
{
	return (struct service *)(void *)svc;
}

static void misuse(const struct service *s, const char *what, const void *site)
{
	s->rt->vt->misuse(s->rt, &(struct weir_misuse){.what = what, .object = "service", .site = site});
}

void weir_service_init(weir_service *svc, weir_rt *rt, const struct weir_service_opts *opts)
{
	struct service *s = inside(svc);
	memset(svc, 0, sizeof(*svc));
	s->rt = rt;
	s->on_error.grace_ns = WEIR_SERVICE_GRACE;
	if (opts) {
		s->on_error.fn = opts->on_error;
		s->on_error.arg = opts->arg;
		if (opts->grace_ns < 0 || opts->grace_ns == WEIR_FOREVER)
			misuse(s, "a service needs a grace time of 0 (the default) or more, with an end",
			       __builtin_return_address(0));
		else if (opts->grace_ns > 0)
			s->on_error.grace_ns = opts->grace_ns;
	}
	weir_atomic_init(&s->gate, rt, 0);
	weir_sem_init_bounded(&s->turn, rt, 1, 1);
	weir_mutex_init(&s->lock, rt);
	weir_cond_init(&s->left, rt);
}

void weir_service_fini(weir_service *svc)
{
	struct service *s = svc ? inside(svc) : NULL;
	if (!s || !s->rt)
		return;
	if (s->state != STOPPED || s->st) {
		misuse(s,
		       s->state != STOPPED ? "a service is finished that is not stopped"
					   : "a service is finished whose stage lives: free that first",
		       __builtin_return_address(0));
		return;
	}
	weir_cond_fini(&s->left);
	weir_mutex_fini(&s->lock);
	weir_sem_fini(&s->turn);
	weir_atomic_fini(&s->gate);
	memset(svc, 0, sizeof(*svc));
}

/* ---- values ---- */

static bool enter(struct service *s)
{
	return weir_atomic_add(&s->gate, ONE) & OPEN;
}

static void leave(weir_ctx *ctx, struct service *s)
{
	if (weir_atomic_add(&s->gate, (uint64_t)0 - ONE) & OPEN)
		return;
	weir_mutex_lock(ctx, &s->lock);
	weir_cond_broadcast(&s->left);
	weir_mutex_unlock(&s->lock);
}

static int service_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct service_node *node = arg;
	struct service *s = node->svc;
	int rc = WEIR_ENOTSTARTED;
	if (enter(s))
		rc = weir__on_error_run(ctx, &s->on_error, &node->child, in, out, err);
	leave(ctx, s);
	return rc;
}

static void service_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct service_node *node = weir__bind_node(b, st, sizeof(*node));
	node->svc = ((const struct service_stage *)st)->svc;
	weir__bind(b, st->children[0], &node->child);
	out->fn = service_process;
	out->arg = node;
}

static void service_free(weir_stage *st)
{
	struct service *s = ((struct service_stage *)st)->svc;
	if (!s)
		return;
	if (s->state != STOPPED)
		misuse(s, "a stage is freed whose service is not stopped: stop it first", __builtin_return_address(0));
	s->st = NULL;
}

static const struct weir__stage_ops service_ops = {.bind = service_bind, .free = service_free};

static bool has_service(const weir_stage *st)
{
	bool has = st->ops == &service_ops;
	for (size_t i = 0; i < st->n_children && !has; i++)
		has = has_service(st->children[i]);
	return has;
}

weir_stage *weir_service_stage(weir_stage *child, weir_service *svc)
{
	weir_stage *st = weir__stage_make(NULL, &service_ops, "service", sizeof(struct service_stage), &child, 1);
	struct service *s = svc ? inside(svc) : NULL;
	if (!weir__stage_ok(st))
		return st;
	if (!s || s->rt != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a service of this runtime: weir_service_init");
	else if (s->st)
		weir__stage_wrong(st, WEIR_EINVAL, "its service has a stage already");
	else if (has_service(child))
		weir__stage_wrong(st, WEIR_EINVAL, "another service is below it: which of the two is to set that up?");
	if (!weir__stage_ok(st))
		return st;
	((struct service_stage *)st)->svc = s;
	s->st = st;
	st->in = child->in;
	st->out = child->out;
	st->takes = child->takes;
	st->bytes += weir__node_room(sizeof(struct service_node));
	return st;
}

/* ---- lifecycle ---- */

/* Until it is one's turn, and there is a stage. */
static int begin(weir_ctx *ctx, struct service *s, weir_err *err)
{
	int rc = weir_sem_try_acquire(&s->turn, 1); /* also where ctx has ended: stop */
	if (rc == WEIR_EAGAIN)
		rc = weir_sem_acquire(ctx, &s->turn, 1);
	if (rc < 0)
		return weir_fail(err, rc, "waiting for another who starts or stops the service");
	if (s->st)
		return 0;
	weir_sem_release(&s->turn, 1);
	return weir_fail(err, WEIR_EINVAL, "the service has no stage: weir_service_stage");
}

static int end(struct service *s, int rc)
{
	weir_sem_release(&s->turn, 1);
	return rc;
}

static int not_stopped(const struct service *s, weir_err *err)
{
	return weir_fail(err, WEIR_EBUSY, s->state == STARTED ? "the service is started" : "the service is stopping");
}

int weir_service_start(weir_ctx *ctx, weir_service *svc, weir_err *err)
{
	struct service *s = inside(svc);
	int rc = begin(ctx, s, err);
	if (rc < 0)
		return rc;
	if (s->state != STOPPED)
		return end(s, not_stopped(s, err));
	rc = weir_ctx_err(ctx);
	if (rc < 0)
		return end(s, weir_fail(err, rc, "before the service was started"));
	rc = weir_stage_setup(ctx, s->st, err);
	if (rc == 0) {
		s->state = STARTED;
		(void)weir_atomic_add(&s->gate, OPEN);
	}
	return end(s, rc);
}

/* Until nobody is inside. */
static int wait_for_calls(weir_ctx *ctx, struct service *s, weir_err *err)
{
	int rc = 0;
	weir_mutex_lock(ctx, &s->lock);
	while (weir_atomic_load(&s->gate) != 0 && rc == 0)
		rc = weir_cond_wait(ctx, &s->left, &s->lock);
	weir_mutex_unlock(&s->lock);
	if (rc < 0)
		return weir_fail(err, rc, "calls are inside the service: it lets nobody in, but is not closed");
	return 0;
}

int weir_service_stop(weir_ctx *ctx, weir_service *svc, weir_err *err)
{
	struct service *s = inside(svc);
	weir_ctx shield;
	if (!s->st)
		return 0; /* it never had anything to stop */
	int rc = begin(ctx, s, err);
	if (rc < 0)
		return rc;
	if (s->state == STOPPED)
		return end(s, 0);
	if (s->state == STARTED) {
		s->state = STOPPING;
		(void)weir_atomic_add(&s->gate, (uint64_t)0 - OPEN);
	}
	rc = wait_for_calls(ctx, s, err);
	if (rc < 0)
		return end(s, rc);
	weir_ctx_init_shield(&shield, ctx, s->on_error.grace_ns);
	rc = weir_stage_close(&shield, s->st, err);
	weir_ctx_fini(&shield);
	s->state = STOPPED;
	return end(s, rc);
}

int weir_service_reset(weir_ctx *ctx, weir_service *svc, weir_err *err)
{
	struct service *s = inside(svc);
	int rc = begin(ctx, s, err);
	if (rc < 0)
		return rc;
	if (s->state != STOPPED)
		return end(s, not_stopped(s, err));
	rc = weir_ctx_err(ctx);
	if (rc < 0)
		return end(s, weir_fail(err, rc, "before the service was reset"));
	return end(s, weir_stage_reset(ctx, s->st, err));
}

int weir_service_health(weir_ctx *ctx, weir_service *svc, weir_err *err)
{
	struct service *s = inside(svc);
	int rc = begin(ctx, s, err);
	if (rc < 0)
		return rc;
	if (s->state != STARTED)
		return end(s, weir_fail(err, WEIR_ENOTSTARTED, "the service is not started"));
	rc = weir_ctx_err(ctx);
	if (rc < 0)
		return end(s, weir_fail(err, rc, "before the service was asked"));
	return end(s, weir_stage_health(ctx, s->st, err));
}
