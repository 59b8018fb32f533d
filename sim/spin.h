/* SPDX-License-Identifier: MIT
 *
 * Loops that go round in vain: what the engine asks and tells. What counts as one, and what is done, is in spin.c. */
#ifndef WEIR_SIM_SPIN_H
#define WEIR_SIM_SPIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_task;
struct sim_spins;
struct weir_op;

/* By kind of operation: a result below that, both counted from INT_MIN on, says that nothing was changed. 0: none
 * does. */
extern const uint32_t weir__sim_quiet_below[];

static inline bool weir__sim_was_quiet(uint8_t kind, int rc)
{
	return (uint32_t)rc + UINT32_C(0x80000000) < weir__sim_quiet_below[kind];
}

enum sim_spin_turn {
	SIM_SPIN_FREE,  /* a scheduling point like any other */
	SIM_SPIN_ON,    /* nobody else is asked: the task goes round on its own */
	SIM_SPIN_AWAITS /* the task is set aside */
};

/* All but the first three are to be called only while s->spin_active: tasks of which there is a record. */

void weir__sim_spin_reset(struct sim *s);
void weir__sim_spin_free(struct sim *s);
/* An operation of t is over with rc; also where that is quiet. */
void weir__sim_spin_result(struct sim *s, struct sim_task *t, const struct weir_op *op, int rc);

enum sim_spin_turn weir__sim_spin_turn(struct sim *s, struct sim_task *t); /* t has announced t->op */
void weir__sim_spin_step(struct sim *s, struct sim_task *t);               /* ... and is about to perform it */
void weir__sim_spin_parks(struct sim *s, struct sim_task *t);              /* ... or waits in it, or is over */
void weir__sim_spin_gets_on(struct sim *s);                                /* the running task is in no such loop */
void weir__sim_spin_clock(struct sim *s);                                  /* the running task looks at the clock */
void weir__sim_spin_time(struct sim *s);                                   /* time has moved */

/* Nobody can run, and tasks are set aside. Lets one go that may have an end to its loop (true), for a few rounds; or,
 * where no deadline is left either, for many, or until the clock that it looks at has moved far. */
bool weir__sim_spin_try_on(struct sim *s);
bool weir__sim_spin_try_hard(struct sim *s);

/* ... and none has: ends the schedule. */
void weir__sim_spin_fail(struct sim *s);

/* For the report: the i-th operation of the loop in which t is set aside; false: there is none. */
struct sim_spin_view {
	uint8_t kind;
	uint32_t object; /* index in the table of objects, or SIM_NONE */
	const void *site;
	uint64_t times;
};
bool weir__sim_spin_looks_at_clock(const struct sim *s, const struct sim_task *t);
bool weir__sim_spin_view(const struct sim *s, const struct sim_task *t, size_t i, struct sim_spin_view *out);

#endif
