/* SPDX-License-Identifier: MIT
 *
 * Reading core's objects for the simulator's oracles and reports: facts only, no judgement beyond the account. */
#include "inspect.h"

#include "pipeline.h"
#include "select.h"

static const struct weir__chan *chan_of(const struct weir_obj *obj)
{
	assert(offsetof(struct weir__chan, obj) == 0);
	return (const struct weir__chan *)obj;
}

static bool anybody_waits(const struct weir__queue *q)
{
	for (const struct weir__link *link = q->first; link; link = link->next)
		if (weir__load32(&link->waiter->claim) == WEIR__CLAIM_NONE)
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
	if (senders && (receivers || ch->len < ch->capacity || ch->n_rx == 0 || ch->shut))
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

void weir__inspect_case(const weir_case *cases, size_t index, struct weir__case_view *out)
{
	const struct weir__case *c = (const struct weir__case *)&cases[index];
	struct weir__chan *ch = weir__case_chan(c);
	*out = (struct weir__case_view){.at = c->at, .rc = c->rc};
	out->kind = c->kind == WEIR__CASE_SEND    ? WEIR__VIEW_SEND
		    : c->kind == WEIR__CASE_RECV  ? WEIR__VIEW_RECV
		    : c->kind == WEIR__CASE_TIMER ? WEIR__VIEW_TIMER
		    : c->kind == WEIR__CASE_CTX   ? WEIR__VIEW_CTX
						  : WEIR__VIEW_OFF;
	if (ch) {
		out->obj = &ch->obj;
		out->handle = (struct weir_obj *)c->end;
	} else if (c->kind == WEIR__CASE_CTX) {
		out->obj = &weir__ctx(c->end)->obj;
	}
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
		return obj;
	default:
		return NULL;
	}
}
