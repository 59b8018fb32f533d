/* SPDX-License-Identifier: MIT
 *
 * Calls: a tree of stages bound to the memory and the helpers of one task.
 *
 * A call is one block: the head, then what the stages of the tree take when they are bound, in the order of binding.
 * Nodes that must be finished are in a list. The block is given back by whoever leaves last: the owner, or a helper
 * that was slow to notice (crew.h); no task is in a node by then.
 *
 * With a probe each stage is bound with a node in front of it that tells what it does: struct weir__probed.
 *
 * In the simulator each stage is bound with a node in front of it that fills `out` with a pattern before each value, so
 * that a function which reads it, or which returns 0 without having written it, does not get away with what was
 * there. And a call that is used by two tasks at the same time is found there: it would be silent otherwise. */
#include <stddef.h>

#include "stage.h"

#define PATTERN 0xA5

struct node {
	struct node *next;
	const weir_stage *st;
};

struct weir_call {
	struct weir__crew crew;
	weir_rt *rt;
	weir_stage *st;
	struct weir__run run;
	struct node *nodes;
	struct weir__run alone; /* in the simulator: what run is there for */
	bool has_crew, busy;
};

struct checked {
	struct weir__run inner;
	size_t bytes;
};

static size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

#define NODE_HEAD round_up(sizeof(struct node), _Alignof(max_align_t))

size_t weir__node_room(size_t bytes)
{
	return weir__room(NODE_HEAD + bytes, _Alignof(max_align_t));
}

void *weir__bind_memory(struct weir__binder *b, size_t bytes, size_t align)
{
	uintptr_t at = (uintptr_t)b->mem + b->used, aligned = (at + align - 1) & ~(uintptr_t)(align - 1);
	b->used += (size_t)(aligned - at) + bytes;
	assert(b->used <= b->cap); /* S4 */
	return (void *)aligned;
}

void *weir__bind_node(struct weir__binder *b, const weir_stage *st, size_t bytes)
{
	struct node *node = weir__bind_memory(b, NODE_HEAD + bytes, _Alignof(max_align_t));
	node->st = st;
	node->next = b->call->nodes;
	b->call->nodes = node;
	return (unsigned char *)node + NODE_HEAD;
}

struct weir__crew *weir__binder_crew(struct weir__binder *b)
{
	return &b->call->crew;
}

/* ---- what a probe is told ---- */

static void tell(const struct weir__probed *p, struct weir_probe_event e)
{
	e.name = p->inner.st->name;
	e.span = p->span;
	e.parent = p->parent;
	e.index = p->index;
	weir_probe_emit(p->probe, &e);
}

static void tell_part(const struct weir__probed *p, size_t index, struct weir_probe_event e)
{
	e.name = p->inner.st->name;
	e.parent = p->span;
	e.index = (uint32_t)index;
	weir_probe_emit(p->probe, &e);
}

/* A detail that says what is returned: another one is of something that was tried before. */
static const weir_err *detail_of(int rc, const weir_err *err)
{
	return rc < 0 && err && err->code == rc ? err : NULL;
}

void weir__tell(const struct weir__probed *p, enum weir_probe_kind kind, int64_t value, int64_t other)
{
	tell(p, (struct weir_probe_event){.kind = kind, .value = value, .other = other});
}

void weir__tell_part(const struct weir__probed *p, enum weir_probe_kind kind, size_t index, size_t value, size_t other)
{
	tell_part(p, index, (struct weir_probe_event){.kind = kind, .value = (int64_t)value, .other = (int64_t)other});
}

void weir__tell_item(const struct weir__probed *p, size_t index, int rc, const weir_err *err, int64_t from)
{
	int64_t now = weir_rt_now(p->inner.st->rt);
	tell_part(p, index,
		  (struct weir_probe_event){.kind = rc == 0 ? WEIR_PROBE_ITEM_DONE : WEIR_PROBE_ITEM_FAILED,
					    .code = rc,
					    .at = now,
					    .value = now - from,
					    .err = detail_of(rc, err)});
}

static int64_t how_many(const weir_stage *st, const void *in)
{
	return st->ops->tells == WEIR_PROBE_FAN_OUT ? (int64_t)st->n_children : (int64_t)((const weir_array *)in)->n;
}

