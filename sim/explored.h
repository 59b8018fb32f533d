/* SPDX-License-Identifier: MIT
 *
 * What is counted over a whole search, to tell how much of the program it has seen: orders (explored.c), conditions
 * that must be true once (explored.c), pairs of operations that always come in one order (pairs.c). */
#ifndef WEIR_SIM_EXPLORED_PRIVATE_H
#define WEIR_SIM_EXPLORED_PRIVATE_H

#include "engine.h"

/* ---- explored.c ---- */

/* A set of 64-bit hashes, of bounded size; several processes may add to one that is shared. NULL: no memory. */
struct sim_seen;
struct sim_seen *weir__sim_seen_new(void);
void weir__sim_seen_free(struct sim_seen *seen);
bool weir__sim_seen_add(struct sim_seen *seen, uint64_t hash); /* true: it is new */
uint64_t weir__sim_seen_count(const struct sim_seen *seen, bool *full);

/* The last schedules: which were new. */
#define SIM_WINDOW 1000u
struct sim_window {
	uint64_t bits[(SIM_WINDOW + 63) / 64];
	uint64_t n; /* in all */
};
void weir__sim_window_add(struct sim_window *w, bool fresh);
/* How many were new of the last *n: SIM_WINDOW, or the later half of a search that is not twice as long. */
uint32_t weir__sim_window_fresh(const struct sim_window *w, uint32_t *n);

#define SIM_MARKS 64
struct sim_marks {
	uint32_t n;
	struct sim_mark {
		const char *name;
		bool hit;
	} mark[SIM_MARKS];
};
bool weir__sim_mark(struct sim_marks *marks, const char *name, bool hit); /* false: there are too many */
void weir__sim_marks_tell(const struct sim_marks *marks, struct weir_sim_explored *out);

/* ---- pairs.c ---- */

struct sim_pair_list {
	struct weir_sim_pair *pair; /* the most frequent first; malloc */
	size_t n;
};

struct sim_pairs *weir__sim_pairs_new(void); /* NULL: no memory; it is shared with processes that are forked */
void weir__sim_pairs_free(struct sim_pairs *p);
void weir__sim_pairs_begin(struct sim_pairs *p); /* a new schedule */
/* t attempts the operation it has announced. */
void weir__sim_pairs_step(struct sim *s, const struct sim_task *t);
void weir__sim_pairs_spawn(struct sim_pairs *p, uint32_t parent, uint32_t child);
void weir__sim_pairs_join(struct sim_pairs *p, uint32_t task, uint32_t joined);
void weir__sim_pairs_merge(struct sim_pairs *to, const struct sim_pairs *from);
/* Those that were seen in one order only. pair is NULL where there are none, or no memory for them. */
struct sim_pair_list weir__sim_pairs_list(const struct sim_pairs *p);
bool weir__sim_pairs_more(const struct sim_pairs *p); /* places were left out */

#endif
