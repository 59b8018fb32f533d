/* SPDX-License-Identifier: MIT
 *
 * Random walk: every alternative is as likely as every other. No guarantee, biased to long alternations, and still
 * finds most bugs: the baseline. */
#include <stdlib.h>

#include "strategy.h"

struct random_walk {
	struct sim_strategy base;
	uint64_t state;
};

static void random_begin(struct sim_strategy *st, uint64_t seed)
{
	((struct random_walk *)st)->state = seed;
}

static uint32_t random_pick(struct sim_strategy *st, const struct sim_view *view)
{
	return weir__sim_alternative(view, weir__sim_below(&((struct random_walk *)st)->state, view->n));
}

static uint32_t random_value(struct sim_strategy *st, uint32_t n)
{
	return weir__sim_below(&((struct random_walk *)st)->state, n);
}

static bool random_end(struct sim_strategy *st, const struct sim *s)
{
	(void)st, (void)s;
	return true;
}

static void random_free(struct sim_strategy *st)
{
	free(st);
}

struct sim_strategy *weir__sim_random_new(void)
{
	struct random_walk *walk = calloc(1, sizeof(*walk));
	if (!walk)
		return NULL;
	walk->base = (struct sim_strategy){.name = "random",
					   .begin = random_begin,
					   .pick = random_pick,
					   .value = random_value,
					   .end = random_end,
					   .free = random_free};
	return &walk->base;
}
