/* SPDX-License-Identifier: MIT
 *
 * The same stage for each value of an array: see stage/map.h. The child is bound once for each lane. */
#include <weir/stage/map.h>

#include "many.h"

struct map {
	weir_stage base;
	weir_type each; /* what the child makes */
	bool collect;
};

struct map_node {
	const struct map *m;
	struct weir__shelf *shelf;
	struct weir__many many;
	const weir_array *in;
	weir_array *out;
	const struct weir__probed *probed;
	struct weir__guest guests[];
};

static int map_item(weir_ctx *ctx, void *arg, uint32_t lane, size_t i, weir_err *err)
{
	struct map_node *node = arg;
	const void *in = weir_array_at(node->in, i);
	if (!in)
		return weir_fail(err, WEIR_EINVAL, "place %zu is empty", i);
	return weir__guest_run(ctx, &node->guests[lane], (uint32_t)i, in, node->out, i, err);
}

static int map_item_probed(weir_ctx *ctx, void *arg, uint32_t lane, size_t i, weir_err *err)
{
	const struct map_node *node = arg;
	int64_t from = weir_rt_now(node->m->base.rt);
	int rc = map_item(ctx, arg, lane, i, err);
	weir__tell_item(node->probed, i, rc, err, from);
	return rc;
}

static int map_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct map_node *node = arg;
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	node->in = in;
	node->out = out;
	rc = weir__shelf_array(&node->shelf, node->m->base.rt, &node->m->each, node->in->n, out);
	if (rc < 0)
		return weir_fail(err, rc, "no memory for %zu of %s", node->in->n, node->m->each.name);
	rc = weir__many_do(ctx, &node->many, node->in->n, err);
	if (rc < 0 && rc != WEIR_EPARTIAL)
		weir_array_drop(out);
	return rc;
}

static void map_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct map *m = (const struct map *)st;
	struct map_node *node = weir__bind_node(b, st, sizeof(*node) + st->lanes * sizeof(struct weir__guest));
	node->m = m;
	weir__many_bind(b, st, &node->many, st->lanes);
	node->probed = weir__binder_probed(b, st);
	node->many.item = node->probed ? map_item_probed : map_item;
	node->many.arg = node;
	node->many.collect = m->collect;
	for (uint32_t i = 0; i < st->lanes; i++)
		weir__guest_bind(b, st->children[0], &node->guests[i]);
	out->fn = map_process;
	out->arg = node;
}

static void map_unbind(void *mem)
{
	struct map_node *node = mem;
	weir__shelf_leave(node->shelf);
	weir__many_unbind(&node->many);
}

static const struct weir__stage_ops map_ops = {.bind = map_bind, .unbind = map_unbind, .tells = WEIR_PROBE_MAP};

weir_stage *weir_map(weir_stage *child, const struct weir_map_opts *opts)
{
	weir_stage *st = weir__stage_make(NULL, &map_ops, "map", sizeof(struct map), &child, 1);
	if (!weir__stage_ok(st))
		return st;
	struct map *m = (struct map *)st;
	st->lanes = weir__lanes_of(st, opts ? opts->concurrency : 0);
	m->collect = opts && opts->collect;
	m->each = child->out;
	st->in = weir_array_type(&child->in);
	st->out = weir_array_type(&m->each);
	st->bytes += weir__node_room(sizeof(struct map_node)) + st->lanes * weir__guest_room(st, 0) +
		     (st->lanes - 1) * child->bytes;
	st->helpers = st->lanes * child->helpers + st->lanes - 1;
	return st;
}
