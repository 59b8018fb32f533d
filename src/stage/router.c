/* SPDX-License-Identifier: MIT
 *
 * A value given to some of several stages: see stage/router.h. Since a route can be selected twice, each lane has all
 * of the routes bound for itself. */
#include <weir/stage/router.h>

#include "many.h"

struct router {
	weir_stage base;
	struct weir_router_opts opts; /* max: never 0 */
	weir_type each;               /* what the routes make */
};

struct router_node {
	const struct router *r;
	struct weir__shelf *shelf;
	struct weir__many many;
	const void *in;
	weir_array *out;
	size_t *picks;
	const struct weir__probed *probed;
	struct weir__guest guests[]; /* lane by lane */
};

static int router_item(weir_ctx *ctx, void *arg, uint32_t lane, size_t i, weir_err *err)
{
	struct router_node *node = arg;
	size_t route = node->picks[i];
	return weir__guest_run(ctx, &node->guests[lane * node->r->base.n_children + route], (uint32_t)route, node->in,
			       node->out, i, err);
}

/* How many routes were selected, at least one, or a negative code. */
static int select_routes(weir_ctx *ctx, struct router_node *node, const void *in, weir_err *err)
{
	const struct weir_router_opts *o = &node->r->opts;
	int n = o->selector(ctx, in, node->picks, o->max, err, o->arg);
	if (n < 0) {
		if (err && err->code == 0)
			(void)weir_fail(err, n, "no selection");
		return n;
	}
	if (n == 0)
		return weir_fail(err, WEIR_ENOROUTE, NULL);
	if ((size_t)n > o->max)
		return weir_fail(err, WEIR_EINVAL, "%d routes were selected, of at most %zu", n, o->max);
	for (int i = 0; i < n; i++)
		if (node->picks[i] >= node->r->base.n_children)
			return weir_fail(err, WEIR_EINVAL, "route %zu was selected, of %zu", node->picks[i],
					 node->r->base.n_children);
	return n;
}

/* Runs the n routes that were selected. */
static int run_routes(weir_ctx *ctx, struct router_node *node, const void *in, void *out, size_t n, weir_err *err)
{
	node->in = in;
	node->out = out;
	int rc = weir__shelf_array(&node->shelf, node->r->base.rt, &node->r->each, n, out);
	if (rc < 0)
		return weir_fail(err, rc, "no memory for %zu of %s", n, node->r->each.name);
	rc = weir__many_do(ctx, &node->many, n, err);
	if (rc < 0)
		weir_array_drop(out);
	return rc;
}

static int router_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int rc = weir_ctx_err(ctx);
	if (rc == 0)
		rc = select_routes(ctx, arg, in, err);
	return rc < 0 ? rc : run_routes(ctx, arg, in, out, (size_t)rc, err);
}

static int router_process_probed(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct router_node *node = arg;
	int rc = weir_ctx_err(ctx);
	if (rc == 0)
		rc = select_routes(ctx, arg, in, err);
	if (rc < 0)
		return rc;
	weir__tell(node->probed, WEIR_PROBE_ROUTED, rc, (int64_t)node->r->base.n_children);
	return run_routes(ctx, arg, in, out, (size_t)rc, err);
}

static void router_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct router *r = (const struct router *)st;
	size_t n = st->n_children;
	struct router_node *node = weir__bind_node(b, st, sizeof(*node) + st->lanes * n * sizeof(struct weir__guest));
	node->r = r;
	weir__many_bind(b, st, &node->many, st->lanes);
	node->many.item = router_item;
	node->many.arg = node;
	node->picks = weir__bind_memory(b, r->opts.max * sizeof(size_t), _Alignof(size_t));
	for (size_t i = 0; i < st->lanes * n; i++)
		weir__guest_bind(b, st->children[i % n], &node->guests[i]);
	node->probed = weir__binder_probed(b, st);
	out->fn = node->probed ? router_process_probed : router_process;
	out->arg = node;
}

static void router_unbind(void *mem)
{
	struct router_node *node = mem;
	weir__shelf_leave(node->shelf);
	weir__many_unbind(&node->many);
}

static const struct weir__stage_ops router_ops = {.bind = router_bind, .unbind = router_unbind};

weir_stage *weir_router(weir_stage *const *routes, size_t n, const struct weir_router_opts *opts)
{
	weir_stage *st = weir__stage_make(NULL, &router_ops, "router", sizeof(struct router), routes, n);
	if (weir__stage_ok(st) && (!opts || !opts->selector))
		weir__stage_wrong(st, WEIR_EINVAL, "needs a selector");
	if (!weir__stage_ok(st))
		return st;
	struct router *r = (struct router *)st;
	r->opts = *opts;
	if (!r->opts.max)
		r->opts.max = n;
	if (!r->opts.concurrency || r->opts.concurrency > r->opts.max)
		r->opts.concurrency = r->opts.max;
	st->lanes = weir__lanes_of(st, r->opts.concurrency);
	st->in = st->children[0]->in;
	r->each = st->children[0]->out;
	st->out = weir_array_type(&r->each);
	st->bytes += (st->lanes - 1) * (st->bytes - weir__bind_room(st->rt)); /* so far: one of each */
	uint32_t most = 0;
	for (size_t i = 0; i < n; i++) {
		weir__stage_alike(st, i);
		st->bytes += st->lanes * weir__guest_room(st, i);
		most = st->children[i]->helpers > most ? st->children[i]->helpers : most;
	}
	st->bytes += weir__node_room(sizeof(struct router_node)) +
		     weir__room(r->opts.max * sizeof(size_t), _Alignof(size_t));
	st->helpers = st->lanes * most + st->lanes - 1; /* it may be the same route in every lane */
	return st;
}
