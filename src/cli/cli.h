/* SPDX-License-Identifier: MIT
 *
 * The tool's subcommands: one file each. */
#ifndef WEIR_SRC_CLI_CLI_H
#define WEIR_SRC_CLI_CLI_H

/* argv[0] is the subcommand's name; returns an exit status. program: how the user calls the tool. */
int weir__cli_sim(const char *program, int argc, char **argv);

#endif
