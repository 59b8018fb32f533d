/* SPDX-License-Identifier: MIT
 *
 * What a task waits for, published for a dump: a few words in its record that any thread may read while it goes on.
 *
 * A sequence lock with one writer, the task itself: the count is odd while the words change. Every store is a
 * release and every load an acquire, so a reader that saw a new word also sees the new count, and tries again
 * (Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012). `what` is NULL while the
 * task runs. */
#ifndef WEIR_SRC_CORE_BLOCKED_H
#define WEIR_SRC_CORE_BLOCKED_H

#include "../rt/duty.h"
#include "core.h"

struct __attribute__((may_alias)) weir__blocked {
	weir__a64 seq, what, name, since_at, wakes_at;
};

_Static_assert(sizeof(struct weir__blocked) <= (WEIR__TASK_DUTY - WEIR__TASK_BLOCKED) * sizeof(void *) &&
		       WEIR__TASK_DUTY < sizeof(((weir_task *)0)->core_) / sizeof(void *),
	       "it lies in the task's words, in front of the duties");

static inline struct weir__blocked *weir__blocked(weir_task *task)
{
	return (struct weir__blocked *)&task->core_[WEIR__TASK_BLOCKED];
}

static inline void weir__blocked_set(weir_task *task, const char *what, const char *name, int64_t since_at,
				     int64_t wakes_at)
{
	struct weir__blocked *b = weir__blocked(task);
	uint64_t seq = weir__load64_own(&b->seq);
	weir__store64(&b->seq, seq + 1);
	weir__store64(&b->what, (uint64_t)(uintptr_t)what);
	weir__store64(&b->name, (uint64_t)(uintptr_t)name);
	weir__store64(&b->since_at, (uint64_t)since_at);
	weir__store64(&b->wakes_at, (uint64_t)wakes_at);
	weir__store64(&b->seq, seq + 2);
}

/* As of one moment. */
static inline void weir__blocked_get(weir_task *task, const char **what, const char **name, int64_t *since_at,
				     int64_t *wakes_at)
{
	struct weir__blocked *b = weir__blocked(task);
	uint64_t before;
	do {
		before = weir__load64(&b->seq);
		*what = (const char *)(uintptr_t)weir__load64(&b->what);
		*name = (const char *)(uintptr_t)weir__load64(&b->name);
		*since_at = (int64_t)weir__load64(&b->since_at);
		*wakes_at = (int64_t)weir__load64(&b->wakes_at);
	} while ((before & 1) || weir__load64(&b->seq) != before);
}

#endif
