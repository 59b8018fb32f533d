/* SPDX-License-Identifier: MIT
 *
 * malloc and its family, for code that runs in tasks: counted, so that a payload nobody frees is a leak with a site;
 * made to fail on demand; watched for double frees; and never given out again within a schedule.
 *
 * HOW IT GETS IN THE WAY. The linker's --wrap=malloc: each object of the program that names malloc gets __wrap_malloc,
 * which is here, and __real_malloc is the C library's. The flags come with weir-sim.pc and the Makefile. The other
 * way, to define malloc itself, was not taken, because then the C library's own allocations (the buffer of a stream, an
 * address list) come here too: made once, kept for good, and no leak of the task that happened to be the first. What
 * --wrap catches is exactly what was compiled into the program and its archives. It also leaves ASan, TSan and Valgrind
 * their own malloc, which is then the real one, and needs nothing at start-up. A program that is linked without the
 * flags works as well: nothing is counted, and weir_rt_alloc alone is watched.
 *
 *  P1  Memory of a task comes from its arena (arena.c) while a task runs in this thread; anything else, in any thread,
 *      goes to the real one. Which of the two a block is, its address says.
 *  P2  Real memory may be freed or reallocated in a task: it was made outside, or by the C library. Memory of a task
 *      must be freed by a task of the same schedule, and in code that is linked into the program: a shared library that
 *      frees it passes it to the C library, which aborts. getline and getdelim, which reallocate what they are given,
 *      are therefore caught as well.
 *  P3  Every allocation here is one of those that fail_alloc counts, together with the runtime's.
 *  P4  realloc always moves, so an old pointer is found each time and not only when there was no room.
 *  P5  The simulator's own files must not count as a task when they allocate while one runs: they call weir__own_*.
 *
 * Sites are the return addresses of the wrappers: the line that called malloc. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "engine.h"

#define ALIGN _Alignof(max_align_t)
#define SITE() __builtin_return_address(0)

/* Weak: NULL in a program that is linked without --wrap. */
#define WEAK __attribute__((weak))
WEAK void *__real_malloc(size_t bytes);
WEAK void *__real_calloc(size_t n, size_t bytes);
WEAK void *__real_realloc(void *mem, size_t bytes);
WEAK void *__real_reallocarray(void *mem, size_t n, size_t bytes);
WEAK void __real_free(void *mem);
WEAK void *__real_aligned_alloc(size_t align, size_t bytes);
WEAK int __real_posix_memalign(void **out, size_t align, size_t bytes);
WEAK size_t __real_malloc_usable_size(void *mem);
WEAK char *__real_strdup(const char *text);
WEAK char *__real_strndup(const char *text, size_t n);
WEAK ssize_t __real_getline(char **line, size_t *cap, FILE *stream);
WEAK ssize_t __real_getdelim(char **line, size_t *cap, int delimiter, FILE *stream);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *mem, size_t bytes);
void *__wrap_reallocarray(void *mem, size_t n, size_t bytes);
void __wrap_free(void *mem);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
int __wrap_posix_memalign(void **out, size_t align, size_t bytes);
size_t __wrap_malloc_usable_size(void *mem);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
ssize_t __wrap_getline(char **line, size_t *cap, FILE *stream);
ssize_t __wrap_getdelim(char **line, size_t *cap, int delimiter, FILE *stream);

/* The linker's: where the program lies in memory. Weak: not in every kind of link. */
extern const char __executable_start[] WEAK, _end[] WEAK;

static _Thread_local struct sim *here; /* P1: a task of this search runs in this thread */

void weir__sim_heap_task(struct sim *s)
{
	here = s;
}

/* ---- the simulator's own ---- */

void *weir__own_realloc(void *mem, size_t bytes)
{
	return __real_realloc ? __real_realloc(mem, bytes) : realloc(mem, bytes);
}

void *weir__own_calloc(size_t bytes)
{
	/* Not the real calloc: musl's, linked statically, asks malloc, and so comes back to the wrapper. */
	void *mem = weir__own_realloc(NULL, bytes);
	return mem ? memset(mem, 0, bytes) : NULL;
}

void weir__own_free(void *mem)
{
	if (__real_free)
		__real_free(mem);
	else
		free(mem);
}

/* ---- in a task ---- */

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static void *take(size_t align, size_t bytes, const void *site)
{
	struct sim *s = here;
	if (bytes > PTRDIFF_MAX || weir__sim_alloc_fails(s))
		return no_memory();
	return weir__sim_heap_alloc(s, weir__sim_current(s), align < ALIGN ? ALIGN : align, bytes, site);
}

