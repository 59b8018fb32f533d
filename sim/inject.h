/* SPDX-License-Identifier: MIT
 *
 * Faults as choices of the schedule: what the engine, the heap and the fake descriptors ask wherever something could
 * go wrong. How it is decided, and why like that, is in inject.c. */
#ifndef WEIR_SIM_INJECT_H
#define WEIR_SIM_INJECT_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

enum sim_fault {
	SIM_FAULT_NONE,
	SIM_FAULT_ALLOC,
	SIM_FAULT_SPAWN,
	SIM_FAULT_IO,
	SIM_FAULT_WAKE,
	SIM_FAULT_USER,
	SIM_FAULTS
};

#define SIM_FAULT_PLAN 16 /* faults that are drawn for one schedule */

struct sim_inject {
	/* what the schedule to come may have */
	unsigned budget;
	unsigned kinds; /* bits WEIR_SIM_FAULT_* */
	uint64_t seed;

	/* one schedule */
	bool armed;                /* an opportunity has to be decided; else it is counted, and no more */
	bool nth;                  /* opts.fail_alloc or fail_spawn was reached */
	unsigned left, fired;      /* of the budget */
	uint64_t seen[SIM_FAULTS]; /* opportunities so far */
	uint64_t state;
	unsigned n_plan;
	struct {
		enum sim_fault kind;
		uint64_t at;
	} plan[SIM_FAULT_PLAN];

	/* one search */
	uint64_t most[SIM_FAULTS]; /* opportunities that any schedule had */
};

/* What the next schedules may have; seed: what is drawn for them. */
void weir__sim_faults_allow(struct sim *s, unsigned budget, unsigned kinds, uint64_t seed);

/* From here on in a schedule, or from its begin where it has not begun. */
void weir__sim_faults_limit(struct sim *s, unsigned budget, unsigned kinds);

/* A schedule begins. */
void weir__sim_faults_reset(struct sim *s);

uint32_t weir__sim_fault_decide(struct sim *s, enum sim_fault kind, uint32_t n);

/* What is drawn for a strategy that knows nothing of faults: 0, or a variant below n. */
uint32_t weir__sim_fault_drawn(struct sim *s, enum sim_fault kind, uint32_t n);

/* One more opportunity for a fault of this kind, which has n - 1 variants (n from 2): 0, or the variant that happens
 * here. The caller notes it in the trace, and sets fault_hit where the program may tell an error because of it. */
#define weir__sim_fault(s, kind, n)                                        \
	(++(s)->inject.seen[kind], (s)->facts |= (unsigned)SIM_FACT_FAULT, \
	 __builtin_expect((s)->inject.armed, 0) ? weir__sim_fault_decide(s, kind, n) : 0)

/* Its letter in a replay string, and back (SIM_FAULT_NONE: no such). */
char weir__sim_fault_letter(enum sim_fault kind);
enum sim_fault weir__sim_fault_of_letter(char letter);

#endif
