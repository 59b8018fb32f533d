/* SPDX-License-Identifier: MIT
 *
 * What a scenario can do wrong with the simulator itself, and what the simulator refuses: each misuse, crash and bad
 * argument by itself, and what it is told as.
 *
 *  U1  A program must be found as its kind, and the first line of the failure must have the text of the table.
 *  U2  A program that only asks for what it cannot get must pass: the code it gets is asserted inside.
 *  U3  Outside of the simulator the functions of sim.h do nothing, or say that they cannot.
 *
 * What one must not do with channels, scopes and the like is in tests/unit/core; use of closed ends, in
 * test_found.c. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/sim.h>

#define PROGRAM(name) static int name(weir_ctx *ctx, weir_err *err, void *arg)
#define UNUSED() ((void)ctx, (void)err, (void)arg)

/* ---- descriptors that are closed, or of another kind ---- */

static weir_fd closed_connection(weir_rt *rt)
{
	weir_fd two[2];
	WEIR_SIM_EQ(weir_sim_socketpair("pair", 1, two), 0);
	weir_fd stale = two[0];
	weir_fd_close(rt, &two[0]);
	weir_fd_close(rt, &two[1]);
	return stale;
}

PROGRAM(read_closed)
{
	char byte;
	UNUSED();
	return weir_fd_read(ctx, closed_connection(weir_ctx_rt(ctx)), &byte, 1);
}

PROGRAM(write_closed)
{
	UNUSED();
	return weir_fd_write(ctx, closed_connection(weir_ctx_rt(ctx)), "x", 1);
}

PROGRAM(shut_closed)
{
	UNUSED();
	return weir_fd_shut(weir_ctx_rt(ctx), closed_connection(weir_ctx_rt(ctx)));
}

PROGRAM(accept_closed)
{
	weir_fd listener, stale, out;
	UNUSED();
	WEIR_SIM_EQ(weir_sim_listen("listener", 1, &listener), 0);
	stale = listener;
	weir_fd_close(weir_ctx_rt(ctx), &listener);
	return weir_fd_accept(ctx, stale, &out);
}

PROGRAM(wait_closed)
{
	UNUSED();
	return weir_wait_fd(ctx, closed_connection(weir_ctx_rt(ctx)), POLLIN);
}

PROGRAM(signals_closed)
{
	weir_fd fd, stale;
	UNUSED();
	WEIR_SIM_EQ(weir_signals_open(weir_ctx_rt(ctx), (int[]){SIGINT}, 1, &fd), 0);
	stale = fd;
	weir_fd_close(weir_ctx_rt(ctx), &fd);
	return weir_signals_next(ctx, stale);
}

PROGRAM(reset_listener)
{
	weir_fd listener;
	UNUSED();
	WEIR_SIM_EQ(weir_sim_listen("listener", 1, &listener), 0);
	weir_sim_reset(&listener);
	return 0;
}

PROGRAM(raise_nothing)
{
	UNUSED();
	weir_sim_signal_raise(64);
	return 0;
}

/* ---- memory, invariants, tasks ---- */

static bool holds(void *arg)
{
	(void)arg;
	return true;
}

PROGRAM(nine_invariants)
{
	UNUSED();
	for (int i = 0; i < 9; i++)
		weir_sim_invariant(holds, NULL, "nothing");
	return 0;
}

static weir_atomic counted;

static bool counts(void *arg)
{
	(void)arg;
	return weir_atomic_add(&counted, 1) < 1000;
}

PROGRAM(invariant_that_counts)
{
	UNUSED();
	weir_atomic_init(&counted, weir_ctx_rt(ctx), 0);
	weir_sim_invariant(counts, NULL, "counts");
	weir_rt_yield(weir_ctx_rt(ctx));
	weir_atomic_fini(&counted);
	return 0;
}

PROGRAM(fails)
{
	UNUSED();
	return WEIR_EIO;
}

