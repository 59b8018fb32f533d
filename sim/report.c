/* SPDX-License-Identifier: MIT
 *
 * The failure of a schedule, for the person who has to understand it.
 *
 * In this order: what failed and how to see it again; who is blocked on what, and who could help (report_waits.c); for other failures the task and the
 * sites; the interleaving (report_table.c); what was left over; what was not explored; the replay line again, because a log is read from its end.
 *
 *  N1  Plain ASCII: whatever comes from the user (names, messages, notes) goes through weir__sim_say, which replaces every other byte.
 *  N2  Bounded on stderr, whatever the schedule was: each section has its own limit, and each line one of its own. The report file gets everything.
 *  N3  A report is about something that went wrong: it reads the state of the failed schedule and never fails itself. Without memory, sites
 *      and rows are missing, and no more.
 *  N4  Operations of a task are read only while it waits in them (W3 of report_waits.c): the running task may have crashed anywhere.
 *
 * The first report of a process that goes to a file replaces it; later ones to the same path are added behind it, so that a run of many tests keeps
 * all of its failures.
 *
 * Runs outside of tasks, on the normal stack, in the one thread of the search. */
#include "report.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"

#define LEAKS 20 /* lines on stderr */

/* ---- lines ---- */

void weir__sim_put(struct sim_line *line, const char *fmt, ...)
{
	size_t room = sizeof(line->text) - line->n;
	va_list args;
	assert(room > 0);
	va_start(args, fmt);
	int n = vsnprintf(line->text + line->n, room, fmt, args);
	va_end(args);
	if (n > 0)
		line->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* N1 */
void weir__sim_say(struct sim_out *out, enum sim_where where, const char *fmt, ...)
{
	char line[5200]; /* a replay string of 4096 bytes with the names of program and test around it */
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
	if (out->err && (where & SIM_OUT_ERR))
		fprintf(out->err, "%s\n", line);
	if (out->file && (where & SIM_OUT_FILE))
		fprintf(out->file, "%s\n", line);
}

void weir__sim_put_time(struct sim_line *line, int64_t at)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{WEIR_SEC(1), "s"}, {WEIR_MS(1), "ms"}, {WEIR_US(1), "us"}, {1, "ns"}};
	size_t u = 0;
	if (at == WEIR_FOREVER || at == 0) {
		weir__sim_put(line, at ? "for ever" : "+0");
		return;
	}
	while (at % units[u].ns != 0)
		u++;
	weir__sim_put(line, "+%lld%s", (long long)(at / units[u].ns), units[u].name);
}

void weir__sim_put_task(struct sim_line *line, const struct sim *s, uint32_t task)
{
	assert(task < s->n_tasks);
	const char *name = s->tasks[task]->pub.name;
	weir__sim_put(line, "T%u%s%.20s", task, name[0] ? " " : "", name);
}

void weir__sim_put_ref(struct sim_line *line, const struct sim_trace_ref *ref, bool names)
{
	if (ref->kind == WEIR_OBJ_DEAD)
		return;
	weir__sim_put(line, "%s%u", weir__sim_kind_prefix(ref->kind), ref->display);
	if (names && ref->name[0])
		weir__sim_put(line, " \"%s\"", ref->name);
}

void weir__sim_put_code(struct sim_line *line, int rc)
{
	const char *name = weir_err_name(rc);
	if (rc >= 0)
		weir__sim_put(line, "%d", rc);
	else if (strncmp(name, "WEIR_", 5) == 0)
		weir__sim_put(line, "%s", name);
	else
		weir__sim_put(line, "%s %d", name, rc);
}

/* ---- sites ---- */

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)*(const void *const *)a, y = (uintptr_t)*(const void *const *)b;
	return x < y ? -1 : x > y;
}

const char *weir__sim_line_of(const struct sim_out *out, const void *site)
{
	const void *const *found =
		site && out->lines ? bsearch(&site, out->sites, out->n_sites, sizeof(*out->sites), by_address) : NULL;
	return found ? out->lines[found - out->sites] : "";
}

/* N3: a site that does not fit is not shown. */
static void add_site(struct sim_out *out, const void *site)
{
	if (!site || (out->n_sites > 0 && out->sites[out->n_sites - 1] == site))
		return;
	if (out->n_sites == out->sites_cap) {
		size_t cap = out->sites_cap ? 2 * out->sites_cap : 256;
		const void **more = realloc(out->sites, cap * sizeof(*more));
		if (!more)
			return;
		out->sites = more;
		out->sites_cap = cap;
	}
	out->sites[out->n_sites++] = site;
}

static void add_block_site(void *arg, const void *mem, const struct sim_block *block)
{
	(void)mem;
	add_site(arg, block->site);
}

