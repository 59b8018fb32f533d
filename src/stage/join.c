/* SPDX-License-Identifier: MIT
 *
 * Group an array by key: see stage/group.h.
 *
 * Indices are sorted by key (order.h: stable); so the first index of each run of equal keys is where its key was first
 * seen. Groups are numbered by going through the input once more.
 *
 *  J1  A key lives from key_of until the end, in an array of its own: where keys own something, that array drops
 *      them. */
#include <weir/stage/group.h>

#include "order.h"
#include "stage.h"

struct join {
	weir_stage base;
	struct weir_join_opts opts;
	struct weir__order order; /* of keys */
	weir_type of, group, key;
};

struct join_node {
	const struct join *j;
	struct weir__shelf *keys_shelf, *index_shelf, *out_shelf, *group_shelf;
	const struct weir__probed *probed;
};

/* Writes into group_of the number of each value's group, and into sizes how many there are in each: how many groups.
 * All have n places. */
static size_t number(const struct join *j, const weir_array *keys, const size_t *order, size_t *group_of, size_t *sizes)
{
	size_t groups = 0, n = keys->n;
	for (size_t i = 0, first = 0; i < n; i++) { /* first, the index where the key was first seen */
		if (i == 0 || weir__order_of(&j->order, keys, order[i - 1], order[i]) != 0)
			first = order[i];
		group_of[order[i]] = first;
	}
	for (size_t i = 0; i < n; i++) { /* then the number, which that one has by now */
		size_t first = group_of[i];
		group_of[i] = first == i ? groups : group_of[first];
		if (first == i)
			sizes[groups++] = 0;
		sizes[group_of[i]]++;
	}
	return groups;
}

static int make_keys(weir_ctx *ctx, const struct join *j, const weir_array *in, const weir_array *keys, weir_err *err)
{
	for (size_t i = 0; i < in->n; i++) {
		const void *value = weir_array_at(in, i);
		void *key = weir__array_place(keys, i);
		int rc = weir_ctx_err(ctx);
		if (rc < 0)
			return weir_fail(err, rc, "%zu values have no key yet", in->n - i);
		if (!value)
			return weir_fail(err, WEIR_EINVAL, "place %zu is empty", i);
		memset(key, 0, j->key.size);
		rc = j->opts.key_of(ctx, value, key, err, j->opts.arg);
		if (rc > 0)
			return weir_fail(err, WEIR_EINVAL, "key_of returned %d: 0 is success, negative an error", rc);
		if (rc < 0) {
			if (err && err->code == 0)
				(void)weir_fail(err, rc, NULL);
			weir_err_frame(err, "key_of", (uint32_t)i, 0);
			return rc;
		}
		weir__array_holds(keys, i, true);
	}
	return 0;
}

/* An empty array for each group, into out, and copies of the values into these. sizes becomes how many are missing. */
static int make_groups(struct join_node *node, const weir_array *in, const size_t *group_of, size_t *sizes,
		       const weir_array *out)
{
	const struct join *j = node->j;
	int rc = 0;
	for (size_t g = 0; g < out->n && rc == 0; g++) {
		rc = weir__shelf_array(&node->group_shelf, j->base.rt, &j->of, sizes[g], weir__array_place(out, g));
		weir__array_holds(out, g, rc == 0);
	}
	for (size_t i = 0; i < in->n && rc == 0; i++) {
		size_t g = group_of[i];
		const weir_array *group = weir__array_place(out, g);
		size_t at = group->n - sizes[g]--;
		rc = weir__type_copy(&j->of, weir__array_place(in, i), weir__array_place(group, at));
		weir__array_holds(group, at, rc == 0);
	}
	return rc;
}

static int join_all(weir_ctx *ctx, struct join_node *node, const weir_array *in, weir_array *keys, weir_array *index,
		    weir_array *out, weir_err *err)
{
	const struct join *j = node->j;
	weir_rt *rt = j->base.rt;
	size_t n = in->n;
	int rc = weir__shelf_array(&node->keys_shelf, rt, &j->key, n, keys);
	if (rc == 0)
		rc = weir__shelf_array(&node->index_shelf, rt, &weir__index_type, 4 * n, index);
	if (rc < 0)
		return weir_fail(err, rc, "no memory for %zu keys", n);
	rc = make_keys(ctx, j, in, keys, err);
	if (rc < 0)
		return rc;
	size_t *a = index->items, *group_of = a + 2 * n, *sizes = a + 3 * n;
	size_t groups = number(j, keys, weir__sort(&j->order, keys, a, a + n), group_of, sizes);
	if (node->probed) {
		weir__tell(node->probed, WEIR_PROBE_GROUPED, (int64_t)groups, (int64_t)n);
		for (size_t i = 0; i < groups; i++)
			weir__tell_part(node->probed, WEIR_PROBE_GROUP, i, sizes[i], 0);
	}
	rc = weir__shelf_array(&node->out_shelf, rt, &j->group, groups, out);
	if (rc == 0)
		rc = make_groups(node, in, group_of, sizes, out);
	return rc < 0 ? weir_fail(err, rc, "no %zu groups of copies", groups) : 0;
}

static int join_process(weir_ctx *ctx, const void *value, void *out, weir_err *err, void *arg)
{
	const weir_array *in = value;
	weir_array keys = {0}, index = {0};
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(weir_array));
	if (in->n == 0)
		return 0;
	rc = join_all(ctx, arg, in, &keys, &index, out, err);
	if (rc < 0)
		weir_array_drop(out);
	weir_array_drop(&keys); /* J1 */
	weir_array_drop(&index);
	return rc;
}

static void join_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct join_node *node = weir__bind_node(b, st, sizeof(*node));
	node->j = (const struct join *)st;
	node->probed = weir__binder_probed(b, st);
	out->fn = join_process;
	out->arg = node;
}

static void join_unbind(void *mem)
{
	struct join_node *node = mem;
	weir__shelf_leave(node->keys_shelf);
	weir__shelf_leave(node->index_shelf);
	weir__shelf_leave(node->out_shelf);
	weir__shelf_leave(node->group_shelf);
}

static const struct weir__stage_ops join_ops = {.bind = join_bind, .unbind = join_unbind};

weir_stage *weir_join_by_key(weir_rt *rt, const weir_type *of, const struct weir_join_opts *opts)
{
	weir_stage *st = weir__stage_make(rt, &join_ops, "join_by_key", sizeof(struct join), NULL, 0);
	if (weir__stage_ok(st) && (!opts || !opts->key_of))
		weir__stage_wrong(st, WEIR_EINVAL, "needs a function that makes keys");
	if (!weir__stage_ok(st))
		return st;
	struct join *j = (struct join *)st;
	j->opts = *opts;
	j->order = (struct weir__order){.fn = opts->order, .arg = opts->arg};
	weir__stage_type(st, &j->of, of, "of");
	weir__stage_type(st, &j->key, opts->key, "key");
	if (weir__stage_ok(st) && !weir__type_copies(&j->of))
		weir__stage_wrong(st, WEIR_EINVAL, "groups have copies, and %s cannot be copied", j->of.name);
	if (!weir__stage_ok(st))
		return st;
	j->group = weir_array_type(of);
	st->in = j->group;
	st->out = weir_array_type(&j->group);
	st->bytes += weir__node_room(sizeof(struct join_node));
	return st;
}
