/* SPDX-License-Identifier: MIT
 *
 * What becomes of a failure: see stage/on_error.h.
 *
 *  E1  The function is given a detail also where the caller wants none: one of its own, which is forgotten.
 *  E2  What is returned and what err says are the same code, and out holds a value if and only if that is 0 or
 *      WEIR_EPARTIAL of a child that had failed so: a function cannot make up a part. */
#include "on_error.h"

struct on_error {
	weir_stage base;
	struct weir_on_error_opts opts;
};

struct on_error_node {
	const struct on_error *o;
	struct weir__run child;
};

/* The child has failed with the code `failed`: what becomes of it. */
static int ask(weir_ctx *ctx, const struct weir_on_error_opts *opts, const struct weir__run *child, int failed,
	       const void *in, void *out, weir_err *err)
{
	const weir_type *type = &child->st->out;
	weir_ctx shield;
	weir_ctx_init_shield(&shield, ctx, opts->grace_ns);
	int rc = opts->fn(&shield, in, out, err, opts->arg);
	weir_ctx_fini(&shield);
	if (rc == 0) {
		if (child->st->takes)
			memcpy(out, in, type->size);
		weir_err_fini(err);
		return 0;
	}
	if (failed == WEIR_EPARTIAL && rc != WEIR_EPARTIAL && type->drop)
		type->drop(out, type->arg);
	if (rc > 0)
		rc = weir_fail(err, WEIR_EINVAL, "on_error returned %d: 0 is success, negative an error", rc);
	else if (rc == WEIR_EPARTIAL && failed != WEIR_EPARTIAL) /* E2 */
		rc = weir_err_wrap(err, WEIR_EINCOMPLETE, 0);
	if (err->code != rc)
		(void)weir_err_wrap(err, rc, 0);
	return rc;
}

int weir__on_error_run(weir_ctx *ctx, const struct weir_on_error_opts *opts, const struct weir__run *child,
		       const void *in, void *out, weir_err *err)
{
	if (!opts->fn)
		return weir__run(ctx, child, WEIR__NO_INDEX, in, out, err);
	weir_err own = {0}, *told = err ? err : &own; /* E1 */
	int rc = weir__run(ctx, child, WEIR__NO_INDEX, in, out, told);
	if (rc < 0 && rc != WEIR_EFILTERED)
		rc = ask(ctx, opts, child, rc, in, out, told);
	weir_err_fini(&own);
	return rc;
}

static int on_error_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct on_error_node *node = arg;
	return weir__on_error_run(ctx, &node->o->opts, &node->child, in, out, err);
}

static void on_error_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct on_error_node *node = weir__bind_node(b, st, sizeof(*node));
	node->o = (const struct on_error *)st;
	weir__bind(b, st->children[0], &node->child);
	out->fn = on_error_process;
	out->arg = node;
}

static const struct weir__stage_ops on_error_ops = {.bind = on_error_bind};

weir_stage *weir_on_error(weir_stage *child, const struct weir_on_error_opts *opts)
{
	weir_stage *st = weir__stage_make(NULL, &on_error_ops, "on_error", sizeof(struct on_error), &child, 1);
	if (weir__stage_ok(st) && (!opts || !opts->fn))
		weir__stage_wrong(st, WEIR_EINVAL, "needs a function");
	if (weir__stage_ok(st) && (opts->grace_ns < 0 || opts->grace_ns == WEIR_FOREVER))
		weir__stage_wrong(st, WEIR_EINVAL, "needs a grace time of 0 (the default) or more, with an end");
	if (!weir__stage_ok(st))
		return st;
	struct on_error *o = (struct on_error *)st;
	o->opts = *opts;
	if (!opts->grace_ns)
		o->opts.grace_ns = WEIR_ON_ERROR_GRACE;
	st->in = child->in;
	st->out = child->out;
	st->takes = child->takes;
	st->bytes += weir__node_room(sizeof(struct on_error_node));
	return st;
}
