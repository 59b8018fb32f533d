/* SPDX-License-Identifier: MIT
 *
 * The slow paths of the internal lock (lock.h has the fast ones, inline, and the rule of what must not happen
 * under it).
 *
 * The word: 0 free, 1 held, 2 held and somebody may sleep. It is the second mutex of Drepper's "Futexes Are Tricky".
 *
 * L1  Whoever sleeps has set the word to 2 before, and takes the lock by setting it to 2 again, since others may
 *     still sleep. An unlock that finds 2 wakes one; an unlock that finds 1 knows that nobody sleeps and makes no
 *     system call.
 * L2  The unlock's last touch of the lock is its exchange: the wake that may follow uses the address as a key only.
 *     So the lock may be in memory that the next holder frees.
 * L3  The thread-local count and rank change only between a lock and its unlock, in the same thread: a park with a
 *     lock held, or a lock taken against the order, is found by the thread that does it, the first time and on every
 *     schedule.
 *
 * The spin is short and bounded. Sections are a few dozen instructions, so a holder that runs on another core is gone
 * after it; a holder that lost its core is not, and spinning on would only keep it from coming back. A word that is 2
 * ends the spin: others sleep already, and pushing in front of them helps nobody.
 *
 * The lock is not fair: a thread that arrives may take it before one that was woken. With sections this short, none
 * starves in practice, and handing the lock over in order would cost a task switch per section.
 *
 * RUNS AT THE SAME TIME: everything with everything. LOCK ORDER: see enum weir__rank. */
#include "lock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "futex.h"

#define SPINS 64

__thread struct weir__lock_state weir__lock_state __attribute__((tls_model("initial-exec")));

static bool spin(struct weir__lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t word = weir__load32(&lock->word);
		if (word == 0 && weir__cas32(&lock->word, &word, 1))
			return true;
		if (word == 2)
			return false;
		weir__spin_pause();
	}
	return false;
}

void weir__lock_slow(struct weir__lock *lock)
{
	if (spin(lock))
		return;
	while (weir__exchange32(&lock->word, 2) != 0) /* L1 */
		(void)weir__futex_wait(&lock->word, 2, INT64_MAX);
}

void weir__unlock_slow(struct weir__lock *lock)
{
	weir__futex_wake(&lock->word, 1); /* L2 */
}

static const char *rank_name(uint32_t rank)
{
	static const char *const names[] = {
		[WEIR__RANK_NONE] = "none",   [WEIR__RANK_REGISTRY] = "registry", [WEIR__RANK_PIPELINE] = "pipeline",
		[WEIR__RANK_SCOPE] = "scope", [WEIR__RANK_CHAN] = "channel",      [WEIR__RANK_TREE] = "tree",
	};

	return rank < sizeof(names) / sizeof(names[0]) ? names[rank] : "unknown";
}

_Noreturn void weir__lock_order(uint32_t held, uint32_t wanted)
{
	assert(held > wanted);
	(void)fprintf(stderr, "weir: lock order: rank %u (%s) is held, rank %u (%s) wanted: take the lower one first\n",
		      (unsigned)held, rank_name(held), (unsigned)wanted, rank_name(wanted));
	abort();
}

#ifdef WEIR_EXPLORE_ATOMICS
__thread weir__explorer_fn *weir__explorer;
#endif
