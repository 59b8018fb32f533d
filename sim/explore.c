/* SPDX-License-Identifier: MIT
 *
 * Choices inside of operations (-DWEIR_EXPLORE_ATOMICS; src/rt/explore.h is the seam).
 *
 * An ordinary search puts other tasks in front of an operation, never into it: that an operation takes effect at one
 * point is what core promises, and what this mode examines. Each atomic and each internal lock of core becomes an
 * operation of its own inside the one that was announced, on an object of the kind WORD. Strategies, replay strings,
 * traces and the dependence table know it as any other.
 *
 *  V1  Only core as tasks call it is explored. What the simulator does with core for itself (oracles, traces,
 *      invariants) is unseen: weir__sim_unseen is above 0 there. While an internal lock is held somewhere, oracles and
 *      invariants do not look at all: what they would see is in the middle of a change.
 *  V2  A word is known by whose slab it lies in and where; outside of all slabs (the scenario's statics, the runtime)
 *      as the n-th such word that the schedule came to. Never by its address (E5 of engine.c). Memory that is used
 *      again is the same word.
 *  V3  A task that wants a lock that is held waits for the unlock, then tries again: so any of those that want it may
 *      get it, as on threads. A pause in a loop that waits for a word waits until somebody writes that word: a loop
 *      that would go on for ever is a deadlock.
 *  V4  How many locks the running thread holds is the running task's: it is put aside while others run. */
#include "explore.h"

#ifdef WEIR_EXPLORE_ATOMICS

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/rt/lock.h"
#include "engine.h"

#define TABLE 4096 /* a power of two; half of it is used at the most */
#define OUTSIDE UINT32_C(0x80000000)

struct word {
	struct weir_obj obj; /* first: what operations name */
	const volatile void *address;
};

static struct explore {
	struct sim *s;
	struct word words[TABLE / 2];
	uint16_t at[TABLE]; /* index + 1, by hash of the address */
	uint32_t n, n_outside;
	uint32_t read_last[WEIR_SIM_TASKS], wants[WEIR_SIM_TASKS]; /* words */
} x;

unsigned weir__sim_unseen, weir__sim_locked;

/* V2 */
static void make_object(struct sim *s, struct word *w)
{
	struct sim_task *t = weir__sim_current(s);
	uint32_t offset = 0, owner = weir__sim_slab_of(s, w->address, &offset), objects = t->objects;
	w->obj = (struct weir_obj){.kind = WEIR_OBJ_WORD};
	weir__sim_created(s, &w->obj, NULL, NULL);
	t->objects = objects; /* the numbers of those that the user made stay what they are without this mode */
	struct sim_object *o = weir__sim_object(s, &w->obj);
	o->creator = owner == SIM_NONE ? 0 : owner;
	o->index = owner == SIM_NONE ? OUTSIDE | UINT32_C(0x40000000) | x.n_outside++ : OUTSIDE | offset;
}

static struct word *word_at(struct sim *s, const volatile void *address)
{
	uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t i = (uint32_t)(hash >> 52) % TABLE;
	for (; x.at[i]; i = (i + 1) % TABLE)
		if (x.words[x.at[i] - 1].address == address)
			return &x.words[x.at[i] - 1];
	if (x.n == TABLE / 2) {
		fprintf(stderr, "weir sim: more than %u words of core in one schedule: make the scenario smaller\n",
			TABLE / 2);
		abort();
	}
	x.at[i] = (uint16_t)(x.n + 1);
	struct word *w = &x.words[x.n++];
	w->address = address;
	make_object(s, w);
	return w;
}

static uint32_t number_of(const struct word *w)
{
	return (uint32_t)(w - x.words);
}

/* Those that wait for the word look again. */
static void written(struct sim *s, const struct word *w)
{
	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i]->state == SIM_HELD_UP && x.wants[i] == number_of(w))
			weir__sim_go_on(s, s->tasks[i]);
}

static void lock(struct sim *s, const struct weir_op *op, struct word *w)
{
	weir__a32 *lock_word = (weir__a32 *)(uintptr_t)w->address;
	while (weir__load32(lock_word) != 0) { /* V3 */
		x.wants[s->current] = number_of(w);
		weir__sim_hold_up(s, op);
	}
	weir__store32(lock_word, 1);
	weir__sim_locked++;
}

static void unlock(struct sim *s, struct word *w)
{
	assert(weir__sim_locked > 0);
	weir__store32((weir__a32 *)(uintptr_t)w->address, 0);
	weir__sim_locked--;
	written(s, w);
}

/* V3 */
static void pause_task(struct sim *s, struct weir_op *op)
{
	struct word *w = &x.words[x.read_last[s->current]];
	op->obj[0] = &w->obj;
	x.wants[s->current] = number_of(w);
	weir__sim_hold_up(s, op);
}

static void perform(struct sim *s, enum weir__explored what, const volatile void *address, const void *site)
{
	static const uint8_t kinds[] = {
		[WEIR__EXPLORED_READ] = WEIR_OP_WORD_READ,  [WEIR__EXPLORED_WRITE] = WEIR_OP_WORD_WRITE,
		[WEIR__EXPLORED_LOCK] = WEIR_OP_WORD_LOCK,  [WEIR__EXPLORED_UNLOCK] = WEIR_OP_WORD_UNLOCK,
		[WEIR__EXPLORED_PAUSE] = WEIR_OP_WORD_READ,
	};
	struct word *w = what == WEIR__EXPLORED_PAUSE ? NULL : word_at(s, address);
	struct weir_op op = {.kind = kinds[what],
			     .access = what == WEIR__EXPLORED_READ ? WEIR_ACCESS_READ : WEIR_ACCESS_WRITE,
			     .obj = {w ? &w->obj : NULL},
			     .at = WEIR_FOREVER,
			     .site = site};
	if (!w) {
		pause_task(s, &op);
		return;
	}
	weir__sim_inner(s, &op);
	if (what == WEIR__EXPLORED_LOCK)
		lock(s, &op, w);
	else if (what == WEIR__EXPLORED_UNLOCK)
		unlock(s, w);
	else if (what == WEIR__EXPLORED_WRITE)
		written(s, w);
	else
		x.read_last[s->current] = number_of(w);
}

static bool explorer(enum weir__explored what, const volatile void *address)
{
	struct sim *s = x.s;
	if (weir__sim_unseen > 0) /* V1 */
		return false;
	struct weir__lock_state held = weir__lock_state; /* V4 */
	weir__lock_state = (struct weir__lock_state){0};
	weir__sim_unseen++;
	perform(s, what, address, __builtin_return_address(0));
	weir__sim_unseen--;
	weir__lock_state = held;
	return true;
}

void weir__sim_explore_begin(struct sim *s)
{
	x.s = s;
	memset(x.at, 0, sizeof(x.at));
	x.n = x.n_outside = 0;
	weir__sim_unseen = weir__sim_locked = 0;
	weir__explorer = explorer;
}

void weir__sim_explore_end(void)
{
	weir__explorer = NULL;
}

#endif
