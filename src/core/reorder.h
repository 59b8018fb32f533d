/* SPDX-License-Identifier: MIT
 *
 * The reorder window of an ordered pipeline: who may pick up the next job, and which result goes out next.
 *
 *  O1  Jobs are numbered in the order of pick-up. Only one worker at a time holds the intake turn, and only while
 *      next_seq < next_emit + window; so at most `window` jobs are picked up and not yet emitted, however slow the
 *      slowest is.
 *  O2  A result waits in slot seq % window. By O1 no other result can want that slot.
 *  O3  At most one worker emits at a time. It takes ready results one after the other from next_emit on, until one is
 *      missing; whoever brings that one emits on. So nobody waits for his turn to emit.
 *  O4  Every number that was given out is brought back with a result, whatever became of the job, so emission never
 *      stops short.
 *
 * Lock: WEIR__RANK_PIPELINE. Waiting for the turn ends with the context. */
#ifndef WEIR_SRC_CORE_REORDER_H
#define WEIR_SRC_CORE_REORDER_H

#include "ctx.h"

struct weir__reorder {
	struct weir__lock lock;
	bool intake_taken, emitting;
	uint64_t next_seq, next_emit;
	size_t window, result_size;
	struct weir__queue waiting; /* for the intake turn */
	unsigned char *slots;       /* window x result_size */
	bool *ready;                /* window */
};

/* Waits for the turn to pick up; 0 with the turn held, or the code of ctx. */
int weir__reorder_enter(struct weir__reorder *r, weir_ctx *ctx, weir_rt *rt);

/* Gives the turn up. took: a job was picked up, whose number is returned. */
uint64_t weir__reorder_leave(struct weir__reorder *r, bool took);

/* Brings a result (moved in). True: the caller is the one to emit now, until weir__reorder_next says no. */
bool weir__reorder_put(struct weir__reorder *r, uint64_t seq, const void *result);

/* Moves the next result in order out; false: the next one is missing, and the caller no longer emits. */
bool weir__reorder_next(struct weir__reorder *r, void *result);

/* The result that weir__reorder_next gave has left: the window moves. */
void weir__reorder_emitted(struct weir__reorder *r);

#endif
