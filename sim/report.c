/* SPDX-License-Identifier: MIT
 *
 * The failure of a schedule, for the person who has to understand it.
 *
 * In this order: what failed and how to see it again; who is blocked on what, and who could help (report_waits.c);
 * for other failures the task, the sites and what the other tasks were doing, or what was left over; the interleaving
 * (report_table.c); how to read the replay string; the accounts of all channels; what was not explored; the replay line
 * again, because a log is read from its end.
 *
 *  N1  Plain ASCII: whatever comes from the user (names, messages, notes) goes through weir__sim_say, which replaces
 *      every other byte.
 *  N2  Bounded on stderr, whatever the schedule was: each section has its own limit, and each line one of its own.
 *      The report file gets everything.
 *  N3  A report is about something that went wrong: it reads the state of the failed schedule and never fails itself.
 *      Without memory, sites and rows are missing, and no more.
 *  N4  Operations of a task are read only while it waits in them (W3 of report_waits.c): the running task may have
 *      crashed anywhere.
 *
 * The first report of a process that goes to a file replaces it; later ones to the same path are added behind it, so
 * that a run of many tests keeps all of its failures.
 *
 * Runs outside of tasks, on the normal stack, in the one thread of the search. */
#include "report.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "explain.h"

/* lines on stderr */
#define LEAKS 20
#define CHANS 12

#define WRAP 120

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
	size_t n = 0; /* without the blanks at the end */
	for (size_t i = 0; line[i]; i++) {
		if (line[i] < ' ' || line[i] > '~')
			line[i] = line[i] == '\n' || line[i] == '\t' ? ' ' : '?';
		n = line[i] == ' ' ? n : i + 1;
	}
	line[n] = '\0';
	if (out->err && (where & SIM_OUT_ERR))
		fprintf(out->err, "%s%s\n", out->gap & SIM_OUT_ERR ? "\n" : "", line);
	if (out->file && (where & SIM_OUT_FILE))
		fprintf(out->file, "%s%s\n", out->gap & SIM_OUT_FILE ? "\n" : "", line);
	out->gap &= ~(unsigned)where;
}

void weir__sim_say_legend(struct sim_out *out, const char *title, const char *const *texts, size_t n)
{
	struct sim_line line = {.n = 0};
	size_t shown = 0;
	for (size_t i = 0; i < n; i++) {
		if (!texts[i][0])
			continue;
		if (shown == 0)
			weir__sim_put(&line, "  %s", title);
		else if (line.n + 3 + strlen(texts[i]) <= WRAP)
			weir__sim_put(&line, "; ");
		else {
			weir__sim_say(out, SIM_OUT_ALL, "%s;", line.text);
			line = (struct sim_line){.n = 0};
			weir__sim_put(&line, "  %*s", (int)strlen(title), "");
		}
		weir__sim_put(&line, "%s", texts[i]);
		shown++;
	}
	if (shown > 0)
		weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
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
	weir__sim_put_name(line, ref, names);
}

void weir__sim_put_name(struct sim_line *line, const struct sim_trace_ref *ref, bool names)
{
	int cap = line->name_cap, n = (int)strlen(ref->name);
	if (!names || n == 0)
		return;
	if (cap > 0 && n > cap)
		weir__sim_put(line, " \"%.*s~\"", cap - 1, ref->name);
	else
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
	uintptr_t x = (uintptr_t) * (const void *const *)a, y = (uintptr_t) * (const void *const *)b;
	return x < y ? -1 : x > y;
}

