/* SPDX-License-Identifier: MIT
 *
 * Reading core's objects for the simulator's oracles and reports: facts only, no judgement beyond the account. */
#include "inspect.h"

#include "pipeline.h"
#include "scope.h"
#include "select.h"
#include "sync.h"

static const struct weir__chan *chan_of(const struct weir_obj *obj)
{
	assert(offsetof(struct weir__chan, obj) == 0);
	return (const struct weir__chan *)obj;
}

/* Who is claimed, or about to be by the end of its context (W7), waits for no peer. */
static bool anybody_waits(const struct weir__queue *q)
{
	for (const struct weir__link *link = q->first; link; link = link->next)
		if (weir__waiter_open(link->waiter)) /* W7 */
			return true;
	return false;
}

/* A sender and a receiver who could serve each other: not the two cases of one select. */
static bool pair_waits(const struct weir__chan *ch)
{
	for (const struct weir__link *s = ch->senders.first; s; s = s->next)
		for (const struct weir__link *r = ch->receivers.first; r; r = r->next)
			if (s->waiter != r->waiter && weir__waiter_open(s->waiter) && weir__waiter_open(r->waiter))
				return true;
	return false;
}

void weir__inspect_chan(const struct weir_obj *obj, struct weir__chan_view *out)
{
	const struct weir__chan *ch = chan_of(obj);
	*out = (struct weir__chan_view){
		.type = ch->type.name,
		.accepted = ch->accepted,
		.delivered = ch->delivered,
		.dropped = ch->dropped,
		.len = ch->len,
		.capacity = ch->capacity,
		.n_tx = ch->n_tx,
		.n_rx = ch->n_rx,
		.shut = ch->shut,
		.waiting_senders = anybody_waits(&ch->senders),
		.waiting_receivers = anybody_waits(&ch->receivers),
	};
}

bool weir__inspect_account_ok(const struct weir_obj *obj)
{
	const struct weir__chan *ch = chan_of(obj);
	if (ch->accepted != ch->delivered + ch->dropped + ch->len || ch->len > ch->capacity)
		return false;
	if (!ch->senders.first && !ch->receivers.first)
		return true;
	bool senders = anybody_waits(&ch->senders), receivers = anybody_waits(&ch->receivers);
	if (senders && (pair_waits(ch) || ch->len < ch->capacity || ch->n_rx == 0 || ch->shut))
		return false;
	return !receivers || (ch->len == 0 && ch->n_tx > 0 && !ch->shut);
}

struct weir_obj *weir__inspect_handle_chan(const struct weir_obj *handle)
{
	return &((const weir_tx *)handle)->chan->obj; /* both ends are laid out alike */
}

void weir__inspect_ctx(const struct weir_obj *obj, struct weir__ctx_view *out)
{
	const struct weir__ctx *c = (const struct weir__ctx *)obj;
	uint64_t state = weir__load64(&c->state);
	*out = (struct weir__ctx_view){.parent = c->parent ? &c->parent->obj : NULL,
				       .up = c->up ? &c->up->obj : NULL,
				       .deadline_at = c->deadline_at,
				       .why = ""};
	if (state)
		out->cause = weir__ctx_cause((const weir_ctx *)c, &out->why);
}

bool weir__inspect_ctx_marked(const struct weir_obj *ctx)
{
	return weir__ctx_marked((const weir_ctx *)ctx) != 0;
}

void weir__inspect_case(const weir_case *cases, size_t index, struct weir__case_view *out)
{
	const struct weir__case *c = (const struct weir__case *)&cases[index];
	struct weir__chan *ch = weir__case_chan(c);
	*out = (struct weir__case_view){.at = c->at, .rc = c->rc};
	out->kind = c->kind == WEIR__CASE_SEND     ? WEIR__VIEW_SEND
		    : c->kind == WEIR__CASE_RECV   ? WEIR__VIEW_RECV
		    : c->kind == WEIR__CASE_TIMER  ? WEIR__VIEW_TIMER
		    : c->kind == WEIR__CASE_CTX    ? WEIR__VIEW_CTX
		    : c->kind == WEIR__CASE_TICKER ? WEIR__VIEW_TICKER
						   : WEIR__VIEW_OFF;
	if (c->kind == WEIR__CASE_TICKER)
		out->at = ((const struct weir_ticker *)c->end)->next_at;
	if (ch) {
		out->obj = &ch->obj;
		out->handle = (struct weir_obj *)c->end;
	} else if (c->kind == WEIR__CASE_CTX) {
		out->obj = &weir__ctx(c->end)->obj;
	}
}

