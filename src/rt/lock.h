/* SPDX-License-Identifier: MIT
 *
 * The internal lock: one word, short sections, ranked.
 *
 * RULE: nothing foreign happens under it: no park, task switch, user code, drop, allocation or clock read. Each of
 * those places asserts weir__locks_held() == 0. Locks are taken in the order of their ranks; several of one rank (the
 * channels of a select) in the order of their ids, which the caller sees to.
 *
 * The word: 0 free, 1 held, 2 held and somebody sleeps (Drepper, "Futexes Are Tricky", the second mutex). The number
 * of locks held, and the highest rank, are thread-local: no task switches while one is held, so the thread is the
 * task. */
#ifndef WEIR_SRC_RT_LOCK_H
#define WEIR_SRC_RT_LOCK_H

#include <weir/base.h>

#include "atomic.h"

/* What libweir-ext.so may call of the inside of libweir (src/weir.map). */
#define WEIR__SHARED __attribute__((visibility("default")))

enum weir__rank {
	WEIR__RANK_NONE = 0,
	WEIR__RANK_REGISTRY, /* the statistics registry of a runtime */
	WEIR__RANK_PIPELINE, /* the reorder window */
	WEIR__RANK_SCOPE,
	WEIR__RANK_CHAN, /* several at once: by id */
	WEIR__RANK_SYNC, /* a mutex, condition, semaphore, ...: one at a time */
	WEIR__RANK_TREE, /* the cancellation tree of a root */
};

struct weir__lock {
	weir__a32 word;
};

struct weir__lock_state {
	uint32_t held;
	uint32_t rank; /* of the lock taken last, which is the highest */
};

extern __thread struct weir__lock_state weir__lock_state __attribute__((tls_model("initial-exec")));

void weir__lock_slow(struct weir__lock *lock);
void weir__unlock_slow(struct weir__lock *lock);
_Noreturn void weir__lock_order(uint32_t held, uint32_t wanted);

static inline uint32_t weir__locks_held(void)
{
	return weir__lock_state.held;
}

WEIR__UNSEEN void weir__lock_note(uint32_t held, uint32_t rank)
{
	weir__lock_state.held = held;
	weir__lock_state.rank = rank;
}

/* Returns the rank that was the highest before: give it back to weir__unlock. */
static inline uint32_t weir__lock(struct weir__lock *lock, enum weir__rank rank)
{
	uint32_t before = weir__lock_state.rank, free_word = 0;
	if (__builtin_expect(before > (uint32_t)rank, 0))
		weir__lock_order(before, (uint32_t)rank);
	if (!weir__explore(WEIR__EXPLORED_LOCK, &lock->word) &&
	    __builtin_expect(!weir__cas32(&lock->word, &free_word, 1), 0))
		weir__lock_slow(lock);
	weir__lock_note(weir__lock_state.held + 1, (uint32_t)rank);
	return before;
}

static inline void weir__unlock(struct weir__lock *lock, uint32_t rank_before)
{
	weir__lock_note(weir__lock_state.held - 1, rank_before);
	if (weir__explore(WEIR__EXPLORED_UNLOCK, &lock->word))
		return;
	if (__builtin_expect(weir__exchange32(&lock->word, 0) == 2, 0))
		weir__unlock_slow(lock);
}

#endif
