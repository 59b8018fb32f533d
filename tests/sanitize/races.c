/* SPDX-License-Identifier: MIT
 *
 * For tsan.sh: the race kernels of tests/bugs under ThreadSanitizer, which sees their plain accesses by itself. The
 * simulator's own detector is told to look away: it would end a schedule before the second access is made.
 *
 *   races --list               the names
 *   races NAME bug SEED...     the bug: some schedules with each seed; ThreadSanitizer's status if it found something
 *   races NAME twin SEED...    its good twin
 * A search that ends early, because a task hangs, goes on with another seed. Status 2: it could not run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bugs/bugs.h"

#define SCHEDULES 30 /* the simulator needs fewer: TSan takes internal locks for order (race_order.c O8) */

static struct bug *bugs;

void bug_register(struct bug *bug)
{
	bug->next = bugs;
	bugs = bug;
}

static int run(const struct bug *bug, uint64_t seed, bool twin)
{
	struct weir_sim_result r;
	for (uint64_t n = 0; n < SCHEDULES; n += r.schedules) {
		struct weir_sim_opts opts = {.name = bug->name,
					     .seed = seed + 1000 * n,
					     .schedules = SCHEDULES - n,
					     .no_races = true,
					     .no_shrink = true,
					     .allow_no_decisions = true,
					     .quiet = true};
		if (weir_sim_run(&opts, twin ? bug->good : bug->bad, NULL, &r) < 0)
			return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int rc = argc == 2 ? EXIT_SUCCESS : 2;
	for (const struct bug *bug = bugs; bug; bug = bug->next) {
		if (argc == 2 && strcmp(argv[1], "--list") == 0)
			puts(bug->name);
		else if (argc > 3 && strcmp(argv[1], bug->name) == 0)
			rc = 0;
		for (int i = 3; i < argc && rc == 0 && strcmp(argv[1], bug->name) == 0; i++)
			rc = run(bug, strtoull(argv[i], NULL, 10), strcmp(argv[2], "twin") == 0);
	}
	return rc;
}
