/* SPDX-License-Identifier: MIT
 *
 * What the files of the report share: trace.c names objects, report.c writes lines and owns the order of sections,
 * report_waits.c says who waits for whom, report_table.c draws the interleaving. */
#ifndef WEIR_SIM_REPORT_H
#define WEIR_SIM_REPORT_H

#include <stdio.h>

#include "engine.h"

/* ---- trace.c ---- */

/* "ch", "ctx", "scope", "run", "stats": what an object of this kind is called before its number. */
const char *weir__sim_kind_prefix(uint32_t kind);

/* The object as it is shown; NULL: kind WEIR_OBJ_DEAD. */
void weir__sim_trace_ref(const struct sim *s, const struct sim_object *o, struct sim_trace_ref *out);

/* ---- report.c ---- */

/* Text of one line, cut where it does not fit. */
struct sim_line {
	size_t n;
	int name_cap;  /* names of objects are cut to so many characters; 0: they are not */
	bool no_cases; /* a select goes without its cases */
	char text[500];
};

enum sim_where { SIM_OUT_ERR = 1, SIM_OUT_FILE = 2, SIM_OUT_ALL = 3 };

struct sim_out {
	struct sim *s;
	const struct sim_report *about;
	FILE *err, *file;   /* NULL: not there */
	unsigned gap;       /* enum sim_where: an empty line comes before the next one */
	const void **sites; /* sorted, each once */
	char (*lines)[64];  /* of each site */
	size_t n_sites, sites_cap;
};

/* Of the table, in characters. */
#define SIM_REPORT_WIDTH 140

WEIR_PRINTF(2, 3) void weir__sim_put(struct sim_line *line, const char *fmt, ...);
WEIR_PRINTF(3, 4) void weir__sim_say(struct sim_out *out, enum sim_where where, const char *fmt, ...);

/* "  legend: A; B; C", wrapped; texts that are empty are left out. */
void weir__sim_say_legend(struct sim_out *out, const char *title, const char *const *texts, size_t n);

/* "pipe.c:88"; "" for NULL. */
const char *weir__sim_line_of(const struct sim_out *out, const void *site);

void weir__sim_put_time(struct sim_line *line, int64_t at);                                  /* "+5ms" */
void weir__sim_put_task(struct sim_line *line, const struct sim *s, uint32_t task);          /* "T1 producer" */
void weir__sim_put_ref(struct sim_line *line, const struct sim_trace_ref *ref, bool names);  /* "ch1 "out"" */
void weir__sim_put_name(struct sim_line *line, const struct sim_trace_ref *ref, bool names); /* " "out"", or nothing */
void weir__sim_put_code(struct sim_line *line, int rc);                                      /* "WEIR_EPIPE" */

/* ---- replay.c ---- */

/* "send.ch1" */
void weir__sim_expect_text(char out[SIM_EXPECT_TEXT], uint8_t op, const struct sim_trace_ref *obj);

/* ---- report_waits.c ---- */

/* Each unfinished task: what it does or waits for, since when, and who could end the wait; then a cycle, if there is
 * one. */
void weir__sim_report_waits(struct sim_out *out);

/* A task that could end the wait of another one. */
struct sim_edge {
	uint32_t to;
	struct sim_trace_ref over;       /* channel or scope; WEIR_OBJ_DEAD: the task itself is joined */
	const struct sim_object *handle; /* of a channel, or NULL */
	bool sure;                       /* W1 */
};

typedef void weir__sim_edge_fn(void *arg, const struct sim_edge *edge);

/* Calls fn for each of them. */
void weir__sim_wait_edges(const struct sim_out *out, uint32_t task, weir__sim_edge_fn *fn, void *arg);

/* What a task is doing: "send(ch1 "out", full 1/1)". */
void weir__sim_put_doing(struct sim_line *line, const struct sim_out *out, uint32_t task);

/* The site of what it is doing, or NULL. */
const void *weir__sim_doing_site(const struct sim_out *out, uint32_t task);

/* ---- formed.c ---- */

/* A line that says at which step tasks came to wait for ever, where others went on after it. */
void weir__sim_report_formed(struct sim_out *out);

/* ---- report_sync.c ---- */

/* What a task is doing with an object of core/sync.h: "lock(mutex1, held by T2 since step 41, a.c:12)". False: it is
 * doing something else, and nothing was written. */
bool weir__sim_put_sync(struct sim_line *line, const struct sim_out *out, const struct sim_task *t);

/* The tasks that could end its wait for such an object, which is written to *over; returns how many. */
uint32_t weir__sim_sync_blockers(const struct sim_out *out, const struct sim_task *t, struct sim_trace_ref *over,
				 uint32_t tasks[WEIR_SIM_TASKS]);

/* What stands between such an object and one of those tasks: " is held by "; NULL: the object is of another kind. */
const char *weir__sim_sync_relation(const struct sim_out *out, uint32_t kind, uint32_t holder, uint32_t waiting);

/* What came of an operation on such an object, where it succeeded and there is something to say. */
void weir__sim_put_sync_result(struct sim_line *line, const struct sim_event *e);

/* "lock", "acquire", ...; "wait" for every other operation. */
const char *weir__sim_sync_verb(int op);

/* ---- report_spin.c ---- */

/* Of a livelock the loops, of the step limit the places where most steps were taken; else nothing. */
void weir__sim_report_spins(struct sim_out *out);

/* ---- report_table.c ---- */

void weir__sim_report_table(struct sim_out *out);

/* How often a task was stopped that could have gone on; NULL: 0. */
size_t weir__sim_preemptions(const struct sim_trace *trace);

/* "send", "lock", ... */
const char *weir__sim_verb(uint8_t op);

/* What an event, or the RESULT or BLOCK of one, reads like: "recv(ch1) -> item". */
void weir__sim_put_event(struct sim_line *line, const struct sim_event *e, bool names);

/* The last event of the task that is worth naming, or NULL. */
const struct sim_event *weir__sim_last_event(const struct sim *s, uint32_t task);

#endif
