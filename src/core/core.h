/* SPDX-License-Identifier: MIT
 *
 * What every file of core shares: how an operation is announced to the runtime's hooks, and how misuse is reported.
 *
 * Each public function that touches a shared object tests rt->hooks once. Without hooks it goes straight to the
 * function that does the work; with them it goes through a hooked twin that builds the operation record, lets the
 * runtime choose, does the work, and tells the result. So production code carries one load and one predicted branch,
 * and the code that does the work is the same object code in both. */
#ifndef WEIR_SRC_CORE_CORE_H
#define WEIR_SRC_CORE_CORE_H

#include <assert.h>
#include <string.h>
#include <weir/core/ctx.h>
#include <weir/core/err.h>
#include <weir/rt.h>

#include "../rt/atomic.h"
#include "../rt/lock.h"

#define WEIR__SITE() __builtin_return_address(0)
#define WEIR__LIKELY(x) __builtin_expect(!!(x), 1)
#define WEIR__UNLIKELY(x) __builtin_expect(!!(x), 0)

/* slots of weir_task.core_ */
enum { WEIR__TASK_DRAIN, WEIR__TASK_SCOPE, WEIR__TASK_BLOCKED /* and those up to the last: blocked.h, rt/duty.h */ };

/* The one test per operation. WEIR_NO_HOOKS exists to measure what it costs (bench/hook.sh); such a library knows no
 * simulator. */
static inline bool weir__hooked(const weir_rt *rt)
{
#ifdef WEIR_NO_HOOKS
	(void)rt;
	return false;
#else
	return WEIR__UNLIKELY(rt->hooks != NULL);
#endif
}

static inline void weir__choice(weir_rt *rt, const struct weir_op *op)
{
	assert(weir__locks_held() == 0);
	rt->hooks->choice(rt, op);
}

static inline int weir__result(weir_rt *rt, const struct weir_op *op, int rc)
{
	rt->hooks->note(rt, &(struct weir_event){.note = WEIR_NOTE_RESULT, .op = op, .rc = rc});
	return rc;
}

static inline void weir__created(weir_rt *rt, struct weir_obj *obj, struct weir_obj *parent, const void *site)
{
	if (weir__hooked(rt))
		rt->hooks->note(rt, &(struct weir_event){
					    .note = WEIR_NOTE_CREATED, .obj = obj, .parent = parent, .site = site});
}

static inline void weir__gone(weir_rt *rt, struct weir_obj *obj)
{
	if (weir__hooked(rt))
		rt->hooks->note(rt, &(struct weir_event){.note = WEIR_NOTE_GONE, .obj = obj});
}

static inline void weir__misuse(weir_rt *rt, const char *what, const char *object, const void *site, const void *other)
{
	rt->vt->misuse(rt, &(struct weir_misuse){.what = what, .object = object, .site = site, .other_site = other});
}

static inline size_t weir__align_up(size_t n, size_t align)
{
	assert(align && (align & (align - 1)) == 0);
	return (n + align - 1) & ~(align - 1);
}

#endif
