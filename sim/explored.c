/* SPDX-License-Identifier: MIT
 *
 * Counted over a search: how many different orders (order.h) its schedules had, and which conditions were never true.
 *
 *  C1  The set of hashes is an open-addressed table of fixed size: memory does not grow with the search. When it is
 *      three quarters full nothing is added any more, and the count is "more than".
 *  C2  The table is memory that forked processes share. A slot goes from 0 to a hash once, by compare-and-swap, so no
 *      hash is counted twice whoever adds it. Pages that nothing is written to cost nothing.
 *  C3  Names of conditions are compared as texts: the same one may be written in two files. */
#include "explored.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS (UINT32_C(1) << 20)
#define FULL (SLOTS / 4 * 3)

struct sim_seen {
	_Atomic uint64_t n;
	_Atomic uint64_t slot[SLOTS]; /* 0: free */
};

struct sim_seen *weir__sim_seen_new(void)
{
	void *mem = mmap(NULL, sizeof(struct sim_seen), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

void weir__sim_seen_free(struct sim_seen *seen)
{
	if (seen)
		munmap(seen, sizeof(*seen));
}

bool weir__sim_seen_add(struct sim_seen *seen, uint64_t hash)
{
	hash = hash ? hash : 1;
	uint32_t at = (uint32_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 44); /* 20 bits */
	static_assert(SLOTS == UINT32_C(1) << 20, "the shift is made for it");
	for (;; at = (at + 1) % SLOTS) {
		uint64_t there = atomic_load_explicit(&seen->slot[at], memory_order_relaxed);
		if (there == hash)
			return false;
		if (there)
			continue;
		if (atomic_load_explicit(&seen->n, memory_order_relaxed) >= FULL) /* C1 */
			return true;
		if (atomic_compare_exchange_strong(&seen->slot[at], &there, hash)) {
			atomic_fetch_add_explicit(&seen->n, 1, memory_order_relaxed);
			return true;
		}
		if (there == hash)
			return false;
	}
}

uint64_t weir__sim_seen_count(const struct sim_seen *seen, bool *full)
{
	uint64_t n = atomic_load_explicit(&seen->n, memory_order_relaxed);
	*full = n >= FULL;
	return n;
}

void weir__sim_window_add(struct sim_window *w, bool fresh)
{
	uint64_t *word = &w->bits[w->n % SIM_WINDOW / 64], bit = UINT64_C(1) << (w->n % SIM_WINDOW % 64);
	*word = fresh ? *word | bit : *word & ~bit;
	w->n++;
}

uint32_t weir__sim_window_fresh(const struct sim_window *w, uint32_t *n)
{
	uint32_t fresh = 0;
	*n = w->n / 2 < SIM_WINDOW ? (uint32_t)(w->n / 2) : SIM_WINDOW;
	for (uint64_t i = w->n - *n; i < w->n; i++)
		fresh += w->bits[i % SIM_WINDOW / 64] >> (i % SIM_WINDOW % 64) & 1;
	return fresh;
}

bool weir__sim_mark(struct sim_marks *marks, const char *name, bool hit)
{
	uint32_t i = 0;
	while (i < marks->n && marks->mark[i].name != name && strcmp(marks->mark[i].name, name) != 0) /* C3 */
		i++;
	if (i == SIM_MARKS)
		return false;
	if (i == marks->n)
		marks->mark[marks->n++] = (struct sim_mark){.name = name};
	marks->mark[i].hit |= hit;
	return true;
}

void weir__sim_marks_tell(const struct sim_marks *marks, struct weir_sim_explored *out)
{
	out->sometimes = marks->n;
	out->never = 0;
	for (uint32_t i = 0; i < marks->n; i++) {
		if (marks->mark[i].hit)
			continue;
		if (out->never < WEIR_SIM_LISTED)
			out->never_name[out->never] = marks->mark[i].name;
		out->never++;
	}
}
