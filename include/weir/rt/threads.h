/* SPDX-License-Identifier: MIT
 *
 * weir/rt/threads.h - the default runtime: one POSIX thread per task, CLOCK_MONOTONIC, futex (or, built with
 * -DWEIR_NO_FUTEX, mutex and condition variable). It starts no thread of its own; each task's name is its thread's name
 * (15 bytes of it: the kernel's limit) in gdb and /proc. A thread that weir did not start may use the library through
 * weir_ctx_init_root: it is adopted on its first call, and costs nothing until then. */
#ifndef WEIR_RT_THREADS_H
#define WEIR_RT_THREADS_H

#include <weir/rt.h>

WEIR_EXTERN_C_BEGIN

struct weir_rt_opts {
	/* Memory; NULL: malloc and free. Called from any task, so they must be thread-safe. */
	void *(*alloc)(size_t bytes, void *arg);
	void (*release)(void *mem, void *arg);
	/* Called on misuse. NULL, or a return from it: both sites are printed to stderr and the process aborts. */
	weir_misuse_fn *misuse;
	void *arg; /* of the three above */
	/* A join that has waited this long after its context ended prints who is stuck to stderr (again each time this
	 * long has passed); 0: never. A join never returns early. */
	int64_t stuck_after_ns;
	bool stuck_abort;   /* ... and the process aborts at the first report */
	size_t stack_bytes; /* of each task; 0: the system's default */
	unsigned max_tasks; /* spawn fails with WEIR_EAGAIN beyond; 0: the system decides */
};

/* A runtime on threads.
 * Owner: *out is the caller's, freed by weir_rt_free. Threads: any. Blocks: no.
 * Fails: WEIR_ENOMEM, WEIR_EINVAL (alloc without release or the reverse); *out untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_rt_threads_new(const struct weir_rt_opts *opts, weir_rt **out);

/* Blocks the n signals in the calling thread and in every thread it starts from then on, so that weir_signals_open can
 * hand them to a task. Call it in main, before anything that starts a thread: a thread that does not block a signal may
 * be the one it is delivered to. Programs started with exec inherit it: unblock (pthread_sigmask) in between.
 * Owner: none. Threads: the caller's. Blocks: no. Fails: WEIR_EINVAL (a number that is none). After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_signals_block(const int *signals, size_t n);

WEIR_EXTERN_C_END

#endif
