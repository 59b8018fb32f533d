/* SPDX-License-Identifier: MIT
 *
 * What core keeps per runtime: the words that struct weir_rt lends it (core_), with names. The runtime zeroes them,
 * so zero is the initial state of each field; nothing here needs to be torn down. */
#ifndef WEIR_SRC_CORE_RTCORE_H
#define WEIR_SRC_CORE_RTCORE_H

#include <weir/core/probe.h>
#include <weir/core/stats.h>
#include <weir/rt.h>

#include "../rt/atomic.h"
#include "../rt/lock.h"

struct weir__rtcore {
	weir__a64 next_id;               /* of channels: the order in which a select locks them */
	struct weir__lock registry_lock; /* WEIR__RANK_REGISTRY; guards the lists below and their links */
	struct weir_stats *first, *last; /* oldest and youngest set of counters */
	struct weir__scope *scopes;      /* the open ones, under the same lock */
	weir_probe *probe;               /* NULL: none; see probe.h */
} __attribute__((may_alias));

_Static_assert(sizeof(struct weir__rtcore) <= sizeof(((struct weir_rt *)0)->core_), "it lies in weir_rt.core_");
_Static_assert(_Alignof(struct weir__rtcore) <= _Alignof(uint64_t), "... at its alignment");

static inline struct weir__rtcore *weir__rtcore(weir_rt *rt)
{
	return (struct weir__rtcore *)rt->core_;
}

#endif