/* The queue of tasks that wait; *also: a second one, or NULL. NULL: the object has none. */
static const struct weir__queue *queue_of(const struct weir_obj *obj, const struct weir__queue **also)
{
	*also = NULL;
	switch (obj->kind) {
	case WEIR_OBJ_MUTEX:
		return &((const struct weir__mutex *)obj)->waiters;
	case WEIR_OBJ_RWLOCK:
		*also = &((const struct weir__rwlock *)obj)->writers;
		return &((const struct weir__rwlock *)obj)->readers;
	case WEIR_OBJ_COND:
		return &((const struct weir__cond *)obj)->waiters;
	case WEIR_OBJ_SEM:
		return &((const struct weir__sem *)obj)->waiters;
	case WEIR_OBJ_WG:
		return &((const struct weir__wg *)obj)->waiters;
	case WEIR_OBJ_ONCE:
		return &((const struct weir__once *)obj)->waiters;
	default:
		return NULL;
	}
}

bool weir__inspect_sync(const struct weir_obj *obj, struct weir__sync_view *out)
{
	const struct weir__mutex *mutex = (const struct weir__mutex *)obj;
	const struct weir__rwlock *rwlock = (const struct weir__rwlock *)obj;
	const struct weir__once *once = (const struct weir__once *)obj;
	const struct weir__queue *writers, *q = queue_of(obj, &writers);
	*out = (struct weir__sync_view){.waiting = q ? weir__queue_length(q) : 0,
					.waiting_writers = q && writers ? weir__queue_length(writers) : 0};
	if (obj->kind == WEIR_OBJ_MUTEX) {
		out->holder = mutex->holder;
		out->site = mutex->site;
	} else if (obj->kind == WEIR_OBJ_RWLOCK) {
		out->holder = rwlock->writer;
		out->site = rwlock->site;
		out->readers = rwlock->n_readers;
	} else if (obj->kind == WEIR_OBJ_ONCE) {
		out->holder = once->runner;
		out->site = once->site;
	} else if (obj->kind == WEIR_OBJ_SEM) {
		const struct weir__sem *sem = (const struct weir__sem *)obj;
		out->count = sem->taken < sem->capacity ? sem->capacity - sem->taken : 0;
	} else if (obj->kind == WEIR_OBJ_WG) {
		out->count = ((const struct weir__wg *)obj)->count;
	} else if (obj->kind == WEIR_OBJ_ATOMIC) {
		out->count = weir__seq_load64(&((const struct weir__atomic *)obj)->value);
	}
	return q || obj->kind == WEIR_OBJ_ATOMIC;
}

bool weir__inspect_waits(const struct weir_obj *obj, const weir_task *task, uint64_t *n)
{
	const struct weir__queue *more, *q = queue_of(obj, &more);
	for (; q; q = more, more = NULL) {
		for (const struct weir__link *link = q->first; link; link = link->next) {
			if (link->waiter->task != task)
				continue;
			*n = obj->kind == WEIR_OBJ_SEM ? *(const uint64_t *)link->item : 0;
			return true;
		}
	}
	return false;
}

void weir__inspect_scope(const struct weir_obj *obj, struct weir__scope_view *out)
{
	const struct weir__scope *s =
		(const struct weir__scope *)((const unsigned char *)obj - offsetof(struct weir__scope, obj));
	*out = (struct weir__scope_view){
		.ended = weir__ctx_marked(&s->ctx) != 0,
		.owns = s->owned != NULL,
		.owner = s->owner,
	};
}

const struct weir_obj *weir__inspect_scope_of(const weir_task *task)
{
	const struct weir__scope *s = task->core_[WEIR__TASK_SCOPE];
	return s ? &s->obj : NULL;
}

void weir__inspect_forget_locks(void)
{
	weir__lock_state = (struct weir__lock_state){0};
}

struct weir_obj *weir__inspect_object(const void *user)
{
	struct weir_obj *obj = (struct weir_obj *)(uintptr_t)user;
	if (!obj)
		return NULL;
	switch (obj->kind) {
	case WEIR_OBJ_TX:
	case WEIR_OBJ_RX:
		return weir__inspect_handle_chan(obj);
	case WEIR_OBJ_CTX: /* of a scope: the scope is named through its own context */
	case WEIR_OBJ_PIPELINE:
	case WEIR_OBJ_MUTEX:
	case WEIR_OBJ_RWLOCK:
	case WEIR_OBJ_COND:
	case WEIR_OBJ_SEM:
	case WEIR_OBJ_WG:
	case WEIR_OBJ_ONCE:
	case WEIR_OBJ_ATOMIC:
		return obj;
	default:
		return NULL;
	}
}
