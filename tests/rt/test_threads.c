/* SPDX-License-Identifier: MIT
 *
 * The runtime on threads: every scenario of conformance.c, one test each, and what only this runtime has: names in
 * /proc, adopted threads, options, inherited signal masks, failures of the system, and what misuse prints. */
#include "conformance.h"

#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir/core/err.h>
#include <weir/rt/threads.h>

#include "../../src/rt/lock.h"

#define TIMEOUT_S 60 /* of a test that hangs, under any of the slow tools */

/* The fixture */

static int make(weir_rt **out)
{
	return weir_rt_threads_new(NULL, out);
}

static int make_failing(weir_rt **out)
{
	return weir_rt_threads_new(&(struct weir_rt_opts){.max_tasks = 1}, out);
}

/* The hook leaves by longjmp, as a hook that returns ends the process. */
struct caught {
	jmp_buf out;
	int reports;
	char *text;
	size_t cap;
};

static void catch_misuse(const struct weir_misuse *misuse, void *arg)
{
	struct caught *c = arg;

	c->reports++;
	(void)snprintf(c->text, c->cap, "%s", misuse->what);
	longjmp(c->out, 1);
}

struct inside {
	weir_rt *rt;
	void (*fn)(weir_rt *rt);
};

static void call_inside(void *arg)
{
	struct inside *in = arg;

	in->fn(in->rt);
}

static int run_misused(void (*fn)(weir_rt *rt), void (*tidy)(weir_rt *rt), char *text, size_t cap)
{
	struct caught c = {.text = text, .cap = cap};
	struct weir_rt_opts opts = {.misuse = catch_misuse, .arg = &c};
	struct inside in = {.fn = fn};
	int rc = weir_rt_threads_new(&opts, &in.rt);

	if (rc != 0)
		return rc;
	if (setjmp(c.out) == 0)
		(void)in.rt->vt->run(in.rt, call_inside, &in);
	tidy(in.rt);
	weir_rt_free(&in.rt);
	return c.reports;
}

static const struct rt_fixture threads = {
	.name = "threads",
	.has_fd = true,
	.make = make,
	.make_failing = make_failing,
	.run_misused = run_misused,
};

START_TEST(scenario)
{
	const struct rt_scenario *s = &rt_scenarios[_i];

	ck_assert_msg(rt_scenario_run(&threads, s) == 0, "%s (%s)", s->name, s->promise);
}
END_TEST

/* A runtime for the tests below, made and freed around each. */

static weir_rt *rt;

static void setup(void)
{
	ck_assert_int_eq(weir_rt_threads_new(NULL, &rt), 0);
}

static void teardown(void)
{
	weir_rt_free(&rt);
	ck_assert_ptr_null(rt);
}

static weir_task *start(weir_rt *on, const char *name, void (*fn)(void *arg), void *arg)
{
	weir_task *task = NULL;

	ck_assert_int_eq(on->vt->spawn(on, name, fn, arg, NULL, &task), 0);
	return task;
}

static int park(weir_rt *on, int64_t deadline_at)
{
	int rc;

	do
		rc = on->vt->park(on, deadline_at);
	while (rc == WEIR_EINTR);
	return rc;
}

/* Names */

static void read_line(const char *path, char *line, int cap)
{
	FILE *f = fopen(path, "r");

	line[0] = '\0';
	if (!f)
		return;
	if (fgets(line, cap, f))
		line[strcspn(line, "\n")] = '\0';
	(void)fclose(f);
}

static int threads_named(const char *name)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[300], comm[64] = "";
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		read_line(path, comm, sizeof(comm));
		n += strcmp(comm, name) == 0;
	}
	(void)closedir(dir);
	return n;
}

struct comm {
	char own[64];
	weir_task *spawner;
};

static void say_comm(void *arg)
{
	struct comm *c = arg;

	read_line("/proc/thread-self/comm", c->own, sizeof(c->own));
	rt->vt->unpark(rt, c->spawner);
	ck_assert_int_eq(park(rt, WEIR_FOREVER), 0);
}

START_TEST(name_is_in_proc)
{
	struct comm c = {.spawner = rt->vt->self(rt)};
	weir_task *task = start(rt, "weir-test-name-that-is-long", say_comm, &c);

	ck_assert_int_eq(park(rt, WEIR_FOREVER), 0);
	ck_assert_str_eq(c.own, "weir-test-name-"); /* from the first line of the task on */
	ck_assert_int_eq(threads_named("weir-test-name-"), 1);
	rt->vt->unpark(rt, task);
	rt->vt->join(rt, task);
}
END_TEST

