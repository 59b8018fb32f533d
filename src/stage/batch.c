/* SPDX-License-Identifier: MIT
 *
 * So many values of an array at a time: see stage/group.h.
 *
 *  B1  `parts` has a place for each batch: what it made, until all is put together. How many batches there will be is
 *      known before the first, so nothing grows.
 *  B2  Putting together moves the values: the places of the parts are said to be empty before these are dropped. */
#include <weir/stage/group.h>

#include "many.h"

struct batch {
	weir_stage base;
	struct weir_batch_opts opts;
};

struct batch_node {
	const struct batch *st;
	struct weir__shelf *shelf, *parts_shelf;
	const struct weir__probed *probed;
	struct weir__guest child;
};

/* Moves what the parts have into one array. */
static int put_together(struct batch_node *node, const weir_array *parts, weir_array *out)
{
	const weir_type *of = NULL;
	size_t n = 0, at = 0;
	for (size_t i = 0; i < parts->n; i++) {
		const weir_array *part = weir_array_at(parts, i);
		if (!part || part->n == 0)
			continue;
		n += part->n; /* of what is in memory: does not overflow */
		of = weir__array_of(part);
	}
	memset(out, 0, sizeof(*out));
	int rc = n ? weir__shelf_array(&node->shelf, node->st->base.rt, of, n, out) : 0;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < parts->n; i++) {
		const weir_array *part = weir_array_at(parts, i);
		for (size_t j = 0; part && j < part->n; j++, at++) {
			bool holds = weir_array_at(part, j) != NULL;
			if (holds)
				memcpy(weir__array_place(out, at), weir__array_place(part, j), of->size);
			weir__array_holds(out, at, holds);
			weir__array_holds(part, j, false); /* B2 */
		}
	}
	return 0;
}

/* Runs the batches into parts; *done is how many values were. */
static int run_all(weir_ctx *ctx, struct batch_node *node, const weir_array *in, const weir_array *parts, size_t *done,
		   weir_err *err)
{
	const struct weir_batch_opts *opts = &node->st->opts;
	int rc = 0;
	for (size_t i = 0; i < parts->n; i++) {
		size_t n = in->n - *done < opts->size ? in->n - *done : opts->size;
		weir_array view = weir__array_view(in, *done, n);
		if (i > 0)
			rc = weir_ctx_err(ctx);
		if (rc < 0)
			return weir_fail(err, rc, "%zu values were not done", in->n - *done);
		rc = weir__guest_run(ctx, &node->child, (uint32_t)i, &view, parts, i, err);
		if (rc < 0)
			return rc;
		size_t made = ((weir_array *)weir_array_at(parts, i))->n;
		if (opts->on_batch)
			opts->on_batch(n, made, opts->arg);
		if (node->probed)
			weir__tell_part(node->probed, WEIR_PROBE_BATCH, i, n, made);
		*done += n;
	}
	return 0;
}

static int batch_process(weir_ctx *ctx, const void *value, void *out, weir_err *err, void *arg)
{
	struct batch_node *node = arg;
	const struct batch *b = node->st;
	const weir_array *in = value;
	weir_array parts;
	size_t size = b->opts.size, done = 0, n = in->n / size + (in->n % size != 0);
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(weir_array));
	if (n == 0)
		return 0;
	rc = weir__shelf_array(&node->parts_shelf, b->base.rt, &b->base.out, n, &parts);
	if (rc < 0)
		return weir_fail(err, rc, "no memory for %zu batches", n);
	rc = run_all(ctx, node, in, &parts, &done, err);
	if (rc == 0 || !b->opts.whole) {
		int put = put_together(node, &parts, out);
		if (put < 0)
			rc = weir_fail(err, put, "no memory for what %zu batches made", n);
		else if (rc < 0)
			rc = weir_err_wrap(err, WEIR_EPARTIAL, (int64_t)done);
	}
	weir_array_drop(&parts);
	return rc;
}

static void batch_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct batch_node *node = weir__bind_node(b, st, sizeof(*node));
	node->st = (const struct batch *)st;
	node->probed = weir__binder_probed(b, st);
	weir__guest_bind(b, st->children[0], &node->child);
	out->fn = batch_process;
	out->arg = node;
}

static void batch_unbind(void *mem)
{
	struct batch_node *node = mem;
	weir__shelf_leave(node->shelf);
	weir__shelf_leave(node->parts_shelf);
}

static const struct weir__stage_ops batch_ops = {.bind = batch_bind, .unbind = batch_unbind};

weir_stage *weir_batch(weir_stage *child, const struct weir_batch_opts *opts)
{
	weir_stage *st = weir__stage_make(NULL, &batch_ops, "batch", sizeof(struct batch), &child, 1);
	if (weir__stage_ok(st) && (!opts || opts->size == 0))
		weir__stage_wrong(st, WEIR_EINVAL, "needs a size of 1 or more");
	if (weir__stage_ok(st) && !(weir__type_is_array(&child->in) && weir__type_is_array(&child->out)))
		weir__stage_wrong(st, WEIR_ETYPE, "\"%s\" has to take and make arrays: it does from %s%s to %s%s",
				  child->name, weir__type_is_array(&child->in) ? "arrays of " : "", child->in.name,
				  weir__type_is_array(&child->out) ? "arrays of " : "", child->out.name);
	if (!weir__stage_ok(st))
		return st;
	((struct batch *)st)->opts = *opts;
	st->in = child->in;
	st->out = child->out;
	st->bytes += weir__node_room(sizeof(struct batch_node)) + weir__guest_room(st, 0);
	return st;
}
