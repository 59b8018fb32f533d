/* SPDX-License-Identifier: MIT
 *
 * n items at once: see many.h. LOCK: one mutex, for a few instructions and, where a failure becomes a member, one
 * allocation; the crew's is not held by then, nor this one when the crew is asked. */
#include <weir/stage/map.h>

#include "many.h"

static void be_told(weir_ctx *ctx, struct weir__many *m, size_t i, int rc, bool done, weir_err *one)
{
	weir_mutex_lock(ctx, &m->lock);
	if (i < m->first)
		m->first = i;
	if (!done) {
		m->undone++;
		if (i < m->first_undone)
			m->first_undone = i;
	} else if (m->rc == 0) {
		m->rc = rc;
		if (m->collect)
			weir_err_add(m->err, m->rt, (uint32_t)i, one);
		else
			weir_err_move(m->err, one);
		if (!m->collect && m->ctx == &m->own)
			weir_ctx_cancel_as(&m->own, WEIR_CAUSE_SIBLING, "another item failed");
	} else {
		weir_err_add(m->err, m->rt, (uint32_t)i, one);
	}
	weir_mutex_unlock(&m->lock);
}

/* Whether it was done. *one is empty, before and after: to zero a detail for each item costs more than the item. */
static bool do_item(weir_ctx *ctx, struct weir__many *m, uint32_t lane, size_t i, weir_err *one)
{
	int ended = weir_ctx_err(ctx);
	int rc = ended ? ended : m->item(ctx, m->arg, lane, i, one);
	if (__builtin_expect(rc == 0, 1)) {
		if (one->code)
			weir_err_fini(one);
		return true;
	}
	be_told(ctx, m, i, rc, !ended && rc != weir_ctx_err(ctx), one); /* G1 */
	weir_err_fini(one);
	return false;
}

static void batch_item(weir_ctx *ctx, void *arg, uint32_t lane, size_t i)
{
	weir_err one = {0};
	(void)do_item(ctx, arg, lane, i, &one);
}

static void do_inline(weir_ctx *ctx, struct weir__many *m, size_t n)
{
	weir_err one = {0};
	m->ctx = ctx;
	for (size_t i = 0; i < n; i++)
		if (!do_item(ctx, m, 0, i, &one) && !m->collect)
			break;
}

static void do_together(weir_ctx *ctx, struct weir__many *m, size_t n, uint32_t lanes)
{
	weir_ctx_init(&m->own, ctx, WEIR_FOREVER);
	m->ctx = &m->own;
	m->batch.item = batch_item;
	m->batch.arg = m;
	m->batch.n = n;
	m->batch.lanes = lanes;
	weir__crew_do(m->ctx, m->crew, &m->batch);
	weir_ctx_fini(&m->own);
}

/* G3 */
static int collected(weir_ctx *ctx, struct weir__many *m)
{
	weir_err one = {0};
	if (m->undone) {
		(void)weir_fail(&one, weir_ctx_err(ctx), "%zu were not done", m->undone);
		weir_err_add(m->err, m->rt, (uint32_t)m->first_undone, &one);
		weir_err_fini(&one);
	}
	return weir_err_wrap(m->err, WEIR_EPARTIAL, (int64_t)m->first);
}

int weir__many_do(weir_ctx *ctx, struct weir__many *m, size_t n, weir_err *err)
{
	uint32_t lanes = n < m->lanes ? (uint32_t)n : m->lanes;
	m->err = err;
	m->rc = 0;
	m->undone = 0;
	m->first = m->first_undone = SIZE_MAX;
	if (lanes > 1)
		do_together(ctx, m, n, lanes);
	else
		do_inline(ctx, m, n);
	if (__builtin_expect(m->first == SIZE_MAX, 1))
		return 0;
	if (m->collect)
		return collected(ctx, m);
	if (m->rc < 0)
		return m->rc;
	int ended = weir_ctx_err(ctx);
	assert(ended); /* G2: nothing else keeps an item from being done */
	return ended;
}

uint32_t weir__lanes_of(weir_stage *st, size_t limit)
{
	if (limit > 65536) {
		weir__stage_wrong(st, WEIR_EINVAL, "is to do %zu at a time: at most 65536", limit);
		return 1;
	}
	return limit ? (uint32_t)limit : WEIR_MAP_CONCURRENCY;
}

void weir__many_bind(struct weir__binder *b, const weir_stage *st, struct weir__many *m, uint32_t lanes)
{
	m->crew = weir__binder_crew(b);
	m->rt = st->rt;
	m->lanes = lanes;
	weir_mutex_init(&m->lock, st->rt);
}

void weir__many_unbind(struct weir__many *m)
{
	weir_mutex_fini(&m->lock);
}

/* ---- guests ---- */

static bool needs_copy(const weir_stage *child)
{
	return child->takes && child->in.drop;
}

size_t weir__guest_room(weir_stage *st, size_t index)
{
	const weir_stage *child = st->children[index];
	if (!needs_copy(child))
		return sizeof(struct weir__guest);
	if (!weir__type_copies(&child->in))
		weir__stage_wrong(st, WEIR_EINVAL,
				  "child %zu, \"%s\", takes its %s, which stays the caller's here and cannot be copied",
				  index, child->name, child->in.name);
	return sizeof(struct weir__guest) + weir__type_room(&child->in);
}

void weir__guest_bind(struct weir__binder *b, const weir_stage *child, struct weir__guest *g)
{
	weir__bind(b, child, &g->run);
	if (needs_copy(child))
		g->copy = weir__bind_value(b, &child->in);
}

int weir__guest_run_copy(weir_ctx *ctx, const struct weir__guest *g, uint32_t index, const void *in,
			 const weir_array *out, size_t i, weir_err *err)
{
	const weir_type *type = &g->run.st->in;
	void *to = weir__array_place(out, i);
	int rc = weir__type_copy(type, in, g->copy);
	if (rc < 0)
		return weir_fail(err, rc, "no copy of %s for \"%s\"", type->name, g->run.st->name);
	rc = weir__run(ctx, &g->run, index, g->copy, to, err);
	if (rc == 0) {
		weir__array_holds(out, i, true);
		return 0;
	}
	type->drop(g->copy, type->arg);
	return weir__run_forget(&g->run, rc, to, err);
}
