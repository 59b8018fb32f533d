/* SPDX-License-Identifier: MIT
 *
 * Stacks and memory of tasks: one slab per task index, mapped at first use and kept for all schedules of a search.
 *
 *     | guard page | stack, 256 KiB | guard page | memory, 8 MiB | guard page |
 *
 *  A1  The n-th task of a schedule always has the same slab, so the same schedule sees the same addresses.
 *  A2  Memory is given out front to back and never reused within a schedule, so a stale pointer into the library's
 *      memory still finds what was there (and the oracles say whose it was). A new block is filled with 0xA5: reading
 *      it before writing is visible, and the same every time.
 *  A3  Only what was used is reset.
 *
 * Every block has a header that names its size, its maker and the site, and they lie one after the other, so the
 * list of live blocks costs nothing until it is asked for. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

#define STACK_BYTES ((size_t)256 << 10)
#define MEMORY_BYTES ((size_t)8 << 20)
#define BELOW_SP ((size_t)1024) /* frames of functions that did not switch */

enum { BLOCK_LIVE = 0x4c495645, BLOCK_RELEASED = 0x474f4e45 };

struct sim_slab {
	unsigned char *base, *stack, *memory;
	size_t page, total;
	size_t used;
	uint64_t live;
};

_Static_assert(sizeof(struct sim_block) <= 32, "a block's header keeps the alignment of what follows");
#define HEADER ((size_t)32)

static bool protect_guards(struct sim_slab *slab)
{
	unsigned char *guards[] = {slab->base, slab->stack + STACK_BYTES, slab->memory + MEMORY_BYTES};
	for (size_t i = 0; i < 3; i++)
		if (mprotect(guards[i], slab->page, PROT_NONE) != 0)
			return false;
	return true;
}

struct sim_slab *weir__sim_slab(struct sim *s, uint32_t task)
{
	struct sim_slab *slab = s->slabs[task];
	if (slab)
		return slab;
	slab = calloc(1, sizeof(*slab));
	if (!slab)
		return NULL;
	slab->page = (size_t)sysconf(_SC_PAGESIZE);
	slab->total = STACK_BYTES + MEMORY_BYTES + 3 * slab->page;
	slab->base = mmap(NULL, slab->total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			  0);
	if (slab->base == MAP_FAILED) {
		free(slab);
		return NULL;
	}
	slab->stack = slab->base + slab->page;
	slab->memory = slab->stack + STACK_BYTES + slab->page;
	if (!protect_guards(slab)) {
		munmap(slab->base, slab->total);
		free(slab);
		return NULL;
	}
	s->slabs[task] = slab;
	return slab;
}

void weir__sim_slab_reset(struct sim_slab *slab, uintptr_t low_sp)
{
	uintptr_t bottom = (uintptr_t)slab->stack, top = bottom + STACK_BYTES;
	if (low_sp > bottom && low_sp < top) { /* A3 */
		uintptr_t from = low_sp - bottom > BELOW_SP ? low_sp - BELOW_SP : bottom;
		memset((void *)from, 0, top - from);
	}
	slab->used = 0;
	slab->live = 0;
}

void *weir__sim_slab_stack(struct sim_slab *slab, size_t *bytes)
{
	*bytes = STACK_BYTES;
	return slab->stack;
}

bool weir__sim_slab_guard(const struct sim_slab *slab, const void *address)
{
	uintptr_t a = (uintptr_t)address, base = (uintptr_t)slab->base;
	return a >= base && a < base + slab->page;
}

void weir__sim_slabs_free(struct sim *s)
{
	for (uint32_t i = 0; i < WEIR_SIM_TASKS; i++) {
		if (s->slabs[i]) {
			munmap(s->slabs[i]->base, s->slabs[i]->total);
			free(s->slabs[i]);
			s->slabs[i] = NULL;
		}
	}
}

static size_t block_bytes(size_t bytes)
{
	return HEADER + ((bytes + 15) & ~(size_t)15);
}

void *weir__sim_alloc(struct sim *s, struct sim_task *task, size_t bytes, const void *site)
{
	struct sim_slab *slab = task->slab;
	if (bytes > MEMORY_BYTES || block_bytes(bytes) > MEMORY_BYTES - slab->used) {
		weir__sim_fail(s, WEIR_SIM_MISUSE,
			       "the task has used up its %zu KiB of memory (blocks are not reused within a schedule)",
			       MEMORY_BYTES >> 10);
		return NULL;
	}
	unsigned char *at = slab->memory + slab->used;
	*(struct sim_block *)at =
		(struct sim_block){.bytes = bytes, .site = site, .task = task->index, .state = BLOCK_LIVE};
	memset(at + HEADER, 0xa5, bytes); /* A2 */
	slab->used += block_bytes(bytes);
	slab->live++;
	return at + HEADER;
}

void weir__sim_release(struct sim *s, void *mem)
{
	struct sim_block *block = (struct sim_block *)((unsigned char *)mem - HEADER);
	if (block->state != BLOCK_LIVE) {
		weir__sim_fail(s, WEIR_SIM_MISUSE,
			       block->state == BLOCK_RELEASED ? "a block of memory was released twice"
							      : "memory was released that the runtime did not give");
		return;
	}
	block->state = BLOCK_RELEASED;
	s->slabs[block->task]->live--;
}

uint64_t weir__sim_live_blocks(const struct sim *s)
{
	uint64_t live = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		live += s->tasks[i]->slab->live;
	return live;
}

void weir__sim_blocks(struct sim *s, void (*fn)(void *arg, const void *mem, const struct sim_block *block), void *arg)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_slab *slab = s->tasks[i]->slab;
		for (size_t at = 0; at < slab->used;) {
			struct sim_block *block = (struct sim_block *)(slab->memory + at);
			if (block->state == BLOCK_LIVE)
				fn(arg, slab->memory + at + HEADER, block);
			at += block_bytes(block->bytes);
		}
	}
}
