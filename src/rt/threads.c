/* SPDX-License-Identifier: MIT
 *
 * The runtime on POSIX threads: one thread per task, CLOCK_MONOTONIC, and a word per task to sleep on.
 *
 * T1  The parker is one word per task: NONE, TOKEN, PARKED (asleep on the word), POLLING (asleep in poll). Anybody may
 *     set it to TOKEN, and that is all unpark does; every other change is made by the task itself. It takes the token
 *     with an exchange, and unpark sets it with one even if it is there already: exchanges form one release sequence,
 *     so a token set twice publishes what both wakers wrote (R4).
 * T2  Only the unpark whose exchange found PARKED or POLLING makes a system call, so a task is woken once per sleep.
 * T3  Found PARKED: the task may wake for another reason, return and be gone before the wake runs. The wake takes the
 *     address as a key and touches no memory (futex.h F2), so the exchange was the last touch (R5).
 * T4  Found POLLING: the wake is a write to the task's eventfd, which must be neither closed nor reused by then. A task
 *     leaves POLLING by swapping it for NONE. If that fails, exactly one unpark has found POLLING and will write
 *     exactly once; the task then reads the eventfd, blocking, and so cannot leave wait_fd before the write has reached
 *     the kernel, which by then holds its own reference. Until that write, record and descriptor stay as they are;
 *     after it, unpark touches nothing. The wait is for code that cannot block, and the counter is 0 outside wait_fd.
 * T5  tasks = spawned - joined. run() and free() want 0.
 * T6  A thread finds its record in a thread-local pointer: a spawned one the record made by spawn, any other a
 *     thread-local record, adopted on its first call. A thread may use several runtimes in turn: it keeps the record,
 *     and task->rt follows the runtime that asks. core_ is zeroed when the record begins and is core's own from then
 *     on.
 * T7  A new thread writes its own id into its record: spawn may not, for by the time pthread_create returns the task
 *     may be over, joined by a sibling and released. A join that comes before the id waits for it.
 *
 * BEFORE IT SLEEPS, park gives its time away for a short while (linger below): a thread that sleeps costs its waker a
 * system call, often an interrupt of another core, and itself the way back; a partner that is at work already is
 * usually faster. It is bounded, and a task whose waits prove long soon stops trying.
 *
 * LOCKS: none; the words are atomic, the rest belongs to the task. Each entry that may block, allocate or read the
 * clock asserts that the caller holds no internal lock. RUNS AT THE SAME TIME: all but free.
 *
 * POLICIES. Signals: weir changes no mask, handler or disposition; a task inherits the mask of its spawner, and a
 * signal that interrupts a wait is not seen by it. fork: the child must exec or _exit. A task must return from its
 * function: pthread_exit, pthread_cancel and a longjmp out of it are not supported. errno is not preserved. The
 * misuse hook is called with nothing held and may leave by longjmp; this file has then changed nothing. Codes are
 * -errno, as core/err.h lists them. */
#include <weir/rt/threads.h>

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"
#include "futex.h"
#include "io.h"
#include "lock.h"

#define NS_PER_SEC INT64_C(1000000000)
#define THREAD_NAME_BYTES 16 /* with the terminator: the kernel's limit */

enum parker { PARKER_NONE, PARKER_TOKEN, PARKER_PARKED, PARKER_POLLING };

struct thread_task {
	struct weir_task task; /* first: a weir_task is a thread_task */
	weir__a32 parker;      /* T1 */
	int event_fd;          /* T4; -1 until the first wait_fd */
	unsigned misses;       /* how often in a row lingering was in vain ... */
	unsigned skip;         /* ... and for how many parks it is not tried */
	weir_rt *home;         /* that spawned it; NULL: adopted */
	weir__a32 named;       /* T7: 0 thread is not set yet, 1 it is, 2 it is not and a join sleeps on it */
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
};

struct threads_rt {
	weir_rt rt; /* first: a weir_rt is a threads_rt */
	struct weir_rt_opts opts;
	weir__a64 random; /* SplitMix64's counter */
	weir__a32 tasks;  /* T5 */
};

static __thread struct thread_task *current __attribute__((tls_model("initial-exec")));
static __thread struct thread_task adopted __attribute__((tls_model("initial-exec")));

static struct threads_rt *threads_of(weir_rt *rt)
{
	return (struct threads_rt *)rt;
}

