/* SPDX-License-Identifier: MIT
 *
 * weir/sim.h - run a program of weir under a scheduler that owns every choice and every nanosecond.
 *
 * One operating system thread; tasks are fibers; time is virtual and starts at 0. A *schedule* is one run of the
 * scenario under one sequence of choices: which task goes on, which ready case a select takes, whether a timer fires
 * early. A *search* runs many schedules and stops at the first that fails; the failure is printed as a report with a
 * replay line that reproduces it byte for byte.
 *
 *   WEIR_SIM_TEST(name) { ... }                    a test; the body sees weir_ctx *ctx
 *   int main(int c, char **v) { return weir_sim_main(c, v); }
 *
 * or, from any test framework: weir_sim_run(&opts, fn, arg, &result) == 0.
 *
 * WHAT IT FINDS: a failed assertion (assert, WEIR_SIM_*), a crash in a task, a deadlock, leaked tasks, channel ends,
 * contexts, scopes, items, descriptors and memory (of the runtime, and of malloc), memory freed twice or never given,
 * use of a handle by two tasks that are not ordered, races on memory whose accesses are announced, stale handles, a
 * channel whose account does not balance, broken invariants, histories that no order explains, livelocks, runs without
 * end, a run that differs when it is repeated. WHAT IT DOES NOT SEE: interleavings inside an operation and between
 * plain memory accesses, time that passes inside an operation, weak memory, real blocking calls. Ownership handed over
 * by anything but weir's operations looks unordered to it.
 *
 * LOOPS THAT WAIT BY GOING ROUND (while (weir_atomic_load(&a) == 0); a loop of try_lock, try_recv, polls) need no hint:
 * such a task is set aside until something it looks at changes, and time goes on meanwhile. If nothing can, it is a
 * livelock. A loop that waits for a plain variable must call something of weir: weir_rt_yield is the hint that is made
 * for it. It is never seen to go round if it makes no operation (WEIR_SIM_HANG), or changes something each time.
 *
 * MALLOC: calls of malloc, calloc, realloc, free, strdup and the like in tasks, from code that is linked into the
 * program, are the simulator's, if the program is linked with the flags of weir-sim.pc (-Wl,--wrap=malloc,...). What
 * the C library and other shared libraries allocate is not. Memory made before or outside of tasks may be freed in
 * them; what a task has made must be freed by a task of the same schedule, and not by a shared library.
 *
 * SANITIZERS: build weir with the same ones as the program. AddressSanitizer knows the stacks and the memory of tasks.
 * ThreadSanitizer finds, with any seed, two tasks that touch the same memory with no operation of weir between them to
 * order them. The simulator's own switches are no such order, nor is a sleep whose timer fires early; time that moves
 * because every task waits is one, and weir_sim_quiesce.
 *
 * LIMITS: WEIR_SIM_TASKS tasks per schedule, 256 KiB of stack and 32 MiB of memory per task. THREAD-SAFETY: one
 * search at a time in a process; everything below is called from the thread that runs it. */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include <weir/base.h>
#include <weir/core.h>
#include <weir/rt.h>
#include <weir/sim/explored.h>
#include <weir/sim/fd.h>
#include <weir/sim/history.h>
#include <weir/sim/memory.h>
#include <weir/sim/scenario.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_SIM_TASKS 256

enum weir_sim_kind {
	WEIR_SIM_PASS = 0,
	WEIR_SIM_ASSERTION,
	WEIR_SIM_CRASH,
	WEIR_SIM_DEADLOCK,
	WEIR_SIM_LEAK,
	WEIR_SIM_OWNERSHIP,
	WEIR_SIM_ACCOUNT,
	WEIR_SIM_INVARIANT,
	WEIR_SIM_STEP_LIMIT,
	WEIR_SIM_HANG,           /* a task ran long without reaching an operation, or is in a real blocking call */
	WEIR_SIM_MISUSE,         /* a rule of the library was broken */
	WEIR_SIM_NONDETERMINISM, /* the same choices gave another run */
	WEIR_SIM_NO_DECISIONS,   /* nothing was ever chosen: the test explores nothing */
	WEIR_SIM_BAD_REPLAY,     /* the replay string does not fit the scenario */
	/* no order explains what operations returned (weir/sim/history.h) */
	WEIR_SIM_LINEARIZABILITY,
	WEIR_SIM_NEVER_TRUE, /* opts.need_sometimes: a condition that was true in no schedule */
	WEIR_SIM_RACE,       /* two accesses that were announced (weir/sim/memory.h), and nothing orders them */
	WEIR_SIM_LIVELOCK,   /* tasks go round for ever in loops that look at what nobody can change */
};

/* What opts.faults may make go wrong; bits of opts.fault_kinds. A schedule in which something failed may return an
 * error, and must not leak. In one with nothing but short, late and spurious things an error is a failure as ever. */