const char *weir__sim_line_of(const struct sim_out *out, const void *site)
{
	const void *const *found = site && out->lines
					   ? bsearch(&site, out->sites, out->n_sites, sizeof(*out->sites), by_address)
					   : NULL;
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
	for (size_t i = 0; out->about->why && i < SIM_WHY_PAIRS; i++)
		add_site(out, out->about->why->pairs[i].site);
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

/* ---- the first and the last lines ---- */

static bool needs_quotes(const char *word)
{
	return word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:@%")] != '\0';
}

/* A schedule too long for a string: the search that finds it again. Its last schedule is the one that failed. */
static void say_search(struct sim_out *out, const char *name, const char *nq, const char *pq)
{
	const struct sim_report *a = out->about;
	const char *strategy = out->s->opts->strategy ? out->s->opts->strategy : "portfolio";
	unsigned long long seed = a->seed, n = a->schedule;
	if (a->program)
		weir__sim_say(out, SIM_OUT_ALL,
			      "replay: %s%.300s%s --strategy %.20s --seed %llu --schedules %llu %s%.200s%s", pq,
			      a->program, pq, strategy, seed, n, nq, name, nq);
	else
		weir__sim_say(out, SIM_OUT_ALL,
			      "replay: run %.200s with opts.strategy = \"%.20s\", .seed = %llu, .schedules = %llu",
			      name, strategy, seed, n);
	weir__sim_say(out, SIM_OUT_ALL, "        (the last of them; as a string it is too long to be written down)");
	if (out->s->opts->faults)
		weir__sim_say(out, SIM_OUT_ALL, "        (with opts.faults = %u, .fault_kinds = %u)",
			      out->s->opts->faults, out->s->opts->fault_kinds);
	if (out->s->opts->fail_alloc || out->s->opts->fail_spawn)
		weir__sim_say(out, SIM_OUT_ALL, "        (with opts.fail_alloc = %llu, .fail_spawn = %llu)",
			      (unsigned long long)out->s->opts->fail_alloc,
			      (unsigned long long)out->s->opts->fail_spawn);
}

static void say_replay(struct sim_out *out)
{
	const struct sim_report *a = out->about;
	const char *name = a->name ? a->name : "scenario";
	const char *pq = a->program && needs_quotes(a->program) ? "'" : "", *nq = needs_quotes(name) ? "'" : "";
	if (a->schedule == 0 || out->s->failure.kind == WEIR_SIM_BAD_REPLAY)
		return; /* no schedule shows it; or the user has just told the string */
	if (!a->replay || !a->replay[0])
		say_search(out, name, nq, pq);
	else if (a->program)
		weir__sim_say(out, SIM_OUT_ALL, "replay: WEIR_SIM_REPLAY='%s' %s%.300s%s %s%.200s%s", a->replay, pq,
			      a->program, pq, nq, name, nq);
	else
		weir__sim_say(out, SIM_OUT_ALL, "replay: run %.200s with opts.replay = \"%s\"", name, a->replay);
}

/* There may be more choices than before, where they save switches. */
static void put_shrunk(struct sim_line *line, const struct sim_out *out)
{
	const struct sim_report *a = out->about;
	size_t preemptions = weir__sim_preemptions(out->s->trace);
	if (a->choices <= a->choices_before)
		weir__sim_put(line, "; shrunk from %llu to %llu choice%s, ", (unsigned long long)a->choices_before,
			      (unsigned long long)a->choices, a->choices == 1 ? "" : "s");
	else
		weir__sim_put(line, "; shrunk to fewer switches, ");
	weir__sim_put(line, "%zu preemption%s", preemptions, preemptions == 1 ? "" : "s");
}

static void say_head(struct sim_out *out)
{
	const struct sim_report *a = out->about;
	const struct sim_failure *f = &out->s->failure;
	struct sim_line line = {.n = 0};
	if (a->schedule == 0) {
		weir__sim_say(out, SIM_OUT_ALL, "FAIL %.200s: %s: %s", a->name ? a->name : "scenario",
			      weir_sim_kind_name(f->kind), f->text);
		return;
	}
	weir__sim_say(out, SIM_OUT_ALL, "FAIL %.200s: %s at step %llu: %s", a->name ? a->name : "scenario",
		      weir_sim_kind_name(f->kind), (unsigned long long)f->step, f->text);
	if (out->s->opts->replay) {
		weir__sim_put(&line, out->s->failure.kind == WEIR_SIM_BAD_REPLAY ? "(no replay any more"
				     : a->unlike ? "(replayed, but not step for step: program, library or string were "
						   "changed since"
						 : "(replayed");
	} else {
		weir__sim_put(&line, "(schedule %llu", (unsigned long long)a->schedule);
		if (a->schedules > a->schedule)
			weir__sim_put(&line, " of %llu", (unsigned long long)a->schedules);
		weir__sim_put(&line, ", strategy %s, seed %llu", a->strategy ? a->strategy : "portfolio",
			      (unsigned long long)a->seed);
	}
	weir__sim_put(&line, ", virtual time ");
	weir__sim_put_time(&line, f->time_at);
	if (a->choices_before + a->choices > 0)
		put_shrunk(&line, out);
	weir__sim_put(&line, ")");
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

static const char *first_item(const char *list, char kind)
{
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		const char *arrow = strpbrk(at, ">,");
		char is = *at >= 'a' ? *at : arrow && arrow[0] == '>' && arrow[1] == 't' ? 't' : '>';
		if (is == kind)
			return at;
	}
	return NULL;
}

/* One example of each kind of item that the replay string has. */
static void say_replay_notation(struct sim_out *out)
{
	const struct sim_report *a = out->about;
	const char *list = a->replay ? strrchr(a->replay, ':') : NULL, *item;
	unsigned long long at;
	unsigned value;
	char texts[9][120] = {""};
	if (!list || a->schedule == 0 || out->s->failure.kind == WEIR_SIM_BAD_REPLAY)
		return;
	list++;
	if ((item = first_item(list, '>')) && sscanf(item, "%llu>%u", &at, &value) == 2)
		snprintf(texts[0], sizeof(texts[0]), "%.*s = at step %llu T%u runs", (int)strcspn(item, ","), item, at,
			 value);
	if ((item = first_item(list, 't')) && sscanf(item, "%llu>", &at) == 1)
		snprintf(texts[1], sizeof(texts[1]), "%llu>t = at step %llu time moves", at, at);
	if ((item = first_item(list, 'c')) && sscanf(item, "c%llu=%u", &at, &value) == 2)
		snprintf(texts[2], sizeof(texts[2]), "c%llu=%u = data choice %llu (from 0) is %u", at, value, at,
			 value);
	if ((item = first_item(list, 'f')) && sscanf(item, "f%llu", &at) == 1)
		snprintf(texts[3], sizeof(texts[3]), "f%llu = allocation %llu (from 1) fails", at, at);
	if ((item = first_item(list, 'p')) && sscanf(item, "p%llu", &at) == 1)
		snprintf(texts[4], sizeof(texts[4]), "p%llu = spawn %llu (from 1) fails", at, at);
	if ((item = first_item(list, 'i')) && sscanf(item, "i%llu", &at) == 1)
		snprintf(texts[5], sizeof(texts[5]), "i%llu = call %llu (from 1) on a descriptor goes wrong", at, at);
	if ((item = first_item(list, 'w')) && sscanf(item, "w%llu", &at) == 1)
		snprintf(texts[6], sizeof(texts[6]), "w%llu = wait %llu (from 1) ends for no reason", at, at);
	if ((item = first_item(list, 'u')) && sscanf(item, "u%llu", &at) == 1)
		snprintf(texts[7], sizeof(texts[7]), "u%llu = weir_sim_fault %llu (from 1) is true", at, at);
	snprintf(texts[8], sizeof(texts[8]), "%s whoever runs goes on, or the lowest task that can",
		 *list == '-' ? "- = always" : "else");
	const char *shown[9];
	for (size_t i = 0; i < 9; i++)
		shown[i] = texts[i];
	weir__sim_say_legend(out, "replay string: ", shown, 9);
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
			bool over = e->kind != SIM_EV_STEP || e->op == WEIR_OP_YIELD || e->op == WEIR_OP_JOIN;
			weir__sim_put(&line, over ? "; after " : "; inside ");
			weir__sim_put_event(&line, e, true);
			weir__sim_put(&line, e->site && e->site != f->site ? " at %s" : "%.0s",
				      weir__sim_line_of(out, e->site));
		}
		weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
	} else if (f->site) {
		weir__sim_say(out, SIM_OUT_ALL, "  made at %s", weir__sim_line_of(out, f->site));
	}
	if (!f->other_site)
		return;
	line = (struct sim_line){.n = 0};
	weir__sim_put(&line, "  the other site: %s", weir__sim_line_of(out, f->other_site));
	if ((f->kind == WEIR_SIM_OWNERSHIP || f->kind == WEIR_SIM_RACE) && f->other_task < s->n_tasks) {
		weir__sim_put(&line, " by ");
		weir__sim_put_task(&line, s, f->other_task);
		weir__sim_put(&line, " (now: ");
		weir__sim_put_doing(&line, out, f->other_task);
		weir__sim_put(&line, ")");
	}
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

