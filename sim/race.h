/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the race detector share: race_order.c knows what comes before what, race.c what was touched.
 *
 * Nothing of it costs a schedule that announces no access more than the test of s->racing. */
#ifndef WEIR_SIM_RACE_H
#define WEIR_SIM_RACE_H

#include "engine.h"

struct sim_race;

/* ---- race_order.c: the engine calls these only while s->racing, but for the first two ---- */

/* The first access of a schedule: from here on order is kept. */
void weir__sim_race_start(struct sim *s);
void weir__sim_race_free(struct sim *s);

void weir__sim_race_begin(struct sim *s, struct sim_task *t, const struct weir_op *op);
void weir__sim_race_end(struct sim *s, struct sim_task *t, const struct weir_op *op, int rc);

/* t stops in op; goes on from there (wakes it had in between are its own now). */
void weir__sim_race_park(struct sim *s, struct sim_task *t, const struct weir_op *op);
void weir__sim_race_resume(struct sim *s, struct sim_task *t);

/* The calling task lets `to` go on. */
void weir__sim_race_wake(struct sim *s, const struct sim_task *to);
void weir__sim_race_spawn(struct sim *s, const struct sim_task *parent, const struct sim_task *child);
void weir__sim_race_join(struct sim *s, const struct sim_task *t, const struct sim_task *ended);

/* Nobody can run; and: t goes on because of that. */
void weir__sim_race_idle(struct sim *s);
void weir__sim_race_after_all(struct sim *s, const struct sim_task *t);

/* How far into the past of `other` t sees, and the present of t itself: in steps of that task's own clock. */
uint32_t weir__sim_race_knows(const struct sim *s, uint32_t t, uint32_t other);

/* ---- race.c ---- */

/* A block goes back to where it came from. */
void weir__sim_race_released(struct sim *s, const void *mem, size_t bytes, const void *site);

/* No memory for the clocks or the shadow: ends the schedule. */
_Noreturn void weir__sim_race_no_memory(struct sim *s);

/* The second half of the state, which belongs to race.c. */
struct sim_shadow;
struct sim_shadow *weir__sim_shadow_new(void); /* NULL: no memory */
void weir__sim_shadow_reset(struct sim_shadow *shadow);
void weir__sim_shadow_free(struct sim_shadow *shadow);
struct sim_shadow *weir__sim_race_shadow(struct sim *s);

#endif