static void collect_sites(struct sim_out *out)
{
	struct sim *s = out->s;
	size_t unique = 0;
	add_site(out, s->failure.site);
	add_site(out, s->failure.other_site);
	for (size_t i = 0; s->trace && i < s->trace->n; i++)
		add_site(out, s->trace->events[i].site);
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		add_site(out, s->tasks[i]->spawn_site);
		if (s->tasks[i]->state != SIM_EXITED)
			add_site(out, weir__sim_doing_site(out, i));
	}
	for (uint32_t i = 0; i < s->n_objects; i++) {
		if (s->objects[i].live) {
			add_site(out, s->objects[i].made_site);
			add_site(out, s->objects[i].user_site);
		}
	}
	weir__sim_blocks(s, add_block_site, out);
	if (out->n_sites == 0)
		return;
	qsort(out->sites, out->n_sites, sizeof(*out->sites), by_address);
	for (size_t i = 0; i < out->n_sites; i++)
		if (i == 0 || out->sites[i] != out->sites[unique - 1])
			out->sites[unique++] = out->sites[i];
	out->n_sites = unique;
	out->lines = calloc(unique, sizeof(*out->lines));
	if (out->lines)
		weir__sim_sites(out->sites, unique, out->lines);
}

static void collect_scopes(struct sim_out *out)
{
	const struct sim_trace *trace = out->s->trace;
	for (size_t i = 0; trace && i < trace->n; i++) {
		const struct sim_event *e = &trace->events[i];
		if (e->kind == SIM_EV_RESULT && e->op == WEIR_OP_SPAWN && e->other != SIM_NONE)
			out->scope_of[e->other] = e->obj;
	}
}

/* ---- the first and the last lines ---- */

static bool needs_quotes(const char *word)
{
	return word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:@%")] != '\0';
}

static void say_replay(struct sim_out *out)
{
	const struct sim_report *a = out->about;
	const char *name = a->name ? a->name : "scenario";
	const char *program = a->program, *strategy = out->s->opts->strategy ? out->s->opts->strategy : "portfolio";
	const char *pq = program && needs_quotes(program) ? "'" : "", *nq = needs_quotes(name) ? "'" : "";
	unsigned long long seed = a->seed, schedule = a->schedule;
	if (schedule == 0)
		return; /* a failure of the search: no schedule shows it */
	if (a->replay && a->replay[0] && program)
		weir__sim_say(out, SIM_OUT_ALL, "replay: WEIR_SIM_REPLAY='%s' %s%.300s%s %s%.200s%s", a->replay, pq, program, pq, nq, name,
			      nq);
	else if (a->replay && a->replay[0])
		weir__sim_say(out, SIM_OUT_ALL, "replay: run %.200s with opts.replay = \"%s\"", name, a->replay);
	else if (program)
		weir__sim_say(out, SIM_OUT_ALL,
			      "replay: %s%.300s%s --strategy %s --seed %llu --schedules %llu %s%.200s%s (the last of them; too long to be "
			      "written down)",
			      pq, program, pq, strategy, seed, schedule, nq, name, nq);
	else
		weir__sim_say(out, SIM_OUT_ALL,
			      "replay: run %.200s with opts.strategy = \"%s\", .seed = %llu, .schedules = %llu (the last of them; too "
			      "long to be written down)",
			      name, strategy, seed, schedule);
}

