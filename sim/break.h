/* SPDX-License-Identifier: MIT
 *
 * Stopping a replay in a debugger (break.c). */
#ifndef WEIR_SIM_BREAK_H
#define WEIR_SIM_BREAK_H

#include "engine.h"

/* Before a replay: s->break_at is opts.break_at, or, where no debugger is attached, 0 and said so. After it: says if
 * the step was not reached. */
void weir__sim_break_begin(struct sim *s);
void weir__sim_break_end(struct sim *s);

/* The task that runs is about to perform that step. */
void weir__sim_break_here(struct sim *s);

#endif
