/* SPDX-License-Identifier: MIT
 *
 * The parts of the systematic reduced search (strategy_dpor.c, where the essay is): the path with its happens-before
 * order (dpor_path.c), and the wakeup trees (dpor_tree.c). */
#ifndef WEIR_SIM_DPOR_H
#define WEIR_SIM_DPOR_H

#include "dependence.h"

#define DPOR_PROCS 64 /* the clock, and tasks under their names */
#define DPOR_CLOCK 0

/* What a process did, or would do next. Its objects have numbers that hold for the whole search. */
struct dpor_act {
	struct sim_effect effect;
	uint8_t proc;
	bool open; /* it chose among values */
};

/* A wakeup tree: acts in the order in which they are to be run; children are taken in the order of the list. */
struct dpor_branch {
	struct dpor_branch *next, *child;
	struct dpor_act act;
};

struct dpor_pool {
	struct dpor_branch *unused;
	uint64_t live, most; /* branches in trees, now and ever */
};

/* A step of the path, and the node it leaves from. */
struct dpor_step {
	struct dpor_act act;
	uint8_t said_written, said_read, said_write; /* as announced, before it was known what it turned out to be */
	bool end;                                    /* the end of an operation that waited */
	bool forced;                                 /* R9 of strategy_dpor.c */
	uint32_t task;                               /* in the schedule that ran it */
	uint32_t before;                             /* the step before it of its process, + 1; 0: none */
	uint32_t enabler;                            /* the step that let it run, + 1 */
	uint32_t all_before;                         /* the last step before it that depends on every other, + 1 */
	uint32_t value_at, n_values;                 /* in values */
	/* the node */
	uint32_t alternatives;
	bool clock;                 /* is one of them */
	uint32_t sleep_at, n_sleep; /* in sleep */
	struct dpor_branch *tree;   /* what is still to be run from here, this step excepted */
	struct sim_effect done;     /* this step's with all values it was run with so far */
	bool has_done;
};

/* One step's access to one object. */
struct dpor_access {
	uint32_t step, phase; /* phase: where on the stack the accesses that commute with this one begin */
	uint8_t class;
};

struct dpor_object {
	struct dpor_access *stack;
	uint32_t n, cap;
};

struct dpor_race {
	uint32_t first, second;
};

struct dpor_value {
	uint32_t value, n;
};

struct dpor_barrier {
	uint32_t at; /* before this step */
	uint32_t clock[DPOR_PROCS];
};

struct dpor_name {
	uint64_t name;
	uint32_t number; /* + 1; 0: free */
};

/* The path: steps [0, n_settled) have their clocks and accesses. */
struct dpor_path {
	struct dpor_step *steps;
	uint32_t (*clocks)[DPOR_PROCS]; /* [i][p]: the last step of p that comes before step i or is it, + 1 */
	uint32_t n_settled, cap;
	uint32_t last[DPOR_PROCS]; /* of each process, + 1 */
	uint32_t last_all;
	uint32_t n_procs;
	uint64_t proc_names[DPOR_PROCS];
	struct dpor_object *objects;
	uint32_t n_objects, objects_cap;
	struct dpor_name *names; /* of objects: a hash table */
	uint32_t names_cap;
	struct dpor_race *races;
	uint32_t n_races, races_cap;
	struct dpor_barrier *barriers;
	uint32_t n_barriers, barriers_cap;
};

/* Grows *mem (of elements of `size` bytes) to hold n; aborts without memory. */
void *weir__dpor_grow(void *mem, uint32_t n, uint32_t *cap, size_t size);

/* ---- dpor_path.c ---- */

void weir__dpor_path_init(struct dpor_path *p);

/* DPOR_PROCS: there are too many. */
uint32_t weir__dpor_proc(struct dpor_path *p, uint64_t name);
void weir__dpor_name_objects(struct dpor_path *p, const struct sim *s, struct sim_effect *e);
bool weir__dpor_dependent(const struct sim_effect *a, const struct sim_effect *b);

/* Nobody could run before step `at`. */
void weir__dpor_barrier(struct dpor_path *p, uint32_t at);

/* Step n_settled is over, its effect is known: its clock, and the races that it ends. */
void weir__dpor_settle(struct dpor_path *p);
void weir__dpor_cut(struct dpor_path *p, uint32_t n);
void weir__dpor_path_free(struct dpor_path *p);

/* Whether step a comes before step b, or is it. */
static inline bool weir__dpor_before(const struct dpor_path *p, uint32_t a, uint32_t b)
{
	return p->clocks[b][p->steps[a].act.proc] > a;
}

/* ---- dpor_tree.c ---- */

/* A sequence of acts, with which of them come after which. */
struct dpor_sequence {
	struct dpor_act *acts;
	uint32_t *steps; /* which steps of the path they are */
	uint32_t n, cap, steps_cap;
};

/* Whether what begins with `act` is run in place of the sequence: to run it first is a way to run that. strict: also
 * where the sequence does not have it (R8 of strategy_dpor.c). *at: where in the sequence its process stands, or n. */
bool weir__dpor_covers(const struct dpor_path *p, const struct dpor_sequence *q, const struct dpor_act *act,
		       bool strict, uint32_t *at);

/* Puts what is left of the sequence into the tree, unless the tree has a branch that leads there. Uses q up. */
void weir__dpor_insert(struct dpor_pool *pool, struct dpor_branch **tree, const struct dpor_path *p,
		       struct dpor_sequence *q, bool whole, bool strict);
struct dpor_branch *weir__dpor_branch(struct dpor_pool *pool, const struct dpor_act *act);
void weir__dpor_drop(struct dpor_pool *pool, struct dpor_branch *branch); /* with its siblings and below */
void weir__dpor_pool_free(struct dpor_pool *pool);

#endif
