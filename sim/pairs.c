/* SPDX-License-Identifier: MIT
 *
 * Pairs of operations that a search has seen in one order only: "this line always came before that one". Either the
 * program makes it so, or the search has missed the other order; only people can tell.
 *
 *  O1  A place is (site, task): where in the code, and who. A pair is looked at if the operations are of different
 *      tasks and touch the same object, and one of them writes it (dependence.h; wide effects are not looked at).
 *      Order is that of the attempts: the step in which a task comes back from waiting is not one.
 *  O2  Pairs that a spawn or a join orders cannot come otherwise, and are not counted. `known` of a task are the
 *      places whose last operation came before what it does now for that reason: those of its parent before the
 *      spawn, those of a task that it has joined. An operation takes its place out of what all others know.
 *  O3  Sets of places are bit masks, so a step costs some words for each object it touches and one count for each
 *      place that came before. PLACES is the bound; what does not fit is not watched, and `more` says so.
 *  O4  A table index of an object is used again when the object is gone: its identity, and the schedule, tell whether
 *      what is kept is about this one.
 *  O5  All of it lies in memory that forked processes share, a struct for each: pages that nothing is written to cost
 *      nothing. */
#include <stdlib.h>
#include <sys/mman.h>

#include "dependence.h"
#include "explored.h"

#define PLACES 256
#define WORDS (PLACES / 64)
#define TABLE (2 * PLACES)
#define OBJECTS 4096 /* further ones are not watched */
#define NO_PLACE UINT32_MAX

struct set {
	uint64_t word[WORDS];
};

struct place {
	const void *site;
	uint32_t task;
};

struct touched {
	uint64_t schedule, identity; /* O4 */
	struct set readers, writers;
};

struct sim_pairs {
	uint32_t n;
	bool more;
	struct place place[PLACES];
	uint16_t at[TABLE]; /* index + 1; 0: free */
	struct set of_task[WEIR_SIM_TASKS];
	uint32_t times[PLACES][PLACES]; /* [before][after] */

	/* this schedule */
	uint64_t schedule;
	uint32_t n_tasks; /* whose two sets below are of this schedule */
	struct set known[WEIR_SIM_TASKS], done[WEIR_SIM_TASKS];
	struct touched object[OBJECTS];
};

struct sim_pairs *weir__sim_pairs_new(void)
{
	void *mem = mmap(NULL, sizeof(struct sim_pairs), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); /* O5 */
	return mem == MAP_FAILED ? NULL : mem;
}

void weir__sim_pairs_free(struct sim_pairs *p)
{
	if (p)
		munmap(p, sizeof(*p));
}

bool weir__sim_pairs_more(const struct sim_pairs *p)
{
	return p->more;
}

void weir__sim_pairs_begin(struct sim_pairs *p)
{
	p->schedule++;
	p->n_tasks = 0;
}

static void add(struct set *set, uint32_t i)
{
	set->word[i / 64] |= UINT64_C(1) << (i % 64);
}

/* The place's number, which it gets now if it is new. O3 */
static uint32_t place_of(struct sim_pairs *p, const void *site, uint32_t task)
{
	uint64_t hash = ((uint64_t)(uintptr_t)site + task * UINT64_C(0x9e3779b97f4a7c15)) *
			UINT64_C(0xd6e8feb86659fd93);
	for (uint32_t i = (uint32_t)(hash >> 40) % TABLE;; i = (i + 1) % TABLE) {
		if (p->at[i] == 0) {
			if (p->n == PLACES) {
				p->more = true;
				return NO_PLACE;
			}
			p->place[p->n] = (struct place){.site = site, .task = task};
			add(&p->of_task[task], p->n);
			p->at[i] = (uint16_t)++p->n;
		}
		const struct place *there = &p->place[p->at[i] - 1];
		if (there->site == site && there->task == task)
			return p->at[i] - 1u;
	}
}

/* Tasks get their sets when they are first seen. */
static void reach(struct sim_pairs *p, uint32_t task)
{
	for (; p->n_tasks <= task; p->n_tasks++) {
		p->known[p->n_tasks] = (struct set){0};
		p->done[p->n_tasks] = (struct set){0};
	}
}

void weir__sim_pairs_spawn(struct sim_pairs *p, uint32_t parent, uint32_t child)
{
	reach(p, child > parent ? child : parent);
	for (int w = 0; w < WORDS; w++)
		p->known[child].word[w] = p->known[parent].word[w] | p->done[parent].word[w];
}

void weir__sim_pairs_join(struct sim_pairs *p, uint32_t task, uint32_t joined)
{
	reach(p, task > joined ? task : joined);
	for (int w = 0; w < WORDS; w++)
		p->known[task].word[w] |= p->known[joined].word[w] | p->done[joined].word[w];
}

