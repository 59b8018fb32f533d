/* SPDX-License-Identifier: MIT
 *
 * The systematic reduced search on the three families of programs that its papers count: how many schedules it runs,
 * how many of them it gave up, and how many it runs per CPU-second. "dpor" must run exactly the published number,
 * "sdpor" so many beyond those it gave up. --all: those too that take long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/sim.h>

#include "published.h"

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const char *const strategies[] = {"dpor", "sdpor"};
	bool all = argc > 1 && strcmp(argv[1], "--all") == 0, right = true;
	printf("%-14s %-8s %12s %12s %12s %12s %10s\n", "program", "strategy", "schedules", "given up", "published",
	       "per CPU-s", "steps each");
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			struct weir_sim_opts opts = {.name = published[i].name, .strategy = strategies[k]};
			struct weir_sim_result r;
			uint64_t runs = 0, steps = 0;
			double from = cpu_seconds(), took;
			if (published[i].slow && !all)
				continue;
			do { /* long enough to be timed */
				if (weir_sim_run(&opts, run_program, (void *)(uintptr_t)&published[i], &r) != 0)
					return EXIT_FAILURE;
				runs += r.schedules;
				steps += r.steps;
				took = cpu_seconds() - from;
			} while (took < 0.3);
			right &= r.exhausted && r.schedules - r.blocked == published[i].expected;
			printf("%-14s %-8s %12llu %12llu %12llu %12.0f %10.1f\n", published[i].name, strategies[k],
			       (unsigned long long)r.schedules, (unsigned long long)r.blocked,
			       (unsigned long long)published[i].expected, (double)runs / took,
			       (double)steps / (double)runs);
			fflush(stdout);
		}
	}
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
