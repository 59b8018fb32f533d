/* SPDX-License-Identifier: MIT
 *
 * Another answer: see resilience/fallback.h.
 *
 *  F1  What the child left in out (WEIR_EPARTIAL) is dropped before another answer is written there.
 *  F2  The stage's own value lives from the constructor, if it could be copied, to the stage's free. */
#include <weir/resilience/fallback.h>

#include "../stage/array.h"
#include "wrap.h"

struct fallback {
	weir_stage base;
	struct weir_fallback_opts opts;
	void *value; /* F2 */
};

static bool wanted(const struct fallback *f, int rc, const weir_err *failure)
{
	if (f->opts.when)
		return f->opts.when(rc, failure, f->opts.arg);
	return rc != WEIR_ECANCELED && rc != WEIR_EDEADLINE && rc != WEIR_EFILTERED;
}

static int other_answer(weir_ctx *ctx, const struct fallback *f, const struct weir__run *child, const void *in,
			void *out, weir_err *err)
{
	weir_ctx shield;
	if (f->value) {
		int rc = weir__type_copy(&f->base.out, f->value, out);
		return rc < 0 ? weir_fail(err, rc, "no copy of the value to fall back to") : 0;
	}
	weir_ctx_init_shield(&shield, ctx, f->opts.grace_ns);
	int rc = f->opts.fn(&shield, in, out, err, f->opts.arg);
	weir_ctx_fini(&shield);
	if (rc == 0)
		return 0;
	rc = weir__run_forget(child, rc, out, err);
	if (rc > 0)
		return weir_fail(err, WEIR_EINVAL, "the fallback returned %d: 0 is success, negative an error", rc);
	if (err->code == 0)
		(void)weir_fail(err, rc, "the fallback failed");
	else if (err->code != rc) /* what is returned is what counts */
		(void)weir_err_wrap(err, rc, 0);
	return rc;
}

static __attribute__((noinline)) int fall_back(weir_ctx *ctx, struct weir__wrap *w, int rc, const void *in, void *out,
					       weir_err *err)
{
	const struct fallback *f = (const struct fallback *)w->st;
	weir_err own = {0};
	if (!wanted(f, rc, err))
		return rc;
	rc = weir__run_forget(&w->child, rc, out, err); /* F1 */
	if (other_answer(ctx, f, &w->child, in, out, &own) < 0)
		weir_err_add(err, f->base.rt, 0, &own);
	else
		rc = 0;
	weir_err_fini(&own);
	if (rc == 0)
		weir_err_fini(err);
	return rc;
}

static int fallback_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct weir__wrap *w = arg;
	weir_err *detail = weir__wrap_detail(w, err);
	int rc = weir__run(ctx, &w->child, WEIR__NO_INDEX, in, out, detail);
	if (__builtin_expect(rc != 0, 0))
		rc = fall_back(ctx, w, rc, in, out, detail);
	weir__wrap_forget(w);
	return rc;
}

static void fallback_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)weir__wrap_bind(b, st, sizeof(struct weir__wrap), fallback_process, out);
}

static void fallback_free(weir_stage *st)
{
	struct fallback *f = (struct fallback *)st;
	if (f->value && st->out.drop)
		st->out.drop(f->value, st->out.arg);
	weir_rt_release(st->rt, f->value);
}

static const struct weir__stage_ops fallback_ops = {.bind = fallback_bind, .free = fallback_free};

static void keep_value(struct fallback *f)
{
	weir_stage *st = &f->base;
	if (st->out.drop && !st->out.copy) {
		weir__stage_wrong(st, WEIR_EINVAL, "is to fall back to a %s, which cannot be copied", st->out.name);
		return;
	}
	f->value = weir_rt_alloc(st->rt, st->out.size ? st->out.size : 1);
	int rc = f->value ? weir__type_copy(&st->out, f->opts.value, f->value) : WEIR_ENOMEM;
	if (rc == 0)
		return;
	weir__stage_wrong(st, rc, "has no memory for the value to fall back to");
	weir_rt_release(st->rt, f->value);
	f->value = NULL; /* F2 */
}

weir_stage *weir_fallback(weir_stage *child, const struct weir_fallback_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "fallback";
	weir_stage *st = weir__wrap_make(child, &fallback_ops, name, sizeof(struct fallback),
					 sizeof(struct weir__wrap));
	if (!weir__stage_ok(st))
		return st;
	struct fallback *f = (struct fallback *)st;
	if (opts)
		f->opts = *opts;
	f->opts.grace_ns = f->opts.grace_ns ? f->opts.grace_ns : WEIR_FALLBACK_GRACE;
	if (!f->opts.value == !f->opts.fn)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a value or a function, and not both");
	if (f->opts.grace_ns < 0 || f->opts.grace_ns == WEIR_FOREVER)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a grace time of 0 (the default) or more, with an end");
	if (child->takes && child->in.drop)
		weir__stage_wrong(st, WEIR_EINVAL,
				  "cannot stand around \"%s\", which takes its %s: it would have two owners",
				  child->name, child->in.name);
	st->takes = false; /* what another answer is made of stays the caller's */
	if (weir__stage_ok(st) && f->opts.value)
		keep_value(f);
	return st;
}
