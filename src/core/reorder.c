/* SPDX-License-Identifier: MIT
 *
 * The reorder window; invariants O1 to O4 are in reorder.h. */
#include "reorder.h"

static bool may_pick_up(const struct weir__reorder *r)
{
	return !r->intake_taken && r->next_seq < r->next_emit + r->window; /* O1 */
}

/* Hands the turn to the first who waits, under the lock. */
static void pass_turn(struct weir__reorder *r, struct weir__wake *wake)
{
	struct weir__link *next = may_pick_up(r) ? weir__queue_claim(&r->waiting, wake) : NULL;
	if (next) {
		r->intake_taken = true;
		next->rc = 0;
	}
}

int weir__reorder_enter(struct weir__reorder *r, weir_ctx *ctx, weir_rt *rt)
{
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	uint32_t rank = weir__lock(&r->lock, WEIR__RANK_PIPELINE);
	rc = weir__ctx_marked(ctx); /* W7 */
	if (rc < 0) {
		weir__unlock(&r->lock, rank);
		return rc;
	}
	if (!may_pick_up(r) || r->waiting.first)
		return weir__queue_wait(&r->waiting, &r->lock, rank, NULL, ctx, rt, WEIR_FOREVER, &rc, "turn", NULL)
			       ? 0
			       : weir__ctx_ended(ctx);
	r->intake_taken = true;
	weir__unlock(&r->lock, rank);
	return 0;
}

uint64_t weir__reorder_leave(struct weir__reorder *r, bool took)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&r->lock, WEIR__RANK_PIPELINE);
	assert(r->intake_taken);
	uint64_t seq = r->next_seq;
	r->next_seq += took;
	r->intake_taken = false;
	pass_turn(r, &wake);
	weir__unlock(&r->lock, rank);
	weir__wake_all(&wake);
	return seq;
}

bool weir__reorder_put(struct weir__reorder *r, uint64_t seq, const void *result)
{
	uint32_t rank = weir__lock(&r->lock, WEIR__RANK_PIPELINE);
	size_t slot = (size_t)(seq % r->window);
	assert(seq - r->next_emit < r->window && !r->ready[slot]); /* O2 */
	memcpy(r->slots + slot * r->result_size, result, r->result_size);
	r->ready[slot] = true;
	bool emit = !r->emitting && r->ready[r->next_emit % r->window];
	r->emitting |= emit;
	weir__unlock(&r->lock, rank);
	return emit;
}

bool weir__reorder_next(struct weir__reorder *r, void *result)
{
	uint32_t rank = weir__lock(&r->lock, WEIR__RANK_PIPELINE);
	size_t slot = (size_t)(r->next_emit % r->window);
	bool there = r->ready[slot];
	assert(r->emitting); /* O3 */
	if (there) {
		memcpy(result, r->slots + slot * r->result_size, r->result_size);
		r->ready[slot] = false;
	}
	r->emitting = there;
	weir__unlock(&r->lock, rank);
	return there;
}

void weir__reorder_emitted(struct weir__reorder *r)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&r->lock, WEIR__RANK_PIPELINE);
	r->next_emit++;
	assert(r->next_emit <= r->next_seq);
	pass_turn(r, &wake);
	weir__unlock(&r->lock, rank);
	weir__wake_all(&wake);
}