/* NULL: it is not watched. O3, O4 */
static struct touched *touched_by(struct sim *s, uint32_t object)
{
	struct sim_pairs *p = s->pairs;
	if (object >= OBJECTS) {
		p->more = true;
		return NULL;
	}
	struct touched *o = &p->object[object];
	uint64_t identity = s->objects[object].identity;
	if (o->schedule != p->schedule || o->identity != identity)
		*o = (struct touched){.schedule = p->schedule, .identity = identity};
	return o;
}

static void count(struct sim_pairs *p, const struct touched *o, bool write, uint32_t task, uint32_t place)
{
	for (uint32_t w = 0; w < WORDS; w++) {
		uint64_t bits = o->writers.word[w] | (write ? o->readers.word[w] : 0);
		bits &= ~(p->of_task[task].word[w] | p->known[task].word[w]); /* O1, O2 */
		for (; bits; bits &= bits - 1) {
			uint32_t *times = &p->times[w * 64 + (uint32_t)__builtin_ctzll(bits)][place];
			*times += *times != UINT32_MAX;
		}
	}
}

void weir__sim_pairs_step(struct sim *s, const struct sim_task *t)
{
	struct sim_pairs *p = s->pairs;
	if (!t->op->site || t->op->kind == WEIR_OP_TASK_END) /* no line of the user's */
		return;
	struct sim_effect e = weir__sim_effect(s, t->op);
	uint32_t place = e.n ? place_of(p, t->op->site, t->index) : NO_PLACE;
	if (place == NO_PLACE)
		return;
	reach(p, t->index);
	for (uint32_t i = 0; i < e.n; i++) {
		bool write = e.written >> i & 1;
		struct touched *o = touched_by(s, e.object[i]);
		if (!o)
			continue;
		count(p, o, write, t->index, place);
		add(write ? &o->writers : &o->readers, place);
	}
	for (uint32_t i = 0; i < p->n_tasks; i++) /* O2 */
		p->known[i].word[place / 64] &= ~(UINT64_C(1) << (place % 64));
	add(&p->done[t->index], place);
}

void weir__sim_pairs_merge(struct sim_pairs *to, const struct sim_pairs *from)
{
	uint32_t at[PLACES];
	to->more |= from->more;
	for (uint32_t i = 0; i < from->n; i++)
		at[i] = place_of(to, from->place[i].site, from->place[i].task);
	for (uint32_t i = 0; i < from->n; i++) {
		for (uint32_t k = 0; k < from->n; k++) {
			if (at[i] == NO_PLACE || at[k] == NO_PLACE)
				continue;
			uint32_t *times = &to->times[at[i]][at[k]], more = from->times[i][k];
			*times = *times > UINT32_MAX - more ? UINT32_MAX : *times + more;
		}
	}
}

/* ---- the list ---- */

/* sites[i] of place i: the first place of the same site. */
static void same_sites(const struct sim_pairs *p, uint32_t *first)
{
	for (uint32_t i = 0; i < p->n; i++) {
		first[i] = 0;
		while (p->place[first[i]].site != p->place[i].site)
			first[i]++;
	}
}

static int more_often(const void *a, const void *b)
{
	const struct weir_sim_pair *x = a, *y = b;
	if (x->times != y->times)
		return x->times < y->times ? 1 : -1;
	if (x->before != y->before)
		return (uintptr_t)x->before < (uintptr_t)y->before ? -1 : 1;
	return ((uintptr_t)x->after > (uintptr_t)y->after) - ((uintptr_t)x->after < (uintptr_t)y->after);
}

typedef uint64_t row[PLACES];

/* Those of one order, into the list, or only their number where it has no room yet. */
static void one_way(const struct sim_pairs *p, const row *sum, struct sim_pair_list *list)
{
	list->n = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		for (uint32_t k = 0; k < p->n; k++) {
			if (i == k || !sum[i][k] || sum[k][i])
				continue;
			if (list->pair)
				list->pair[list->n] = (struct weir_sim_pair){.before = p->place[i].site,
									     .after = p->place[k].site,
									     .times = sum[i][k]};
			list->n++;
		}
	}
}

struct sim_pair_list weir__sim_pairs_list(const struct sim_pairs *p)
{
	struct sim_pair_list list = {.n = 0};
	uint32_t first[PLACES];
	row *sum = calloc(PLACES, sizeof(row)); /* by sites: who it was does not matter any more */
	same_sites(p, first);
	for (uint32_t i = 0; sum && i < p->n; i++)
		for (uint32_t k = 0; k < p->n; k++)
			sum[first[i]][first[k]] += p->times[i][k];
	if (sum)
		one_way(p, (const row *)sum, &list);
	list.pair = list.n ? calloc(list.n, sizeof(*list.pair)) : NULL;
	if (list.pair) {
		one_way(p, (const row *)sum, &list);
		qsort(list.pair, list.n, sizeof(*list.pair), more_often);
	}
	free(sum);
	return list;
}
