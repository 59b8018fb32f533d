/* SPDX-License-Identifier: MIT
 *
 * One value for several stages: see stage/fan_out.h. Each child is bound once, since each runs once per value. */
#include <weir/stage/chain.h>
#include <weir/stage/fan_out.h>

#include "many.h"

struct fan_out {
	weir_stage base;
	weir_type each; /* what the children make */
};

struct fan_out_node {
	const struct fan_out *f;
	struct weir__shelf *shelf;
	struct weir__many many;
	const void *in;
	weir_array *out;
	struct weir__guest guests[];
};

static int fan_out_item(weir_ctx *ctx, void *arg, uint32_t lane, size_t i, weir_err *err)
{
	struct fan_out_node *node = arg;
	(void)lane;
	return weir__guest_run(ctx, &node->guests[i], (uint32_t)i, node->in, node->out, i, err);
}

static int fan_out_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct fan_out_node *node = arg;
	size_t n = node->f->base.n_children;
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	node->in = in;
	node->out = out;
	rc = weir__shelf_array(&node->shelf, node->f->base.rt, &node->f->each, n, out);
	if (rc < 0)
		return weir_fail(err, rc, "no memory for %zu of %s", n, node->f->each.name);
	rc = weir__many_do(ctx, &node->many, n, err);
	if (rc < 0)
		weir_array_drop(out);
	return rc;
}

static void fan_out_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct fan_out *f = (const struct fan_out *)st;
	struct fan_out_node *node = weir__bind_node(b, st, sizeof(*node) + st->n_children * sizeof(struct weir__guest));
	node->f = f;
	weir__many_bind(b, st, &node->many, st->lanes);
	node->many.item = fan_out_item;
	node->many.arg = node;
	for (size_t i = 0; i < st->n_children; i++)
		weir__guest_bind(b, st->children[i], &node->guests[i]);
	out->fn = fan_out_process;
	out->arg = node;
}

static void fan_out_unbind(void *mem)
{
	struct fan_out_node *node = mem;
	weir__shelf_leave(node->shelf);
	weir__many_unbind(&node->many);
}

static const struct weir__stage_ops fan_out_ops = {.bind = fan_out_bind,
						   .unbind = fan_out_unbind,
						   .tells = WEIR_PROBE_FAN_OUT};

weir_stage *weir_fan_out(weir_stage *const *children, size_t n, size_t concurrency)
{
	weir_stage *st = weir__stage_make(NULL, &fan_out_ops, "fan_out", sizeof(struct fan_out), children, n);
	if (!weir__stage_ok(st))
		return st;
	struct fan_out *f = (struct fan_out *)st;
	st->lanes = weir__lanes_of(st, concurrency && concurrency < n ? concurrency : n);
	st->in = st->children[0]->in;
	f->each = st->children[0]->out;
	st->out = weir_array_type(&f->each);
	st->bytes += weir__node_room(sizeof(struct fan_out_node));
	for (size_t i = 0; i < n; i++) {
		weir__stage_alike(st, i);
		st->bytes += weir__guest_room(st, i);
	}
	st->helpers = weir__helpers_among(st, st->lanes) + st->lanes - 1;
	return st;
}

/* ---- fan-in ---- */

struct fan_in {
	weir_stage base;
	weir_fan_in_fn *fn;
	void *arg;
};

static int fan_in_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct fan_in *f = arg;
	int rc = weir_ctx_err(ctx);
	return rc < 0 ? rc : f->fn(ctx, in, out, err, f->arg);
}

static void fan_in_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)b;
	out->fn = fan_in_process;
	out->arg = (void *)(uintptr_t)st;
}

static const struct weir__stage_ops fan_in_ops = {.bind = fan_in_bind, .tells = WEIR_PROBE_FAN_IN};

weir_stage *weir_fan_in(weir_rt *rt, const weir_type *of, const weir_type *out, weir_fan_in_fn *fn, void *arg)
{
	weir_stage *st = weir__stage_make(rt, &fan_in_ops, "fan_in", sizeof(struct fan_in), NULL, 0);
	if (!weir__stage_ok(st))
		return st;
	struct fan_in *f = (struct fan_in *)st;
	f->fn = fn;
	f->arg = arg;
	weir__stage_type(st, &st->in, of, "of");
	weir__stage_type(st, &st->out, out, "out");
	if (weir__stage_ok(st))
		st->in = weir_array_type(&st->in);
	if (!fn)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a function");
	return st;
}

weir_stage *weir_parallel(weir_stage *const *children, size_t n, size_t concurrency, weir_stage *fan_in)
{
	return weir_stage_named(weir_then(weir_fan_out(children, n, concurrency), fan_in), "parallel");
}
