/* SPDX-License-Identifier: MIT
 *
 * Data races on memory whose accesses are announced (weir/sim/memory.h).
 *
 * FastTrack (Flanagan and Freund, PLDI 2009): an access is remembered by its epoch, the task and that task's own time,
 * and comes before another one if the other task's clock (race_order.c) has reached that time. One write is enough to
 * remember, since writes that do not race are ordered; reads are kept for as long as nothing that comes after them
 * stands for them. Where FastTrack goes from an epoch to a vector for reads, there is a list here.
 *
 *  R1  Memory is looked at in granules of 8 bytes, each with the list of its accesses and, for each of those, which of
 *      the 8 bytes it touched. So ranges may overlap in any way, and neighbours that share a granule do not race.
 *  R2  An access A is dropped for bytes that B touches if A comes before B, and B writes or A only read: whatever races
 *      with A later races with B as well. So a list holds, for each byte, one write and at most one read per task.
 *  R3  Memory that is given back is written by who gives it back, and then forgotten. The memory of tasks is never
 *      given out twice in a schedule, but the pages of others may be.
 *  R4  A stack belongs to one task for all of a schedule. A variable of a frame that is gone can only be met by its
 *      address, from the same task (which races with nothing of its own) or from one that should have been waited for
 *      before the frame went, and then what is reported is a race. So dead frames need not be forgotten.
 *  R5  All is forgotten at the first access of the next schedule, in one step: entries are of one schedule. Memory is
 *      kept. No address takes part in what happens (E5), only in where it is looked up.
 *
 * The table is open, with linear probing, at most half full. */
#include "race.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"

#define GRANULE 8u
#define MAX_BYTES ((size_t)8 << 20) /* known in one schedule */
#define MAX_AT_ONCE ((size_t)1 << 30)
#define NAMES 64

struct access {
	uint32_t next; /* of the same granule, or SIM_NONE; in the free list, too */
	uint32_t epoch;
	uint64_t step;
	int64_t time_at;
	const void *site;
	uint16_t task;
	uint8_t bytes; /* bit i: the granule's byte i */
	bool write;
};

struct entry {
	uintptr_t granule;
	uint32_t schedule; /* 0: never used */
	uint32_t first;
};

struct named {
	uintptr_t from;
	size_t bytes;
	char text[24];
};

struct sim_shadow {
	struct entry *entries;
	size_t n_entries, cap; /* cap: a power of two */
	struct access *accesses;
	uint32_t n_accesses, accesses_cap, free_access;
	uint32_t schedule;
	struct named names[NAMES];
	size_t n_names;
};

/* An access that is being looked at. */
struct looked {
	const void *p, *site;
	size_t n;
	bool write, gives_up;
};

/* ---- the table ---- */

struct sim_shadow *weir__sim_shadow_new(void)
{
	struct sim_shadow *sh = weir__own_calloc(sizeof(*sh));
	if (!sh)
		return NULL;
	sh->cap = 1024;
	sh->entries = weir__own_calloc(sh->cap * sizeof(*sh->entries));
	if (sh->entries)
		return sh;
	weir__own_free(sh);
	return NULL;
}

void weir__sim_shadow_free(struct sim_shadow *sh)
{
	weir__own_free(sh->entries);
	weir__own_free(sh->accesses);
	weir__own_free(sh);
}

void weir__sim_shadow_reset(struct sim_shadow *sh)
{
	sh->schedule++; /* R5 */
	sh->n_entries = sh->n_accesses = 0;
	sh->free_access = SIM_NONE;
	sh->n_names = 0;
}

_Noreturn void weir__sim_race_no_memory(struct sim *s)
{
	weir__sim_fail(s, WEIR_SIM_MISUSE, "no memory to remember the accesses in that were announced");
	weir__sim_leave(s);
}

