/* SPDX-License-Identifier: MIT
 *
 * weir/sim/history.h - is what several tasks did with an object explained by some order of their operations?
 *
 * A *history* is the calls and returns of operations on one object. It is linearizable if each operation can be given
 * a point in time between its call and its return such that, taken in the order of these points, the results are those
 * of a simple sequential program: the *model*. An operation that never returned may have taken effect, or not.
 *
 * In a scenario, any task records, and one asks at the end; a history that no order explains fails the schedule
 * (WEIR_SIM_LINEARIZABILITY), and the report shows it in columns, with the operation that fits nowhere:
 *
 *   static struct weir_sim_op ops[32];
 *   struct weir_sim_history h = {.ops = ops, .cap = 32};
 *   uint32_t id = weir_sim_op_begin(&h, PUSH, WEIR_SIM_ARGS(3));      task
 *   weir_sim_op_end(&h, id, WEIR_SIM_ARGS(stack_push(&stack, 3)));    the same task
 *   WEIR_SIM_EQ(weir_sim_check_linearizable(&h, &stack_model), 0);    when all are done
 *
 * Outside, on real threads: fill an array of struct weir_sim_op with stamps of your own, and ask
 * weir_sim_history_check.
 *
 * WAITING. Where an operation that waits changes what others see before it is through (a sender at a rendezvous: a
 * try_recv finds it), its one point is not enough. A step may answer WEIR_SIM_WAITS: the operation has reserved, and
 * takes another point later; or a peer's step finishes it (weir_sim_point_finish), and both take effect at one instant.
 *
 * SEARCHES THAT LEAVE OUT ORDERS. Begin and end are no operations that a strategy can put another task between. A
 * search that runs only one of several orders of independent operations may leave out the one in which a call came
 * after a return, which is the stricter history. Random strategies and dfs without reduction see both.
 *
 * PAIRWISE THREAD-SAFETY: weir_sim_history_check reads its arguments and writes its own memory and *out: any number at
 * once, if the model's functions may. The others belong to the simulator's thread; outside of it, one at a time for
 * each history. */
#ifndef WEIR_SIM_HISTORY_H
#define WEIR_SIM_HISTORY_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* ---- histories ---- */

#define WEIR_SIM_NEVER UINT64_MAX /* the stamp of a return that did not come */
#define WEIR_SIM_NO_OP UINT32_MAX /* the history was full */
#define WEIR_SIM_OPEN 1024        /* at most so many operations of a partition at one time */

/* What goes into an operation, or comes out: up to four numbers, the rest 0. */
struct weir_sim_args {
	int64_t v[4];
};
#define WEIR_SIM_ARGS(...) ((struct weir_sim_args){{__VA_ARGS__}})

struct weir_sim_op {
	uint32_t op;     /* what is done: the model's own number */
	uint32_t task;   /* who, for the columns */
	const char *who; /* its name, or NULL */
	struct weir_sim_args in, out;
	uint64_t called, returned;   /* stamps of one clock; equal ones are taken as at the same time */
	uint64_t from_step, to_step; /* of the simulator, for the reader; else 0 */
};

/* Memory of the caller: {.ops = array, .cap = its size}, or emptied by weir_sim_history_clear. */
struct weir_sim_history {
	struct weir_sim_op *ops;
	uint32_t cap, n;
	uint32_t lost;  /* calls that found it full */
	uint64_t clock; /* stamps given */
};

/* Forgets what was recorded. */
WEIR_API void weir_sim_history_clear(struct weir_sim_history *h);

/* The calling task calls op; returns a number for its end (WEIR_SIM_NO_OP: no room, and the check will say so). No
 * step of the simulator. */
WEIR_API uint32_t weir_sim_op_begin(struct weir_sim_history *h, uint32_t op, struct weir_sim_args in);

/* It has returned, with this. Not called: it never has. */
WEIR_API void weir_sim_op_end(struct weir_sim_history *h, uint32_t id, struct weir_sim_args out);

/* ---- models ---- */

enum weir_sim_step {
	WEIR_SIM_NO,    /* not in this state, or not with this result */
	WEIR_SIM_DONE,  /* took effect; *state is what is there now */
	WEIR_SIM_WAITS, /* has changed *state (its place in a queue, say), and needs another point before its return */
};

