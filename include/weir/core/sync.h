/* SPDX-License-Identifier: MIT
 *
 * weir/core/sync.h - mutex, read-write lock, condition, semaphore, wait group, once, and an atomic the simulator sees.
 *
 * Channels and scopes come first; these are for state that tasks share in place. Each object is the caller's memory and
 * stores its runtime at init, so there are no static initialisers; none is movable between init and fini; nothing here
 * allocates. Waiting tasks are served in FIFO order with direct hand-off: what is released belongs to the one that has
 * waited longest before anybody else can look. A context wins at entry, and over a task that nobody has claimed; a
 * task that was given what it waited for returns 0 even if its context ended meanwhile, and one that was not has taken
 * nothing.
 * THE EXCEPTION: the two locks, and the re-lock at the end of a condition wait, ignore the end of ctx (which stands
 * first because they may block, and names the runtime): a section is short, and no part of it waits for anything else.
 *
 * STATE x OPERATION
 *   mutex          free               held by another       held by the caller
 *     lock         taken              waits                 misuse (both sites are told)
 *     try_lock     0                  WEIR_EAGAIN           WEIR_EAGAIN
 *     unlock       misuse             misuse                freed, or handed to the first that waits
 *   rwlock         free      readers  readers, a writer waits   held for writing
 *     read_lock    taken     taken    waits (*)                 waits; misuse for the holder
 *     write_lock   taken     waits    waits                     waits; misuse for the holder
 *     unlocks      misuse    read: the last one lets the first writer in      write: misuse unless it is the holder's;
 *                                     the first writer that waits gets it, without one all readers that wait
 *     (*) also a task that holds it for reading: reading twice is a deadlock as soon as a writer comes in between, as
 *         is write_lock by a reader. Writers go first, so readers may starve while writers keep coming.
 *   condition      nobody waits       tasks wait
 *     signal       lost               the first of them returns 0, with the mutex held
 *     broadcast    lost               all do, one after the other
 *   semaphore      enough, nobody waits     too few, or somebody waits
 *     acquire n    n permits taken          waits its turn, so that a large request is not starved by small ones
 *     try_acquire  0                        WEIR_EAGAIN
 *     release n    n more                   n more; those in front that have enough now get theirs
 *     resize c     as many more or fewer as the capacity grows or shrinks; where more are taken than the new one, none
 *                  is free until so many have come back
 *   wait group     count 0            count above 0
 *     wait         0                  waits until it is 0
 *     done         misuse             one less; at 0 all that wait return 0
 *   once           new                running, another task's    running, the caller's   done
 *     do           runs fn            waits                      WEIR_EDEADLK            its code
 *   fini (all)     finished; nothing if NULL or zeroed; misuse while held, counting, running or waited on
 *
 * PAIRWISE THREAD-SAFETY (same object)   init   fini                       any other operation
 *   init                                 no     no                         no
 *   fini                                 no     no                         only an unlock, release or done that is on
 *                                                                          its way out: see below
 *   any other operation                  no     (above)                    yes
 * Who has locked and unlocked a mutex, waited for a wait group or acquired from a semaphore after its last other use
 * may finish it, although the call that let it in may not have returned yet. */
#ifndef WEIR_CORE_SYNC_H
#define WEIR_CORE_SYNC_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* clang-format off */
typedef struct weir_mutex { uint64_t opaque_[10]; } weir_mutex;
typedef struct weir_rwlock { uint64_t opaque_[14]; } weir_rwlock;
typedef struct weir_cond { uint64_t opaque_[7]; } weir_cond;
typedef struct weir_sem { uint64_t opaque_[10]; } weir_sem;
typedef struct weir_wg { uint64_t opaque_[8]; } weir_wg;
typedef struct weir_once { uint64_t opaque_[11]; } weir_once;
typedef struct weir_atomic { uint64_t opaque_[4]; } weir_atomic;
/* clang-format on */

/* Make the object on rt: free, without waiters, a count of 0, new. The semaphore begins with `permits`; the bounded one
 * never has more than `capacity` (permits <= capacity, else misuse; UINT64_MAX is none).
 * Owner: the object is the caller's memory until its fini. Threads: one. Blocks: no. Fails: no. After cancel:
 * unchanged. */
