/* SPDX-License-Identifier: MIT
 *
 * Stacks and memory of tasks: one slab per task index, mapped at first use and kept for all schedules of a search.
 *
 *     | guard page | stack, 256 KiB | guard page | memory, 32 MiB | guard page |
 *
 *  A1  The n-th task of a schedule always has the same slab, so the same schedule sees the same addresses.
 *  A2  Memory is given out front to back and never reused within a schedule, so a stale pointer into the library's
 *      memory still finds what was there (and the oracles say whose it was). A new block is filled with 0xA5: reading
 *      it before writing is visible, and the same every time.
 *  A3  Only what was used is reset.
 *  A4  What malloc gave to a task (heap.c) is filled with 0xDB when it is freed: reading it is visible. What the
 *      runtime gave is not: it may be a handle, and a stale copy of one is to be recognised.
 *  A5  Under ASan and Valgrind what is not given out cannot be touched (sanitize.h Z1, Z6), nor can headers, but for
 *      the functions here that are marked SIM_NO_ASAN.
 *
 * Every block has a header that names its size, its maker and the site, and they lie one after the other, so the
 * list of live blocks costs nothing until it is asked for. A block that must be aligned to more than 16 bytes may have
 * a gap before it: a block of its own, that is nobody's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "race.h"

#define STACK_BYTES ((size_t)256 << 10)
#define MEMORY_BYTES ((size_t)32 << 20) /* of addresses; what is never used costs nothing */
#define BELOW_SP ((size_t)1024)         /* frames of functions that did not switch */

enum { BLOCK_LIVE = 0x4c56, BLOCK_RELEASED = 0x474f, BLOCK_GAP = 0x4741 };

struct sim_slab {
	unsigned char *base, *stack, *memory;
	size_t page, total;
	size_t used;
	uint64_t live;
	struct sim_san_slab san;
};

#define HEADER SIM_BLOCK_HEADER
_Static_assert(sizeof(struct sim_block) <= HEADER, "a block's header keeps the alignment of what follows");

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
	slab = weir__own_calloc(sizeof(*slab));
	if (!slab)
		return NULL;
	slab->page = (size_t)sysconf(_SC_PAGESIZE);
	slab->total = STACK_BYTES + MEMORY_BYTES + 3 * slab->page;
	slab->base = mmap(NULL, slab->total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			  0);
	if (slab->base == MAP_FAILED) {
		weir__own_free(slab);
		return NULL;
	}
	slab->stack = slab->base + slab->page;
	slab->memory = slab->stack + STACK_BYTES + slab->page;
	if (!protect_guards(slab)) {
		munmap(slab->base, slab->total);
		weir__own_free(slab);
		return NULL;
	}
	slab->san = (struct sim_san_slab){.stack = slab->stack,
					  .stack_bytes = STACK_BYTES,
					  .memory = slab->memory,
					  .memory_bytes = MEMORY_BYTES};
	if (SIM_SAN_MEMORY)
		weir__san_slab_made(&slab->san);
	s->slabs[task] = slab;
	return slab;
}

void weir__sim_slab_reset(struct sim_slab *slab, uintptr_t low_sp)
{
	uintptr_t bottom = (uintptr_t)slab->stack, top = bottom + STACK_BYTES;
	uintptr_t from = low_sp > bottom + BELOW_SP ? low_sp - BELOW_SP : bottom;
	if (SIM_SAN_MEMORY)
		weir__san_stack_reset(slab->stack, STACK_BYTES);
	if (from < top) /* A3 */
		memset((void *)from, 0, top - from);
	if (SIM_SAN_MEMORY)
		weir__san_memory_reset(&slab->san, slab->used);
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
			if (SIM_SAN_MEMORY)
				weir__san_slab_gone(&s->slabs[i]->san);
			munmap(s->slabs[i]->base, s->slabs[i]->total);
			weir__own_free(s->slabs[i]);
			s->slabs[i] = NULL;
		}
	}
}

static size_t block_bytes(size_t bytes)
{
	return HEADER + ((bytes + 15) & ~(size_t)15);
}

