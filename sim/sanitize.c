/* SPDX-License-Identifier: MIT
 *
 * Telling ASan, LSan, TSan and Valgrind about fibers and the arena; what, and why, is in sanitize.h (Z1 to Z6).
 *
 * Nothing here may be instrumented that stands between the announcement of a switch and the switch itself: ASan would
 * look for this function's frame in the other fiber's stack, TSan would note the call in one fiber and the return in
 * the other. Functions here are therefore marked, or call nothing but the sanitizer.
 *
 * Runs in the one thread of the search; without any sanitizer, and without Valgrind's headers, only slowness() and two
 * empty functions are left. */
#include "sanitize.h"

#include <assert.h>
#include <errno.h>

#include "engine.h"

#if SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#if SIM_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_set_fiber_name(void *fiber, const char *name);
void __tsan_acquire(void *at);
void __tsan_release(void *at);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *mem, size_t bytes, const char *why);
#endif

#if SIM_VALGRIND
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <valgrind/memcheck.h>
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#error "sim/ wants -fno-sanitize=thread -DWEIR_SIM_TSAN where the rest is built with -fsanitize=thread (Z4)"
#endif

#if SIM_SAN_FIBERS

enum { TSAN_ORDERS = 0, TSAN_NO_ORDER = 1 }; /* flags of a switch */

static struct fiber *from_fiber; /* that stopped last */
#if SIM_ASAN
static const void *root_stack; /* Z2: of the thread that runs the search; NULL: not known yet */
static size_t root_bytes;
#endif
#if SIM_TSAN
static unsigned ignoring;                 /* Z4: depth of the running fiber */
static void *tsan_fibers[WEIR_SIM_TASKS]; /* Z5 */

static void see(unsigned depth)
{
	for (; depth > 0; depth--, ignoring--) {
		AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
		AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
	}
}

static void ignore(unsigned depth)
{
	for (; depth > 0; depth--, ignoring++) {
		AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
		AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
	}
}

void weir__tsan_enter(void)
{
	ignore(1);
}

void weir__tsan_leave(void)
{
	assert(ignoring > 0);
	see(1);
}

void weir__tsan_release(const void *at)
{
	unsigned depth = ignoring;
	see(depth);
	__tsan_release((void *)(uintptr_t)at);
	ignore(depth);
}

void weir__tsan_acquire(const void *at)
{
	unsigned depth = ignoring;
	see(depth);
	__tsan_acquire((void *)(uintptr_t)at);
	ignore(depth);
}
#endif

void weir__san_fiber(struct fiber *fiber, uint32_t task, const char *name, const void *stack, size_t bytes)
{
	assert(task < WEIR_SIM_TASKS);
	fiber->san = (struct sim_san){.bottom = stack, .bytes = bytes};
#if SIM_TSAN
	if (!tsan_fibers[task])
		tsan_fibers[task] = __tsan_create_fiber(0);
	fiber->san.tsan = tsan_fibers[task];
	__tsan_set_fiber_name(fiber->san.tsan, name);
#else
	(void)name;
#endif
}

void weir__san_harness(struct fiber *fiber)
{
#if SIM_TSAN
	fiber->san.tsan = __tsan_get_current_fiber();
#else
	(void)fiber;
#endif
}

SIM_NO_ASAN unsigned weir__san_stop(struct fiber *from, struct fiber *to, bool last)
{
	unsigned depth = 0;
	from_fiber = from;
#if SIM_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->san.fake, to->san.bottom, to->san.bytes);
#else
	(void)last;
#endif
#if SIM_TSAN
	depth = ignoring;
	see(depth);
	__tsan_switch_to_fiber(to->san.tsan, TSAN_NO_ORDER);
#else
	(void)to;
#endif
	return depth;
}

/* The fiber that stopped may have been the thread's own stack, whose place is only known from here. */
SIM_NO_ASAN static void arrive(void *fake)
{
#if SIM_ASAN
	__sanitizer_finish_switch_fiber(fake, &from_fiber->san.bottom, &from_fiber->san.bytes);
#else
	(void)fake;
#endif
}

SIM_NO_ASAN void weir__san_go_on(struct fiber *fiber, unsigned depth)
{
	arrive(fiber->san.fake);
	fiber->san.fake = NULL;
#if SIM_TSAN
	ignore(depth);
#else
	(void)depth;
#endif
}

SIM_NO_ASAN void weir__san_start(void)
{
	arrive(NULL);
#if SIM_ASAN
	if (!root_stack) { /* the first fiber of a search is entered from the harness */
		root_stack = from_fiber->san.bottom;
		root_bytes = from_fiber->san.bytes;
		__lsan_register_root_region(root_stack, root_bytes);
	}
#endif
}

/* ASan: the frames of a handler before this one were never left. TSan: it has let a handler see everything again. */
SIM_NO_ASAN void weir__san_signal(void *stack, size_t bytes)
{
#if SIM_ASAN
	ASAN_UNPOISON_MEMORY_REGION(stack, bytes);
#else
	(void)stack, (void)bytes;
#endif
#if SIM_TSAN
	ignoring = 0;
#endif
}

#if SIM_ASAN
/* Z1: a fiber that was left behind has a fake stack that only the fiber itself can give back; so be that fiber for a
 * moment, as far as ASan can tell. */
