/* SPDX-License-Identifier: MIT
 *
 * weir: the tool. A table of subcommands; `weir sim` is the first. */
#include <stdio.h>
#include <string.h>
#include <weir/base.h>

#include "cli.h"

static const struct {
	const char *name;
	int (*run)(const char *program, int argc, char **argv);
	const char *about;
} commands[] = {{"sim", weir__cli_sim, "run weir's own shutdown scenarios in the simulator"}};

static void usage(FILE *to)
{
	fprintf(to, "usage: weir COMMAND ...\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].about);
	fprintf(to, "\nweir COMMAND --help says more; weir --version is %s\n", WEIR_VERSION);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("weir %s\n", WEIR_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argv[0], argc - 1, argv + 1);
	fprintf(stderr, "weir: unknown command \"%s\"\n", argv[1]);
	usage(stderr);
	return 2;
}