static void say_head(struct sim_out *out)
{
	const struct sim_report *a = out->about;
	const struct sim_failure *f = &out->s->failure;
	struct sim_line line = {.n = 0};
	if (a->schedule == 0) {
		weir__sim_say(out, SIM_OUT_ALL, "FAIL %.200s: %s: %s", a->name ? a->name : "scenario", weir_sim_kind_name(f->kind),
			      f->text);
		return;
	}
	weir__sim_say(out, SIM_OUT_ALL, "FAIL %.200s: %s at step %llu: %s", a->name ? a->name : "scenario",
		      weir_sim_kind_name(f->kind), (unsigned long long)f->step, f->text);
	if (out->s->opts->replay) {
		weir__sim_put(&line, "(replayed");
	} else {
		weir__sim_put(&line, "(schedule %llu", (unsigned long long)a->schedule);
		if (a->schedules > a->schedule)
			weir__sim_put(&line, " of %llu", (unsigned long long)a->schedules);
		weir__sim_put(&line, ", strategy %s, seed 0x%llx", a->strategy ? a->strategy : "portfolio",
			      (unsigned long long)a->seed);
	}
	weir__sim_put(&line, ", virtual time ");
	weir__sim_put_time(&line, f->time_at);
	weir__sim_put(&line, ")");
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

/* Failures of one task: where it was, and what else has part in it. */
static void say_task(struct sim_out *out)
{
	const struct sim *s = out->s;
	const struct sim_failure *f = &s->failure;
	const struct sim_event *e;
	struct sim_line line = {.n = 0};
	if (f->task < s->n_tasks) {
		weir__sim_put(&line, "  in ");
		weir__sim_put_task(&line, s, f->task);
		if (f->site)
			weir__sim_put(&line, " at %s", weir__sim_line_of(out, f->site));
		if (s->tasks[f->task]->spawn_site)
			weir__sim_put(&line, ", spawned %s", weir__sim_line_of(out, s->tasks[f->task]->spawn_site));
		if ((e = weir__sim_last_event(s, f->task)) && e->op != WEIR_OP_START) {
			weir__sim_put(&line, e->kind == SIM_EV_STEP ? "; inside " : "; after ");
			weir__sim_put_event(&line, e, true);
			weir__sim_put(&line, e->site && e->site != f->site ? " at %s" : "%.0s", weir__sim_line_of(out, e->site));
		}
		weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
	} else if (f->site) {
		weir__sim_say(out, SIM_OUT_ALL, "  made at %s", weir__sim_line_of(out, f->site));
	}
	if (!f->other_site)
		return;
	line = (struct sim_line){.n = 0};
	weir__sim_put(&line, "  the other site: %s", weir__sim_line_of(out, f->other_site));
	if (f->kind == WEIR_SIM_OWNERSHIP && f->other_task < s->n_tasks) {
		weir__sim_put(&line, " by ");
		weir__sim_put_task(&line, s, f->other_task);
		weir__sim_put(&line, " (now: ");
		weir__sim_put_doing(&line, out, f->other_task);
		weir__sim_put(&line, ")");
	}
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

/* ---- what was left over ---- */

struct leaks {
	struct sim_out *out;
	size_t lines, blocks, bytes; /* blocks: inside objects that are listed */
};

static void say_leak(struct leaks *l, const struct sim_line *line)
{
	weir__sim_say(l->out, l->lines++ < LEAKS ? SIM_OUT_ALL : SIM_OUT_FILE, "  %s", line->text); /* N2 */
}

static void leak_made(struct sim_line *line, const struct leaks *l, const void *site, uint32_t task)
{
	weir__sim_put(line, "  made %s by ", weir__sim_line_of(l->out, site));
	weir__sim_put_task(line, l->out->s, task);
}

static void leak_object(struct leaks *l, const struct sim_object *o)
{
	struct sim_line line = {.n = 0};
	struct sim_trace_ref ref;
	struct weir__chan_view chan;
	weir__sim_trace_ref(l->out->s, o, &ref);
	if (o->kind == WEIR_OBJ_CTX && ref.kind == WEIR_OBJ_SCOPE)
		return; /* the scope's own: listed as the scope */
	if (o->kind == WEIR_OBJ_CHAN) {
		weir__inspect_chan(o->obj, &chan);
		if (chan.len == 0)
			return; /* its ends are listed */
		weir__sim_put(&line, "%zu item%s still buffered in ", chan.len, chan.len == 1 ? "" : "s");
	} else if (o->kind == WEIR_OBJ_TX || o->kind == WEIR_OBJ_RX) {
		weir__sim_put(&line, "%s end of ", o->kind == WEIR_OBJ_TX ? "sending" : "receiving");
	}
	weir__sim_put_ref(&line, &ref, true);
	if (o->kind == WEIR_OBJ_SCOPE)
		weir__sim_put(&line, " (init without join)");
	if (o->kind != WEIR_OBJ_CHAN)
		leak_made(&line, l, o->made_site, o->creator);
	if ((o->kind == WEIR_OBJ_TX || o->kind == WEIR_OBJ_RX) &&
	    (o->user != o->creator || o->user_site != o->made_site)) {
		weir__sim_put(&line, "  last used %s by ", weir__sim_line_of(l->out, o->user_site));
		weir__sim_put_task(&line, l->out->s, o->user);
	}
	say_leak(l, &line);
}

static void leak_block(void *arg, const void *mem, const struct sim_block *block)
{
	struct leaks *l = arg;
	const struct sim *s = l->out->s;
	struct sim_line line = {.n = 0};
	for (uint32_t i = 0; i < s->n_objects; i++) {
		uintptr_t at = (uintptr_t)s->objects[i].obj;
		if (s->objects[i].live && at >= (uintptr_t)mem && at - (uintptr_t)mem < block->bytes) {
			l->blocks++;
			l->bytes += block->bytes;
			return;
		}
	}
	weir__sim_put(&line, "%zu bytes of memory", block->bytes);
	leak_made(&line, l, block->site, block->task);
	say_leak(l, &line);
}

static void say_leaks(struct sim_out *out)
{
	struct leaks l = {.out = out};
	const struct sim *s = out->s;
	weir__sim_say(out, SIM_OUT_ALL, "Left at the end:");
	for (uint32_t i = 1; i < s->n_tasks; i++) {
		const struct sim_task *t = s->tasks[i];
		struct sim_line line = {.n = 0};
		if (t->state != SIM_EXITED || t->joined || t->detached)
			continue;
		weir__sim_put_task(&line, s, i);
		weir__sim_put(&line, ": ended, never joined  spawned %s", weir__sim_line_of(out, t->spawn_site));
		say_leak(&l, &line);
	}
	for (uint32_t i = 0; i < s->n_objects; i++)
		if (s->objects[i].live)
			leak_object(&l, &s->objects[i]);
	weir__sim_blocks(out->s, leak_block, &l);
	if (l.lines > LEAKS)
		weir__sim_say(out, SIM_OUT_ERR, "  ... and %zu more", l.lines - LEAKS);
	if (l.blocks)
		weir__sim_say(out, SIM_OUT_ALL, "  with them %zu block%s of memory, %zu bytes", l.blocks, l.blocks == 1 ? "" : "s",
			      l.bytes);
}

/* Where the schedule stopped in the middle, everything is still there: a count says enough. */
static void say_alive(struct sim_out *out)
{
	const struct sim *s = out->s;
	struct weir__chan_view chan;
	size_t ends = 0, scopes = 0, runs = 0, items = 0;
	for (uint32_t i = 0; i < s->n_objects; i++) {
		const struct sim_object *o = &s->objects[i];
		if (!o->live)
			continue;
		ends += o->kind == WEIR_OBJ_TX || o->kind == WEIR_OBJ_RX;
		scopes += o->kind == WEIR_OBJ_SCOPE;
		runs += o->kind == WEIR_OBJ_PIPELINE;
		if (o->kind == WEIR_OBJ_CHAN) {
			weir__inspect_chan(o->obj, &chan);
			items += chan.len;
		}
	}
	weir__sim_say(out, SIM_OUT_ALL,
		      "Alive then: %u task%s, %zu channel end%s, %zu buffered item%s, %zu scope%s, %zu pipeline run%s", s->n_live,
		      s->n_live == 1 ? "" : "s", ends, ends == 1 ? "" : "s", items, items == 1 ? "" : "s", scopes,
		      scopes == 1 ? "" : "s", runs, runs == 1 ? "" : "s");
}

/* ---- the report ---- */

/* Tasks are left: who waits for whom is the answer, and everything they hold is still there. */
static bool stops_in_the_middle(const struct sim *s)
{
	enum weir_sim_kind kind = s->failure.kind;
	return kind == WEIR_SIM_DEADLOCK || kind == WEIR_SIM_HANG || kind == WEIR_SIM_STEP_LIMIT ||
	       (kind == WEIR_SIM_LEAK && s->n_live > 1);
}

static FILE *open_file(const char *path)
{
	static char before[4096];
	FILE *file;
	if (!path || !path[0])
		return NULL;
	file = fopen(path, strcmp(before, path) == 0 ? "a" : "w");
	if (file)
		snprintf(before, sizeof(before), "%s", path);
	else
		fprintf(stderr, "weir sim: cannot write the report to %s\n", path);
	return file;
}

void weir__sim_report(struct sim *s, const struct sim_report *about)
{
	struct sim_out out = {.s = s, .about = about, .err = s->opts->quiet ? NULL : stderr};
	bool middle = stops_in_the_middle(s);
	assert(s->failure.kind != WEIR_SIM_PASS && !s->inside);
	out.file = open_file(s->opts->report);
	if (!out.err && !out.file)
		return;
	fflush(stdout); /* what the scenario printed comes first */
	collect_scopes(&out);
	collect_sites(&out);
	say_head(&out);
	say_replay(&out);
	weir__sim_say(&out, SIM_OUT_ALL, "%s", "");
	if (middle)
		weir__sim_report_waits(&out);
	else if (s->failure.kind == WEIR_SIM_LEAK)
		say_leaks(&out);
	else
		say_task(&out);
	weir__sim_say(&out, SIM_OUT_ALL, "%s", "");
	weir__sim_report_table(&out);
	weir__sim_say(&out, SIM_OUT_ALL, "%s", "");
	if (middle)
		say_alive(&out);
	weir__sim_say(&out, SIM_OUT_ALL, "Not explored: weak memory (this is sequential consistency), choices inside an operation");
	say_replay(&out);
	if (out.err)
		fflush(out.err);
	if (out.file)
		fclose(out.file);
	free(out.sites);
	free(out.lines);
}