SIM_NO_ASAN static void drop_fake_stack(struct fiber *harness, struct fiber *fiber)
{
	void *mine;
	if (!fiber->san.fake)
		return;
	__sanitizer_start_switch_fiber(&mine, fiber->san.bottom, fiber->san.bytes);
	__sanitizer_finish_switch_fiber(fiber->san.fake, NULL, NULL);
	__sanitizer_start_switch_fiber(NULL, harness->san.bottom, harness->san.bytes);
	__sanitizer_finish_switch_fiber(mine, NULL, NULL);
	fiber->san.fake = NULL;
}
#endif

void weir__san_schedule_over(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct fiber *fiber = &s->tasks[i]->fiber;
#if SIM_ASAN
		drop_fake_stack(&s->harness, fiber);
#endif
#if SIM_TSAN
		__tsan_switch_to_fiber(fiber->san.tsan, TSAN_ORDERS); /* Z5 */
		__tsan_switch_to_fiber(s->harness.san.tsan, TSAN_ORDERS);
		if (s->tasks[i]->state != SIM_EXITED) {
			__tsan_destroy_fiber(fiber->san.tsan);
			tsan_fibers[i] = NULL;
		}
#endif
		(void)fiber;
	}
}

#endif

/* ---- memory ---- */

#if SIM_ASAN || SIM_VALGRIND

bool weir__san_memory = SIM_ASAN;

void weir__san_slab_made(struct sim_san_slab *slab)
{
#if SIM_ASAN
	__lsan_register_root_region(slab->stack, slab->stack_bytes);
	__lsan_register_root_region(slab->memory, slab->memory_bytes);
#else
	slab->valgrind = VALGRIND_STACK_REGISTER(slab->stack, slab->stack + slab->stack_bytes - 1);
	VALGRIND_CREATE_MEMPOOL(slab->memory, 0, 0);
#endif
}

void weir__san_slab_gone(struct sim_san_slab *slab)
{
#if SIM_ASAN
	__lsan_unregister_root_region(slab->stack, slab->stack_bytes);
	__lsan_unregister_root_region(slab->memory, slab->memory_bytes);
	ASAN_UNPOISON_MEMORY_REGION(slab->stack, slab->stack_bytes);
	ASAN_UNPOISON_MEMORY_REGION(slab->memory, slab->memory_bytes);
#else
	VALGRIND_STACK_DEREGISTER(slab->valgrind);
	VALGRIND_DESTROY_MEMPOOL(slab->memory);
#endif
}

void weir__san_stack_reset(void *from, size_t bytes)
{
#if SIM_ASAN
	ASAN_UNPOISON_MEMORY_REGION(from, bytes); /* of frames that were never left */
#else
	(void)VALGRIND_MAKE_MEM_UNDEFINED(from, bytes);
#endif
}

void weir__san_memory_reset(struct sim_san_slab *slab, size_t used)
{
	assert(used <= slab->memory_bytes);
#if SIM_ASAN
	ASAN_POISON_MEMORY_REGION(slab->memory, used);
#else
	VALGRIND_DESTROY_MEMPOOL(slab->memory);
	VALGRIND_CREATE_MEMPOOL(slab->memory, 0, 0);
	(void)VALGRIND_MAKE_MEM_NOACCESS(slab->memory, used);
#endif
}

void weir__san_block_given(struct sim_san_slab *slab, unsigned char *mem, size_t header, size_t bytes, size_t tail)
{
#if SIM_ASAN
	(void)slab;
	ASAN_POISON_MEMORY_REGION(mem - header, header); /* arena.c alone looks inside, unwatched */
	ASAN_UNPOISON_MEMORY_REGION(mem, bytes);
	ASAN_POISON_MEMORY_REGION(mem + bytes, tail);
#else
	(void)tail;
	(void)VALGRIND_MAKE_MEM_UNDEFINED(mem - header, header);
	VALGRIND_MEMPOOL_ALLOC(slab->memory, mem, bytes);
#endif
}

void weir__san_block_unset(unsigned char *mem, size_t bytes)
{
#if SIM_VALGRIND
	(void)VALGRIND_MAKE_MEM_UNDEFINED(mem, bytes);
#else
	(void)mem, (void)bytes;
#endif
}

void weir__san_block_back(struct sim_san_slab *slab, unsigned char *mem, size_t bytes)
{
#if SIM_ASAN
	(void)slab;
	ASAN_POISON_MEMORY_REGION(mem, bytes);
#else
	(void)bytes;
	VALGRIND_MEMPOOL_FREE(slab->memory, mem);
#endif
}

#endif

/* ---- the search ---- */

void weir__san_search_begin(void)
{
#if SIM_TSAN
	AnnotateBenignRaceSized(__FILE__, __LINE__, &errno, sizeof(errno), "every task has its own, see reschedule");
#endif
#if SIM_VALGRIND
	weir__san_memory = RUNNING_ON_VALGRIND != 0;
#endif
}

void weir__san_search_end(void)
{
#if SIM_ASAN
	if (root_stack)
		__lsan_unregister_root_region(root_stack, root_bytes);
	root_stack = NULL;
#endif
}

int weir__san_slowness(void)
{
#if SIM_VALGRIND
	if (weir__san_memory)
		return 6;
#endif
	return SIM_ASAN || SIM_TSAN ? 3 : 1;
}

#if SIM_VALGRIND
#pragma GCC diagnostic pop
#endif
