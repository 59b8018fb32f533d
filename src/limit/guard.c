/* SPDX-License-Identifier: MIT
 *
 * The lock of a shared object and its clock: see guard.h. */
#include "guard.h"

void weir__guard_lock(struct weir__guard *g, struct weir__entry *e)
{
	e->now = weir_rt_now(g->rt); /* nothing foreign happens under the lock */
	e->rank = weir__lock(&g->lock, WEIR__RANK_SYNC);
}

void weir__guard_unlock(struct weir__guard *g, const struct weir__entry *e, bool changed)
{
	if (changed)
		weir__store64(&g->changes, weir__load64_own(&g->changes) + 1);
	weir__unlock(&g->lock, e->rank);
}
