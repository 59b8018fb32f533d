/* SPDX-License-Identifier: MIT
 *
 * weir sim list|run|replay: the scenarios of sim/scenarios under the simulator. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../../sim/scenarios/scenarios.h"
#include "cli.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: weir sim list                      the scenarios\n"
		    "       weir sim run [options] [NAME...]   search them; --help lists the options\n"
		    "       weir sim replay STRING             one schedule, as a report named it\n");
}

static struct weir_scenario *scenario(size_t i)
{
	return i < weir__n_scenarios_primitives ? &weir__scenarios_primitives[i]
						: &weir__scenarios_pipeline[i - weir__n_scenarios_primitives];
}

static size_t n_scenarios(void)
{
	return weir__n_scenarios_primitives + weir__n_scenarios_pipeline;
}

static int list(void)
{
	for (size_t i = 0; i < n_scenarios(); i++)
		printf("%-28s %s\n", scenario(i)->test.name, scenario(i)->about);
	return 0;
}

/* argv[0] becomes the name that replay lines use. */
static int run(const char *program, int argc, char **argv)
{
	static struct weir_sim_test *tests[64];
	size_t n = n_scenarios();
	char name[512];
	assert(n <= sizeof(tests) / sizeof(tests[0]));
	for (size_t i = 0; i < n; i++)
		tests[i] = &scenario(i)->test;
	snprintf(name, sizeof(name), "%s sim run", program);
	argv[0] = name;
	return weir_sim_main_tests(argc, argv, tests, n);
}

int weir__cli_sim(const char *program, int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "list") == 0)
		return list();
	if (strcmp(argv[1], "run") == 0)
		return run(program, argc - 1, argv + 1);
	if (strcmp(argv[1], "replay") == 0 && argc == 3) {
		char flag[] = "--replay", self[] = "replay";
		char *args[] = {self, flag, argv[2], NULL};
		return run(program, 3, args);
	}
	if (strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	fprintf(stderr, "weir sim: %s \"%s\"\n",
		strcmp(argv[1], "replay") == 0 ? "wants one replay string after" : "unknown command", argv[1]);
	usage(stderr);
	return 2;
}