enum weir_sim_fault_kind {
	WEIR_SIM_FAULT_ALLOC = 1 << 0, /* an allocation (of the runtime, of malloc) */
	WEIR_SIM_FAULT_SPAWN = 1 << 1, /* a spawn: WEIR_EAGAIN */
	WEIR_SIM_FAULT_IO = 1 << 2,    /* a call on a fake descriptor, as the system's may: weir/sim/fd.h */
	WEIR_SIM_FAULT_WAKE = 1 << 3,  /* a wait of the runtime ends for no reason (R3 of rt.h): weir looks again */
	WEIR_SIM_FAULT_USER = 1 << 4,  /* a weir_sim_fault of the scenario is true */
};

struct weir_sim_opts {
	const char *name; /* of the scenario, in reports and replay strings; NULL: "scenario" */
	/* "random", "pos", "surw", "pct" (depth 3), "pctN", "dfs" (exhaustive), "dfsN" (at most N preemptions),
	 * "ipb" (dfs with bounds that rise by themselves: preemptions and early timers, 0/0, 1/0, 0/1, 2/0, ...,
	 * until there are no more), "dpor" (exhaustive but for the order of independent steps; at most 63 tasks;
	 * early timers, and scenarios with invariants, are not reduced), "sdpor" (likewise: keeps less, runs more),
	 * "portfolio" (NULL; pos, surw, pct3 and pct10 in turn) */
	const char *strategy;
	uint64_t seed;      /* 0: 1 */
	uint64_t schedules; /* 0: 1000; dfs, ipb, dpor: 0 is no limit */
	uint64_t at_most;   /* fewer schedules than that, where this is less; 0: as many as that */
	uint64_t steps;     /* per schedule; 0: 20000 */
	uint64_t max_steps; /* of all schedules together; 0: no limit */
	int64_t wall_ns;    /* real time for the search; 0: no limit */
	/* How often a timer may fire although tasks can run, in half of the schedules. 0: 2; with dfs, dpor: 0, then in
	 * each; with ipb: as often as can be, and then it is the highest bound. */
	unsigned early;
	bool no_early;      /* time moves only when every task waits */
	const char *replay; /* one schedule, as a report named it */
	/* with replay: SIGTRAP in the task that is about to perform this step, for a debugger; 0: nowhere. Without a
	 * debugger it only says how to use one. */
	uint64_t break_at;
	/* A replay string, with "@N" behind it if wanted: every schedule begins with its choices, up to the last one
	 * (or to step N), and from there on is the strategy's. NULL: all of the schedule is. */
	const char *from;
	/* Processes that share the schedules; 0 and 1: this one alone, and none is made. See weir_sim_run. */
	uint32_t jobs;
	uint64_t fail_alloc; /* the n-th allocation fails (from 1); 0: none */
	uint64_t fail_spawn; /* the n-th spawn fails (from 1); 0: none */
	bool short_io;       /* how many bytes a read or write of a fake descriptor moves is a choice */
	bool fault_sweep;    /* repeat the search with fail_alloc = 1, 2, ... until none is reached, then fail_spawn */
	/* How many faults a schedule may have (0: none), of which kinds (0: all): where they happen is chosen like
	 * anything else, and is part of the replay string. An exhaustive strategy tries each place; others draw them,
	 * seldom. */
	unsigned faults;
	unsigned fault_kinds;
	bool allow_no_decisions; /* a scenario with nothing to choose is fine */
	const char *report;      /* path the report is written to as well; NULL: none */
	bool no_shrink;          /* the first failing schedule is reported as it is */
	bool count_orders;       /* fills in the orders and pairs of `explored`: costs about as much time again */
	bool need_sometimes;     /* a weir_sim_sometimes that was never true is a failure */
	bool progress;           /* how far the search is, on stderr, some times a second */
	bool quiet;              /* nothing on stderr */
	bool no_races;           /* accesses that are announced are not looked at */
	bool memory_steps;       /* they are steps: other tasks may run right before each of them */
};

struct weir_sim_result {
	enum weir_sim_kind kind;
	uint64_t schedules, steps, decisions; /* of the whole search */
	bool exhausted;                       /* dfs, dpor: every schedule (within the bound) was run */
	uint64_t blocked;         /* dpor: of the schedules, those given up because what they led to had been run */
	uint64_t faults;          /* of a sweep: how many allocations and spawns failed in turn; with opts.faults: how
	                           * many faults there were in all schedules */
	uint64_t failed_schedule; /* from 1; 0: none failed; repeated ones count here */
	uint64_t preemptions;     /* of the failure as it is told, made smaller; 0 where it was not run again */
	uint64_t hash;            /* of the last schedule */
	int64_t time_ns;          /* virtual time at its end */
	char replay[4096];        /* of the failure; "" if none, or too long to be written down */
	char message[512];        /* the first line of the failure */
	struct weir_sim_explored explored;
};

