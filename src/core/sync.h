/* SPDX-License-Identifier: MIT
 *
 * The inside of the sync objects, for their files and for inspect.c. All begin alike: the head that every operation of
 * core/sync.h needs before it knows more. The essays are in mutex.c, rwlock.c, cond.c, semaphore.c, waitgroup.c, once.c
 * and atomic.c.
 *
 * One short lock each (WEIR__RANK_SYNC), never two at once, and nothing else is taken under it. The last thing an
 * operation does with the object is to give that lock back: what follows (waking) touches waiters only, so whoever was
 * let in may finish the object at once. */
#ifndef WEIR_SRC_CORE_SYNC_H
#define WEIR_SRC_CORE_SYNC_H

#include <weir/core/sync.h>

#include "ctx.h"

struct weir__sync {
	struct weir_obj obj;
	weir_rt *rt;
	struct weir__lock lock;
};

/* may_alias: the caller declared the memory as opaque words. */
struct __attribute__((may_alias)) weir__mutex {
	struct weir__sync head;
	weir_task *holder; /* NULL: free */
	const void *site;  /* where the holder asked for it */
	struct weir__queue waiters;
};

struct __attribute__((may_alias)) weir__rwlock {
	struct weir__sync head;
	weir_task *writer; /* NULL: nobody writes */
	const void *site;  /* where the writer, or the reader that came last, asked for it */
	uint64_t n_readers;
	struct weir__queue readers, writers;
};

struct __attribute__((may_alias)) weir__cond {
	struct weir__sync head;
	struct weir__queue waiters;
};

struct __attribute__((may_alias)) weir__sem {
	struct weir__sync head;
	uint64_t taken, capacity;   /* permits; UINT64_MAX: it has no capacity */
	struct weir__queue waiters; /* link->item: the uint64_t that the task asked for */
};

struct __attribute__((may_alias)) weir__wg {
	struct weir__sync head;
	uint64_t count;
	struct weir__queue waiters;
};

enum { WEIR__ONCE_NEW, WEIR__ONCE_RUNNING, WEIR__ONCE_DONE };

struct __attribute__((may_alias)) weir__once {
	struct weir__sync head;
	weir__a32 state;
	int rc;            /* of the function, once it is done */
	weir_task *runner; /* while it runs */
	const void *site;  /* of the call that runs it */
	struct weir__queue waiters;
};

struct __attribute__((may_alias)) weir__atomic {
	struct weir_obj obj;
	weir_rt *rt;
	weir__a64 value;
};

#define WEIR__FITS(name)                                                                                  \
	_Static_assert(sizeof(struct weir__##name) <= sizeof(weir_##name) * 3 / 4, "a quarter is spare"); \
	_Static_assert(_Alignof(struct weir__##name) <= _Alignof(weir_##name), "aligned for its inside")

/* The head of zeroed memory. */
static inline void weir__sync_init(struct weir__sync *head, weir_rt *rt, enum weir_obj_kind kind, const void *site)
{
	assert(rt);
	head->obj.kind = (uint32_t)kind;
	head->rt = rt;
	weir__created(rt, &head->obj, NULL, site);
}

/* Before memory is zeroed; wrong: what is misused in finishing it now, or NULL. */
static inline void weir__sync_fini(struct weir__sync *head, const char *wrong, const char *object, const void *site,
				   const void *other)
{
	weir_rt *rt = head->rt;
	assert(weir__locks_held() == 0);
	if (wrong)
		weir__misuse(rt, wrong, object, site, other);
	weir__gone(rt, &head->obj);
}

/* The record of one operation; ctx NULL: it does not wait. */
static inline struct weir_op weir__sync_op(enum weir_op_kind kind, struct weir_obj *obj, weir_ctx *ctx,
					   const void *site)
{
	return (struct weir_op){.kind = (uint8_t)kind,
				.access = WEIR_ACCESS_WRITE,
				.may_park = ctx != NULL,
				.obj = {obj, ctx ? &weir__ctx(ctx)->obj : NULL},
				.at = WEIR_FOREVER,
				.site = site};
}

/* What an operation that waits asks first: WEIR_EINVAL, the code of an ended context, or 0. */
static inline int weir__sync_enter(weir_ctx *ctx, const struct weir__sync *head)
{
	return weir__ctx_rt(ctx) != head->rt ? WEIR_EINVAL : weir__ctx_ended(ctx);
}

static inline struct weir__mutex *weir__mutex(weir_mutex *m)
{
	struct weir__mutex *mutex = (struct weir__mutex *)m;
	assert(mutex->head.obj.kind == WEIR_OBJ_MUTEX); /* zeroed, or finished */
	return mutex;
}

/* lock and unlock without their choices, for the condition's wait. The latter two are false if the calling task does
 * not hold it: release has done nothing then, and *out_site is where whoever does asked for it. */
void weir__mutex_acquire(struct weir__mutex *m, const void *site);
bool weir__mutex_release(struct weir__mutex *m);
bool weir__mutex_is_mine(struct weir__mutex *m, const void **out_site);

#endif
