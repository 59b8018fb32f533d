/* SPDX-License-Identifier: MIT
 *
 * As often as a bucket allows: see resilience/limiter.h.
 *
 *  M1  Tokens that are there are taken without a clock of our own, and without standing in line. Where others stand in
 *      it the bucket refuses that, so nobody is overtaken.
 *  M2  The end of the wait is WEIR_ELIMITED, the end of the caller's context its code: which one it was, the wait's
 *      context says. */
#include <weir/resilience/limiter.h>

#include "wrap.h"

struct limiter {
	weir_stage base;
	struct weir_limiter_opts opts;
};

static __attribute__((noinline)) int stand_in_line(weir_ctx *ctx, const struct weir_limiter_opts *o, weir_err *err)
{
	weir_ctx wait;
	if (o->max_wait_ns < 0) {
		struct weir_bucket_view view;
		if (o->bands)
			weir_bands_view_now(o->bands, o->tokens, &view);
		else
			weir_bucket_view_now(o->bucket, o->tokens, &view);
		return weir_err_wrap(err, WEIR_ELIMITED, view.retry_ns);
	}
	/* one more: what comes when the wait is over comes in time, but a context that ends then ends first */
	weir_ctx_init(&wait, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), weir_time_add(o->max_wait_ns, 1)));
	int rc = o->bands ? weir_bands_wait(&wait, o->bands, o->tokens, err)
			  : weir_bucket_wait(&wait, o->bucket, o->tokens, err);
	if (rc == WEIR_EDEADLINE && weir_ctx_err(ctx) == 0) /* M2 */
		rc = weir_err_wrap(err, WEIR_ELIMITED, 0);
	weir_ctx_fini(&wait);
	return rc;
}

static int limiter_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct weir__wrap *w = arg;
	const struct weir_limiter_opts *o = &((const struct limiter *)w->st)->opts;
	int rc = weir_ctx_err(ctx);
	if (rc == 0)
		rc = o->bands ? weir_bands_allow_n(o->bands, o->tokens)
			      : weir_bucket_allow_n(o->bucket, o->tokens); /* M1 */
	if (__builtin_expect(rc == WEIR_ELIMITED, 0))
		rc = stand_in_line(ctx, o, err);
	if (__builtin_expect(rc == 0, 1))
		return weir__run(ctx, &w->child, WEIR__NO_INDEX, in, out, err);
	if (rc == WEIR_ELIMITED || rc == WEIR_EOVERFLOW)
		weir__told(w->probed, WEIR_PROBE_REJECTED, rc, 0);
	return rc;
}

static void limiter_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)weir__wrap_bind(b, st, sizeof(struct weir__wrap), limiter_process, out);
}

static const struct weir__stage_ops limiter_ops = {.bind = limiter_bind};

weir_stage *weir_limit_stage_with(weir_stage *child, const struct weir_limiter_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "limiter";
	weir_stage *st = weir__wrap_make(child, &limiter_ops, name, sizeof(struct limiter), sizeof(struct weir__wrap));
	if (!weir__stage_ok(st))
		return st;
	struct weir_limiter_opts *o = &((struct limiter *)st)->opts;
	if (opts)
		*o = *opts;
	o->tokens = o->tokens ? o->tokens : 1;
	o->max_wait_ns = o->max_wait_ns ? o->max_wait_ns : WEIR_LIMITER_WAIT;
	if (!o->bucket == !o->bands)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a bucket or bands, and not both");
	if (o->max_wait_ns < WEIR_LIMITER_NO_WAIT)
		weir__stage_wrong(st, WEIR_EINVAL, "has a max_wait_ns below WEIR_LIMITER_NO_WAIT");
	return st;
}

weir_stage *weir_limit_stage(weir_stage *child, weir_bucket *bucket)
{
	return weir_limit_stage_with(child, &(struct weir_limiter_opts){.bucket = bucket});
}