PROGRAM(outside_task_fails)
{
	UNUSED();
	WEIR_SIM_EQ(weir_sim_spawn(ctx, "outside", fails, NULL), 0);
	weir_sim_quiesce(ctx);
	return 0;
}

PROGRAM(endless_shield)
{
	weir_ctx shield;
	UNUSED();
	weir_ctx_init_shield(&shield, ctx, WEIR_FOREVER);
	weir_ctx_fini(&shield);
	return 0;
}

PROGRAM(too_many_permits)
{
	weir_sem sem;
	UNUSED();
	weir_sem_init_bounded(&sem, weir_ctx_rt(ctx), 3, 2);
	weir_sem_fini(&sem);
	return 0;
}

/* ---- crashes ---- */

PROGRAM(crash_bus)
{
	UNUSED();
	return raise(SIGBUS);
}

PROGRAM(crash_fpe)
{
	UNUSED();
	return raise(SIGFPE);
}

PROGRAM(crash_ill)
{
	UNUSED();
	return raise(SIGILL);
}

PROGRAM(crash_trap)
{
	UNUSED();
	return raise(SIGTRAP);
}

PROGRAM(crash_abort)
{
	UNUSED();
	abort();
}

/* ---- what is refused ---- */

PROGRAM(bad_capacities)
{
	weir_fd two[2], one;
	UNUSED();
	for (size_t i = 0; i < 2; i++) {
		size_t capacity = i ? WEIR_SIM_FD_BYTES + 1 : 0;
		WEIR_SIM_EQ(weir_sim_pipe("pipe", capacity, &two[0], &two[1]), WEIR_EINVAL);
		WEIR_SIM_EQ(weir_sim_socketpair("pair", capacity, two), WEIR_EINVAL);
		WEIR_SIM_EQ(weir_sim_listen("listener", capacity, &one), WEIR_EINVAL);
	}
	WEIR_SIM_EQ(weir_signals_open(weir_ctx_rt(ctx), (int[]){64}, 1, &one), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_sim_connect("nobody", WEIR_FD_NONE, &one), WEIR_EBADF);
	one = WEIR_FD_NONE;
	weir_sim_reset(&one);
	return 0;
}

/* Numbers are never used again, so they come to an end. */
PROGRAM(no_more_descriptors)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_fd listener, two[2], one;
	int rc;
	UNUSED();
	WEIR_SIM_EQ(weir_sim_listen("listener", 1, &listener), 0);
	while ((rc = weir_sim_socketpair("pair", 1, two)) == 0) {
		weir_fd_close(rt, &two[0]);
		weir_fd_close(rt, &two[1]);
	}
	WEIR_SIM_EQ(rc, -EMFILE);
	rc = weir_sim_listen("last", 1, &one);
	if (rc == 0)
		weir_fd_close(rt, &one);
	WEIR_SIM_EQ(weir_sim_listen("listener", 1, &one), -EMFILE);
	WEIR_SIM_EQ(weir_sim_pipe("pipe", 1, &two[0], &two[1]), -EMFILE);
	WEIR_SIM_EQ(weir_sim_connect("client", listener, &one), -EMFILE);
	WEIR_SIM_EQ(weir_signals_open(rt, (int[]){SIGINT}, 1, &one), -EMFILE);
	weir_fd_close(rt, &listener);
	return 0;
}

PROGRAM(bad_alignments)
{
	void *mem = NULL;
	UNUSED();
	WEIR_SIM_EQ(posix_memalign(&mem, 24, 8), EINVAL);
	WEIR_SIM_EQ(posix_memalign(&mem, 2, 8), EINVAL);
	WEIR_SIM_ASSERT(mem == NULL);
	WEIR_SIM_EQ(posix_memalign(&mem, 64, 8), 0);
	WEIR_SIM_EQ((uintptr_t)mem % 64, 0);
	mem = reallocarray(mem, 10, 20);
	WEIR_SIM_ASSERT(mem);
	volatile size_t many = SIZE_MAX / 2;
	WEIR_SIM_ASSERT(reallocarray(mem, many, 4) == NULL && errno == ENOMEM);
	free(mem);
	void *volatile none = NULL;
	mem = realloc(none, 10);
	WEIR_SIM_ASSERT(mem);
	free(mem);
	void *(*volatile unseen)(size_t align, size_t bytes) = aligned_alloc; /* which a compiler may take to succeed */
	errno = 0;
	WEIR_SIM_ASSERT(unseen(24, 48) == NULL && errno == EINVAL);
	return 0;
}