WEIR_API void weir_mutex_init(weir_mutex *m, weir_rt *rt);
WEIR_API void weir_rwlock_init(weir_rwlock *l, weir_rt *rt);
WEIR_API void weir_cond_init(weir_cond *c, weir_rt *rt);
WEIR_API void weir_sem_init(weir_sem *s, weir_rt *rt, uint64_t permits);
WEIR_API void weir_sem_init_bounded(weir_sem *s, weir_rt *rt, uint64_t permits, uint64_t capacity);
WEIR_API void weir_wg_init(weir_wg *g, weir_rt *rt);
WEIR_API void weir_once_init(weir_once *o, weir_rt *rt);
WEIR_API void weir_atomic_init(weir_atomic *a, weir_rt *rt, uint64_t value);

/* Finish the object and zero it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: see the table. Blocks: no. Fails: misuse while it is held, counting, running or
 * waited on. After cancel: unchanged. */
WEIR_API void weir_mutex_fini(weir_mutex *m);
WEIR_API void weir_rwlock_fini(weir_rwlock *l);
WEIR_API void weir_cond_fini(weir_cond *c);
WEIR_API void weir_sem_fini(weir_sem *s);
WEIR_API void weir_wg_fini(weir_wg *g);
WEIR_API void weir_once_fini(weir_once *o);
WEIR_API void weir_atomic_fini(weir_atomic *a);

/* ---- mutex ---- */

/* Takes the mutex.
 * Owner: the calling task holds it. Threads: any. Blocks: until it is handed over, whatever becomes of ctx. Fails:
 * misuse if the caller holds it already, or if ctx is of another runtime. After cancel: unchanged. */
WEIR_API void weir_mutex_lock(weir_ctx *ctx, weir_mutex *m);

/* As weir_mutex_lock, but WEIR_EAGAIN where it would wait (or where the caller holds it).
 * Owner: the calling task holds it on 0. Threads: any. Blocks: no. Fails: WEIR_EAGAIN. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_mutex_try_lock(weir_mutex *m);

/* Gives it back, in the task that took it.
 * Owner: the task that has waited longest holds it now, or nobody. Threads: the holder. Blocks: no. Fails: misuse if
 * the caller does not hold it. After cancel: unchanged. */
WEIR_API void weir_mutex_unlock(weir_mutex *m);

/* ---- read-write lock ---- */

/* Takes it together with other readers, or alone.
 * Owner: the calling task holds it. Threads: any. Blocks: until it has it, whatever becomes of ctx. Fails: misuse if
 * the caller holds it for writing, or if ctx is of another runtime. After cancel: unchanged. */
WEIR_API void weir_rwlock_read_lock(weir_ctx *ctx, weir_rwlock *l);
WEIR_API void weir_rwlock_write_lock(weir_ctx *ctx, weir_rwlock *l);

/* The same, but WEIR_EAGAIN where they would wait.
 * Owner: the calling task holds it on 0. Threads: any. Blocks: no. Fails: WEIR_EAGAIN. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_rwlock_try_read_lock(weir_rwlock *l);
WEIR_API WEIR_MUST_CHECK int weir_rwlock_try_write_lock(weir_rwlock *l);

/* Give it back, as it was taken. Who reads is counted, not remembered.
 * Owner: whoever's turn it is. Threads: a reader; the writer. Blocks: no. Fails: misuse if nobody reads; if the caller
 * does not write. After cancel: unchanged. */
WEIR_API void weir_rwlock_read_unlock(weir_rwlock *l);
WEIR_API void weir_rwlock_write_unlock(weir_rwlock *l);

/* ---- condition ---- */

/* Unlocks m, waits for a signal and locks m again. No signal that is sent after the unlock is missed, and none comes
 * from nowhere; still, look at what you wait for in a loop: another task may have been there first.
 * Owner: the calling task holds m before and after, in every case. Threads: any. Blocks: until signalled or ctx ends;
 * then until m is free, whatever becomes of ctx. Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (another runtime);
 * misuse if the caller does not hold m. After cancel: returns its code at once, and has not unlocked m; a waiter that
 * was signalled before returns 0. */
WEIR_API WEIR_MUST_CHECK int weir_cond_wait(weir_ctx *ctx, weir_cond *c, weir_mutex *m);