/* One operation at its point. */
struct weir_sim_point {
	const struct weir_sim_op *op;  /* its result counts only if weir_sim_op_returned */
	const struct weir_sim_op *ops; /* all, by id */
	uint32_t id;
	bool again;      /* it has answered WEIR_SIM_WAITS before */
	uint32_t choice; /* 0 .. model.choices - 1 */
	uint32_t *finished_, n_finished_;
};

static inline bool weir_sim_op_returned(const struct weir_sim_op *op)
{
	return op->returned != WEIR_SIM_NEVER;
}

/* The operation `id`, which waits, is through as well, at this same instant. Each at most once in a step; whether its
 * result is right the step must look at (p->ops[id]). */
static inline void weir_sim_point_finish(struct weir_sim_point *p, uint32_t id)
{
	if (p->n_finished_ < WEIR_SIM_OPEN)
		p->finished_[p->n_finished_++] = id;
}

struct weir_sim_model {
	const char *name;
	/* Of a state, which is moved by memcpy. Without copy, equal and hash a state is compared byte by byte: begin
	 * with zeroed memory and leave no stale bytes behind. */
	size_t state_size;
	/* Writes the first state over zeroed memory; NULL: it stays zeroed. Negative: no memory. */
	int (*init)(void *state, void *arg);
	/* What the operation does; must not depend on anything but its arguments. */
	enum weir_sim_step (*step)(void *state, struct weir_sim_point *p, void *arg);
	/* Each choice is tried: for models that leave open what happens. 0 is 1. */
	uint32_t choices;
	/* Operations with different keys are on different objects, each with a first state of its own: histories fall
	 * into parts. NULL: one object. */
	uint64_t (*key)(const struct weir_sim_op *op, void *arg);
	/* For states that are not to be compared byte by byte: all of copy, equal and hash, or none; fini may be
	 * NULL. copy: negative, and dst is not made. */
	int (*copy)(void *dst, const void *src, void *arg);
	void (*fini)(void *state, void *arg);
	bool (*equal)(const void *a, const void *b, void *arg);
	uint64_t (*hash)(const void *state, void *arg);
	/* Text for people, each cut at cap; NULL: numbers. "push(3)"; "0"; "[1 2]"; and what the operation would have
	 * given in this state. */
	void (*put_call)(const struct weir_sim_op *op, char *text, size_t cap, void *arg);
	void (*put_result)(const struct weir_sim_op *op, char *text, size_t cap, void *arg);
	void (*put_state)(const void *state, char *text, size_t cap, void *arg);
	void (*put_expected)(const void *state, const struct weir_sim_op *op, char *text, size_t cap, void *arg);
	void *arg;
};

/* ---- the check ---- */

struct weir_sim_check_opts {
	uint64_t states; /* configurations looked at, at most; 0: 1,000,000 */
	size_t bytes;    /* memory, at most; 0: 256 MiB */
	char *text;      /* where a history that is not linearizable is explained, or NULL */
	size_t text_cap;
};

struct weir_sim_verdict {
	uint64_t states; /* configurations looked at */
	size_t parts;    /* keys, up to the one that failed */
	/* Of a history that is not linearizable: */
	uint32_t culprit; /* the operation that fits nowhere: with its return, no order is left */
	size_t prefix;    /* so many calls and returns of its part before that can be explained */
};

/* 0: the n operations are linearizable. 1: they are not, and *out says where. Negative: not known, because the budget
 * is spent (WEIR_ETIMEOUT: states; WEIR_ENOMEM: memory) or the question makes no sense (WEIR_EINVAL: a return before
 * its call, a model without step, or one that finishes what does not wait; WEIR_EOVERFLOW: more than WEIR_SIM_OPEN at
 * one time, or 2^31 operations). opts and out may be NULL. Takes memory, and gives it back. */
WEIR_API WEIR_MUST_CHECK int weir_sim_history_check(const struct weir_sim_model *model, const struct weir_sim_op *ops,
						    size_t n, const struct weir_sim_check_opts *opts,
						    struct weir_sim_verdict *out);

/* The same inside a scenario: a history that is not linearizable ends the schedule (WEIR_SIM_LINEARIZABILITY), else as
 * above with a budget of 250,000 configurations; WEIR_EOVERFLOW also if the history was full. Outside of the simulator
 * it returns 1, with the explanation on stderr. */
WEIR_API WEIR_MUST_CHECK int weir_sim_check_linearizable(const struct weir_sim_history *h,
							 const struct weir_sim_model *model);

WEIR_EXTERN_C_END

#endif
