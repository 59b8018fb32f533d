/* SPDX-License-Identifier: MIT
 *
 * A timeout that does not wait for the child: see resilience/detach.h.
 *
 * A call of the stage has some spares: each is a helper task of the outer scope, with a call of the child and room for
 * a value and a result. They lie in one block, apart from the call, which may be freed while a child runs; the last of
 * the helpers and the owner gives it back. A value goes to a spare, and the caller waits for that one.
 *
 *   IDLE -> ASKED -> RUNNING -> IDLE          the caller has taken the answer, from DONE
 *             |         '-> ABANDONED -> IDLE      the helper has dropped what came late
 *             '-> IDLE                        withdrawn: the helper had not begun
 *
 *  D1  A spare's value and result are the caller's while it is IDLE, ASKED or DONE, else the helper's. Only the caller
 *      leaves IDLE and DONE, only the helper RUNNING (but for the caller's step to ABANDONED) and ABANDONED.
 *  D2  So an answer is either taken or late, and that is decided by one step under the lock.
 *  D3  A child's context lies in the spare, under outer's. It is begun and ended by the helper; the caller cancels it
 *      under the lock, while the spare is RUNNING.
 *  D4  A child's call is freed by the owner of the stage's call, unless the child is ABANDONED then (`over`): by its
 *      helper. It is what keeps the stage from being freed (weir_stage_free looks at the calls of all stages of such a
 *      tree), so a helper touches the stage in no other way after that, and while the spare is IDLE in none at all.
 *  D5  A helper leaves when its spare is over, or outer has ended. It never leaves one that is RUNNING or ABANDONED.
 *
 * LOCK: the spares' mutex, then the stage's (its counts); both for a few instructions, and nothing of the user's is
 * called under them. The tasks that meet are the caller, the helpers, and whoever reads the counts. */
#include <weir/resilience/detach.h>

#include "wrap.h"

struct detach {
	weir_stage base;
	struct weir_timeout_detach_opts opts;
	weir_mutex lock;
	struct weir_timeout_detach_stats stats; /* under the lock */
};

enum state { IDLE, ASKED, RUNNING, DONE, ABANDONED };

struct spare {
	struct spares *all;
	weir_call *call; /* D4 */
	void *in, *out;  /* D1, and with them: */
	weir_err err;
	int rc;
	bool timed_out;
	weir_ctx span, own; /* D3: own is the child's, under span, which carries the one of the caller's stage */
	int64_t until;      /* of own */
	uint64_t outer_span;
	weir_cond turn;
	enum state state; /* from here on: under the lock */
	bool over, left;
};

struct spares {
	struct detach *st;
	weir_rt *rt;
	weir_mutex lock;
	weir_cond done;
	uint32_t n, refs; /* refs: helpers, and the owner */
	int ended;        /* the code of outer, when a helper has left for it */
	struct spare spare[];
};

struct detach_node {
	struct detach *st;
	const struct weir__probed *probed;
	struct spares *spares; /* NULL: not started */
	size_t n_spent;
	struct weir__spent spent[]; /* of those in the child that have a budget */
};

/* ---- the helpers ---- */

static void drop_reference(weir_ctx *ctx, struct spares *all)
{
	weir_mutex_lock(ctx, &all->lock);
	bool last = --all->refs == 0;
	weir_mutex_unlock(&all->lock);
	if (!last)
		return;
	for (uint32_t i = 0; i < all->n; i++)
		weir_cond_fini(&all->spare[i].turn);
	weir_cond_fini(&all->done);
	weir_mutex_fini(&all->lock);
	weir_rt_release(all->rt, all);
}

/* Waits for a value, and begins with it, under the lock. False: there will be none (D5). */
static bool await_value(weir_ctx *ctx, struct spare *s)
{
	struct spares *all = s->all;
	int rc = 0;
	while (!s->over && rc == 0) {
		if (s->state != ASKED) {
			rc = weir_cond_wait(ctx, &s->turn, &all->lock);
			continue;
		}
		rc = weir_ctx_err(ctx);
		if (rc == 0) {
			s->state = RUNNING;
			weir_probe_enter(&s->span, ctx, s->outer_span);
			weir_ctx_init(&s->own, &s->span, s->until);
			return true;
		}
	}
	s->left = true;
	all->ended = rc;
	weir_cond_signal(&all->done);
	return false;
}

static void count_late(weir_ctx *ctx, struct detach *st, int rc)
{
	weir_mutex_lock(ctx, &st->lock);
	st->stats.abandoned--;
	st->stats.late_ok += rc == 0;
	st->stats.late_failed += rc < 0;
	weir_mutex_unlock(&st->lock);
}