static void say_comm_only(void *arg)
{
	read_line("/proc/thread-self/comm", arg, 64);
}

START_TEST(no_name_keeps_the_spawners)
{
	char own[64] = "", mine[64];

	rt->vt->join(rt, start(rt, NULL, say_comm_only, own));
	read_line("/proc/thread-self/comm", mine, sizeof(mine));
	ck_assert_str_ne(mine, "");
	ck_assert_str_eq(own, mine);
}
END_TEST

/* Adoption */

struct foreign {
	weir_rt *rt;
	atomic_uintptr_t self;
	int parked, waited, fd;
};

static void *foreign_main(void *arg)
{
	struct foreign *f = arg;
	static void *const none[4];
	weir_task *me = f->rt->vt->self(f->rt);

	ck_assert_ptr_eq(me->rt, f->rt);
	ck_assert_str_eq(me->name, "");
	ck_assert_mem_eq(me->core_, none, sizeof(none));
	atomic_store(&f->self, (uintptr_t)me);
	f->parked = park(f->rt, WEIR_FOREVER);
	f->waited = f->rt->vt->wait_fd(f->rt, f->fd, POLLIN, weir_rt_now(f->rt));
	ck_assert_ptr_eq(f->rt->vt->self(f->rt), me);
	return NULL;
}

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

START_TEST(foreign_thread_is_adopted)
{
	int pipe_fds[2], before;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	before = open_fds();
	for (int i = 0; i < 5; i++) {
		struct foreign f = {.rt = rt, .fd = pipe_fds[0]};
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, foreign_main, &f), 0);
		while (atomic_load(&f.self) == 0)
			weir_rt_yield(rt);
		ck_assert_ptr_ne((void *)atomic_load(&f.self), rt->vt->self(rt));
		rt->vt->unpark(rt, (weir_task *)atomic_load(&f.self));
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_int_eq(f.parked, 0);
		ck_assert_int_eq(f.waited, WEIR_ETIMEOUT);
	}
	ck_assert_int_eq(open_fds(), before); /* the threads took their eventfds with them */
	ck_assert_int_eq(close(pipe_fds[0]) | close(pipe_fds[1]), 0);
}
END_TEST

static void wait_a_moment(void *arg)
{
	ck_assert_int_eq(rt->vt->wait_fd(rt, *(int *)arg, POLLIN, weir_rt_now(rt)), WEIR_ETIMEOUT);
}

START_TEST(tasks_close_their_eventfd)
{
	int pipe_fds[2], before;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	before = open_fds();
	for (int i = 0; i < 5; i++)
		rt->vt->join(rt, start(rt, "waits", wait_a_moment, &pipe_fds[0]));
	ck_assert_int_eq(open_fds(), before);
	ck_assert_int_eq(close(pipe_fds[0]) | close(pipe_fds[1]), 0);
}
END_TEST

/* Two runtimes */

struct side {
	weir_rt *rt;
	weir_task *main, *task;
	int turns;
};

static void side_task(void *arg)
{
	struct side *s = arg;

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(park(s->rt, WEIR_FOREVER), 0);
		s->turns++;
		s->rt->vt->unpark(s->rt, s->main);
	}
}

static void side_run(void *arg)
{
	struct side *s = arg;

	s->main = s->rt->vt->self(s->rt);
	ck_assert_ptr_eq(s->main->rt, s->rt);
	s->task = start(s->rt, "side", side_task, s);
	ck_assert_ptr_eq(s->task->rt, s->rt);
	for (int i = 0; i < 100; i++) {
		s->rt->vt->unpark(s->rt, s->task);
		ck_assert_int_eq(park(s->rt, WEIR_FOREVER), 0);
	}
	s->rt->vt->join(s->rt, s->task);
}

static void *side_thread(void *arg)
{
	struct side *s = arg;

	ck_assert_int_eq(s->rt->vt->run(s->rt, side_run, s), 0);
	return NULL;
}

START_TEST(two_runtimes_side_by_side)
{
	struct side a = {.rt = rt}, b = {0};
	pthread_t thread;

	ck_assert_int_eq(weir_rt_threads_new(NULL, &b.rt), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, side_thread, &b), 0);
	(void)side_thread(&a);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(a.turns, 100);
	ck_assert_int_eq(b.turns, 100);
	weir_rt_free(&b.rt);
}
END_TEST

START_TEST(two_runtimes_one_after_the_other)
{
	struct side a = {.rt = rt}, b = {0};

	ck_assert_int_eq(weir_rt_threads_new(NULL, &b.rt), 0);
	(void)side_thread(&a);
	(void)side_thread(&b);
	ck_assert_ptr_eq(a.main, b.main); /* one thread, one record */
	ck_assert_ptr_eq(a.rt->vt->self(a.rt)->rt, a.rt);
	ck_assert_ptr_eq(b.rt->vt->self(b.rt)->rt, b.rt);
	weir_rt_free(&b.rt);
}
END_TEST