static struct entry *find(const struct sim_shadow *sh, uintptr_t granule)
{
	size_t i = (size_t)((granule * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (sh->cap - 1);
	while (sh->entries[i].schedule == sh->schedule && sh->entries[i].granule != granule)
		i = (i + 1) & (sh->cap - 1);
	return &sh->entries[i];
}

static void make_room(struct sim *s, struct sim_shadow *sh)
{
	struct entry *old = sh->entries;
	size_t n = sh->cap;
	struct entry *more = weir__own_calloc(2 * n * sizeof(*more));
	if (!more)
		weir__sim_race_no_memory(s);
	sh->entries = more;
	sh->cap = 2 * n;
	for (size_t i = 0; i < n; i++)
		if (old[i].schedule == sh->schedule)
			*find(sh, old[i].granule) = old[i];
	weir__own_free(old);
}

static struct entry *entry_of(struct sim *s, struct sim_shadow *sh, uintptr_t granule)
{
	struct entry *e = find(sh, granule);
	if (e->schedule == sh->schedule)
		return e;
	if (sh->n_entries == MAX_BYTES / GRANULE)
		weir__sim_fail(s, WEIR_SIM_MISUSE, "accesses to more than %zu MiB were announced", MAX_BYTES >> 20);
	if (2 * (sh->n_entries + 1) > sh->cap) {
		make_room(s, sh);
		e = find(sh, granule);
	}
	sh->n_entries++;
	*e = (struct entry){.granule = granule, .schedule = sh->schedule, .first = SIM_NONE};
	return e;
}

static uint32_t access_new(struct sim *s, struct sim_shadow *sh)
{
	uint32_t i = sh->free_access;
	if (i != SIM_NONE) {
		sh->free_access = sh->accesses[i].next;
		return i;
	}
	if (sh->n_accesses == sh->accesses_cap) {
		uint32_t cap = sh->accesses_cap ? 2 * sh->accesses_cap : 256;
		struct access *more = weir__own_realloc(sh->accesses, cap * sizeof(*more));
		if (!more)
			weir__sim_race_no_memory(s);
		sh->accesses = more;
		sh->accesses_cap = cap;
	}
	return sh->n_accesses++;
}

/* ---- names ---- */

static const struct named *name_at(const struct sim_shadow *sh, uintptr_t at)
{
	for (size_t i = sh->n_names; i > 0; i--) /* the newest counts */
		if (at - sh->names[i - 1].from < sh->names[i - 1].bytes)
			return &sh->names[i - 1];
	return NULL;
}

struct holder {
	uintptr_t at, offset;
	const struct sim_block *block; /* a copy is */
	struct sim_block copy;
};

static void match_block(void *arg, const void *mem, const struct sim_block *block)
{
	struct holder *h = arg;
	if (h->at - (uintptr_t)mem >= block->bytes)
		return;
	h->offset = h->at - (uintptr_t)mem;
	h->copy = *block;
	h->block = &h->copy;
}

/* The place at p as a person would call it; no address, which would be another one the next time. */
static void describe(struct sim *s, const struct looked *a, uintptr_t at, char *buf, size_t cap)
{
	const struct named *name = name_at(weir__sim_race_shadow(s), at);
	struct holder h = {.at = at};
	if (name && at == name->from) {
		snprintf(buf, cap, "\"%s\"", name->text);
		return;
	}
	if (name) {
		snprintf(buf, cap, "byte %zu of \"%s\"", (size_t)(at - name->from), name->text);
		return;
	}
	weir__sim_blocks(s, match_block, &h);
	if (h.block) {
		snprintf(buf, cap, "byte %zu of %zu that T%u took", (size_t)h.offset, h.block->bytes, h.block->task);
		return;
	}
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		size_t bytes;
		if (at - (uintptr_t)weir__sim_slab_stack(s->tasks[i]->slab, &bytes) < bytes) {
			snprintf(buf, cap, "a variable of %zu bytes of T%u %.20s", a->n, i, s->tasks[i]->pub.name);
			return;
		}
	}
	snprintf(buf, cap, "a variable of %zu bytes", a->n);
}

/* ---- races ---- */

static void put_when(char *buf, size_t cap, uint64_t step, int64_t at)
{
	if (at == 0)
		snprintf(buf, cap, "at step %llu", (unsigned long long)step);
	else
		snprintf(buf, cap, "at step %llu (+%lld ns)", (unsigned long long)step, (long long)at);
}

static void report(struct sim *s, const struct sim_task *t, const struct looked *a, const struct access *other,
		   uintptr_t at)
{
	char what[96], when[64];
	const struct sim_task *o = s->tasks[other->task];
	describe(s, a, at, what, sizeof(what));
	put_when(when, sizeof(when), other->step, other->time_at);
	s->failure.site = a->site;
	s->failure.other_site = other->site;
	s->failure.other_task = other->task;
	weir__sim_fail(s, WEIR_SIM_RACE, "T%u %.20s %s %s, which T%u %.20s %s %s: nothing orders the two", t->index,
		       t->pub.name,
		       a->gives_up ? "gives up"
		       : a->write  ? "writes"
				   : "reads",
		       what, o->index, o->pub.name, other->write ? "wrote" : "read", when);
}

/* One granule: bytes is which of it. */
static void look(struct sim *s, struct sim_task *t, const struct looked *a, uintptr_t granule, uint8_t bytes)
{
	struct sim_shadow *sh = weir__sim_race_shadow(s);
	struct entry *e = a->gives_up ? find(sh, granule) : entry_of(s, sh, granule);
	if (e->schedule != sh->schedule)
		return;
	for (uint32_t *at = &e->first, i; (i = *at) != SIM_NONE;) {
		struct access *b = &sh->accesses[i];
		uint8_t common = b->bytes & bytes;
		bool before = weir__sim_race_knows(s, t->index, b->task) >= b->epoch;
		if (common && !before && (a->write || b->write))
			report(s, t, a, b, granule * GRANULE + (unsigned)__builtin_ctz(common));
		if (common && before && (a->write || !b->write)) /* R2 */
			b->bytes &= (uint8_t)~bytes;
		if (b->bytes) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		b->next = sh->free_access;
		sh->free_access = i;
	}
	if (a->gives_up)
		return;
	uint32_t i = access_new(s, sh);
	sh->accesses[i] = (struct access){.next = e->first,
					  .epoch = weir__sim_race_knows(s, t->index, t->index),
					  .step = s->step,
					  .time_at = s->now,
					  .site = a->site,
					  .task = (uint16_t)t->index,
					  .bytes = bytes,
					  .write = a->write};
	e->first = i;
}

static void look_all(struct sim *s, struct sim_task *t, const struct looked *a)
{
	uintptr_t from = (uintptr_t)a->p, end = from + a->n;
	for (uintptr_t granule = from / GRANULE; granule * GRANULE < end; granule++) {
		unsigned bytes = 0xff;
		if (granule * GRANULE < from)
			bytes &= 0xffu << (from - granule * GRANULE);
		if (end - granule * GRANULE < GRANULE)
			bytes &= 0xffu >> (GRANULE - (end - granule * GRANULE));
		look(s, t, a, granule, (uint8_t)bytes);
	}
}

/* R3 */
static void give_up(struct sim *s, struct sim_task *t, struct looked *a)
{
	struct sim_shadow *sh = weir__sim_race_shadow(s);
	uintptr_t from = (uintptr_t)a->p;
	a->write = a->gives_up = true;
	look_all(s, t, a);
	for (size_t i = 0; i < sh->n_names; i++)
		if (sh->names[i].from - from < a->n)
			sh->names[i].bytes = 0;
}

void weir__sim_race_released(struct sim *s, const void *mem, size_t bytes, const void *site)
{
	struct looked a = {.p = mem, .n = bytes, .site = site};
	if (bytes > 0)
		give_up(s, weir__sim_current(s), &a);
}

/* ---- what a scenario calls ---- */

/* NULL: there is nobody to look. */
static struct sim *watching(const void *p, size_t n)
{
	struct sim *s = weir__sim;
	if (!s || !s->inside || s->checking || n == 0)
		return NULL;
	if (n > MAX_AT_ONCE || n > UINTPTR_MAX - (uintptr_t)p) {
		weir__sim_fail(s, WEIR_SIM_MISUSE, "an access to %zu bytes was announced", n);
		return NULL;
	}
	return s;
}

/* memory_steps: a load or store of something that nothing else is known of than that it depends on everything. */
static void step(struct sim *s, bool write, const void *site)
{
	static struct weir_obj anything = {.kind = WEIR_OBJ_DEAD};
	struct weir_op op = {.kind = write ? WEIR_OP_STORE : WEIR_OP_LOAD,
			     .access = write ? WEIR_ACCESS_WRITE : WEIR_ACCESS_READ,
			     .obj = {&anything},
			     .at = WEIR_FOREVER,
			     .site = site};
	s->hooks.choice(&s->rt, &op);
	s->hooks.note(&s->rt, &(struct weir_event){.note = WEIR_NOTE_RESULT, .op = &op});
}

static void note(struct sim *s, const char *verb, const void *p, size_t n, const void *site)
{
	char text[80], what[64] = "";
	const struct named *name = name_at(weir__sim_race_shadow(s), (uintptr_t)p);
	if (name)
		snprintf(what, sizeof(what), " of \"%s\"", name->text);
	snprintf(text, sizeof(text), "%s %zu byte%s%s", verb, n, n == 1 ? "" : "s", what);
	size_t before = s->trace->n;
	weir__sim_trace_note(s, text);
	if (s->trace->n > before)
		s->trace->events[before].site = site;
}

static void announced(const void *p, size_t n, bool write, const void *site)
{
	struct sim *s = watching(p, n);
	if (s && s->opts->memory_steps)
		step(s, write, site);
	if (!s || s->opts->no_races)
		return;
	weir__san_enter();
	if (!s->racing)
		weir__sim_race_start(s);
	if (s->trace)
		note(s, write ? "writes" : "reads", p, n, site);
	look_all(s, weir__sim_current(s), &(struct looked){.p = p, .n = n, .site = site, .write = write});
	weir__san_leave();
}

void weir_sim_read(const void *p, size_t n)
{
	announced(p, n, false, __builtin_return_address(0));
}

void weir_sim_write(void *p, size_t n)
{
	announced(p, n, true, __builtin_return_address(0));
}

void weir_sim_forget(void *p, size_t n)
{
	struct sim *s = watching(p, n);
	if (!s || !s->racing)
		return;
	weir__san_enter();
	weir__sim_race_released(s, p, n, __builtin_return_address(0));
	weir__san_leave();
}

void weir_sim_name_memory(void *p, size_t n, const char *text)
{
	struct sim *s = watching(p, n);
	if (!s || s->opts->no_races)
		return;
	weir__san_enter();
	if (!s->racing)
		weir__sim_race_start(s);
	struct sim_shadow *sh = weir__sim_race_shadow(s);
	if (sh->n_names < NAMES) {
		struct named *name = &sh->names[sh->n_names++];
		*name = (struct named){.from = (uintptr_t)p, .bytes = n};
		snprintf(name->text, sizeof(name->text), "%s", text ? text : "");
	}
	weir__san_leave();
}