/* Nobody waits for the answer any more. */
static void drop_late(weir_ctx *ctx, struct spare *s)
{
	struct detach *st = s->all->st;
	const weir_type *made = &st->base.out;
	if ((s->rc == 0 || s->rc == WEIR_EPARTIAL) && made->drop)
		made->drop(s->out, made->arg);
	weir_err_fini(&s->err);
	weir_mutex_lock(ctx, &s->all->lock);
	count_late(ctx, st, s->rc);
	s->state = IDLE;
	bool over = s->over;
	weir_mutex_unlock(&s->all->lock);
	if (over)
		weir_call_free(&s->call); /* D4 */
}

static void run_child(weir_ctx *ctx, struct spare *s)
{
	const weir_stage *st = &s->all->st->base;
	s->rc = weir_call_process(&s->own, s->call, s->in, s->out, &s->err);
	s->timed_out = s->rc == WEIR_EDEADLINE && weir_ctx_cause(&s->own, NULL) == WEIR_CAUSE_DEADLINE;
	if (st->in.drop && !(s->rc == 0 && st->children[0]->takes))
		st->in.drop(s->in, st->in.arg);
	weir_mutex_lock(ctx, &s->all->lock);
	bool late = s->state == ABANDONED; /* D2 */
	if (!late) {
		s->state = DONE;
		weir_cond_signal(&s->all->done);
	}
	weir_mutex_unlock(&s->all->lock);
	weir_ctx_fini(&s->own); /* D3 */
	weir_ctx_fini(&s->span);
	if (late)
		drop_late(ctx, s);
}

static int help(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct spare *s = arg;
	struct spares *all = s->all;
	(void)err;
	weir_mutex_lock(ctx, &all->lock);
	while (await_value(ctx, s)) {
		weir_mutex_unlock(&all->lock);
		run_child(ctx, s);
		weir_mutex_lock(ctx, &all->lock);
	}
	weir_mutex_unlock(&all->lock);
	drop_reference(ctx, all);
	return 0; /* that outer has ended is no failure of a helper */
}

/* ---- the caller ---- */

/* A spare for the next value; NULL: *rc says why there is none. */
static struct spare *idle_spare(weir_ctx *ctx, struct spares *all, int *rc)
{
	struct spare *found = NULL;
	weir_mutex_lock(ctx, &all->lock);
	for (uint32_t i = 0; i < all->n && !found && all->ended == 0; i++)
		if (all->spare[i].state == IDLE)
			found = &all->spare[i];
	*rc = all->ended ? all->ended : found ? 0 : WEIR_EOVERLOAD;
	weir_mutex_unlock(&all->lock);
	return found;
}

static const char outer_has_ended[] = "the outer scope has ended";

static int refuse(weir_ctx *ctx, struct detach_node *node, int rc, weir_err *err)
{
	struct detach *st = node->st;
	if (rc != WEIR_EOVERLOAD)
		return weir_fail(err, rc, outer_has_ended);
	weir_mutex_lock(ctx, &st->lock);
	st->stats.refused++;
	weir_mutex_unlock(&st->lock);
	return weir_fail(err, rc, "%u abandoned calls of \"%s\" still run", st->opts.max_abandoned,
			 st->base.children[0]->name);
}

/* The caller's wait is over with rc, and the child has begun: D2, under the lock. */
static void abandon(weir_ctx *ctx, struct spare *s, int rc)
{
	struct detach *st = s->all->st;
	s->state = ABANDONED;
	if (rc == WEIR_ECANCELED) /* else the child's deadline has passed */
		weir_ctx_cancel_as(&s->own, WEIR_CAUSE_CONSUMER, "the caller was cancelled");
	weir_mutex_lock(ctx, &st->lock);
	st->stats.abandoned++;
	st->stats.abandoned_all++;
	weir_mutex_unlock(&st->lock);
}

/* Has the helper of s run its value, until the limit's context ends; *was: how far it came. 0, if it was DONE. */
static int ask(weir_ctx *ctx, weir_ctx *limit, struct spare *s, enum state *was)
{
	struct spares *all = s->all;
	int rc = 0;
	weir_mutex_lock(ctx, &all->lock);
	s->state = ASKED;
	weir_cond_signal(&s->turn);
	while (rc == 0 && (s->state == RUNNING || (s->state == ASKED && !s->left)))
		rc = weir_cond_wait(limit, &all->done, &all->lock);
	*was = s->state;
	if (*was == RUNNING)
		abandon(ctx, s, rc);
	else
		s->state = IDLE;
	rc = *was == DONE ? 0 : rc == 0 ? all->ended : rc;
	weir_mutex_unlock(&all->lock);
	return rc;
}