/* A5: how much behind a block is poisoned, while nothing is there yet. */
static size_t tail_of(const struct sim_slab *slab, size_t bytes)
{
	size_t end = slab->used + HEADER + bytes;
	return end + HEADER < MEMORY_BYTES ? HEADER : MEMORY_BYTES - end;
}

/* A block at the end of what is used, where there is room for it. */
SIM_NO_ASAN static unsigned char *append(struct sim_slab *slab, const struct sim_block *block)
{
	unsigned char *mem = slab->memory + slab->used + HEADER;
	if (SIM_SAN_MEMORY)
		weir__san_block_given(&slab->san, mem, HEADER, block->bytes, tail_of(slab, block->bytes));
	*(struct sim_block *)(mem - HEADER) = *block;
	slab->used += block_bytes(block->bytes);
	return mem;
}

static void *give(struct sim *s, struct sim_slab *slab, const struct sim_block *block)
{
	if (block->bytes > MEMORY_BYTES || block_bytes(block->bytes) > MEMORY_BYTES - slab->used) {
		weir__sim_fail(s, WEIR_SIM_MISUSE,
			       "the task has used up its %zu KiB of memory (blocks are not reused within a schedule)",
			       MEMORY_BYTES >> 10);
		return NULL;
	}
	unsigned char *mem = append(slab, block);
	memset(mem, 0xa5, block->bytes); /* A2 */
	if (SIM_SAN_MEMORY)
		weir__san_block_unset(mem, block->bytes);
	slab->live++;
	return mem;
}

void *weir__sim_alloc(struct sim *s, struct sim_task *task, size_t bytes, const void *site)
{
	return give(s, task->slab,
		    &(struct sim_block){.bytes = bytes, .site = site, .task = task->index, .state = BLOCK_LIVE});
}

void *weir__sim_heap_alloc(struct sim *s, struct sim_task *task, size_t align, size_t bytes, const void *site)
{
	struct sim_slab *slab = task->slab;
	uintptr_t at = (uintptr_t)(slab->memory + slab->used + HEADER);
	size_t gap = (size_t)(-at & (align - 1));
	assert(align >= 16 && (align & (align - 1)) == 0);
	if (gap > 0 && gap < HEADER)
		gap += align; /* a gap has a header too */
	if (gap > 0 && gap < MEMORY_BYTES - slab->used)
		append(slab, &(struct sim_block){.bytes = gap - HEADER, .task = task->index, .state = BLOCK_GAP});
	return give(s, slab,
		    &(struct sim_block){
			    .bytes = bytes, .site = site, .task = task->index, .state = BLOCK_LIVE, .heap = true});
}

#if SIM_ASAN || SIM_VALGRIND
/* Z1 */
static bool holds_end(const struct sim *s, const unsigned char *mem, size_t bytes)
{
	for (uint32_t i = 0; i < s->n_objects; i++) {
		const struct sim_object *o = &s->objects[i];
		const unsigned char *at = (const unsigned char *)o->obj;
		if ((o->kind == WEIR_OBJ_CHAN || o->kind == WEIR_OBJ_TX || o->kind == WEIR_OBJ_RX) && at >= mem &&
		    at < mem + bytes)
			return true;
	}
	return false;
}
#else
static bool holds_end(const struct sim *s, const unsigned char *mem, size_t bytes)
{
	(void)s, (void)mem, (void)bytes;
	return false;
}
#endif

SIM_NO_ASAN static void take_back(struct sim *s, struct sim_block *block)
{
	struct sim_slab *slab = s->slabs[block->task];
	unsigned char *mem = (unsigned char *)block + HEADER;
	assert(block->state == BLOCK_LIVE && slab->live > 0);
	if (s->racing)
		weir__sim_race_released(s, mem, block->bytes, block->heap ? block->site : NULL);
	block->state = BLOCK_RELEASED;
	slab->live--;
	if (SIM_SAN_MEMORY && (block->heap || !holds_end(s, mem, block->bytes)))
		weir__san_block_back(&slab->san, mem, block->bytes);
}

