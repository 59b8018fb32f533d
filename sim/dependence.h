/* SPDX-License-Identifier: MIT
 *
 * Which operations depend on each other: what partial-order methods ask. The table, and why, is in dependence.c. */
#ifndef WEIR_SIM_DEPENDENCE_H
#define WEIR_SIM_DEPENDENCE_H

#include "engine.h"

#define SIM_EFFECT_OBJECTS 6

/* What an operation touches: the objects it names, and wide things (SIM_WIDE_*) that it does not name. */
struct sim_effect {
	uint32_t object[SIM_EFFECT_OBJECTS]; /* index in the table of objects */
	uint8_t n;
	uint8_t written;               /* bit i: object[i] is written */
	uint8_t wide_read, wide_write; /* bits SIM_WIDE_* */
	uint8_t kind;                  /* of the operation */
	uint8_t group;                 /* of object[0], written: such writes of one group commute; 0: with none */
	uint8_t silent;                /* a wait that changed nothing: as good as if it had not begun */
};

enum sim_wide {
	SIM_WIDE_CONTEXTS = 1 << 0,    /* the state of any context */
	SIM_WIDE_CLOCK = 1 << 1,       /* virtual time */
	SIM_WIDE_CHANNELS = 1 << 2,    /* any channel: named by a reader, not named by a writer */
	SIM_WIDE_DESCRIPTORS = 1 << 3, /* bytes go from one descriptor to another */
	SIM_WIDE_COUNTERS = 1 << 4,    /* any set of counters */
	SIM_WIDE_OTHERS = 1 << 5,      /* any object at all, likewise */
	SIM_WIDE_FAULTS = 1 << 6,      /* the counts of what may go wrong, where something is to */
	SIM_WIDE_ALL = 1 << 7,         /* written: depends on every step */
};

#define SIM_WIDE 8

/* Of an announced operation. */
struct sim_effect weir__sim_effect(const struct sim *s, const struct weir_op *op);

/* Of the step that t is about to take: of its operation, or (t->completion) of the end of one that waited. */
struct sim_effect weir__sim_step_effect(const struct sim *s, const struct sim_task *t);

/* When that step is over, and before the next begins: what it turned out to be. */
void weir__sim_effect_settle(const struct sim *s, const struct sim_task *t, struct sim_effect *e);

/* Of time that moves. */
struct sim_effect weir__sim_clock_effect(void);

/* Whether the order of the two, both about to happen in different tasks, can make a difference. */
bool weir__sim_dependent(const struct sim *s, const struct sim_effect *a, const struct sim_effect *b);

#endif