/* The answer of s is the result; own_limit: the stage's limit comes before the caller's. */
static int take_answer(struct spare *s, bool own_limit, void *out, weir_err *err)
{
	const struct detach *st = s->all->st;
	if (s->rc == 0 || s->rc == WEIR_EPARTIAL)
		memcpy(out, s->out, st->base.out.size);
	if (s->rc == 0)
		return 0;
	weir_err_move(err, &s->err);
	return s->timed_out && own_limit ? weir_err_wrap(err, WEIR_ETIMEOUT, st->opts.limit_ns) : s->rc;
}

/* An answer that was taken says of those in the child what they have come to, if it was not the end of their time. */
static void count_answer(struct detach_node *node, const struct spare *s)
{
	for (size_t i = 0; i < node->n_spent; i++) {
		node->spent[i].succeeded += s->rc == 0;
		node->spent[i].failed += s->rc < 0 && !s->timed_out;
	}
}

static int ask_until(weir_ctx *ctx, struct detach_node *node, struct spare *s, int64_t at, void *out, weir_err *err)
{
	const struct detach *st = s->all->st;
	bool own_limit = at < weir_ctx_deadline(ctx);
	enum state was;
	weir_ctx limit;
	s->until = own_limit ? at : weir_ctx_deadline(ctx);
	weir_ctx_init(&limit, ctx, at);
	int rc = ask(ctx, &limit, s, &was);
	enum weir_cause cause = was == DONE ? WEIR_CAUSE_NONE : weir_ctx_cause(&limit, NULL);
	weir_ctx_fini(&limit);
	if (was == DONE) {
		count_answer(node, s);
		return take_answer(s, own_limit, out, err);
	}
	if (was == ASKED && st->base.in.drop)
		st->base.in.drop(s->in, st->base.in.arg);
	if (cause == WEIR_CAUSE_NONE)
		return weir_fail(err, rc, outer_has_ended);
	(void)weir_fail(err, rc, was == ASKED ? "\"%s\" had not begun" : "\"%s\" was abandoned",
			st->base.children[0]->name);
	return own_limit && cause == WEIR_CAUSE_DEADLINE ? weir_err_wrap(err, WEIR_ETIMEOUT, st->opts.limit_ns) : rc;
}

static int detach_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct detach_node *node = arg;
	const struct detach *st = node->st;
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	int64_t at = weir_time_add(weir_rt_now(st->base.rt), st->opts.limit_ns);
	struct spare *s = idle_spare(ctx, node->spares, &rc);
	if (!s)
		return refuse(ctx, node, rc, err);
	rc = weir__type_copy(&st->base.in, in, s->in);
	if (rc < 0)
		return weir_fail(err, rc, "no copy of %s for \"%s\"", st->base.in.name, st->base.children[0]->name);
	s->outer_span = node->probed ? node->probed->span : weir_probe_current(ctx);
	rc = ask_until(ctx, node, s, at, out, err);
	if (rc == WEIR_ETIMEOUT)
		weir__told(node->probed, WEIR_PROBE_TIMEOUT, rc, st->opts.limit_ns);
	return rc;
}

/* ---- calls ---- */

static void detach_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	size_t n = weir__spenders_count(st->children[0]);
	struct detach_node *node = weir__bind_node(b, st, sizeof(*node) + n * sizeof(struct weir__spent));
	node->st = (struct detach *)(uintptr_t)st;
	node->probed = weir__binder_probed(b, st);
	node->n_spent = n;
	(void)weir__spenders_bind(b, st->children[0], node->spent);
	out->fn = detach_process;
	out->arg = node;
}

static void *carve(unsigned char **mem, const weir_type *type)
{
	uintptr_t aligned = ((uintptr_t)*mem + type->align - 1) & ~(uintptr_t)(type->align - 1);
	*mem = (unsigned char *)aligned + type->size;
	return (void *)aligned;
}

static struct spares *make_spares(struct detach *st)
{
	uint32_t n = st->opts.max_abandoned;
	size_t head = sizeof(struct spares) + n * sizeof(struct spare);
	size_t bytes = head + n * (weir__type_room(&st->base.in) + weir__type_room(&st->base.out));
	struct spares *all = weir_rt_alloc(st->base.rt, bytes);
	if (!all)
		return NULL;
	memset(all, 0, bytes);
	all->st = st;
	all->rt = st->base.rt;
	all->n = n;
	all->refs = n + 1; /* before the helpers run: they count it down */
	weir_mutex_init(&all->lock, all->rt);
	weir_cond_init(&all->done, all->rt);
	unsigned char *mem = (unsigned char *)all + head;
	for (uint32_t i = 0; i < n; i++) {
		struct spare *s = &all->spare[i];
		s->all = all;
		s->in = carve(&mem, &st->base.in);
		s->out = carve(&mem, &st->base.out);
		weir_cond_init(&s->turn, all->rt);
	}
	return all;
}

