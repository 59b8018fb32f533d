/* SPDX-License-Identifier: MIT
 *
 * --break-at: stops a replay in a debugger, in the task that is about to perform a step. The task is on its own stack
 * then, inside the call of the operation, so the debugger shows the user's functions above it, and can go on step by
 * step: nothing else runs unless the simulator lets it.
 *
 * The trap is raised only where a debugger is attached when the replay begins: without one it would be a crash of the
 * task. The timer that looks for hangs is off then. */
#include "break.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linux: who traces this process, 0: nobody. */
static bool is_traced(void)
{
	char line[256];
	bool traced = false;
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "TracerPid:", 10) == 0)
			traced = strtol(line + 10, NULL, 10) != 0;
	if (status)
		fclose(status);
	return traced;
}

void weir__sim_break_begin(struct sim *s)
{
	s->break_at = s->opts->break_at;
	if (!s->break_at)
		return;
	if (is_traced()) {
		weir__sim_guard_patient(); /* its ticks would stop the debugger, and a person takes time */
		return;
	}
	s->break_at = 0;
	fprintf(stderr,
		"weir sim: no debugger to stop in at step %llu: gdb --args %s --replay STRING --break-at %llu, then "
		"\"run\"\n",
		(unsigned long long)s->opts->break_at, weir__sim_program ? weir__sim_program : "PROGRAM",
		(unsigned long long)s->opts->break_at);
}

void weir__sim_break_here(struct sim *s)
{
	s->break_at = 0; /* the runs that follow, for the report, do not stop */
	fprintf(stderr, "weir sim: T%u %s is about to perform step %llu; \"backtrace\" shows where\n", s->current,
		s->tasks[s->current]->pub.name, (unsigned long long)s->step);
	raise(SIGTRAP);
}

void weir__sim_break_end(struct sim *s)
{
	if (s->break_at)
		fprintf(stderr, "weir sim: the schedule was over before step %llu\n", (unsigned long long)s->break_at);
	s->break_at = 0;
}
