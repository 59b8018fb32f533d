/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for each other: a cycle of locks and joins, found when it closes (stuck.c). */
#ifndef WEIR_SIM_STUCK_H
#define WEIR_SIM_STUCK_H

#include "engine.h"

/* Whether a wait in this operation can close a cycle. */
static inline bool weir__sim_waits_for_tasks(uint8_t kind)
{
	return (kind >= WEIR_OP_LOCK && kind <= WEIR_OP_COND_WAIT) || kind == WEIR_OP_SCOPE_JOIN ||
	       kind == WEIR_OP_JOIN;
}

/* t has begun such a wait, the first of all or not: if it waits for itself through others, the schedule fails. */
void weir__sim_look_for_cycle(struct sim *s, const struct sim_task *t);

static inline void weir__sim_held_up(struct sim *s, const struct sim_task *t)
{
	bool others = s->n_held_up++ > 0;
	if (SIM_EXPLORES) /* who was handed a lock may still be on its way into the wait for it */
		return;
	if (others || t->op->kind == WEIR_OP_WRITE_LOCK) /* a reader that writes waits for itself alone */
		weir__sim_look_for_cycle(s, t);
}

/* Whether the operation changes who reads a lock; and that it is over with rc. */
static inline bool weir__sim_is_reading(uint8_t kind)
{
	return kind >= WEIR_OP_READ_LOCK && kind <= WEIR_OP_READ_UNLOCK;
}
void weir__sim_note_reader(struct sim *s, const struct sim_task *t, const struct weir_op *op, int rc);

/* Where tasks are blocked, as a number that does not depend on the order in which they came to it. */
uint64_t weir__sim_blocked_place(const struct sim *s);

/* formed.c: a schedule that reached its limit of steps, with tasks that were stuck for the second half of it, failed as
 * a deadlock. Reads s->trace. */
void weir__sim_call_partial(struct sim *s);

#endif
