/* SPDX-License-Identifier: MIT
 *
 * Attempts: see resilience/retry.h. The delays are limit/backoff.h's.
 *
 *  R1  The first attempt that succeeds costs one branch more than the bare call: no clock (but for total_ns), no
 *      detail.
 *  R2  A detail that goes into an attempt is empty, so that what comes out of it is the attempt's own. The failure
 *      before it waits in the node.
 *  R3  A failure with the code of the caller's context, which has ended, is that end and is never tried again. */
#include <weir/resilience/retry.h>

#include "wrap.h"

struct retry {
	struct weir__spender spender;
	struct weir_retry_opts opts;
};

struct retry_node {
	struct weir__wrap wrap;
	weir_err before; /* R2 */
	struct weir__within within;
	struct weir__spent spent;
};

/* One process. */
struct trial {
	weir_ctx *ctx;
	struct retry_node *node;
	const struct weir_retry_opts *opts;
	const void *in;
	void *out;
	weir_err *err; /* never NULL */
	uint32_t attempt;
	int64_t until, last_ns;
};

/* ---- delays ---- */

/* How long the failure itself says to wait. */
static int64_t asked_for(const weir_err *failure)
{
	static const int codes[] = {WEIR_EOPEN, WEIR_ELIMITED, WEIR_EOVERLOAD};
	struct weir_err_info info;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (weir_err_as(failure, codes[i], &info) && info.value > 0)
			return info.value;
	return 0;
}

/* Negative: stop. */
static int64_t next_delay(struct trial *t)
{
	const struct weir_retry_opts *o = t->opts;
	weir_rt *rt = t->node->wrap.st->rt;
	uint64_t random = o->backoff.base_ns && o->backoff.jitter != WEIR_JITTER_NONE ? weir_rt_random(rt, 0) : 0;
	int64_t ns = weir_backoff_ns(&o->backoff, t->attempt - 1, t->last_ns, random), asked = asked_for(t->err);
	t->last_ns = ns;
	ns = ns > asked ? ns : asked;
	if (o->delay)
		ns = o->delay(t->attempt, t->err, ns, o->arg);
	if (ns == WEIR_FOREVER)
		return -1; /* nobody would ever try again */
	if (ns < 0 || !o->total_ns)
		return ns;
	int64_t left = t->until - weir_rt_now(rt);
	return left <= 0 ? -1 : ns < left ? ns : left;
}

/* ---- attempts ---- */

static int exhausted(struct trial *t, int rc)
{
	(void)weir__run_forget(&t->node->wrap.child, rc, t->out, t->err);
	return weir_err_wrap(t->err, WEIR_EEXHAUSTED, t->attempt);
}

/* What a value was made of is in again, if the child has only moved it: nothing is to be dropped then. */
static int judge(struct trial *t)
{
	const weir_stage *st = t->node->wrap.st;
	int rc = t->opts->reject ? t->opts->reject(t->out, t->err, t->opts->arg) : 0;
	if (rc == 0)
		return 0;
	if (st->out.drop && !st->takes)
		st->out.drop(t->out, st->out.arg);
	if (rc > 0)
		rc = weir_fail(t->err, WEIR_EINVAL, "reject returned %d: 0 is good, negative a failure", rc);
	return rc;
}

static int attempt(struct trial *t)
{
	struct weir__run *child = &t->node->wrap.child;
	int rc = child->fn(t->ctx, t->in, t->out, t->err, child->arg);
	if (__builtin_expect(rc == 0 && t->opts->reject != NULL, 0)) {
		weir_err_fini(t->err); /* a detail that was written and not returned */
		rc = judge(t);
	}
	if (__builtin_expect(rc != 0, 0)) /* first: a positive code is a failure for the budget too */
		rc = weir__run_failed_at(child, rc, WEIR__NO_INDEX, t->attempt, t->err);
	weir__spender_result(&t->node->within, t->ctx, rc); /* R3 */
	return rc;
}

static bool wanted(const struct trial *t, int rc)
{
	if (t->opts->retry_if)
		return t->opts->retry_if(rc, t->err, t->opts->arg);
	return !weir__is_no_fault(rc) && rc != WEIR_ELIMITED && rc != WEIR_EOVERLOAD;
}