static int process_probed(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct weir__probed *p = arg;
	const weir_stage *st = p->inner.st;
	int64_t from = weir_rt_now(st->rt);
	p->span = weir_probe_span(p->probe);
	p->parent = p->outer ? p->outer->span : weir_probe_current(ctx);
	tell(p, (struct weir_probe_event){.kind = WEIR_PROBE_STAGE_STARTED, .at = from});
	if (st->ops->tells)
		tell(p, (struct weir_probe_event){
				.kind = st->ops->tells, .at = from, .value = how_many(st, in), .other = st->lanes});
	weir_ctx own;
	weir_probe_enter(&own, ctx, p->span);
	int rc = p->inner.fn(&own, in, out, err, p->inner.arg);
	weir_ctx_fini(&own);
	int64_t now = weir_rt_now(st->rt);
	tell(p, (struct weir_probe_event){.kind = rc == 0                ? WEIR_PROBE_STAGE_DONE
						  : rc == WEIR_EFILTERED ? WEIR_PROBE_STAGE_FILTERED
									 : WEIR_PROBE_STAGE_FAILED,
					  .code = rc > 0 ? WEIR_EINVAL : rc,
					  .at = now,
					  .value = now - from,
					  .err = detail_of(rc, err)});
	return rc;
}

static int process_checked(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct checked *c = arg;
	memset(out, PATTERN, c->bytes);
	return c->inner.fn(ctx, in, out, err, c->inner.arg);
}

static int process_alone(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	static const char what[] = "a call that is in use is used again: each task needs its own (weir_call_new)";
	weir_call *c = arg;
	if (c->busy) {
		c->rt->vt->misuse(c->rt, &(struct weir_misuse){.what = what,
							       .object = c->st->name,
							       .site = __builtin_return_address(0)});
		return weir_fail(err, WEIR_EBUSY, "the call is in use");
	}
	c->busy = true;
	int rc = c->alone.fn(ctx, in, out, err, c->alone.arg);
	c->busy = false;
	return rc;
}

/* ---- binding ---- */

size_t weir__bind_room(const weir_rt *rt)
{
	size_t checked = rt->hooks ? weir__room(sizeof(struct checked), _Alignof(struct checked)) : 0;
	bool has_probe = weir_probe_of((weir_rt *)(uintptr_t)rt) != NULL;
	return checked + (has_probe ? weir__room(sizeof(struct weir__probed), _Alignof(struct weir__probed)) : 0);
}

static void bind_checked(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct checked *c = weir__bind_memory(b, sizeof(*c), _Alignof(struct checked));
	c->inner = *out;
	c->bytes = st->out.size;
	*out = (struct weir__run){.fn = process_checked, .arg = c, .st = st};
}

static void bind_inner(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	out->st = st;
	st->ops->bind(b, st, out);
	assert(out->fn);
	if (st->rt->hooks)
		bind_checked(b, st, out);
}

static uint32_t index_in(const struct weir__probed *outer, const weir_stage *st)
{
	for (size_t i = 0; outer && i < outer->inner.st->n_children; i++)
		if (outer->inner.st->children[i] == st)
			return (uint32_t)i;
	return WEIR_PROBE_NO_INDEX;
}

void weir__bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	if (!st->probe) {
		bind_inner(b, st, out);
		return;
	}
	struct weir__probed *p = weir__bind_memory(b, sizeof(*p), _Alignof(struct weir__probed));
	p->probe = st->probe;
	p->outer = b->probed;
	p->index = index_in(p->outer, st);
	p->inner.st = st;
	b->probed = p;
	bind_inner(b, st, &p->inner);
	b->probed = (struct weir__probed *)(uintptr_t)p->outer;
	*out = (struct weir__run){.fn = process_probed, .arg = p, .st = st};
}

struct weir__probed *weir__binder_probed(const struct weir__binder *b, const weir_stage *st)
{
	return b->probed && b->probed->inner.st == st ? b->probed : NULL;
}

int weir__run_failed_at(const struct weir__run *run, int rc, uint32_t index, uint32_t attempt, weir_err *err)
{
	if (rc > 0)
		rc = weir_fail(err, WEIR_EINVAL, "returned %d: 0 is success, negative an error", rc);
	if (err && err->code == 0)
		(void)weir_fail(err, rc, NULL);
	else if (err && err->code != rc) /* what is returned is what counts */
		(void)weir_err_wrap(err, rc, 0);
	weir_err_frame(err, run->st->name, index, attempt);
	return rc;
}

