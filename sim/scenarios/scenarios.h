/* SPDX-License-Identifier: MIT
 *
 * The scenarios that come with weir: each way a program of weir can shut down, with what must hold afterwards. `weir
 * sim run` runs them; so do the tests. Each is an ordinary weir_task_fn and would run on threads as well. */
#ifndef WEIR_SIM_SCENARIOS_H
#define WEIR_SIM_SCENARIOS_H

#include <weir/sim.h>

struct weir_scenario {
	struct weir_sim_test test;
	const char *about; /* one line */
};

extern struct weir_scenario weir__scenarios_pipeline[], weir__scenarios_primitives[];
extern const size_t weir__n_scenarios_pipeline, weir__n_scenarios_primitives;

/* A token stands for something that must be freed exactly once, wherever it ends. */
struct weir_tally {
	int made, freed;
};

struct weir_token {
	struct weir_tally *tally;
	int id;
};

WEIR_INLINE struct weir_token weir__token(struct weir_tally *tally, int id)
{
	tally->made++;
	return (struct weir_token){.tally = tally, .id = id};
}

WEIR_INLINE void weir__token_free(struct weir_token *token)
{
	WEIR_SIM_ASSERT(token->tally != NULL);
	token->tally->freed++;
	token->tally = NULL;
}

#endif