/* Options, and failures of the system */

struct heap {
	atomic_int live, calls;
	int fail_from; /* 0: never */
};

static void *heap_alloc(size_t bytes, void *arg)
{
	struct heap *h = arg;
	int call = atomic_fetch_add(&h->calls, 1) + 1;

	if (h->fail_from != 0 && call >= h->fail_from)
		return NULL;
	(void)atomic_fetch_add(&h->live, 1);
	return malloc(bytes);
}

static void heap_release(void *mem, void *arg)
{
	ck_assert_ptr_nonnull(mem);
	(void)atomic_fetch_sub(&((struct heap *)arg)->live, 1);
	free(mem);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void must_not_run(void *arg)
{
	(void)arg;
	ck_abort_msg("a task ran that could not be started");
}

START_TEST(memory_comes_from_the_options)
{
	struct heap heap = {0};
	struct weir_rt_opts opts = {.alloc = heap_alloc, .release = heap_release, .arg = &heap};
	weir_rt *own = NULL;
	weir_task *task = NULL;

	ck_assert_int_eq(weir_rt_threads_new(&opts, &own), 0);
	ck_assert_int_eq(atomic_load(&heap.live), 1);
	void *mem = weir_rt_alloc(own, 10);
	ck_assert_int_eq(atomic_load(&heap.live), 2);
	weir_rt_release(own, mem);
	weir_rt_release(own, NULL);
	own->vt->join(own, start(own, "task", nothing, NULL));
	ck_assert_int_eq(atomic_load(&heap.calls), 3);
	ck_assert_int_eq(atomic_load(&heap.live), 1);
	heap.fail_from = 4;
	ck_assert_ptr_null(weir_rt_alloc(own, 10));
	ck_assert_int_eq(own->vt->spawn(own, "task", must_not_run, NULL, NULL, &task), WEIR_ENOMEM);
	ck_assert_ptr_null(task);
	weir_rt_free(&own);
	ck_assert_int_eq(atomic_load(&heap.live), 0);
}
END_TEST

START_TEST(new_refuses)
{
	struct heap heap = {.fail_from = 1};
	weir_rt *const untouched = rt;
	weir_rt *out = untouched;

	ck_assert_int_eq(weir_rt_threads_new(NULL, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_rt_threads_new(&(struct weir_rt_opts){.alloc = heap_alloc}, &out), WEIR_EINVAL);
	ck_assert_int_eq(weir_rt_threads_new(&(struct weir_rt_opts){.release = heap_release}, &out), WEIR_EINVAL);
	ck_assert_int_eq(
		weir_rt_threads_new(&(struct weir_rt_opts){.alloc = heap_alloc, .release = heap_release, .arg = &heap},
				    &out),
		WEIR_ENOMEM);
	ck_assert_ptr_eq(out, untouched);
	weir_rt_free(NULL);
	out = NULL;
	weir_rt_free(&out);
}
END_TEST

START_TEST(begins_clean)
{
	static const uint64_t none[6];
	struct weir_rt_opts opts = {.stuck_after_ns = WEIR_SEC(3), .stuck_abort = true};
	weir_rt *own = NULL;

	ck_assert_mem_eq(rt->core_, none, sizeof(none));
	ck_assert_ptr_null(rt->hooks);
	ck_assert_int_eq(rt->stuck_after_ns, 0);
	ck_assert(!rt->stuck_abort);
	ck_assert_int_eq(weir_rt_threads_new(&opts, &own), 0);
	ck_assert_int_eq(own->stuck_after_ns, WEIR_SEC(3));
	ck_assert(own->stuck_abort);
	weir_rt_free(&own);
}
END_TEST

START_TEST(max_tasks_is_exact)
{
	weir_rt *own = NULL;
	weir_task *task[3], *fourth = NULL;

	ck_assert_int_eq(weir_rt_threads_new(&(struct weir_rt_opts){.max_tasks = 3}, &own), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			task[i] = start(own, "task", nothing, NULL);
		ck_assert_int_eq(own->vt->spawn(own, "task", must_not_run, NULL, NULL, &fourth), WEIR_EAGAIN);
		ck_assert_ptr_null(fourth);
		for (int i = 0; i < 3; i++)
			own->vt->join(own, task[i]);
	}
	weir_rt_free(&own);
}
END_TEST

static void *no_thread(void *arg)
{
	must_not_run(arg);
	return NULL;
}

/* No machine has this much address space. WEIR_EAGAIN on Linux; a tool between it and us may find another code. */
START_TEST(spawn_passes_the_systems_code_on)
{
	const size_t bytes = (size_t)1 << 48;
	weir_rt *own = NULL;
	weir_task *task = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	int systems;

	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, bytes), 0);
	systems = pthread_create(&thread, &attr, no_thread, NULL);
	ck_assert_int_gt(systems, 0);
	ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
	ck_assert_int_eq(weir_rt_threads_new(&(struct weir_rt_opts){.stack_bytes = bytes}, &own), 0);
	ck_assert_int_eq(own->vt->spawn(own, "task", must_not_run, NULL, NULL, &task), -systems);
	ck_assert_ptr_null(task);
	weir_rt_free(&own); /* the failed spawn is not counted as a task */
}
END_TEST