int weir__run_forget(const struct weir__run *run, int rc, void *out, weir_err *err)
{
	if (rc != WEIR_EPARTIAL)
		return rc;
	if (run->st->out.drop)
		run->st->out.drop(out, run->st->out.arg);
	return weir_err_wrap(err, WEIR_EINCOMPLETE, 0);
}

/* ---- making and freeing ---- */

static void crew_gone(struct weir__crew *crew)
{
	weir_rt_release(crew->rt, (unsigned char *)crew - offsetof(struct weir_call, crew));
}

static int start_nodes(weir_call *call)
{
	int rc = 0;
	for (struct node *node = call->nodes; node && rc == 0; node = node->next)
		if (node->st->ops->start)
			rc = node->st->ops->start((unsigned char *)node + NODE_HEAD);
	return rc;
}

int weir_call_new(weir_scope *s, weir_stage *st, weir_call **out)
{
	if (!s || !out)
		return WEIR_EINVAL;
	int rc = weir_stage_check(st, NULL);
	if (rc == 0)
		rc = weir_ctx_err(weir_scope_ctx(s));
	if (rc < 0)
		return rc;
	if (weir_ctx_rt(weir_scope_ctx(s)) != st->rt)
		return WEIR_EINVAL;
	size_t head = round_up(sizeof(struct weir_call), _Alignof(max_align_t)), bytes = st->bytes;
	weir_call *call = weir_rt_alloc(st->rt, head + bytes);
	if (!call)
		return WEIR_ENOMEM;
	memset(call, 0, head + bytes);
	call->rt = st->rt;
	call->st = st;
	struct weir__binder b = {.mem = (unsigned char *)call + head, .cap = bytes, .call = call};
	weir__bind(&b, st, &call->run);
	if (st->rt->hooks) {
		call->alone = call->run;
		call->run = (struct weir__run){.fn = process_alone, .arg = call, .st = st};
	}
	(void)weir_atomic_add(&st->calls, 1);
	if (st->helpers > 0) {
		call->has_crew = true;
		rc = weir__crew_start(&call->crew, s, st->helpers, crew_gone);
	}
	if (rc == 0)
		rc = start_nodes(call);
	if (rc < 0)
		weir_call_free(&call);
	else
		*out = call;
	return rc;
}

int weir_call_process(weir_ctx *ctx, weir_call *call, const void *in, void *out, weir_err *err)
{
	if (__builtin_expect(!call, 0))
		return weir_fail(err, WEIR_EBADF, "there is no call: NULL");
	int rc = weir__run(ctx, &call->run, WEIR__NO_INDEX, in, out, err);
	if (__builtin_expect(rc == 0 && err && err->code, 0))
		weir_err_fini(err); /* a detail written, and then not returned */
	return rc;
}

void weir_call_free(weir_call **call)
{
	weir_call *c = call ? *call : NULL;
	if (!c)
		return;
	*call = NULL;
	for (struct node *node = c->nodes, *next; node; node = next) {
		next = node->next;
		if (node->st->ops->unbind)
			node->st->ops->unbind((unsigned char *)node + NODE_HEAD);
	}
	weir_rt *rt = c->rt;
	(void)weir_atomic_add(&c->st->calls, UINT64_MAX); /* one less: it may be freed from here on */
	if (c->has_crew)
		weir__crew_end(&c->crew);
	else
		weir_rt_release(rt, c);
}

/* ---- what core knows of it: core/processor.h ---- */

_Static_assert(offsetof(struct weir_stage, processor) == 0, "core looks there");

static int processor_check(const weir_stage *st, const weir_type **in, const weir_type **out, bool *takes)
{
	int rc = weir_stage_check(st, NULL);
	if (rc < 0)
		return rc;
	*in = &st->in;
	*out = &st->out;
	*takes = st->takes;
	return 0;
}

/* A result has no place for a part of a value: Q2. */
static int processor_process(weir_ctx *ctx, weir_call *call, const void *in, void *out, weir_err *err)
{
	return weir__run_forget(&call->run, weir_call_process(ctx, call, in, out, err), out, err);
}

const struct weir__processor weir__stage_processor = {.check = processor_check,
						      .open = weir_call_new,
						      .process = processor_process,
						      .close = weir_call_free};