static int detach_start(void *mem)
{
	struct detach_node *node = mem;
	weir_stage *child = node->st->base.children[0];
	struct spares *all = node->spares = make_spares(node->st);
	int rc = all ? 0 : WEIR_ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < all->n; i++) {
		rc = weir_call_new(node->st->opts.outer, child, &all->spare[i].call);
		if (rc == 0)
			rc = weir_scope_spawn(node->st->opts.outer, child->name, help, &all->spare[i]);
		if (rc < 0) {
			weir_ctx forever;
			weir_ctx_init_root(&forever, all->rt);
			weir_mutex_lock(&forever, &all->lock);
			all->refs -= all->n - i;
			weir_mutex_unlock(&all->lock);
			weir_ctx_fini(&forever);
		}
	}
	return rc;
}

static void detach_unbind(void *mem)
{
	struct spares *all = ((struct detach_node *)mem)->spares;
	weir_ctx forever; /* nobody who holds the lock waits */
	if (!all)
		return;
	weir_ctx_init_root(&forever, all->rt);
	for (uint32_t i = 0; i < all->n; i++) {
		struct spare *s = &all->spare[i];
		weir_mutex_lock(&forever, &all->lock);
		assert(s->state == IDLE || s->state == ABANDONED); /* the call is not in use */
		bool runs = s->state == ABANDONED;
		s->over = true;
		weir_cond_signal(&s->turn);
		weir_mutex_unlock(&all->lock);
		if (!runs)
			weir_call_free(&s->call); /* D4 */
	}
	drop_reference(&forever, all);
	weir_ctx_fini(&forever);
}

/* ---- the stage ---- */

static void detach_free(weir_stage *st)
{
	weir_mutex_fini(&((struct detach *)st)->lock);
}

static const struct weir__stage_ops detach_ops = {.bind = detach_bind,
						  .start = detach_start,
						  .free = detach_free,
						  .unbind = detach_unbind};

static void set_opts(weir_stage *st, struct weir_timeout_detach_opts *o, const struct weir_timeout_detach_opts *given)
{
	if (given)
		*o = *given;
	if (o->limit_ns <= 0)
		weir__stage_wrong(st, WEIR_EINVAL, "is given %lld ns: a limit is above 0", (long long)o->limit_ns);
	if (o->max_abandoned > WEIR_DETACH_MAX)
		weir__stage_wrong(st, WEIR_EINVAL, "has %u helpers: at most %d can be", o->max_abandoned,
				  WEIR_DETACH_MAX);
	if (!o->outer)
		weir__stage_wrong(st, WEIR_EINVAL, "has no outer scope for its helpers");
	else if (weir_ctx_rt(weir_scope_ctx(o->outer)) != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "its outer scope is of another runtime");
	o->max_abandoned = o->max_abandoned ? o->max_abandoned : WEIR_DETACH_ABANDONED;
}

weir_stage *weir_timeout_detach(weir_stage *child, const struct weir_timeout_detach_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "timeout";
	weir_stage *st = weir__stage_make(NULL, &detach_ops, name, sizeof(struct detach), &child, 1);
	if (!weir__stage_ok(st))
		return st;
	struct detach *d = (struct detach *)st;
	weir_mutex_init(&d->lock, st->rt);
	set_opts(st, &d->opts, opts);
	st->in = child->in;
	st->out = child->out;
	st->detaches = true;
	if (!weir__type_copies(&child->in))
		weir__stage_wrong(st, WEIR_EINVAL, "would leave \"%s\" alone with %s, which cannot be copied",
				  child->name, child->in.name);
	size_t spent = weir__spenders_count(child) * sizeof(struct weir__spent);
	st->bytes += weir__node_room(sizeof(struct detach_node) + spent);
	st->bytes -= child->bytes; /* the child has calls of its own */
	st->helpers -= child->helpers;
	return st;
}

int weir_timeout_detach_stats_read(weir_ctx *ctx, weir_stage *st, struct weir_timeout_detach_stats *out)
{
	if (!st || !out || st->ops != &detach_ops)
		return WEIR_EINVAL;
	struct detach *d = (struct detach *)st;
	weir_mutex_lock(ctx, &d->lock);
	*out = d->stats;
	weir_mutex_unlock(&d->lock);
	return 0;
}
