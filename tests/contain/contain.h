/* SPDX-License-Identifier: MIT
 *
 * What a containment program is, and what it may use. A program runs once from its function to its end and leaves one
 * short text, its outcome; the same function runs on real threads and in the simulator, and which of the two it is must
 * make no difference to what it calls. So:
 *
 *  N1  The outcome is made of what weir's functions returned, and of nothing else: no clock, no address, no order that
 *      tasks could only have seen in plain memory.
 *  N2  A role writes its own row of rc and got, and reads no other; the program reads all of them after the meeting.
 *  N3  A role ends whatever the others do. A program closes and finishes all it has made.
 *  N4  contain_pause stands where another order of events is worth having. It is nothing in the simulator. */
#ifndef CONTAIN_H
#define CONTAIN_H

#include <weir/core.h>
#include <weir/core/sync.h>
#include <weir/rt.h>
#include <weir/sim.h>

#define CONTAIN_ROLES 3
#define CONTAIN_STEPS 4
#define CONTAIN_TEXT 64

struct crew;

struct round {
	struct crew *crew; /* that stands ready on real threads; NULL in the simulator */
	int param;         /* of the program, from the table */
	weir_rt *rt;
	weir_ctx node[3];
	weir_tx *tx[3];
	weir_rx *rx[3];
	weir_scope scope;
	weir_mutex mutex;
	weir_rwlock rwlock;
	weir_cond cond;
	weir_sem sem;
	weir_wg wg;
	weir_once once;
	weir_atomic atomic[2];
	int rc[CONTAIN_ROLES][CONTAIN_STEPS], got[CONTAIN_ROLES][CONTAIN_STEPS]; /* N2 */
	int order[8], n_order;                                                   /* written under mutex */
	int dropped;                                                             /* by the one task that drops */
	char text[CONTAIN_TEXT];
};

typedef void contain_role(weir_ctx *ctx, struct round *r);
typedef int contain_fn(weir_ctx *ctx, struct round *r);

struct contain_program {
	const char *name;
	contain_fn *fn;
	int param;
	int sim_param; /* of a mutant: what the simulator runs instead; else the same as param */
	bool mutant;   /* must be reported as not contained */
	bool large;    /* no exhaustive search is tried */
};

extern const struct contain_program contain_chan[], contain_ctx[], contain_group[], contain_sync[];
extern const size_t contain_n_chan, contain_n_ctx, contain_n_group, contain_n_sync;

/* Runs n roles at once, the first in the calling task, and returns when all have ended. */
void contain_meet(weir_ctx *ctx, struct round *r, size_t n, contain_role *const *roles);

/* A random little while, or now and then a whole turn for the other tasks. */
void contain_pause(struct round *r);

/* Adds to the outcome. */
WEIR_PRINTF(2, 3) void contain_say(struct round *r, const char *fmt, ...);

/* A result, short: "ok", "again", "pipe", "cancel"; an item or an index as a number. */
const char *contain_code(int rc);

/* The channel that most programs use: items are ints, drops are counted. */
void contain_open(struct round *r, size_t i, size_t capacity);
void contain_close(struct round *r); /* every end that is left */
int contain_send(weir_ctx *ctx, struct round *r, size_t i, int item);
int contain_try_send(struct round *r, size_t i, int item);
int contain_recv(weir_ctx *ctx, struct round *r, size_t i); /* the item (above 0), 0 at the end, or the code */
int contain_try_recv(struct round *r, size_t i);

/* ---- the two sides ---- */

struct outcome {
	char text[CONTAIN_TEXT];
	uint64_t threads, sim;
};

#define CONTAIN_OUTCOMES 512

struct outcomes {
	struct outcome at[CONTAIN_OUTCOMES];
	size_t n;
};

struct outcome *contain_outcome(struct outcomes *set, const char *text);

/* Runs the program `runs` times on real threads. */
int contain_on_threads(const struct contain_program *p, uint64_t runs, struct outcomes *set);

#endif
