/* SPDX-License-Identifier: MIT
 *
 * Waiting and waking; the protocol W1 to W7 is in waiter.h.
 *
 * Concurrency: a queue is touched under its owner's lock only. A claim word is touched by anybody who reaches the
 * waiter through a queue (under that queue's lock) and by the waiting task. weir__wait holds no lock while it parks. */
#include "waiter.h"

#include "blocked.h"
#include "ctx.h"

void weir__queue_add(struct weir__queue *q, struct weir__link *link)
{
	assert(!link->linked && weir__locks_held() > 0); /* W5 */
	link->prev = q->last;
	link->next = NULL;
	if (q->last)
		q->last->next = link;
	else
		q->first = link;
	q->last = link;
	link->linked = true;
}

void weir__queue_remove(struct weir__queue *q, struct weir__link *link)
{
	assert(link->linked && weir__locks_held() > 0); /* W5 */
	if (link->prev)
		link->prev->next = link->next;
	else
		q->first = link->next;
	if (link->next)
		link->next->prev = link->prev;
	else
		q->last = link->prev;
	link->prev = link->next = NULL;
	link->linked = false;
}

bool weir__waiter_open(const struct weir__waiter *w)
{
	return weir__load32(&w->claim) == WEIR__CLAIM_NONE && !(w->ctx && weir__ctx_marked(w->ctx));
}

struct weir__link *weir__queue_claim(struct weir__queue *q, struct weir__wake *wake)
{
	struct weir__link *link;
	while ((link = q->first)) {
		weir__queue_remove(q, link);
		if (weir__waiter_open(link->waiter) && weir__claim(link->waiter, link->claim)) {
			weir__wake_add(wake, link->waiter);
			return link;
		}
	}
	return NULL;
}

bool weir__claim(struct weir__waiter *w, uint32_t value)
{
	uint32_t none = WEIR__CLAIM_NONE;
	assert(value != WEIR__CLAIM_NONE);
	return weir__cas32(&w->claim, &none, value); /* W1 */
}

void weir__wake_add(struct weir__wake *wake, struct weir__waiter *w)
{
	assert(weir__load32(&w->claim) != WEIR__CLAIM_NONE && !w->next_wake);
	*wake->last = w;
	wake->last = &w->next_wake;
}

void weir__wake_all(struct weir__wake *wake)
{
	struct weir__waiter *w = wake->first;
	assert(weir__locks_held() == 0);
	while (w) {
		struct weir__waiter *next = w->next_wake; /* before the unpark: w may be gone after it (W2) */
		w->rt->vt->unpark(w->rt, w->task);
		w = next;
	}
	weir__wake_init(wake);
}

/* Parks until the token of a claim is there (W3), or until this task claimed itself at the deadline (W4). */
static void park_until_claimed(struct weir__waiter *w, int64_t deadline_at)
{
	for (;;) {
		int rc = w->rt->vt->park(w->rt, deadline_at);
		if (rc == 0)
			break;
		if (rc == WEIR_ETIMEOUT) {
			if (weir__claim(w, WEIR__CLAIM_SELF))
				return;
			deadline_at = WEIR_FOREVER; /* somebody was faster: the token is on its way */
		}
	}
	assert(weir__load32(&w->claim) != WEIR__CLAIM_NONE);
}

uint32_t weir__wait(struct weir__waiter *w, weir_ctx *ctx, int64_t deadline_at)
{
	struct weir__link link;
	assert(weir__locks_held() == 0);
	if (ctx) {
		weir__link_init(&link, w, WEIR__CLAIM_CTX, NULL);
		weir__ctx_link(ctx, &link);
		if (weir_ctx_deadline(ctx) < deadline_at)
			deadline_at = weir_ctx_deadline(ctx);
	}
	/* A cancel that ran before the link was there is seen here; one that comes later finds the link. */
	if (!ctx || !weir__ctx_ended(ctx) || !weir__claim(w, WEIR__CLAIM_SELF)) {
		weir__duties_do(w->task);
		weir__blocked_set(w->task, w->what, w->name, w->rt->vt->now(w->rt), deadline_at);
		park_until_claimed(w, deadline_at);
		weir__blocked_set(w->task, NULL, NULL, 0, WEIR_FOREVER);
	}
	if (ctx)
		weir__ctx_unlink(ctx, &link);
	return weir__load32(&w->claim);
}

bool weir__queue_wait(struct weir__queue *q, struct weir__lock *lock, uint32_t rank_before, void *item, weir_ctx *ctx,
		      weir_rt *rt, int64_t deadline_at, int *rc, const char *what, const char *name)
{
	struct weir__waiter w;
	struct weir__link link;
	enum weir__rank rank = (enum weir__rank)weir__lock_state.rank;
	weir__waiter_init(&w, rt, ctx, what, name);
	weir__link_init(&link, &w, WEIR__CLAIM_CASE, item);
	weir__queue_add(q, &link);
	weir__unlock(lock, rank_before);
	bool committed = weir__wait(&w, ctx, deadline_at) == WEIR__CLAIM_CASE;
	if (!committed) {
		rank_before = weir__lock(lock, rank);
		if (link.linked)
			weir__queue_remove(q, &link); /* W5 */
		weir__unlock(lock, rank_before);
	}
	*rc = link.rc;
	return committed;
}

void weir__queue_release(struct weir__queue *q, int rc, struct weir__wake *wake)
{
	struct weir__link *link;
	while ((link = weir__queue_claim(q, wake)))
		link->rc = rc;
}

size_t weir__queue_length(const struct weir__queue *q)
{
	size_t n = 0;
	for (const struct weir__link *link = q->first; link; link = link->next)
		n++;
	return n;
}