/* With opts.jobs above 1 the schedules are shared by so many processes (at most 64), which are forked, and gone when
 * the call returns: strategies that draw take every jobs-th schedule, dfs takes every jobs-th subtree; ipb and others
 * that cannot be shared run in the calling process alone. Schedule k of process j (both from 0) has the number
 * k * jobs + j, budgets are for all together, and the failure with the lowest number is the result, whichever was found
 * first: so it depends on the seed and on jobs, not on who was fast. (One with more than 65536 deviations is told
 * without its schedule.) What a scenario leaves in memory, for the next schedule or for the caller, is each process's
 * own; other threads of the caller are in none. A process that dies is a failure (crash). After a SIGINT, SIGTERM or
 * SIGHUP that does not end the caller: WEIR_ECANCELED.
 *
 * Searches; 0: no schedule failed. 1: one did (out, and the report on stderr, say what). Negative: the search could
 * not run (WEIR_EINVAL: an unknown strategy or a malformed replay string, or a search inside a search; WEIR_ENOMEM;
 * WEIR_EAGAIN: no timer to notice hangs with). opts and out may be NULL. fn runs as task 0 under a root context; a
 * negative return is a failure. */
WEIR_API WEIR_MUST_CHECK int weir_sim_run(const struct weir_sim_opts *opts, weir_task_fn *fn, void *arg,
					  struct weir_sim_result *out);

/* "deadlock", "leak", ... */
WEIR_API const char *weir_sim_kind_name(enum weir_sim_kind kind);

/* ---- tests ---- */

struct weir_sim_test {
	const char *name;
	weir_task_fn *fn;
	void *arg;
	struct weir_sim_opts opts;
	enum weir_sim_kind expect; /* a planted bug: the kind it must be found as */
	struct weir_sim_test *next;
};

/* Adds a test to those that weir_sim_main runs; WEIR_SIM_TEST does it, before main. */
WEIR_API void weir_sim_register(struct weir_sim_test *test);

/* Runs the registered tests, in the order of registration, after the canary (programs known to be broken, which must be
 * found).
 *   [--list] [--seed N] [--schedules N] [--at-most N] [--strategy S] [--steps N] [--max-steps N] [--wall SECONDS]
 *   [--jobs N] [--faults N] [--from STRING] [--report FILE] [--progress] [--pairs] [--all-pairs] [--no-count]
 *   [--need-sometimes] [--no-canary] [NAME...]
 *   --replay STRING NAME, or WEIR_SIM_REPLAY=STRING (the string names its test); with it --break-at STEP
 * The environment variables WEIR_SIM_SEED, WEIR_SIM_SCHEDULES, WEIR_SIM_AT_MOST and WEIR_SIM_STRATEGY are defaults of
 * the flags.
 * Orders are counted (opts.count_orders), and progress is shown where stderr is a terminal. --pairs lists the pairs of
 * operations that were seen in one order only.
 * Returns an exit status: 0 all passed, 1 some failed, 2 bad arguments, 3 the canary did not fail. Ends with "N passed,
 * N failed". */
WEIR_API int weir_sim_main(int argc, char **argv);

/* The same for tests in an array rather than registered ones; argv[0] as the replay line shall name the program. */
WEIR_API int weir_sim_main_tests(int argc, char **argv, struct weir_sim_test *const *tests, size_t n);

#define WEIR_SIM_TEST(test) WEIR_SIM_TEST_WITH(test, .seed = 0)

/* WEIR_SIM_TEST_WITH(name, .strategy = "dfs2", .early = 1) { ... }: with fields of struct weir_sim_opts. */
#define WEIR_SIM_TEST_WITH(test, ...)                                                     \
	static void weir_sim_body_##test(weir_ctx *ctx);                                  \
	static int weir_sim_task_##test(weir_ctx *ctx, weir_err *err, void *arg)          \
	{                                                                                 \
		(void)err, (void)arg;                                                     \
		weir_sim_body_##test(ctx);                                                \
		return 0;                                                                 \
	}                                                                                 \
	__attribute__((constructor)) static void weir_sim_register_##test(void)           \
	{                                                                                 \
		static struct weir_sim_test weir_sim_test_ = {.name = #test,              \
							      .fn = weir_sim_task_##test, \
							      .opts = {__VA_ARGS__}};     \
		weir_sim_register(&weir_sim_test_);                                       \
	}                                                                                 \
	static void weir_sim_body_##test(WEIR_UNUSED weir_ctx *ctx)

WEIR_EXTERN_C_END

#endif
