/* SPDX-License-Identifier: MIT
 *
 * Counters whose every snapshot makes sense, and the list of all of them in a runtime.
 *
 * A set is one allocation: the head, then one block of counters per writer. Each block has two cache lines of its own
 * (the hardware fetches lines in pairs), so a writer never takes a line away from another one; that is also where
 * WEIR_STATS_MAX comes from: 14 counters and two spare words fill such a pair. The runtime's memory is aligned for any
 * object only, so the first block is moved up to the next boundary inside the allocation.
 *
 * INVARIANTS
 *  S1  A block is written by one task at a time: an add is a plain load, an addition and a release store.
 *  S2  An event of counter j happens after the event of the counter i < j that allowed it (the caller's promise). A
 *      snapshot reads the counters from the last to the first, each over all writers, with acquire. So when it has seen
 *      an event of j, it later sees the event of i: it read a store that was ordered after it. A counter never
 *      decreases.
 *  S3  The head does not change after new, but for prev and next, which the registry's lock guards.
 *  S4  A set is in the registry from the end of new to the start of free, oldest first. Whoever holds the lock may read
 *      any set in the list: free takes a set out under the same lock before it gives the memory back.
 *
 * LOCKS: the registry's lock (WEIR__RANK_REGISTRY), the first of all ranks, so no other lock is held when it is taken.
 * Under it: walking the list and reading counters; no allocation, no release, no call into user code. add and read take
 * none.
 *
 * MAY RUN AT THE SAME TIME: everything on different sets; add, read and weir_stats_at on one set; two adds with
 * different writers. free comes after the last add and read, and may meet weir_stats_at.
 *
 * Where it takes effect: an add at one point. A snapshot has a point for each counter, and others may add in between
 * (S2 is what it promises all the same); with hooks each of these points is announced. weir_stats_at is not: it
 * reads under the registry's lock, for exporters rather than for programs that decide by what they read. */
#include <weir/core/stats.h>

#include "rtcore.h"
#include "stats.h"

#define BLOCK_BYTES 128

struct block {
	weir__a64 counters[WEIR_STATS_MAX];
	uint64_t spare[BLOCK_BYTES / sizeof(uint64_t) - WEIR_STATS_MAX];
};

struct weir_stats {
	struct weir_obj obj;
	weir_rt *rt;
	const char *name;
	const char *const *counters;
	size_t n_counters, n_writers;
	struct block *blocks; /* n_writers, in the same allocation */
	struct weir_stats *prev, *next;
};

_Static_assert(sizeof(struct block) == BLOCK_BYTES, "a writer has exactly its own cache lines");

static bool opts_make_sense(const struct weir_stats_opts *opts)
{
	if (!opts || !opts->name || !opts->counters || opts->n_writers == 0)
		return false;
	if (opts->n_counters == 0 || opts->n_counters > WEIR_STATS_MAX)
		return false;
	for (size_t i = 0; i < opts->n_counters; i++)
		if (!opts->counters[i])
			return false;
	return true;
}

/* Head, padding and blocks; 0 where the sum does not fit into a size_t. */
static size_t bytes_for(size_t n_writers)
{
	size_t extra = sizeof(struct weir_stats) + BLOCK_BYTES - 1, blocks;
	if (__builtin_mul_overflow(n_writers, sizeof(struct block), &blocks) || blocks > SIZE_MAX - extra)
		return 0;
	return blocks + extra;
}

static void registry_add(struct weir_stats *stats)
{
	struct weir__rtcore *core = weir__rtcore(stats->rt);
	uint32_t before = weir__lock(&core->registry_lock, WEIR__RANK_REGISTRY);
	stats->prev = core->last;
	if (core->last)
		core->last->next = stats;
	else
		core->first = stats;
	core->last = stats;
	weir__unlock(&core->registry_lock, before);
}

static void registry_remove(struct weir_stats *stats)
{
	struct weir__rtcore *core = weir__rtcore(stats->rt);
	uint32_t before = weir__lock(&core->registry_lock, WEIR__RANK_REGISTRY);
	if (stats->prev)
		stats->prev->next = stats->next;
	else
		core->first = stats->next;
	if (stats->next)
		stats->next->prev = stats->prev;
	else
		core->last = stats->prev;
	weir__unlock(&core->registry_lock, before);
}

