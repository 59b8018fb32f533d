/* SPDX-License-Identifier: MIT
 *
 * The partial order of a schedule: which of its steps come after which, because one of them depends on the other
 * (dependence.h), made it possible (spawn before start, wake before the step it lets go on, exit before join), or
 * because they are of one task. Two schedules with the same partial order are the same to anybody who cannot see the
 * clock on the wall: what a reduced search runs only once, and what is counted to say how much of a search was new. */
#ifndef WEIR_SIM_ORDER_H
#define WEIR_SIM_ORDER_H

#include "engine.h"

struct sim_order;

struct sim_order *weir__sim_order_new(void); /* NULL: no memory */
void weir__sim_order_free(struct sim_order *o);

/* A new schedule. */
void weir__sim_order_begin(struct sim_order *o);

/* t begins the step it was picked for: it performs t->op, or (t->completion) ends it. */
void weir__sim_order_step(struct sim_order *o, struct sim *s, struct sim_task *t);

/* Time has moved: by itself because nobody could run (a step that comes after all others), or early, as a pick. */
void weir__sim_order_clock(struct sim_order *o, struct sim *s, bool early);

/* Of the schedule so far: equal for two schedules of a scenario if (and, but for collisions of 64 bits, only if) their
 * partial orders and data choices are. */
uint64_t weir__sim_order_hash(const struct sim_order *o);

#endif