/* The line is the C library's or ours, and ours comes back to us. */
PROGRAM(lines_until)
{
	char text[] = "one;two;", *line = malloc(1);
	size_t cap = 1;
	UNUSED();
	FILE *stream = fmemopen(text, sizeof(text) - 1, "r");
	WEIR_SIM_ASSERT(stream && line);
	WEIR_SIM_EQ(getdelim(&line, &cap, ';', stream), 4);
	WEIR_SIM_EQ(strcmp(line, "one;"), 0);
	WEIR_SIM_EQ(getdelim(&line, &cap, ';', stream), 4);
	WEIR_SIM_EQ(strcmp(line, "two;"), 0);
	WEIR_SIM_EQ(getdelim(&line, &cap, ';', stream), -1);
	free(line);
	fclose(stream);
	return 0;
}

PROGRAM(no_aligned_memory)
{
	void *mem = NULL;
	UNUSED();
	WEIR_SIM_EQ(posix_memalign(&mem, 64, 8), ENOMEM);
	WEIR_SIM_ASSERT(mem == NULL);
	return 0;
}

/* ---- the table ---- */

static const struct program {
	const char *name;
	weir_task_fn *fn;
	enum weir_sim_kind kind;
	const char *text;
	uint64_t fail_alloc;
} programs[] = {
	{"read_closed", read_closed, WEIR_SIM_OWNERSHIP, "which T0 has closed", 0},
	{"write_closed", write_closed, WEIR_SIM_OWNERSHIP, "which T0 has closed", 0},
	{"shut_closed", shut_closed, WEIR_SIM_OWNERSHIP, "which T0 has closed", 0},
	{"accept_closed", accept_closed, WEIR_SIM_OWNERSHIP, "which T0 has closed", 0},
	{"wait_closed", wait_closed, WEIR_SIM_OWNERSHIP, "which T0 has closed", 0},
	{"signals_closed", signals_closed, WEIR_SIM_OWNERSHIP, "which T0 has closed", 0},
	{"reset_listener", reset_listener, WEIR_SIM_MISUSE, "weir_sim_reset wants a connection", 0},
	{"raise_nothing", raise_nothing, WEIR_SIM_MISUSE, "64 is no signal that can be raised here", 0},
	{"nine_invariants", nine_invariants, WEIR_SIM_MISUSE, "more than 8 invariants", 0},
	{"invariant_that_counts", invariant_that_counts, WEIR_SIM_MISUSE, "it may only read", 0},
	{"outside_task_fails", outside_task_fails, WEIR_SIM_ASSERTION, "the task returned WEIR_EIO", 0},
	{"endless_shield", endless_shield, WEIR_SIM_MISUSE, "cleanup without a limit is a hang", 0},
	{"too_many_permits", too_many_permits, WEIR_SIM_MISUSE, "more permits than its capacity", 0},
	{"crash_bus", crash_bus, WEIR_SIM_CRASH, "SIGBUS in T0", 0},
	{"crash_fpe", crash_fpe, WEIR_SIM_CRASH, "SIGFPE in T0", 0},
	{"crash_ill", crash_ill, WEIR_SIM_CRASH, "SIGILL in T0", 0},
	{"crash_trap", crash_trap, WEIR_SIM_CRASH, "SIGTRAP in T0", 0},
	{"crash_abort", crash_abort, WEIR_SIM_CRASH, "called abort", 0},
	{"bad_capacities", bad_capacities, WEIR_SIM_PASS, "", 0},
	{"no_more_descriptors", no_more_descriptors, WEIR_SIM_PASS, "", 0},
	{"bad_alignments", bad_alignments, WEIR_SIM_PASS, "", 0},
	{"lines_until", lines_until, WEIR_SIM_PASS, "", 0},
	{"no_aligned_memory", no_aligned_memory, WEIR_SIM_PASS, "", 1},
};

