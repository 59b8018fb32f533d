/* SPDX-License-Identifier: MIT
 *
 * How far a search is: one line on stderr, at most four times a second, overwritten where stderr is a terminal, and
 * taken away at the end. Never in a report. When to look is the caller's: the search looks when the timer of fault.c
 * has ticked, so a schedule costs one comparison and no system call. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "search.h"

#define EVERY_NS INT64_C(250000000)

struct sim_progress {
	char name[64];
	int64_t begun, shown;
	bool terminal;
	int width; /* of the line that stands there */
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct sim_progress *weir__sim_progress_new(const char *name)
{
	struct sim_progress *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->begun = p->shown = now_ns();
	p->terminal = isatty(STDERR_FILENO);
	return p;
}

void weir__sim_progress_show(struct sim_progress *p, const struct sim_counts *c)
{
	char line[200];
	int64_t now = now_ns();
	if (now - p->shown < EVERY_NS)
		return;
	p->shown = now;
	double seconds = (double)(now - p->begun) / 1e9;
	int n = snprintf(line, sizeof(line), "%s: %llu schedules, %.0f/s", p->name, (unsigned long long)c->schedules,
			 (double)c->schedules / seconds);
	if (c->orders && n > 0 && (size_t)n < sizeof(line))
		n += snprintf(line + n, sizeof(line) - (size_t)n, ", %s%llu orders, %llu new per 1000",
			      c->orders_more ? "more than " : "", (unsigned long long)c->orders,
			      c->window ? (unsigned long long)c->window_new * 1000 / c->window : 0);
	fprintf(stderr, "%s%s, %.1f s", p->terminal ? "\r" : "", line, seconds);
	if (p->terminal)
		fprintf(stderr, "%*s", p->width > n ? p->width - n : 0, "");
	else
		fputc('\n', stderr);
	fflush(stderr);
	p->width = n + 12; /* the time is at most so wide */
}

void weir__sim_progress_free(struct sim_progress *p)
{
	if (p && p->terminal && p->width)
		fprintf(stderr, "\r%*s\r", p->width, "");
	free(p);
}
