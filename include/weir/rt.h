/* SPDX-License-Identifier: MIT
 *
 * weir/rt.h - the seam: everything weir needs from the world, and nothing else touches the world.
 *
 * A runtime is handed in by the caller and carried down by contexts; there is no default one, and several can live
 * side by side in one process. Two ship with weir: threads (rt/threads.h) and the simulator (sim.h).
 *
 * WHAT EVERY RUNTIME MUST PROMISE (tests/rt/ checks each one; run it on yours)
 *  R1  now() never goes back, and is at least a deadline when park() reports that deadline passed.
 *  R2  park/unpark: a task has one wake token. unpark() sets it (setting it twice is setting it once); park() returns 0
 *      and takes it, at once if it was there already. An unpark that happens before the park is never lost.
 *  R3  park(deadline_at) returns WEIR_ETIMEOUT only when the deadline has passed and no token was there; a deadline in
 *      the past with a token returns 0. WEIR_FOREVER never passes. It may return WEIR_EINTR at any time, without the
 *      token, for no reason (a spurious wake-up); callers look again.
 *  R4  what a task wrote before unpark(t) is seen by t when its park() returns 0; spawn -> start and exit -> join
 *      likewise.
 *  R5  unpark() never blocks, and the last memory it touches is the target's token: the task may be gone right after.
 *  R6  spawn() either starts a task that runs fn(arg) exactly once, or returns a negative code and has done nothing.
 *      `name` is copied.
 *  R7  join() returns after fn has returned, also when it had long returned, and releases the task. Exactly one join
 *      per spawn.
 *  R8  self() is never NULL and is the same for the life of the calling task, and is what spawn() gave out for it; a
 *      thread the runtime did not start is adopted.
 *  R9  alloc() returns NULL or memory aligned for any object; release(NULL) is allowed.
 *  R10 random(rt, n) is uniform in [0, n), and 64 random bits for n = 0.
 *  R11 run(rt, fn, arg) calls fn as a task and returns when it has returned and every task of the runtime was joined; a
 *      task that was not joined by then is misuse.
 *
 * HOW TO PORT: write the vtable, put `struct weir_rt` first in your state and `struct weir_task` first in your task
 * record, run tests/rt/ (one file of scenarios, given a constructor). Leave `hooks` NULL unless you own the schedule.
 *
 * PAIRWISE THREAD-SAFETY: every function here may be called at the same time as every other one on the same runtime
 * from any task, except weir_rt_free, which comes last. park/self/yield/wait_fd concern the calling task only. */
#ifndef WEIR_RT_H
#define WEIR_RT_H

#include <weir/base.h>
#include <weir/rt/hooks.h>

WEIR_EXTERN_C_BEGIN

/* Begins every runtime's task record. core_ belongs to weir's core; a runtime zeroes it at spawn. */
struct weir_task {
	weir_rt *rt;
	char name[32]; /* cut to 31 bytes; "" if none was given */
	void *core_[8];
};

/* A use of the library that has no meaning. `what` says which rule was broken and what would be right. */
struct weir_misuse {
	const char *what;
	const char *object;     /* kind and name of the object, or NULL */
	const void *site;       /* where it was noticed */
	const void *other_site; /* where the object was made or last used, or NULL */
};

typedef void weir_misuse_fn(const struct weir_misuse *misuse, void *arg);

struct weir_rt_vtable {
	int version;                  /* WEIR_RT_VERSION of the header the runtime was written against */
	int64_t (*now)(weir_rt *rt);  /* monotonic nanoseconds, 0 or more */
	int64_t (*wall)(weir_rt *rt); /* UTC nanoseconds since 1970: for people, never for deadlines */
	uint64_t (*random)(weir_rt *rt, uint64_t bound);
	void *(*alloc)(weir_rt *rt, size_t bytes, const void *site);
	void (*release)(weir_rt *rt, void *mem);
	int (*spawn)(weir_rt *rt, const char *name, void (*fn)(void *arg), void *arg, const void *site,
		     weir_task **out);
	void (*join)(weir_rt *rt, weir_task *task);
	weir_task *(*self)(weir_rt *rt);
	int (*park)(weir_rt *rt, int64_t deadline_at);
	void (*unpark)(weir_rt *rt, weir_task *task);
	void (*yield)(weir_rt *rt, const void *site);
	/* As park, and also returns the poll(2) events (a positive mask) once fd has one of `events`. */
	int (*wait_fd)(weir_rt *rt, weir_fd fd, short events, int64_t deadline_at);
	/* None of these waits: WEIR_EAGAIN where it would have to, and wait_fd says when to ask again. Other failures
	 * are -errno. n is from 1 to INT_MAX. A runtime without descriptors answers WEIR_ENOSYS, in wait_fd too. */
	int (*fd_read)(weir_rt *rt, weir_fd fd, void *buf, size_t n);        /* how many bytes; 0 at the end */
	int (*fd_write)(weir_rt *rt, weir_fd fd, const void *buf, size_t n); /* how many bytes, at least one */
	int (*fd_accept)(weir_rt *rt, weir_fd listener, weir_fd *out);
	int (*fd_shut)(weir_rt *rt, weir_fd fd); /* nothing more will be written: the peer reads the end */
	void (*fd_close)(weir_rt *rt, weir_fd fd);
	int (*signals_open)(weir_rt *rt, const int *signals, size_t n, weir_fd *out); /* readable when one came */
	int (*signals_next)(weir_rt *rt, weir_fd fd);                                 /* the number of one that came */
	int (*run)(weir_rt *rt, void (*fn)(void *arg), void *arg);
	void (*misuse)(weir_rt *rt, const struct weir_misuse *misuse);
	void (*say)(weir_rt *rt, const char *text); /* a text for whoever operates the process: stderr on threads */
	void (*free)(weir_rt *rt);
};

#define WEIR_RT_VERSION 3

struct weir_rt {
	const struct weir_rt_vtable *vt;
	const struct weir_hooks *hooks; /* NULL in production */
	int64_t stuck_after_ns; /* a join that waited so long after its context ended reports who is stuck; 0: never */
	bool stuck_abort;       /* ... and then ends the process */
	uint64_t core_[6];      /* weir's core keeps its per-runtime state here; zeroed by the runtime */
};

/* Monotonic nanoseconds of the runtime: virtual in the simulator.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int64_t weir_rt_now(weir_rt *rt);

/* UTC nanoseconds since 1970, for people to read.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int64_t weir_rt_wall(weir_rt *rt);

/* A number in [0, bound), or 64 bits for bound 0; part of the schedule in the simulator.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint64_t weir_rt_random(weir_rt *rt, uint64_t bound);

/* Memory of the runtime, uninitialised, aligned for any object; counted by the simulator's leak check.
 * Owner: the caller, until weir_rt_release. Threads: any. Blocks: no. Fails: NULL. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK void *weir_rt_alloc(weir_rt *rt, size_t bytes);

/* Gives back what weir_rt_alloc gave; NULL is allowed.
 * Owner: takes mem. Threads: any, once per block. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_rt_release(weir_rt *rt, void *mem);

/* Lets other tasks run; a hint on threads, a choice in the simulator.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_rt_yield(weir_rt *rt);

/* Frees the runtime and sets *rt to NULL; NULL and a pointer to NULL are allowed.
 * Owner: takes *rt. Threads: none may use it any more. Blocks: no. Fails: misuse if tasks are left. After cancel:
 * unchanged. */
WEIR_API void weir_rt_free(weir_rt **rt);

WEIR_EXTERN_C_END

#endif
