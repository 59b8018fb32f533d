/* SPDX-License-Identifier: MIT
 *
 * How the simulator sees inside of operations: with -DWEIR_EXPLORE_ATOMICS every atomic of atomic.h and every lock of
 * lock.h announces itself first, so that another task can run in between. Without it weir__explore is nothing, and the
 * compiler leaves nothing of it.
 *
 *  X1  The explorer belongs to a thread: the one that runs a search, while a schedule runs. Other threads, and the
 *      simulator's own use of core, go the ordinary way.
 *  X2  Returns true where the explorer has done what was announced: a lock is held, an unlock is done, a pause is over.
 *      An atomic is always performed by who announced it, right after.
 *
 * What it explores is sequentially consistent: the orders written in atomic.h are not weakened. */
#ifndef WEIR_SRC_RT_EXPLORE_H
#define WEIR_SRC_RT_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>

enum weir__explored {
	WEIR__EXPLORED_READ,
	WEIR__EXPLORED_WRITE,
	WEIR__EXPLORED_LOCK,
	WEIR__EXPLORED_UNLOCK,
	WEIR__EXPLORED_PAUSE, /* until somebody else has written the word that was read last; word is NULL */
};

#ifdef WEIR_EXPLORE_ATOMICS
typedef bool weir__explorer_fn(enum weir__explored what, const volatile void *word);

extern __thread weir__explorer_fn *weir__explorer; /* lock.c; NULL: X1 */

static inline bool weir__explore(enum weir__explored what, const volatile void *word)
{
	return weir__explorer && weir__explorer(what, word);
}
#else
static inline bool weir__explore(enum weir__explored what, const volatile void *word)
{
	(void)what, (void)word;
	return false;
}
#endif

#endif