/* What another task was doing, from its events: after a crash its operation may be in memory that is no more what it
 * was. */
static void put_other(struct sim_line *line, const struct sim_out *out, uint32_t task)
{
	const struct sim_task *t = out->s->tasks[task];
	const struct sim_event *e = weir__sim_last_event(out->s, task);
	struct sim_event op;
	if (!e) {
		weir__sim_put(line, t->state == SIM_EXITED ? "ended" : "not started yet");
		return;
	}
	op = *e;
	op.kind = SIM_EV_STEP; /* the operation without what came of it */
	if (t->state == SIM_EXITED && e->op == WEIR_OP_TASK_END && e->kind == SIM_EV_RESULT) {
		weir__sim_put(line, "returned ");
		weir__sim_put_code(line, e->rc);
		weir__sim_put(line, " at step %llu", (unsigned long long)e->step);
	} else if (t->state == SIM_EXITED) {
		weir__sim_put(line, "ended");
	} else if (e->kind == SIM_EV_BLOCK) {
		weir__sim_put(line, "%s since step %llu in ",
			      t->state == SIM_RUNNABLE ? "woken; it had waited" : "waits", (unsigned long long)e->step);
		weir__sim_put_event(line, &op, true);
	} else {
		weir__sim_put(line, "can run; last at step %llu: ", (unsigned long long)e->step);
		weir__sim_put_event(line, e, true);
	}
	if (e->site && t->state != SIM_EXITED)
		weir__sim_put(line, " at %s", weir__sim_line_of(out, e->site));
}