static void stack_size(void *arg)
{
	pthread_attr_t attr;
	size_t *bytes = arg;
	void *base;

	ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attr), 0);
	ck_assert_int_eq(pthread_attr_getstack(&attr, &base, bytes), 0);
	ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}

START_TEST(stack_bytes_is_obeyed)
{
	static const size_t wishes[] = {1, (size_t)64 << 20}; /* raised to the least; more than any default */

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		weir_rt *own = NULL;
		size_t bytes = 0;
		ck_assert_int_eq(weir_rt_threads_new(&(struct weir_rt_opts){.stack_bytes = wishes[i]}, &own), 0);
		own->vt->join(own, start(own, "stack", stack_size, &bytes));
		ck_assert_uint_ge(bytes, wishes[i]);
		weir_rt_free(&own);
	}
}
END_TEST

static void read_mask(void *arg)
{
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, arg), 0);
}

START_TEST(signal_mask_is_inherited)
{
	sigset_t block, before, seen[2];

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGUSR2);
	rt->vt->join(rt, start(rt, "open", read_mask, &seen[0]));
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &block, &before), 0);
	rt->vt->join(rt, start(rt, "blocked", read_mask, &seen[1]));
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	ck_assert_int_eq(sigismember(&seen[0], SIGUSR2), 0);
	ck_assert_int_eq(sigismember(&seen[1], SIGUSR2), 1);
}
END_TEST

/* Clock and random numbers */

START_TEST(clocks_are_the_systems)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	int64_t at = weir_rt_now(rt), asked = (int64_t)ts.tv_sec * WEIR_SEC(1) + ts.tv_nsec;
	ck_assert_int_ge(at, asked);
	ck_assert_int_lt(at - asked, WEIR_SEC(TIMEOUT_S));
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &ts), 0);
	ck_assert_int_lt(llabs((long long)(weir_rt_wall(rt) / WEIR_SEC(1) - ts.tv_sec)), TIMEOUT_S);
}
END_TEST

/* For the bound 3 x 2^62 shortcuts are visibly uneven: a plain remainder gives the lowest third twice as often, a plain
 * multiply-and-shift the multiples of 3. */
START_TEST(random_is_even)
{
	const uint64_t third = UINT64_C(1) << 62;
	uint64_t ones = 0, zeros = 0;
	int hits[3][3] = {{0}};

	for (int i = 0; i < 6000; i++) {
		uint64_t n = weir_rt_random(rt, 3 * third);
		hits[0][weir_rt_random(rt, 3)]++;
		hits[1][n / third]++;
		hits[2][n % 3]++;
	}
	for (int way = 0; way < 3; way++) {
		for (int i = 0; i < 3; i++) { /* 2000 expected, standard deviation 37: ten of them */
			ck_assert_int_gt(hits[way][i], 1630);
			ck_assert_int_lt(hits[way][i], 2370);
		}
	}
	for (int i = 0; i < 200; i++) {
		uint64_t bits = weir_rt_random(rt, 0);
		ones |= bits;
		zeros |= ~bits;
	}
	ck_assert_uint_eq(ones & zeros, UINT64_MAX); /* each bit was seen set and clear */
}
END_TEST

START_TEST(runtimes_have_their_own_seed)
{
	weir_rt *other = NULL;

	ck_assert_int_eq(weir_rt_threads_new(NULL, &other), 0);
	ck_assert_uint_ne(weir_rt_random(rt, 0), weir_rt_random(other, 0));
	weir_rt_free(&other);
}
END_TEST

/* Misuse: each in a child, since it ends the process. */

static void leave_two(void *arg)
{
	(void)arg;
	(void)start(rt, "left", nothing, NULL);
	(void)start(rt, "left", nothing, NULL);
}

