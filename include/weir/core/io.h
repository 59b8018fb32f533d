/* SPDX-License-Identifier: MIT
 *
 * weir/core/io.h - a descriptor is something a task waits for, like a channel: pipes, sockets, terminals, signals.
 *
 * Nothing is wrapped. A weir_fd is a number that open, pipe2 or socket made and that you configure as you like. What
 * follows is the part that must go through the runtime: what waits, so that a context can end it, and what moves bytes,
 * so that a program runs on the simulator's descriptors (weir/sim.h) as it runs on the system's.
 *
 * THE RULES of everything that waits
 *  - It tries first and waits only where it would have to, and goes back to waiting where another was faster.
 *  - A context that has ended wins at entry, and over a wait that nothing has ended yet. Then nothing was moved: bytes
 *    that came stay in the descriptor, bytes not written stay with the caller. What was moved is returned even if the
 *    context ended meanwhile. So a byte is never lost between a cancel and a result.
 *  - A read or write may move less than it was asked to, at any time. Loop.
 *  - The descriptor may be in blocking mode or not, except a listener, which must not be (accept(2) on a blocking one
 *    can wait for ever although poll(2) has just seen a connection). The mode is never changed. In blocking mode, where
 *    another process reads or writes the same pipe or terminal, a call can be kept waiting by it.
 *  - Nobody may close a descriptor that somebody waits for: the system would not tell the waiting task, and the number
 *    may soon be another file's. Cancel the task's context, join it, then close. The simulator calls it a failure.
 *
 * A write to a socket that nobody reads any more is WEIR_EPIPE, without SIGPIPE. To a pipe it is that too, but SIGPIPE
 * comes first, as the system has it: ignore it (signal(SIGPIPE, SIG_IGN)) where your program can outlive its reader.
 *
 * SIGNALS arrive in tasks, not in handlers: weir_signals_block in main before anything that starts a thread, then
 * weir_signals_open and a task that calls weir_signals_next. As everywhere on Unix, a signal that is sent twice before
 * it is taken once is one signal.
 *
 * PAIRWISE THREAD-SAFETY (same descriptor): all of these may be called at the same time, except weir_fd_close, which
 * comes last. Of two tasks that wait to read (or write, or accept), each byte (connection) goes to one. */
#ifndef WEIR_CORE_IO_H
#define WEIR_CORE_IO_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* Waits until fd has one of `events` (poll(2): POLLIN, POLLOUT) and returns what it has, a positive mask that may name
 * POLLHUP and POLLERR as well. For calls of the system's; what follows waits by itself.
 * Owner: fd stays the caller's. Threads: see above. Blocks: until an event or ctx ends.
 * Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EBADF, WEIR_EINVAL (no events asked for), WEIR_ENOSYS (a runtime without
 * descriptors). After cancel: returns its code at once. */
WEIR_API WEIR_MUST_CHECK int weir_wait_fd(weir_ctx *ctx, weir_fd fd, short events);

/* Reads at least one byte and at most n (1 to INT_MAX). Returns how many, or 0 at the end.
 * Owner: buf and fd stay the caller's. Threads: see above. Blocks: until a byte, the end, or ctx ends.
 * Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (n), -errno (WEIR_ECONNRESET: the peer has gone, and what it
 * had sent may be gone too). After cancel: returns its code at once and reads nothing. */
WEIR_API WEIR_MUST_CHECK int weir_fd_read(weir_ctx *ctx, weir_fd fd, void *buf, size_t n);

/* Writes at least one byte and at most n (1 to INT_MAX). Returns how many; a failed write has written none.
 * Owner: buf and fd stay the caller's. Threads: see above. Blocks: until there is room or ctx ends.
 * Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (n), WEIR_EPIPE (nobody will read), -errno.
 * After cancel: returns its code at once and writes nothing. */
WEIR_API WEIR_MUST_CHECK int weir_fd_write(weir_ctx *ctx, weir_fd fd, const void *buf, size_t n);

/* Takes the next connection of a listening socket; it is in non-blocking mode and closed on exec. Connections that
 * their peers gave up before they were taken are passed over.
 * Owner: *out is the caller's, closed by weir_fd_close; untouched on failure. Threads: see above.
 * Blocks: until there is one or ctx ends. Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (the listener blocks, or
 * does not listen), -errno (-EMFILE: too many are open). After cancel: returns its code at once and takes none. */
WEIR_API WEIR_MUST_CHECK int weir_fd_accept(weir_ctx *ctx, weir_fd listener, weir_fd *out);

/* Half close of a connected socket: the peer reads what was written, then the end; this side can still read.
 * Owner: fd stays the caller's. Threads: see above. Blocks: no. Fails: -errno (-ENOTCONN: the peer has gone).
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_fd_shut(weir_rt *rt, weir_fd fd);

/* Closes *fd and sets it to WEIR_FD_NONE, which is allowed (0 is not the same: it is a descriptor). Closing a socket
 * with bytes unread makes the peer's next call WEIR_ECONNRESET, and it may lose what was written to it: read to the
 * end, or half close and let the peer close first. Errors of close(2), which only files have, are not told: fsync(2)
 * tells them.
 * Owner: takes *fd. Threads: none may use it any more. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_fd_close(weir_rt *rt, weir_fd *fd);

/* A descriptor that is readable when one of the n signals (1 or more) has come. They must be blocked in every thread,
 * which is so if weir_signals_block was called before there was a second one.
 * Owner: *out is the caller's, closed by weir_fd_close; untouched on failure. Threads: any. Blocks: no.
 * Fails: WEIR_EINVAL (a number that is none, or a signal that is not blocked here), WEIR_ENOSYS, -errno.
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_signals_open(weir_rt *rt, const int *signals, size_t n, weir_fd *out);

/* The number of the next signal that came.
 * Owner: fd stays the caller's. Threads: see above. Blocks: until a signal or ctx ends.
 * Fails: WEIR_ECANCELED, WEIR_EDEADLINE, -errno; fd must be one that weir_signals_open made.
 * After cancel: returns its code at once and takes none. */
WEIR_API WEIR_MUST_CHECK int weir_signals_next(weir_ctx *ctx, weir_fd fd);

WEIR_EXTERN_C_END

#endif