int weir_stats_new(weir_rt *rt, const struct weir_stats_opts *opts, weir_stats **out)
{
	if (!rt || !out || !opts_make_sense(opts))
		return WEIR_EINVAL;
	size_t bytes = bytes_for(opts->n_writers);
	struct weir_stats *stats = bytes ? weir_rt_alloc(rt, bytes) : NULL;
	if (!stats)
		return WEIR_ENOMEM;
	uintptr_t blocks_at = weir__align_up((uintptr_t)(stats + 1), BLOCK_BYTES);
	assert(blocks_at + opts->n_writers * sizeof(struct block) <= (uintptr_t)stats + bytes);
	memset(stats, 0, bytes);
	*stats = (struct weir_stats){
		.obj.kind = WEIR_OBJ_STATS,
		.rt = rt,
		.name = opts->name,
		.counters = opts->counters,
		.n_counters = opts->n_counters,
		.n_writers = opts->n_writers,
		.blocks = (struct block *)blocks_at,
	};
	registry_add(stats); /* S4 */
	*out = stats;
	return 0;
}

static struct weir_op stats_op(const weir_stats *stats, enum weir_op_kind kind, const void *site)
{
	return (struct weir_op){.kind = (uint8_t)kind,
				.access = kind == WEIR_OP_STATS_ADD ? WEIR_ACCESS_WRITE : WEIR_ACCESS_READ,
				.obj = {(struct weir_obj *)(uintptr_t)&stats->obj},
				.at = WEIR_FOREVER,
				.site = site};
}

void weir__stats_add(weir_stats *stats, size_t writer, size_t counter, uint64_t n, const void *site)
{
	assert(stats->obj.kind == WEIR_OBJ_STATS); /* freed, or never made */
	assert(writer < stats->n_writers && counter < stats->n_counters);
	weir__a64 *c = &stats->blocks[writer].counters[counter];
	struct weir_op op = stats_op(stats, WEIR_OP_STATS_ADD, site);
	bool hooked = weir__hooked(stats->rt);
	if (hooked)
		weir__choice(stats->rt, &op);
	weir__store64(c, weir__load64_own(c) + n); /* S1 */
	if (hooked)
		weir__result(stats->rt, &op, 0);
}

void weir_stats_add(weir_stats *stats, size_t writer, size_t counter, uint64_t n)
{
	weir__stats_add(stats, writer, counter, n, WEIR__SITE());
}

static uint64_t sum_of(const weir_stats *stats, size_t counter)
{
	uint64_t sum = 0;
	for (size_t w = 0; w < stats->n_writers; w++)
		sum += weir__load64(&stats->blocks[w].counters[counter]);
	return sum;
}

void weir_stats_read(const weir_stats *stats, uint64_t *out)
{
	assert(stats->obj.kind == WEIR_OBJ_STATS);
	struct weir_op op = stats_op(stats, WEIR_OP_STATS_READ, WEIR__SITE());
	bool hooked = weir__hooked(stats->rt);
	for (size_t i = stats->n_counters; i > 0; i--) { /* S2: the last first */
		if (hooked)
			weir__choice(stats->rt, &op);
		out[i - 1] = sum_of(stats, i - 1);
		if (hooked)
			weir__result(stats->rt, &op, 0);
	}
}

void weir_stats_free(weir_stats **stats)
{
	if (!stats || !*stats)
		return;
	struct weir_stats *gone = *stats;
	assert(gone->obj.kind == WEIR_OBJ_STATS);
	*stats = NULL;
	registry_remove(gone); /* S4 */
	gone->obj.kind = WEIR_OBJ_DEAD;
	weir_rt_release(gone->rt, gone);
}

int weir_stats_at(weir_rt *rt, size_t index, struct weir_stats_view *out)
{
	struct weir__rtcore *core = weir__rtcore(rt);
	uint32_t before = weir__lock(&core->registry_lock, WEIR__RANK_REGISTRY);
	const struct weir_stats *stats = core->first;
	for (; stats && index > 0; index--)
		stats = stats->next;
	if (stats) {
		out->name = stats->name;
		out->counters = stats->counters;
		out->n_counters = stats->n_counters;
		for (size_t i = stats->n_counters; i > 0; i--)
			out->values[i - 1] = sum_of(stats, i - 1); /* S2, S4: it cannot go while we look */
	}
	weir__unlock(&core->registry_lock, before);
	return stats ? 1 : 0;
}
