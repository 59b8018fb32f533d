/* SPDX-License-Identifier: MIT
 *
 * The check of a history (linear.c) and its explanation (linear_text.c). */
#ifndef WEIR_SIM_LINEAR_H
#define WEIR_SIM_LINEAR_H

#include <weir/sim/history.h>

/* A call or a return of a part, in the order of time. */
struct linear_event {
	uint64_t at;
	uint32_t op; /* index in the history */
	bool is_return;
	uint32_t open, n_open; /* returns: the operations that are open then, itself first, in linear.open */
};

/* A configuration that was reached: the state of the model follows the masks. */
struct linear_config {
	uint32_t at;          /* event: the return that is to be explained next */
	uint32_t parent, via; /* the configuration before, and the operation whose point led here */
	uint32_t hash;
	uint64_t masks[]; /* done, then waiting: a bit for each slot */
};

struct linear {
	const struct weir_sim_model *model;
	const struct weir_sim_op *ops;
	size_t bytes, bytes_max; /* memory taken */
	uint64_t states, states_max;

	/* the part that is looked at */
	struct linear_event *events;
	size_t n_events, events_cap;
	uint32_t *slot; /* by operation */
	uint32_t *open;
	size_t n_open, open_cap;
	uint32_t words; /* of one mask */

	/* configurations: an array with a hash table of indices + 1 */
	unsigned char *configs;
	size_t stride, n_configs, configs_cap, state_at; /* the cap: in bytes */
	uint32_t *table;
	size_t table_cap;
	uint32_t best; /* one with the greatest `at` */

	/* of a part that has failed */
	uint32_t end;        /* event: the return of the culprit */
	size_t n_events_all; /* with those that were cut off */
	uint32_t before;     /* the configuration the culprit was called in; LINEAR_NONE: all that are at `end` */

	struct linear_frame *frames;
	size_t n_frames, frames_cap;
	unsigned char *scratch; /* a configuration that is being made */
	size_t scratch_cap;
};

#define LINEAR_NONE UINT32_MAX

static inline struct linear_config *weir__linear_config(const struct linear *l, size_t i)
{
	return (struct linear_config *)(void *)(l->configs + i * l->stride);
}

static inline void *weir__linear_state(const struct linear *l, struct linear_config *c)
{
	return (unsigned char *)c + l->state_at;
}

/* The text of a part that has failed: `best` is the end of an order for everything before. */
void weir__linear_explain(const struct linear *l, char *text, size_t cap);

/* "pop()"; "-> 3". */
void weir__linear_put_call(const struct weir_sim_model *m, const struct weir_sim_op *op, char *text, size_t cap);
void weir__linear_put_result(const struct weir_sim_model *m, const struct weir_sim_op *op, char *text, size_t cap);

#endif