/* Wakes the one that has waited longest, or all; a waiter that its context has taken away does not use up a signal. The
 * caller need not hold the mutex, but what the waiters look at must have been changed under it.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_cond_signal(weir_cond *c);
WEIR_API void weir_cond_broadcast(weir_cond *c);

/* ---- semaphore ---- */

/* Takes n permits (0: waits its turn, takes nothing).
 * Owner: 0: the caller has n permits; else none. Threads: any. Blocks: until it is its turn and there are n, or ctx
 * ends. Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (another runtime, n above the capacity). After cancel:
 * returns its code, also where there are permits; those behind it go on. */
WEIR_API WEIR_MUST_CHECK int weir_sem_acquire(weir_ctx *ctx, weir_sem *s, uint64_t n);

/* As weir_sem_acquire, but WEIR_EAGAIN where it would wait.
 * Owner: as weir_sem_acquire. Threads: any. Blocks: no. Fails: WEIR_EAGAIN, WEIR_EINVAL. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_sem_try_acquire(weir_sem *s, uint64_t n);

/* Gives n permits, which any task may do.
 * Owner: takes n permits. Threads: any. Blocks: no. Fails: misuse, and gives none, beyond the capacity (without one:
 * UINT64_MAX). After cancel: unchanged. */
WEIR_API void weir_sem_release(weir_sem *s, uint64_t n);

/* A new capacity for a bounded one, from now on. Who has permits keeps them; who waits for more than there can be now
 * waits until there can.
 * Owner: none. Threads: any. Blocks: no. Fails: misuse, and changes nothing, on one without a capacity, and for
 * UINT64_MAX. After cancel: unchanged. */
WEIR_API void weir_sem_resize(weir_sem *s, uint64_t capacity);

/* ---- wait group ---- */

/* n more to wait for. Add before the task that will call done is started, or a wait may come too early.
 * Owner: none. Threads: any. Blocks: no. Fails: misuse beyond UINT64_MAX. After cancel: unchanged. */
WEIR_API void weir_wg_add(weir_wg *g, uint64_t n);

/* One less to wait for.
 * Owner: none. Threads: any. Blocks: no. Fails: misuse at 0. After cancel: unchanged. */
WEIR_API void weir_wg_done(weir_wg *g);

/* Waits until the count is 0, once: a later add changes nothing for a wait that the 0 has released.
 * Owner: none. Threads: any. Blocks: until the count is 0 or ctx ends. Fails: WEIR_ECANCELED, WEIR_EDEADLINE,
 * WEIR_EINVAL (another runtime). After cancel: returns its code, also where the count is 0. */
WEIR_API WEIR_MUST_CHECK int weir_wg_wait(weir_ctx *ctx, weir_wg *g);

/* ---- once ---- */

/* The first call runs fn(ctx, err, arg), for all; its code is everybody's for ever, an error too. A positive return is
 * WEIR_EINVAL. A call whose context has ended before anything began does not run fn.
 * Owner: arg must live until the first call has returned; its detail goes to its err, later calls are told that it
 * failed. Threads: any. Blocks: as fn does; others until fn has returned or their ctx ends. Fails: the code of fn,
 * WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EDEADLK (called from inside fn), WEIR_EINVAL (another runtime, no fn).
 * After cancel: returns its code. */
WEIR_API WEIR_MUST_CHECK int weir_once_do(weir_ctx *ctx, weir_once *o, weir_task_fn *fn, void *arg, weir_err *err);

/* ---- atomic ---- */

/* A 64-bit number whose every use is one operation the simulator can put another task in front of; sequentially
 * consistent. add wraps and, like exchange, returns the value before. cas: true if the value was *expected and is now
 * `desired`; else *expected is the value.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint64_t weir_atomic_load(const weir_atomic *a);
WEIR_API void weir_atomic_store(weir_atomic *a, uint64_t value);
WEIR_API uint64_t weir_atomic_add(weir_atomic *a, uint64_t n);
WEIR_API uint64_t weir_atomic_exchange(weir_atomic *a, uint64_t value);
WEIR_API WEIR_MUST_CHECK bool weir_atomic_cas(weir_atomic *a, uint64_t *expected, uint64_t desired);

WEIR_EXTERN_C_END

#endif