SIM_NO_ASAN void weir__sim_release(struct sim *s, void *mem)
{
	if (!mem)
		return;
	struct sim_block *block = (struct sim_block *)((unsigned char *)mem - HEADER);
	if (block->state != BLOCK_LIVE || block->heap) {
		weir__sim_fail(s, WEIR_SIM_MISUSE,
			       block->state == BLOCK_RELEASED ? "a block of memory was released twice"
			       : block->state == BLOCK_LIVE ? "memory of malloc was given back to the runtime: free it"
							    : "memory was released that the runtime did not give");
		return;
	}
	take_back(s, block);
}

SIM_NO_ASAN void weir__sim_heap_release(struct sim *s, void *mem, const void *site)
{
	struct sim_block *block = (struct sim_block *)((unsigned char *)mem - HEADER);
	assert(block->heap && block->state == BLOCK_LIVE);
	memset(mem, 0xdb, block->bytes); /* A4 */
	block->site = site;
	take_back(s, block);
}

SIM_NO_ASAN size_t weir__sim_heap_bytes(const struct sim_block *block)
{
	assert(block->heap && block->state == BLOCK_LIVE);
	return block->bytes;
}

static const struct sim_slab *slab_of(const struct sim *s, const unsigned char *mem)
{
	for (uint32_t i = 0; i < WEIR_SIM_TASKS && s->slabs[i]; i++) /* made in this order */
		if (mem >= s->slabs[i]->base && mem < s->slabs[i]->base + s->slabs[i]->total)
			return s->slabs[i];
	return NULL;
}

SIM_NO_ASAN struct sim_block *weir__sim_heap_find(struct sim *s, const void *mem, const char *verb, const void *site)
{
	const struct sim_slab *slab = slab_of(s, mem);
	const char *what = "an address that malloc did not give";
	if (!slab)
		return NULL;
	uintptr_t offset = (uintptr_t)mem - (uintptr_t)slab->memory;
	struct sim_block *block = (struct sim_block *)(slab->memory + offset - HEADER);
	s->failure.site = site;
	if (offset < HEADER || offset > slab->used || offset % 16 != 0 ||
	    s->slabs[block->task % WEIR_SIM_TASKS] != slab) {
		if ((uintptr_t)mem - (uintptr_t)slab->stack < STACK_BYTES)
			what = "memory on the stack of a task";
	} else if (block->state == BLOCK_RELEASED && block->heap) {
		what = "a block that was freed before";
		s->failure.other_site = block->site;
	} else if (block->state == BLOCK_LIVE && !block->heap) {
		what = "memory of the runtime (weir_rt_release gives that back)";
	} else if (block->state == BLOCK_LIVE) {
		s->failure.site = NULL;
		return block;
	}
	weir__sim_fail(s, WEIR_SIM_MISUSE, "%s of %s", verb, what);
	return NULL;
}

uint64_t weir__sim_live_blocks(const struct sim *s)
{
	uint64_t live = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		live += s->tasks[i]->slab->live;
	return live;
}

SIM_NO_ASAN static size_t block_at(const struct sim_slab *slab, size_t at, struct sim_block *out)
{
	*out = *(const struct sim_block *)(slab->memory + at);
	return at + block_bytes(out->bytes);
}

void weir__sim_blocks(struct sim *s, void (*fn)(void *arg, const void *mem, const struct sim_block *block), void *arg)
{
	struct sim_block block;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_slab *slab = s->tasks[i]->slab;
		for (size_t at = 0, next; at < slab->used; at = next) {
			next = block_at(slab, at, &block);
			if (block.state == BLOCK_LIVE)
				fn(arg, slab->memory + at + HEADER, &block);
		}
	}
}

#ifdef WEIR_EXPLORE_ATOMICS
uint32_t weir__sim_slab_of(const struct sim *s, const volatile void *address, uint32_t *offset)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		uintptr_t from = (uintptr_t)s->tasks[i]->slab->base, at = (uintptr_t)address;
		if (at >= from && at - from < s->tasks[i]->slab->total) {
			*offset = (uint32_t)(at - from);
			return i;
		}
	}
	return SIM_NONE;
}
#endif
