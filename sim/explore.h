/* SPDX-License-Identifier: MIT
 *
 * With -DWEIR_EXPLORE_ATOMICS: choices inside of operations (explore.c). Without it everything here is nothing. */
#ifndef WEIR_SIM_EXPLORE_H
#define WEIR_SIM_EXPLORE_H

#include <stdbool.h>

struct sim;

#ifdef WEIR_EXPLORE_ATOMICS
#define SIM_EXPLORES 1
/* How deep in the simulator's own code the running task is: what that does with core is no step (V1). Belongs to the
 * running task, and is 0 while its own code runs. */
extern unsigned weir__sim_unseen;
/* How many internal locks are held, by all tasks: while one is, objects may be in the middle of a change. */
extern unsigned weir__sim_locked;

/* A schedule begins, and is over. */
void weir__sim_explore_begin(struct sim *s);
void weir__sim_explore_end(void);

static inline void weir__sim_unseen_enter(void)
{
	weir__sim_unseen++;
}

static inline void weir__sim_unseen_leave(void)
{
	weir__sim_unseen--;
}

/* Around a switch: the depth while others run is theirs. */
static inline unsigned weir__sim_unseen_put_aside(void)
{
	return weir__sim_unseen;
}

static inline void weir__sim_unseen_take_back(unsigned depth)
{
	weir__sim_unseen = depth;
}

static inline bool weir__sim_in_order(void)
{
	return weir__sim_locked == 0;
}
#else
#define SIM_EXPLORES 0

static inline void weir__sim_explore_begin(struct sim *s)
{
	(void)s;
}

static inline void weir__sim_explore_end(void)
{
}

static inline void weir__sim_unseen_enter(void)
{
}

static inline void weir__sim_unseen_leave(void)
{
}

static inline unsigned weir__sim_unseen_put_aside(void)
{
	return 0;
}

static inline void weir__sim_unseen_take_back(unsigned depth)
{
	(void)depth;
}

/* Whether objects may be looked at: nobody is in the middle of a change. */
static inline bool weir__sim_in_order(void)
{
	return true;
}
#endif

#endif