/* Time, random numbers, memory */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	int rc = clock_gettime(clock, &ts);

	assert(rc == 0);
	(void)rc;
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static int64_t threads_now(weir_rt *rt)
{
	(void)rt;
	assert(weir__locks_held() == 0);
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t threads_wall(weir_rt *rt)
{
	(void)rt;
	return clock_ns(CLOCK_REALTIME);
}

/* SplitMix64 (Steele, Lea, Flood 2014): its state is a counter, so tasks share it with one atomic add. */
static uint64_t random_bits(struct threads_rt *t)
{
	uint64_t z = weir__add64_relaxed(&t->random, UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

__extension__ typedef unsigned __int128 uint128;

/* Lemire 2019: the high half of bits x bound is in range, and even once the low halves that would come up once too
 * often are thrown away; the division is paid only where that is possible at all. */
static uint64_t threads_random(weir_rt *rt, uint64_t bound)
{
	struct threads_rt *t = threads_of(rt);
	uint128 product;

	if (bound == 0)
		return random_bits(t);
	product = (uint128)random_bits(t) * bound;
	if ((uint64_t)product < bound) {
		uint64_t uneven = -bound % bound;
		while ((uint64_t)product < uneven)
			product = (uint128)random_bits(t) * bound;
	}
	assert((uint64_t)(product >> 64) < bound);
	return (uint64_t)(product >> 64);
}

static void *threads_alloc(weir_rt *rt, size_t bytes, const void *site)
{
	struct threads_rt *t = threads_of(rt);

	(void)site;
	assert(weir__locks_held() == 0);
	return t->opts.alloc ? t->opts.alloc(bytes, t->opts.arg) : malloc(bytes);
}

static void threads_release(weir_rt *rt, void *mem)
{
	struct threads_rt *t = threads_of(rt);

	assert(weir__locks_held() == 0);
	if (!mem)
		return;
	if (t->opts.release)
		t->opts.release(mem, t->opts.arg);
	else
		free(mem);
}

/* Misuse */

static void print_site(const char *role, const void *site)
{
	Dl_info info;

	if (!site)
		return;
	if (dladdr(site, &info) == 0 || !info.dli_fname)
		(void)fprintf(stderr, "  %s %p\n", role, site);
	else if (info.dli_sname)
		(void)fprintf(stderr, "  %s %p (%s+0x%zx in %s)\n", role, site, info.dli_sname,
			      (size_t)((const char *)site - (const char *)info.dli_saddr), info.dli_fname);
	else /* static function: the offset is what addr2line wants */
		(void)fprintf(stderr, "  %s %p (%s+0x%zx)\n", role, site, info.dli_fname,
			      (size_t)((const char *)site - (const char *)info.dli_fbase));
}

static _Noreturn void threads_misuse(weir_rt *rt, const struct weir_misuse *misuse)
{
	struct threads_rt *t = threads_of(rt);

	assert(misuse && misuse->what);
	if (t->opts.misuse)
		t->opts.misuse(misuse, t->opts.arg);
	(void)fprintf(stderr, "weir: misuse: %s\n", misuse->what);
	if (misuse->object)
		(void)fprintf(stderr, "  object: %s\n", misuse->object);
	print_site("noticed at", misuse->site);
	print_site("made or last used at", misuse->other_site);
	abort();
}

static void threads_say(weir_rt *rt, const char *text)
{
	(void)rt;
	(void)fputs(text, stderr);
}

static void want_no_tasks(struct threads_rt *t, const char *when, const void *site)
{
	char what[160];
	uint32_t left = weir__load32(&t->tasks);

	if (left == 0)
		return;
	(void)snprintf(what, sizeof(what),
		       "%u task%s not joined when %s: join the scope that started %s before it ends", (unsigned)left,
		       left == 1 ? " was" : "s were", when, left == 1 ? "it" : "them");
	threads_misuse(&t->rt, &(struct weir_misuse){.what = what, .object = "runtime on threads", .site = site});
}

/* Tasks */

static void task_init(struct thread_task *t, weir_rt *rt, const char *name)
{
	size_t length = name ? strnlen(name, sizeof(t->task.name) - 1) : 0;

	memset(t, 0, sizeof(*t)); /* T6: core_ too */
	t->task.rt = rt;
	t->event_fd = -1;
	if (length > 0)
		memcpy(t->task.name, name, length);
}

static struct thread_task *self(weir_rt *rt)
{
	if (__builtin_expect(!current, 0)) {
		task_init(&adopted, rt, NULL);
		current = &adopted;
	}
	if (__builtin_expect(current->task.rt != rt, 0))
		current->task.rt = rt; /* T6 */
	return current;
}

static weir_task *threads_self(weir_rt *rt)
{
	return &self(rt)->task;
}

static void *task_main(void *arg)
{
	struct thread_task *t = arg;
	char name[THREAD_NAME_BYTES] = "";

	assert(!current);
	current = t;
	t->thread = pthread_self();
	if (weir__exchange32(&t->named, 1) == 2) /* T7 */
		weir__futex_wake(&t->named, 1);
	if (t->task.name[0]) { /* without a name the thread keeps its spawner's */
		memcpy(name, t->task.name, sizeof(name) - 1);
		(void)pthread_setname_np(pthread_self(), name);
	}
	t->fn(t->arg);
	return NULL;
}

/* Counts one task more, unless there are max_tasks: exact also when many spawn at once, hence no add-and-look. */
static bool count_in(struct threads_rt *t)
{
	uint32_t n = weir__load32(&t->tasks);

	do {
		if (t->opts.max_tasks != 0 && n >= t->opts.max_tasks)
			return false;
		assert(n < UINT32_MAX);
	} while (!weir__cas32(&t->tasks, &n, n + 1));
	return true;
}

static void count_out(struct threads_rt *t)
{
	uint32_t before = weir__fetch_sub32(&t->tasks, 1);

	assert(before > 0); /* T5 */
	(void)before;
}

static int thread_start(struct threads_rt *t, struct thread_task *task)
{
	size_t least = (size_t)PTHREAD_STACK_MIN, stack = t->opts.stack_bytes;
	pthread_attr_t attr;
	pthread_t thread; /* not the record's: T7 */
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return -rc;
	if (stack != 0) /* too small a wish is raised to what a thread needs at all */
		rc = pthread_attr_setstacksize(&attr, stack < least ? least : stack);
	if (rc == 0)
		rc = pthread_create(&thread, &attr, task_main, task);
	(void)pthread_attr_destroy(&attr);
	return -rc;
}

static int threads_spawn(weir_rt *rt, const char *name, void (*fn)(void *arg), void *arg, const void *site,
			 weir_task **out)
{
	struct threads_rt *t = threads_of(rt);
	struct thread_task *task;
	int rc = -ENOMEM;

	assert(fn && out);
	assert(weir__locks_held() == 0);
	if (!count_in(t))
		return -EAGAIN;
	task = threads_alloc(rt, sizeof(*task), site);
	if (task) {
		task_init(task, rt, name);
		task->home = rt;
		task->fn = fn;
		task->arg = arg;
		rc = thread_start(t, task);
	}
	if (rc != 0) {
		threads_release(rt, task);
		count_out(t);
		return rc;
	}
	*out = &task->task;
	return 0;
}

/* T7 */
static pthread_t thread_of(struct thread_task *t)
{
	uint32_t named = 0;

	while (!weir__cas32(&t->named, &named, 2) && named != 1)
		;
	while (weir__load32(&t->named) != 1)
		(void)weir__futex_wait(&t->named, 2, INT64_MAX);
	return t->thread;
}

static void threads_join(weir_rt *rt, weir_task *task)
{
	struct thread_task *t = (struct thread_task *)task;
	int rc;

	assert(t && t->home == rt);
	assert(weir__locks_held() == 0);
	if (t == current) {
		threads_misuse(rt,
			       &(struct weir_misuse){.what = "a task joins itself: whoever spawned it joins it, once",
						     .object = task->name,
						     .site = __builtin_return_address(0)});
	}
	rc = pthread_join(thread_of(t), NULL);
	assert(rc == 0);
	(void)rc;
	threads_release(rt, t);
	count_out(threads_of(rt));
}

/* Park and unpark */

static bool take_token(struct thread_task *t)
{
	/* A look first: an exchange that finds nothing would write to a line the wakers share. */
	if (weir__load32(&t->parker) != PARKER_TOKEN)
		return false;
	(void)weir__exchange32(&t->parker, PARKER_NONE);
	return true;
}

#define LINGER_NS WEIR_US(25) /* about what a sleep costs waker and sleeper where it crosses cores */
#define LINGER_MAX_MISSES 6

/* Gives the core away for up to LINGER_NS and looks for the token in between. After n times in vain in a row the next
 * 2^n - 1 parks do not try, so a task that waits long spends nothing worth counting here. */
static bool linger(struct thread_task *t, int64_t deadline_at)
{
	int64_t until;

	if (t->skip > 0) {
		t->skip--;
		return false;
	}
	until = weir_time_add(clock_ns(CLOCK_MONOTONIC), LINGER_NS);
	if (deadline_at < until)
		return false;
	do {
		(void)sched_yield();
		if (take_token(t)) {
			t->misses = 0;
			return true;
		}
	} while (clock_ns(CLOCK_MONOTONIC) < until);
	if (t->misses < LINGER_MAX_MISSES)
		t->misses++;
	t->skip = (1u << t->misses) - 1;
	return false;
}

/* From NONE to `state`, which is one to be woken from; false: the token was there, and is taken. */
static bool settle(struct thread_task *t, uint32_t state)
{
	uint32_t found = PARKER_NONE;

	if (weir__cas32(&t->parker, &found, state))
		return true;
	assert(found == PARKER_TOKEN); /* T1 */
	(void)weir__exchange32(&t->parker, PARKER_NONE);
	return false;
}

static int threads_park(weir_rt *rt, int64_t deadline_at)
{
	struct thread_task *t = self(rt);
	uint32_t state;

	assert(weir__locks_held() == 0);
	if (take_token(t) || linger(t, deadline_at) || !settle(t, PARKER_PARKED))
		return 0;
	for (;;) {
		bool in_time = weir__futex_wait(&t->parker, PARKER_PARKED, deadline_at);
		if (take_token(t))
			return 0;
		state = PARKER_PARKED;
		if (!in_time && weir__cas32(&t->parker, &state, PARKER_NONE))
			return -ETIMEDOUT;
	}
}

static void threads_unpark(weir_rt *rt, weir_task *task)
{
	struct thread_task *t = (struct thread_task *)task;

	(void)rt;
	switch (weir__exchange32(&t->parker, PARKER_TOKEN)) {
	case PARKER_PARKED:
		weir__futex_wake(&t->parker, 1); /* T3: *t may be gone */
		break;
	case PARKER_POLLING:
		(void)eventfd_write(t->event_fd, 1); /* T4: *t is there until this has happened */
		break;
	default:
		break;
	}
}

static void threads_yield(weir_rt *rt, const void *site)
{
	(void)rt, (void)site;
	assert(weir__locks_held() == 0);
	(void)sched_yield();
}

/* Descriptors */

static pthread_key_t event_key;
static int event_key_rc;
static pthread_once_t event_once = PTHREAD_ONCE_INIT;

/* Runs when the thread ends, spawned or adopted, so before a join of it returns. Another destructor may still wait
 * for a descriptor after this one: it gets a new eventfd, and this one runs again. */
static void event_close(void *arg)
{
	struct thread_task *t = arg;

	assert(t->event_fd >= 0);
	(void)close(t->event_fd);
	t->event_fd = -1;
}

static void event_key_make(void)
{
	event_key_rc = pthread_key_create(&event_key, event_close);
}

/* The eventfd is kept until the thread ends: making one takes four times as long as the poll it serves. */
static int event_open(struct thread_task *t)
{
	int rc, fd;

	if (t->event_fd >= 0)
		return 0;
	(void)pthread_once(&event_once, event_key_make);
	if (event_key_rc != 0)
		return -event_key_rc;
	fd = eventfd(0, EFD_CLOEXEC); /* blocking: T4 */
	if (fd < 0)
		return -errno;
	rc = pthread_setspecific(event_key, t);
	if (rc != 0) {
		(void)close(fd);
		return -rc;
	}
	t->event_fd = fd;
	return 0;
}

/* Ends POLLING; true: there was a token, which is taken, and the eventfd is empty again. */
static bool stop_polling(struct thread_task *t)
{
	uint32_t state = PARKER_POLLING;
	eventfd_t count;

	if (weir__cas32(&t->parker, &state, PARKER_NONE))
		return false;
	assert(state == PARKER_TOKEN);
	while (eventfd_read(t->event_fd, &count) != 0) /* T4: waits for the write; only a signal makes it fail */
		assert(errno == EINTR);
	assert(count == 1); /* T2 */
	(void)weir__exchange32(&t->parker, PARKER_NONE);
	return true;
}

/* ppoll with an absolute deadline; 0 only when it has passed. */
static int poll_until(struct pollfd *fds, nfds_t n, int64_t deadline_at)
{
	for (;;) {
		int64_t now = clock_ns(CLOCK_MONOTONIC), left = deadline_at > now ? deadline_at - now : 0;
		struct timespec limit = {.tv_sec = (time_t)(left / NS_PER_SEC), .tv_nsec = (long)(left % NS_PER_SEC)};
		int rc = ppoll(fds, n, deadline_at == WEIR_FOREVER ? NULL : &limit, NULL);
		if (rc > 0 || (rc == 0 && left == 0))
			return rc;
		if (rc < 0 && errno != EINTR)
			return -errno;
	}
}

static int threads_wait_fd(weir_rt *rt, weir_fd fd, short events, int64_t deadline_at)
{
	struct thread_task *t = self(rt);
	struct pollfd fds[2];
	int rc;

	assert(weir__locks_held() == 0);
	if (events <= 0)
		return -EINVAL;
	if (fd < 0) /* poll would pass over it, and wait for ever */
		return -EBADF;
	if (take_token(t))
		return 0;
	rc = event_open(t);
	if (rc != 0)
		return rc;
	fds[0] = (struct pollfd){.fd = fd, .events = events};
	fds[1] = (struct pollfd){.fd = t->event_fd, .events = POLLIN};
	if (!settle(t, PARKER_POLLING))
		return 0;
	rc = poll_until(fds, 2, deadline_at);
	if (stop_polling(t))
		return 0; /* before what poll found: the descriptor can be asked again, the token cannot */
	if (rc < 0)
		return rc;
	if (rc == 0)
		return -ETIMEDOUT;
	return fds[0].revents & POLLNVAL ? -EBADF : fds[0].revents;
}

/* The runtime */

static int threads_run(weir_rt *rt, void (*fn)(void *arg), void *arg)
{
	assert(fn);
	(void)self(rt);
	fn(arg);
	want_no_tasks(threads_of(rt), "run returned", __builtin_return_address(0));
	return 0;
}

static void threads_free(weir_rt *rt)
{
	struct threads_rt *t = threads_of(rt);

	want_no_tasks(t, "the runtime was freed", __builtin_return_address(0));
	threads_release(rt, t);
}

static const struct weir_rt_vtable threads_vtable = {
	.version = WEIR_RT_VERSION,
	.now = threads_now,
	.wall = threads_wall,
	.random = threads_random,
	.alloc = threads_alloc,
	.release = threads_release,
	.spawn = threads_spawn,
	.join = threads_join,
	.self = threads_self,
	.park = threads_park,
	.unpark = threads_unpark,
	.yield = threads_yield,
	.wait_fd = threads_wait_fd,
	.fd_read = weir__io_read,
	.fd_write = weir__io_write,
	.fd_accept = weir__io_accept,
	.fd_shut = weir__io_shut,
	.fd_close = weir__io_close,
	.signals_open = weir__io_signals_open,
	.signals_next = weir__io_signals_next,
	.run = threads_run,
	.misuse = threads_misuse,
	.say = threads_say,
	.free = threads_free,
};

int weir_rt_threads_new(const struct weir_rt_opts *opts, weir_rt **out)
{
	static const struct weir_rt_opts defaults;
	const struct weir_rt_opts *o = opts ? opts : &defaults;
	struct threads_rt *t;
	uint64_t seed;

	if (!out || !o->alloc != !o->release)
		return -EINVAL;
	t = o->alloc ? o->alloc(sizeof(*t), o->arg) : malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->rt.vt = &threads_vtable;
	t->rt.stuck_after_ns = o->stuck_after_ns;
	t->rt.stuck_abort = o->stuck_abort;
	t->opts = *o;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) /* forbidden by a sandbox: different at least */
		seed = (uint64_t)clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)(uintptr_t)t;
	weir__store64(&t->random, seed);
	*out = &t->rt;
	return 0;
}
