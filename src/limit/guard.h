/* SPDX-License-Identifier: MIT
 *
 * What a shared object needs around its pure state: a lock, a clock, and hooks. To hooks it is an atomic: it begins
 * like one (core/sync.h), and each call announces one exchange, which was a READ if nothing changed. The clock is
 * read before the lock is taken: nothing foreign happens under it. */
#ifndef WEIR_SRC_LIMIT_GUARD_H
#define WEIR_SRC_LIMIT_GUARD_H

#include <assert.h>
#include <weir/rt.h>

#include "../rt/atomic.h"
#include "../rt/lock.h"

struct weir__guard {
	struct weir_obj obj;
	weir_rt *rt;
	weir__a64 changes; /* what a trace shows */
	struct weir__lock lock;
};

struct weir__entry {
	struct weir_op op;
	int64_t now;
	uint32_t rank;
};

static inline void weir__guard_init(struct weir__guard *g, weir_rt *rt, const void *site)
{
	g->obj.kind = WEIR_OBJ_ATOMIC;
	g->rt = rt;
	if (rt->hooks)
		rt->hooks->note(rt, &(struct weir_event){.note = WEIR_NOTE_CREATED, .obj = &g->obj, .site = site});
}

/* False: it was finished already, or is zeroed. */
static inline bool weir__guard_fini(struct weir__guard *g)
{
	if (g->obj.kind == WEIR_OBJ_DEAD)
		return false;
	assert(g->obj.kind == WEIR_OBJ_ATOMIC);
	if (g->rt->hooks)
		g->rt->hooks->note(g->rt, &(struct weir_event){.note = WEIR_NOTE_GONE, .obj = &g->obj});
	return true;
}

/* A call in three steps: the announcement, the lock, what it did. Only hooks look at op. */
static inline void weir__guard_announce(struct weir__guard *g, struct weir__entry *e, const void *site)
{
	assert(g->obj.kind == WEIR_OBJ_ATOMIC); /* zeroed, or finished */
	if (__builtin_expect(g->rt->hooks == NULL, 1))
		return;
	e->op = (struct weir_op){
		.kind = WEIR_OP_CAS, .access = WEIR_ACCESS_WRITE, .obj = {&g->obj}, .at = WEIR_FOREVER, .site = site};
	g->rt->hooks->choice(g->rt, &e->op);
}

/* Calls, since libweir-ext.so does not see the lock. */
WEIR__SHARED void weir__guard_lock(struct weir__guard *g, struct weir__entry *e);
WEIR__SHARED void weir__guard_unlock(struct weir__guard *g, const struct weir__entry *e, bool changed);

static inline void weir__guard_tell(struct weir__guard *g, struct weir__entry *e, bool changed)
{
	if (__builtin_expect(g->rt->hooks == NULL, 1))
		return;
	e->op.access = changed ? WEIR_ACCESS_WRITE : WEIR_ACCESS_READ;
	g->rt->hooks->note(g->rt, &(struct weir_event){.note = WEIR_NOTE_RESULT, .op = &e->op, .rc = changed});
}

static inline void weir__guard_enter(struct weir__guard *g, struct weir__entry *e, const void *site)
{
	weir__guard_announce(g, e, site);
	weir__guard_lock(g, e);
}

static inline void weir__guard_leave(struct weir__guard *g, struct weir__entry *e, bool changed)
{
	weir__guard_unlock(g, e, changed);
	weir__guard_tell(g, e, changed);
}

#endif