static void *take_zeroed(size_t n, size_t bytes, const void *site)
{
	size_t all;
	if (__builtin_mul_overflow(n, bytes, &all))
		return no_memory();
	void *mem = take(ALIGN, all, site);
	return mem ? memset(mem, 0, all) : NULL;
}

/* The program's own variables are never malloc's: the C library would say so too, but with less to go by. */
static void check_static(struct sim *s, const void *mem, const char *verb, const void *site)
{
	if (!__executable_start || (const char *)mem < __executable_start || (const char *)mem >= _end)
		return;
	s->failure.site = site;
	weir__sim_fail(s, WEIR_SIM_MISUSE, "%s of an object of the program itself, which malloc did not give", verb);
}

/* True: mem was a task's, and is gone. */
static bool give_back(void *mem, const char *verb, const void *site)
{
	struct sim_block *block = weir__sim_heap_find(here, mem, verb, site);
	if (block)
		weir__sim_heap_release(here, mem, site);
	else
		check_static(here, mem, verb, site);
	return block;
}

/* P4; false: mem is not a task's. */
static bool move(void *mem, size_t bytes, const void *site, void **out)
{
	struct sim_block *block = weir__sim_heap_find(here, mem, "realloc", site);
	if (!block) {
		check_static(here, mem, "realloc", site);
		return false;
	}
	*out = NULL;
	if (bytes > 0) {
		size_t before = weir__sim_heap_bytes(block);
		*out = take(ALIGN, bytes, site);
		if (!*out)
			return true; /* the old block stays */
		memcpy(*out, mem, before < bytes ? before : bytes);
	}
	weir__sim_heap_release(here, mem, site);
	return true;
}

static void *resize(void *mem, size_t bytes, const void *site)
{
	void *out;
	if (!mem)
		return take(ALIGN, bytes, site);
	return move(mem, bytes, site, &out) ? out : __real_realloc(mem, bytes);
}

/* ---- the family ---- */

void *__wrap_malloc(size_t bytes)
{
	return here ? take(ALIGN, bytes, SITE()) : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
	return here ? take_zeroed(n, bytes, SITE()) : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *mem, size_t bytes)
{
	return here ? resize(mem, bytes, SITE()) : __real_realloc(mem, bytes);
}

void *__wrap_reallocarray(void *mem, size_t n, size_t bytes)
{
	size_t all;
	if (!here)
		return __real_reallocarray(mem, n, bytes);
	return __builtin_mul_overflow(n, bytes, &all) ? no_memory() : resize(mem, all, SITE());
}

void __wrap_free(void *mem)
{
	if (here && mem && give_back(mem, "free", SITE()))
		return;
	__real_free(mem);
}

static bool is_alignment(size_t align)
{
	return align > 0 && (align & (align - 1)) == 0;
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
	if (!here)
		return __real_aligned_alloc(align, bytes);
	if (is_alignment(align))
		return take(align, bytes, SITE());
	errno = EINVAL;
	return NULL;
}

int __wrap_posix_memalign(void **out, size_t align, size_t bytes)
{
	int before = errno;
	if (!here)
		return __real_posix_memalign(out, align, bytes);
	if (!is_alignment(align) || align % sizeof(void *) != 0)
		return EINVAL;
	void *mem = take(align, bytes, SITE());
	errno = before;
	if (!mem)
		return ENOMEM;
	*out = mem;
	return 0;
}

size_t __wrap_malloc_usable_size(void *mem)
{
	struct sim_block *block = here && mem ? weir__sim_heap_find(here, mem, "malloc_usable_size", SITE()) : NULL;
	return block ? weir__sim_heap_bytes(block) : __real_malloc_usable_size(mem);
}

static char *copy(const char *text, size_t n, const void *site)
{
	char *mem = take(ALIGN, n + 1, site);
	if (!mem)
		return NULL;
	memcpy(mem, text, n);
	mem[n] = '\0';
	return mem;
}

char *__wrap_strdup(const char *text)
{
	return here ? copy(text, strlen(text), SITE()) : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return here ? copy(text, strnlen(text, n), SITE()) : __real_strndup(text, n);
}

/* P2: a line is written over anyway, so the C library may as well begin with none. */
static void forget_line(char **line, size_t *cap, const void *site)
{
	if (here && *line && give_back(*line, "getline", site)) {
		*line = NULL;
		*cap = 0;
	}
}

ssize_t __wrap_getline(char **line, size_t *cap, FILE *stream)
{
	forget_line(line, cap, SITE());
	return __real_getline(line, cap, stream);
}

ssize_t __wrap_getdelim(char **line, size_t *cap, int delimiter, FILE *stream)
{
	forget_line(line, cap, SITE());
	return __real_getdelim(line, cap, delimiter, stream);
}