static void run_and_leave_two(void)
{
	(void)rt->vt->run(rt, leave_two, NULL);
}

static void free_and_leave_two(void)
{
	leave_two(NULL);
	weir_rt_free(&rt);
}

static void returning_hook(const struct weir_misuse *misuse, void *arg)
{
	(void)arg;
	(void)fprintf(stderr, "hook: %s\n", misuse->what);
}

static void say_nonsense(void)
{
	weir_rt *own = NULL;

	if (weir_rt_threads_new(&(struct weir_rt_opts){.misuse = returning_hook}, &own) != 0)
		_exit(1);
	own->vt->misuse(own, &(struct weir_misuse){.what = "nonsense",
						   .object = "thing 'x'",
						   .site = (const void *)(uintptr_t)weir_rt_now,
						   .other_site = (const void *)(uintptr_t)16});
}

static void join_self(void *arg)
{
	(void)arg;
	rt->vt->join(rt, rt->vt->self(rt));
}

static void spawn_join_self(void)
{
	rt->vt->join(rt, start(rt, "narcissus", join_self, NULL));
}

#ifndef NDEBUG
static void park_with_a_lock(void)
{
	static struct weir__lock lock;

	(void)weir__lock(&lock, WEIR__RANK_CHAN);
	(void)rt->vt->park(rt, 0);
}
#endif

static const struct {
	void (*fn)(void);
	const char *says[4];
} misuses[] = {
	{run_and_leave_two,
	 {"weir: misuse: 2 tasks were not joined when run returned", "join the scope", "noticed at"}},
	{free_and_leave_two, {"weir: misuse: 2 tasks were not joined when the runtime was freed", "noticed at"}},
	{say_nonsense, {"hook: nonsense", "weir: misuse: nonsense", "object: thing 'x'", "made or last used at 0x10"}},
	{spawn_join_self, {"joins itself", "narcissus"}},
#ifndef NDEBUG
	{park_with_a_lock, {"weir__locks_held() == 0"}},
#endif
};

START_TEST(misuse_is_said_and_ends_the_process)
{
	char text[4096];
	int out[2], status = 0;
	size_t length = 0;
	ssize_t got;
	pid_t child;

	ck_assert_int_eq(pipe(out), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)dup2(out[1], STDERR_FILENO);
		misuses[_i].fn();
		_exit(0);
	}
	ck_assert_int_eq(close(out[1]), 0);
	while (length < sizeof(text) - 1 && (got = read(out[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	ck_assert_int_eq(close(out[0]), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x, said: %s", (unsigned)status,
		      text);
	for (size_t i = 0; i < 4 && misuses[_i].says[i]; i++)
		ck_assert_msg(strstr(text, misuses[_i].says[i]) != NULL, "no \"%s\" in: %s", misuses[_i].says[i], text);
}
END_TEST

static Suite *threads_suite(void)
{
	Suite *suite = suite_create("rt/threads");
	TCase *tc;

	for (size_t i = 0; i < rt_n_scenarios; i++) {
		tc = tcase_create(rt_scenarios[i].name); /* one each, so that a failure names it */
		tcase_set_timeout(tc, TIMEOUT_S);
		tcase_add_loop_test(tc, scenario, (int)i, (int)i + 1);
		suite_add_tcase(suite, tc);
	}
	tc = tcase_create("threads only");
	tcase_set_timeout(tc, TIMEOUT_S);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, name_is_in_proc);
	tcase_add_test(tc, no_name_keeps_the_spawners);
	tcase_add_test(tc, foreign_thread_is_adopted);
	tcase_add_test(tc, tasks_close_their_eventfd);
	tcase_add_test(tc, two_runtimes_side_by_side);
	tcase_add_test(tc, two_runtimes_one_after_the_other);
	tcase_add_test(tc, memory_comes_from_the_options);
	tcase_add_test(tc, new_refuses);
	tcase_add_test(tc, begins_clean);
	tcase_add_test(tc, max_tasks_is_exact);
	tcase_add_test(tc, spawn_passes_the_systems_code_on);
	tcase_add_test(tc, stack_bytes_is_obeyed);
	tcase_add_test(tc, signal_mask_is_inherited);
	tcase_add_test(tc, clocks_are_the_systems);
	tcase_add_test(tc, random_is_even);
	tcase_add_test(tc, runtimes_have_their_own_seed);
	tcase_add_loop_test(tc, misuse_is_said_and_ends_the_process, 0, (int)(sizeof(misuses) / sizeof(misuses[0])));
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(threads_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	if (srunner_ntests_run(runner) < (int)rt_n_scenarios)
		failed++; /* a selection from outside that runs next to nothing is not a success */
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
