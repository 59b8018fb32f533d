/* SPDX-License-Identifier: MIT
 *
 * Group an array by an order, and reduce each group: see stage/map_reduce.h.
 *
 * Indices are sorted (order.h: stable), and then the bytes of the values are laid out in that order, so that a group is
 * a part of an array.
 *
 *  K1  `sorted` owns nothing: its values are the caller's, and its places are said to be empty before it is dropped. It
 *      is only read by the reducers, which are gone by then.
 *  K2  What is needed to sort is kept in the node from value to value, and grows with the longest array. */
#include <weir/stage/chain.h>
#include <weir/stage/map_reduce.h>

#include "many.h"
#include "order.h"

struct reduce {
	weir_stage base;
	struct weir__order order;
	weir_type each; /* what the child makes */
};

struct reduce_node {
	const struct reduce *r;
	struct weir__shelf *shelf, *sorted_shelf, *index_shelf; /* K2 */
	struct weir__many many;
	weir_array sorted, *out;
	const size_t *starts; /* of the groups, and the end of the last */
	const struct weir__probed *probed;
	struct weir__guest guests[];
};

/* Lays out the values of in by their order, and finds the groups: how many. starts has n + 1 places. */
static size_t group(struct reduce_node *node, const weir_array *in, const size_t *order, size_t *starts)
{
	const struct reduce *r = node->r;
	size_t groups = 0, size = weir__array_of(in)->size;
	for (size_t i = 0; i < in->n; i++) {
		memcpy(weir__array_place(&node->sorted, i), weir__array_place(in, order[i]), size);
		weir__array_holds(&node->sorted, i, true);
		if (i == 0 || weir__order_of(&r->order, &node->sorted, i - 1, i) != 0)
			starts[groups++] = i;
	}
	starts[groups] = in->n;
	return groups;
}

static int reduce_item(weir_ctx *ctx, void *arg, uint32_t lane, size_t i, weir_err *err)
{
	struct reduce_node *node = arg;
	const size_t *at = &node->starts[i];
	weir_array view = weir__array_view(&node->sorted, at[0], at[1] - at[0]);
	return weir__guest_run(ctx, &node->guests[lane], (uint32_t)i, &view, node->out, i, err);
}

static int reduce_item_probed(weir_ctx *ctx, void *arg, uint32_t lane, size_t i, weir_err *err)
{
	const struct reduce_node *node = arg;
	int64_t from = weir_rt_now(node->r->base.rt);
	int rc = reduce_item(ctx, arg, lane, i, err);
	weir__tell_item(node->probed, i, rc, err, from);
	return rc;
}

/* Groups in, and makes the array of results: the groups are *out's places. */
static int prepare(struct reduce_node *node, const weir_array *in, weir_array *index, weir_array *out)
{
	const struct reduce *r = node->r;
	size_t n = in->n;
	int rc = weir__shelf_array(&node->index_shelf, r->base.rt, &weir__index_type, 3 * n + 1, index);
	if (rc == 0)
		rc = weir__shelf_array(&node->sorted_shelf, r->base.rt, weir__array_of(in), n, &node->sorted);
	if (rc < 0)
		return rc;
	size_t *a = index->items, *starts = a + 2 * n;
	size_t groups = group(node, in, weir__sort(&r->order, in, a, a + n), starts);
	node->starts = starts;
	if (node->probed) {
		weir__tell(node->probed, WEIR_PROBE_GROUPED, (int64_t)groups, (int64_t)n);
		for (size_t i = 0; i < groups; i++)
			weir__tell_part(node->probed, WEIR_PROBE_GROUP, i, starts[i + 1] - starts[i], 0);
	}
	return weir__shelf_array(&node->shelf, r->base.rt, &r->each, groups, out);
}

static int reduce_all(weir_ctx *ctx, struct reduce_node *node, const weir_array *in, weir_array *out, weir_err *err)
{
	weir_array index = {0};
	node->out = out;
	int rc = prepare(node, in, &index, out);
	if (rc < 0)
		(void)weir_fail(err, rc, "no memory to group %zu values", in->n);
	else
		rc = weir__many_do(ctx, &node->many, out->n, err);
	for (size_t i = 0; i < node->sorted.n; i++) /* K1 */
		weir__array_holds(&node->sorted, i, false);
	weir_array_drop(&node->sorted);
	weir_array_drop(&index);
	return rc;
}

static int reduce_process(weir_ctx *ctx, const void *value, void *out, weir_err *err, void *arg)
{
	const weir_array *in = value;
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < in->n; i++)
		if (!weir_array_at(in, i))
			return weir_fail(err, WEIR_EINVAL, "place %zu is empty", i);
	memset(out, 0, sizeof(weir_array));
	if (in->n == 0)
		return 0;
	rc = reduce_all(ctx, arg, in, out, err);
	if (rc < 0)
		weir_array_drop(out);
	return rc;
}

static void reduce_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct reduce *r = (const struct reduce *)st;
	struct reduce_node *node = weir__bind_node(b, st, sizeof(*node) + st->lanes * sizeof(struct weir__guest));
	node->r = r;
	weir__many_bind(b, st, &node->many, st->lanes);
	node->probed = weir__binder_probed(b, st);
	node->many.item = node->probed ? reduce_item_probed : reduce_item;
	node->many.arg = node;
	for (uint32_t i = 0; i < st->lanes; i++)
		weir__guest_bind(b, st->children[0], &node->guests[i]);
	out->fn = reduce_process;
	out->arg = node;
}

static void reduce_unbind(void *mem)
{
	struct reduce_node *node = mem;
	weir__shelf_leave(node->shelf);
	weir__shelf_leave(node->sorted_shelf);
	weir__shelf_leave(node->index_shelf);
	weir__many_unbind(&node->many);
}

static const struct weir__stage_ops reduce_ops = {.bind = reduce_bind,
						  .unbind = reduce_unbind,
						  .tells = WEIR_PROBE_REDUCE};

weir_stage *weir_reduce(weir_stage *child, const struct weir_reduce_opts *opts)
{
	weir_stage *st = weir__stage_make(NULL, &reduce_ops, "reduce", sizeof(struct reduce), &child, 1);
	if (weir__stage_ok(st) && (!opts || !opts->order))
		weir__stage_wrong(st, WEIR_EINVAL, "needs an order");
	if (weir__stage_ok(st) && !weir__type_is_array(&child->in))
		weir__stage_wrong(st, WEIR_ETYPE, "\"%s\" takes %s, but a group is an array", child->name,
				  child->in.name);
	if (!weir__stage_ok(st))
		return st;
	struct reduce *r = (struct reduce *)st;
	r->order = (struct weir__order){.fn = opts->order, .arg = opts->arg};
	st->lanes = weir__lanes_of(st, opts->concurrency);
	r->each = child->out;
	st->in = child->in;
	st->out = weir_array_type(&r->each);
	st->bytes += weir__node_room(sizeof(struct reduce_node)) + st->lanes * weir__guest_room(st, 0) +
		     (st->lanes - 1) * child->bytes;
	st->helpers = st->lanes * child->helpers + st->lanes - 1;
	return st;
}

weir_stage *weir_map_reduce(weir_stage *mapper, weir_stage *reducer, const struct weir_reduce_opts *opts)
{
	struct weir_map_opts map = {.concurrency = opts ? opts->map_concurrency : 0};
	return weir_stage_named(weir_then(weir_map(mapper, &map), weir_reduce(reducer, opts)), "map_reduce");
}
