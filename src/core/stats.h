/* SPDX-License-Identifier: MIT
 *
 * Counting in a user's name, for parts of core that keep statistics. */
#ifndef WEIR_SRC_CORE_STATS_H
#define WEIR_SRC_CORE_STATS_H

#include <weir/core/stats.h>

#include "core.h"

void weir__stats_add(weir_stats *stats, size_t writer, size_t counter, uint64_t n, const void *site);

#endif
