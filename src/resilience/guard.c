/* SPDX-License-Identifier: MIT
 *
 * A stage behind a circuit breaker.
 *
 *  G1  Between the permit and its report nothing but the child runs, and the child always returns: so the permit is
 *      given back on every path.
 *  G2  What the caller wanted (cancel, its own deadline) says nothing about what was called. A timeout of weir's says
 *      WEIR_ETIMEOUT, which is a failure of what was called.
 *  G3  Where the caller wants no detail there is one all the same: what counts does not depend on who is asking. */
#include <weir/core/ctx.h>

#include "breaker.h"
#include "wrap.h"

struct guard {
	struct weir_stage base;
	weir_breaker *breaker;
};

struct guard_node {
	weir_breaker *breaker;
	struct weir__run child;
	const struct weir__probed *probed;
	weir_err detail; /* G3; empty between two values */
};

static bool caller_left(weir_ctx *ctx, int rc, const weir_err *err) /* G2 */
{
	if (rc != WEIR_ECANCELED && rc != WEIR_EDEADLINE && !weir_err_is(err, WEIR_ECANCELED) &&
	    !weir_err_is(err, WEIR_EDEADLINE))
		return false;
	return weir_ctx_err(ctx) < 0;
}

static enum weir_outcome outcome_of(weir_ctx *ctx, const struct weir__breaker *b, int rc, const weir_err *err)
{
	if (caller_left(ctx, rc, err))
		return WEIR_OUTCOME_IGNORED;
	if (b->classify)
		return b->classify(rc, err, b->classify_arg);
	switch (rc) {
	case WEIR_EFILTERED:
	case WEIR_ENOROUTE:
	case WEIR_EOPEN:
	case WEIR_ELIMITED:
	case WEIR_EOVERLOAD:
		return WEIR_OUTCOME_IGNORED;
	default:
		return WEIR_OUTCOME_FAILURE;
	}
}

static int guard_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct guard_node *node = arg;
	struct weir_breaker_permit permit;
	weir_err *detail = err ? err : &node->detail; /* G3 */
	int64_t try_again_ns = 0;
	int rc = weir__breaker_acquire(ctx, node->breaker, &permit, &try_again_ns, __builtin_return_address(0));
	if (rc < 0)
		return weir__refused(node->probed, rc, try_again_ns, try_again_ns, err);
	rc = weir__run(ctx, &node->child, WEIR__NO_INDEX, in, out, detail);
	enum weir_outcome outcome = WEIR_OUTCOME_SUCCESS;
	if (rc < 0)
		outcome = outcome_of(ctx, weir__breaker(node->breaker), rc, detail);
	outcome = weir__breaker_report(ctx, node->breaker, &permit, outcome, __builtin_return_address(0));
	if (outcome != WEIR_OUTCOME_IGNORED)
		weir__told(node->probed, outcome == WEIR_OUTCOME_SUCCESS ? WEIR_PROBE_SUCCESS : WEIR_PROBE_FAILURE, rc,
			   0);
	if (__builtin_expect(node->detail.code != 0, 0))
		weir_err_fini(&node->detail);
	return rc;
}

static void guard_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct guard_node *node = weir__bind_node(b, st, sizeof(*node));
	node->breaker = ((const struct guard *)st)->breaker;
	node->probed = weir__binder_probed(b, st);
	weir__bind(b, st->children[0], &node->child);
	out->fn = guard_process;
	out->arg = node;
}

static const struct weir__stage_ops guard_ops = {.bind = guard_bind};

weir_stage *weir_guard(weir_stage *child, weir_breaker *breaker)
{
	weir_stage *st = weir__stage_make(NULL, &guard_ops, "breaker", sizeof(struct guard), &child, 1);
	if (!weir__stage_ok(st))
		return st;
	if (!breaker || !weir__breaker(breaker)->guard.rt)
		weir__stage_wrong(st, WEIR_EINVAL, "has no breaker: weir_breaker_init makes one");
	else if (weir__breaker(breaker)->guard.rt != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "its breaker is of another runtime");
	else
		st->name = weir__breaker(breaker)->name;
	((struct guard *)st)->breaker = breaker;
	st->bytes += weir__node_room(sizeof(struct guard_node));
	st->in = child->in;
	st->out = child->out;
	st->takes = child->takes;
	return st;
}