static void say_others(struct sim_out *out)
{
	const struct sim *s = out->s;
	size_t width = 0, n = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_line name = {.n = 0};
		weir__sim_put_task(&name, s, i);
		width = i != s->failure.task && name.n > width ? name.n : width;
	}
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_line line = {.n = 0}, name = {.n = 0};
		if (i == s->failure.task)
			continue;
		weir__sim_put_task(&name, s, i);
		weir__sim_put(&line, "  %-*s  ", (int)width, name.text);
		put_other(&line, out, i);
		weir__sim_say(out, n++ < LEAKS ? SIM_OUT_ALL : SIM_OUT_FILE, "%s", line.text); /* N2 */
	}
	if (n > LEAKS)
		weir__sim_say(out, SIM_OUT_ERR, "  ... and %zu more tasks", n - LEAKS);
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
		weir__sim_say(out, SIM_OUT_ALL, "  with them %zu block%s of memory, %zu bytes", l.blocks,
			      l.blocks == 1 ? "" : "s", l.bytes);
}

static void put_count(struct sim_line *line, const char *before, size_t n, const char *what)
{
	if (n > 0)
		weir__sim_put(line, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

/* Where the schedule stopped in the middle, everything is still there: a count says enough. */
static void say_alive(struct sim_out *out)
{
	const struct sim *s = out->s;
	struct weir__chan_view chan;
	size_t ends = 0, scopes = 0, runs = 0, items = 0;
	struct sim_line line = {.n = 0};
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
	weir__sim_put(&line, "Alive then: ");
	put_count(&line, "", s->n_live, "task");
	put_count(&line, ", ", ends, "channel end");
	put_count(&line, ", ", items, "buffered item");
	put_count(&line, ", ", scopes, "scope");
	put_count(&line, ", ", runs, "pipeline run");
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

/* ---- channels ---- */

/* Something to be seen: it is still there, or has dropped items. */
static bool is_of_interest(const struct sim_account *a)
{
	return !a->gone || a->dropped > 0;
}

static void say_channel(struct sim_out *out, const struct sim_account *a, size_t width, enum sim_where where)
{
	struct sim_line line = {.n = 0}, name = {.n = 0}, buffered = {.n = 0};
	weir__sim_put_ref(&name, &a->ref, true);
	weir__sim_put(&buffered, a->capacity ? "%zu/%zu" : "-", a->len, a->capacity);
	weir__sim_put(&line, "  %-*s  %8llu  %9llu  %7llu  %8s  ", (int)width, name.text,
		      (unsigned long long)a->accepted, (unsigned long long)a->delivered, (unsigned long long)a->dropped,
		      buffered.text);
	if (a->gone)
		weir__sim_put(&line, "closed");
	else
		weir__sim_put(&line, "open ends: %zu sending, %zu receiving", a->n_tx, a->n_rx);
	weir__sim_say(out, where, "%s", line.text);
}

/* N2: where there are too many, stderr gets those that are of interest. */
static void say_channels(struct sim_out *out)
{
	const struct sim_trace *trace = out->s->trace;
	size_t n = 0, shown = 0, hidden = 0, width = strlen("channels:") - 2;
	if (trace && out->s->failure.kind != WEIR_SIM_CRASH) /* what has crashed may have written anywhere */
		weir__sim_trace_accounts(out->s);
	for (size_t i = 0; trace && i < trace->n_chans; i++) {
		struct sim_line name = {.n = 0};
		weir__sim_put_ref(&name, &trace->chans[i].ref, true);
		width = name.n > width ? name.n : width;
		n += name.n > 0;
	}
	if (n == 0)
		return;
	weir__sim_say(out, SIM_OUT_ALL, "%-*s  accepted  delivered  dropped  buffered", (int)width + 2, "channels:");
	for (size_t i = 0; i < trace->n_chans; i++) {
		const struct sim_account *a = &trace->chans[i];
		bool fits = n <= CHANS || (is_of_interest(a) && shown < CHANS - 1);
		if (a->ref.kind == WEIR_OBJ_DEAD)
			continue;
		say_channel(out, a, width, fits ? SIM_OUT_ALL : SIM_OUT_FILE);
		shown += fits;
		hidden += !fits && is_of_interest(a);
	}
	if (n > shown)
		weir__sim_say(out, SIM_OUT_ERR, "  ... and %zu more%s", n - shown,
			      hidden ? "" : ", closed and without drops");
	out->gap = SIM_OUT_ALL;
}

/* ---- the report ---- */

/* Tasks are left: who waits for whom is the answer, and everything they hold is still there. */
static bool stops_in_the_middle(const struct sim *s)
{
	enum weir_sim_kind kind = s->failure.kind;
	return kind == WEIR_SIM_DEADLOCK || kind == WEIR_SIM_LIVELOCK || kind == WEIR_SIM_HANG ||
	       kind == WEIR_SIM_STEP_LIMIT || (kind == WEIR_SIM_LEAK && s->n_live > 1);
}

/* Of a history that is not linearizable: the text that linear_text.c made. */
static void say_explanation(struct sim_out *out)
{
	for (const char *at = out->s->explanation; at && *at;) {
		int n = (int)strcspn(at, "\n");
		weir__sim_say(out, SIM_OUT_ALL, "  %.*s", n, at);
		at += n + (at[n] == '\n');
	}
	out->gap = out->s->explanation ? SIM_OUT_ALL : out->gap;
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
	if (s->trace)
		weir__sim_trace_settle_names(s->trace);
	fflush(stdout); /* what the scenario printed comes first */
	say_head(&out); /* before anything that takes memory: a scenario that crashed may have broken the heap */
	say_replay(&out);
	collect_sites(&out);
	out.gap = SIM_OUT_ALL;
	weir__sim_report_spins(&out);
	if (middle)
		weir__sim_report_waits(&out);
	else if (s->failure.kind == WEIR_SIM_LEAK)
		say_leaks(&out);
	else if (s->failure.kind != WEIR_SIM_NONDETERMINISM)
		say_task(&out);
	say_explanation(&out);
	if (!middle && s->failure.kind != WEIR_SIM_LEAK && s->failure.task != SIM_NONE)
		say_others(&out);
	out.gap = SIM_OUT_ALL;
	weir__sim_report_why(&out);
	out.gap = SIM_OUT_ALL;
	weir__sim_report_table(&out);
	if (!s->trace && about->schedule > 0)
		weir__sim_say(&out, SIM_OUT_ALL,
			      "(no interleaving: only a schedule that is run again is recorded, and this was found "
			      "without that)");
	say_replay_notation(&out);
	out.gap = SIM_OUT_ALL;
	say_channels(&out);
	if (middle)
		say_alive(&out);
	weir__sim_say(&out, SIM_OUT_ALL,
		      SIM_EXPLORES ? "Not explored: weak memory (this is sequential consistency)"
				   : "Not explored: weak memory (this is sequential consistency), choices inside an "
				     "operation");
	say_replay(&out);
	if (out.err)
		fflush(out.err);
	if (out.file)
		fclose(out.file);
	free(out.sites);
	free(out.lines);
}