/* The caller left while a child that does not say so was at work: no retry is begun, and none is paid for. */
static int end_of_caller(struct trial *t, int rc)
{
	(void)weir__run_forget(&t->node->wrap.child, rc, t->out, t->err);
	return weir_err_wrap(t->err, weir_ctx_err(t->ctx), 0);
}

/* The attempts after the first, which has failed with rc. */
static __attribute__((noinline)) int again(struct trial *t, int rc)
{
	struct weir__wrap *w = &t->node->wrap;
	for (;;) {
		if (rc == weir_ctx_err(t->ctx)) { /* R3 */
			weir_err_add(t->err, w->st->rt, t->attempt - 1, &t->node->before);
			return rc;
		}
		if (!wanted(t, rc))
			return rc;
		if (weir_ctx_err(t->ctx) < 0)
			return end_of_caller(t, rc);
		if (t->attempt >= t->opts->max_attempts && t->opts->max_attempts != WEIR_RETRY_ENDLESS)
			return exhausted(t, rc);
		int64_t ns = next_delay(t);
		if (ns < 0 || (t->opts->budget && weir_budget_retry(t->opts->budget) < 0))
			return exhausted(t, rc);
		rc = weir__run_forget(&w->child, rc, t->out, t->err);
		if (t->opts->on_retry)
			t->opts->on_retry(t->attempt, t->err, ns, t->opts->arg);
		int ended = ns > 0 ? weir_sleep(t->ctx, ns) : weir_ctx_err(t->ctx);
		if (ended < 0)
			return weir_err_wrap(t->err, ended, 0);
		weir_err_move(&t->node->before, t->err); /* R2 */
		t->attempt += t->attempt < UINT32_MAX;
		weir__told(w->probed, WEIR_PROBE_RETRY, rc, t->attempt);
		weir__spender_begins(&t->node->within);
		rc = attempt(t);
		if (rc == 0) {
			weir_err_fini(t->err);
			return 0;
		}
	}
}

static int retry_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct retry_node *node = arg;
	const struct retry *r = (const struct retry *)node->wrap.st;
	struct trial t = {.ctx = ctx,
			  .node = node,
			  .opts = &r->opts,
			  .in = in,
			  .out = out,
			  .err = weir__wrap_detail(&node->wrap, err),
			  .attempt = 1};
	if (r->opts.total_ns)
		t.until = weir_time_add(weir_rt_now(r->spender.base.rt), r->opts.total_ns);
	if (__builtin_expect(r->spender.budget != NULL, 0)) {
		weir__spender_call(&r->spender);
		weir__attempt_begins(&node->within);
	}
	int rc = attempt(&t);
	if (__builtin_expect(rc != 0, 0)) {
		rc = again(&t, rc);
		weir_err_fini(&node->before); /* R2: nothing is in it, if there was one attempt */
	}
	weir__spender_ends(&r->spender, &node->spent, ctx, rc);
	weir__wrap_forget(&node->wrap);
	return rc;
}

static void retry_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct retry_node *node = weir__wrap_node(b, st, sizeof(*node), retry_process, out);
	weir__spent_bind(b, (const struct weir__spender *)st, &node->spent);
	weir__within_bind(b, (const struct weir__spender *)st, &node->within, &node->wrap.child);
}

const struct weir__stage_ops weir__retry_ops = {.bind = retry_bind};

weir_stage *weir_retry(weir_stage *child, const struct weir_retry_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "retry";
	weir_stage *st = weir__wrap_make(child, &weir__retry_ops, name, sizeof(struct retry),
					 sizeof(struct retry_node));
	if (!weir__stage_ok(st))
		return st;
	struct weir_retry_opts *o = &((struct retry *)st)->opts;
	if (opts)
		*o = *opts;
	o->max_attempts = o->max_attempts ? o->max_attempts : 3;
	weir__spender_set((struct weir__spender *)st, o->budget);
	if (o->base_ns && o->backoff.base_ns)
		weir__stage_wrong(st, WEIR_EINVAL, "has two bases of its delays: base_ns is backoff.base_ns");
	if (o->base_ns < 0 || o->total_ns < 0)
		weir__stage_wrong(st, WEIR_EINVAL, "has a negative time: base_ns or total_ns");
	if (!o->backoff.base_ns)
		o->backoff.base_ns = o->base_ns;
	if (weir_backoff_check(&o->backoff) < 0)
		weir__stage_wrong(st, WEIR_EINVAL, "has a backoff that makes no sense: see limit/backoff.h");
	return st;
}