static bool found(const struct program *p)
{
	struct weir_sim_result result;
	const struct weir_sim_opts opts = {.name = p->name,
					   .schedules = 10,
					   .fail_alloc = p->fail_alloc,
					   .quiet = true,
					   .allow_no_decisions = true};
	int rc = weir_sim_run(&opts, p->fn, NULL, &result);
	bool ok = rc == (p->kind != WEIR_SIM_PASS) && result.kind == p->kind && strstr(result.message, p->text);
	if (!ok)
		printf("     %s: %d, %s: %s\n", p->name, rc, weir_sim_kind_name(result.kind), result.message);
	return ok;
}

/* ---- U3 ---- */

static bool outside_nothing_is_done(void)
{
	weir_fd two[2] = {WEIR_FD_NONE, WEIR_FD_NONE};
	weir_sim_note("nobody reads this");
	weir_sim_name(two, "nothing");
	weir_sim_invariant(holds, NULL, "nothing");
	weir_sim_quiesce(NULL);
	weir_sim_signal_raise(SIGINT);
	weir_sim_reset(&two[0]);
	return !weir_sim_active() && weir_sim_choose(7, "nothing") == 0 &&
	       weir_sim_pipe("pipe", 1, &two[0], &two[1]) == WEIR_ENOSYS &&
	       weir_sim_socketpair("pair", 1, two) == WEIR_ENOSYS &&
	       weir_sim_listen("listener", 1, two) == WEIR_ENOSYS &&
	       weir_sim_connect("client", 1, two) == WEIR_ENOSYS &&
	       weir_sim_spawn(NULL, "task", fails, NULL) == WEIR_EINVAL && two[0] == WEIR_FD_NONE;
}

static bool outside_malloc_is_the_c_librarys(void)
{
	void *mem = NULL, *aligned = aligned_alloc(64, 128);
	int rc = posix_memalign(&mem, 64, 100);
	char *more = reallocarray(NULL, 3, 5);
	bool ok = aligned && rc == 0 && mem && more && (uintptr_t)mem % 64 == 0 && (uintptr_t)aligned % 64 == 0;
	free(more);
	free(mem);
	free(aligned);
	return ok;
}

/* In a child, since it ends it. */
static bool outside_a_failure_aborts(void)
{
	int status = 0;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		weir_sim_fail("there/here.c", 1, "no simulator");
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static bool the_check_is_not_blind(void)
{
	const struct program kind = {"raise_nothing", raise_nothing, WEIR_SIM_LEAK, "", 0};
	const struct program text = {"raise_nothing", raise_nothing, WEIR_SIM_MISUSE, "something else", 0};
	const struct program pass = {"bad_alignments", bad_alignments, WEIR_SIM_MISUSE, "", 0};
	printf("     three that are wrong on purpose:\n");
	return !found(&kind) && !found(&text) && !found(&pass);
}

static unsigned told(bool ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	return ok;
}

int main(void)
{
	unsigned passed = 0, n = sizeof(programs) / sizeof(programs[0]);
	for (unsigned i = 0; i < n; i++)
		passed += told(found(&programs[i]), programs[i].name);
	passed += told(outside_nothing_is_done(), "outside, nothing is done");
	passed += told(outside_malloc_is_the_c_librarys(), "outside, malloc is the C library's");
	passed += told(outside_a_failure_aborts(), "outside, a failure aborts");
	passed += told(the_check_is_not_blind(), "the check is not blind");
	n += 4;
	printf("%u passed, %u failed\n", passed, n - passed);
	return passed == n ? EXIT_SUCCESS : EXIT_FAILURE;
}
