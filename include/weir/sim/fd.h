/* SPDX-License-Identifier: MIT
 *
 * weir/sim/fd.h - fake descriptors for scenarios, in place of the system's. They are for the calls of weir/core/io.h.
 * Their numbers begin at WEIR_SIM_FD, where no real one is, and are never used twice in a schedule: a stale one is a
 * failure, one that is left open a leak. An end holds at most `capacity` bytes (1 to WEIR_SIM_FD_BYTES) that the other
 * has written and nobody has read, then writing waits. A close with bytes unread resets the connection: the peer's
 * next call is WEIR_ECONNRESET. Names are for reports and copied (23 bytes). Outside of the simulator: WEIR_ENOSYS.
 * None of these waits; connecting and raising are choices.
 *
 * With opts.faults a call on a connection may find it reset for good (WEIR_ECONNRESET, then WEIR_EPIPE or the end; the
 * peer is told too), may have to wait once although the connection is ready, or may move one byte; a call on a pipe may
 * move one byte; weir_fd_accept may fail with -EMFILE, and find the connection the next time. */
#ifndef WEIR_SIM_FD_H
#define WEIR_SIM_FD_H

#include <weir/base.h>
#include <weir/core.h>
#include <weir/rt.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_SIM_FD (1 << 20)
#define WEIR_SIM_FD_BYTES 4096

/* A pipe; two sockets that are connected. */
WEIR_API WEIR_MUST_CHECK int weir_sim_pipe(const char *name, size_t capacity, weir_fd *out_read, weir_fd *out_write);
WEIR_API WEIR_MUST_CHECK int weir_sim_socketpair(const char *name, size_t capacity, weir_fd *out_two);

/* A listener, and a connection to it, whose accepted end has the same name. -ECONNREFUSED: the listener is closed (its
 * number can still be connected to, as an address could), or 16 connections wait to be accepted. */
WEIR_API WEIR_MUST_CHECK int weir_sim_listen(const char *name, size_t capacity, weir_fd *out);
WEIR_API WEIR_MUST_CHECK int weir_sim_connect(const char *name, weir_fd listener, weir_fd *out);

/* Closes a connection so that the peer sees a reset. */
WEIR_API void weir_sim_reset(weir_fd *fd);

/* As if the process was sent the signal (1 to 63): it waits for weir_signals_next, once however often it was raised. */
WEIR_API void weir_sim_signal_raise(int signal);

WEIR_EXTERN_C_END

#endif
