/* SPDX-License-Identifier: MIT
 *
 * weir/core/err.h - codes, and the detail of a failure as a value on the caller's stack.
 *
 * A function returns int: negative is an error, and must be checked. -1..-999 are -errno, -1000..-9999 are weir's own,
 * and WEIR_EUSER (-10000) and below are yours. Detail is optional: a function that has more to say takes a `weir_err
 * *`, which may be NULL and is written only on failure. The caller zeroes it (`weir_err err = {0};`) and calls
 * weir_err_fini when it was filled. A single failure never allocates: text, and up to six frames saying which
 * stage or task it passed through and which code it had before; what does not fit is counted. No errno, no
 * thread-local.
 *
 * A failure is a tree. A node has a code; the codes it had before something else was made of it (weir_err_wrap: an
 * exhausted retry is still the failure of its last attempt); and members, where several things failed at once
 * (weir_err_add, which alone allocates). weir_err_is and weir_err_as look at all of it.
 *
 * PAIRWISE THREAD-SAFETY: a weir_err belongs to one task at a time; two calls on different values never conflict. */
#ifndef WEIR_CORE_ERR_H
#define WEIR_CORE_ERR_H

#include <stdarg.h>
#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* name, code, what it means */
#define WEIR_ERR_TABLE(X)                                                            \
	X(WEIR_EINTR, -4, "interrupted for no reason; look again")                   \
	X(WEIR_EIO, -5, "input/output error")                                        \
	X(WEIR_EBADF, -9, "the handle is NULL or closed")                            \
	X(WEIR_EAGAIN, -11, "would have to wait, or no more tasks can be started")   \
	X(WEIR_ENOMEM, -12, "out of memory")                                         \
	X(WEIR_EBUSY, -16, "still in use")                                           \
	X(WEIR_EINVAL, -22, "an argument makes no sense here")                       \
	X(WEIR_EPIPE, -32, "nobody will receive any more")                           \
	X(WEIR_EDEADLK, -35, "would wait for itself")                                \
	X(WEIR_ENOSYS, -38, "this runtime does not offer it")                        \
	X(WEIR_EOVERFLOW, -75, "does not fit")                                       \
	X(WEIR_ECONNRESET, -104, "the peer reset the connection")                    \
	X(WEIR_ETIMEOUT, -110, "took longer than it was given")                      \
	X(WEIR_ECANCELED, -125, "the context was cancelled")                         \
	X(WEIR_EDEADLINE, -1000, "the context's deadline passed")                    \
	X(WEIR_EPARTIAL, -1001, "failed, and the output holds what was done before") \
	X(WEIR_ETYPE, -1002, "the types do not fit together")                        \
	X(WEIR_ENOTSTARTED, -1003, "not started, or stopped")                        \
	X(WEIR_EFILTERED, -1004, "the item was filtered out")                        \
	X(WEIR_ENOROUTE, -1005, "no route was selected for the item")                \
	X(WEIR_EEXHAUSTED, -1006, "every attempt failed")                            \
	X(WEIR_EOPEN, -1007, "the circuit breaker is open")                          \
	X(WEIR_ELIMITED, -1008, "over the rate limit")                               \
	X(WEIR_EOVERLOAD, -1009, "too much is going on already")                     \
	X(WEIR_EINCOMPLETE, -1015, "a part of it failed, and the rest was dropped")

/* clang-format off */
enum weir_code {
#define WEIR_ERR_ENUM_(name, code, text) name = (code),
	WEIR_ERR_TABLE(WEIR_ERR_ENUM_)
#undef WEIR_ERR_ENUM_
	WEIR_EUSER = -10000 /* this and below: the user's own */
};
/* clang-format on */

#define WEIR_ERR_FRAMES 6

struct weir_err {
	int code;
	uint32_t flags_;
	uint64_t opaque_[31];
};

/* Says what failed: replaces what err held, keeps no frames. The text is cut where it does not fit, and says so.
 * Owner: err stays the caller's. Threads: one per err. Blocks: no. Fails: no; returns code (WEIR_EINVAL for a code that
 * is not negative, so that a failure never looks like success). After cancel: unchanged. */
WEIR_API WEIR_PRINTF(3, 4) int weir_fail(weir_err *err, int code, const char *fmt, ...);
WEIR_API WEIR_PRINTF(3, 0) int weir_vfail(weir_err *err, int code, const char *fmt, va_list args);

/* Adds where the failure passed through, innermost first: a stage, task or worker (name must be static or outlive err),
 * its index (from 0; UINT32_MAX: it has none, and none is shown) and the attempt (1 for the first; 0: does not apply).
 * NULL err and an err without a code are left alone.
 * Owner: err stays the caller's. Threads: one per err. Blocks: no. Fails: no; what does not fit is counted.
 * After cancel: unchanged. */
WEIR_API void weir_err_frame(weir_err *err, const char *name, uint32_t index, uint32_t attempt);

/* Makes another code of a failure: err->code is `code` from now on, and what it was is still found by weir_err_is.
 * value says more about the new code: attempts for WEIR_EEXHAUSTED, ns until it can be tried again for WEIR_EOPEN,
 * WEIR_ELIMITED and WEIR_EOVERLOAD, the limit in ns for WEIR_ETIMEOUT, the offset of the first item that failed for
 * WEIR_EPARTIAL; 0: nothing. On an empty err: as weir_fail without a text, and with the value. NULL is allowed.
 * Owner: err stays the caller's. Threads: one per err. Blocks: no. Fails: no; returns code, as weir_fail does. Where
 * there is no room, the outermost frame makes some. After cancel: unchanged. */
WEIR_API int weir_err_wrap(weir_err *err, int code, int64_t value);

/* Adds a member, the index-th of what failed together: *member is moved, and empty afterwards. An err that is empty
 * takes the member's code first. Without memory the member is counted and dropped. NULL and empty members are left
 * alone.
 * Owner: err, which must not outlive rt. Threads: one per err. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_err_add(weir_err *err, weir_rt *rt, uint32_t index, weir_err *member);

/* The i-th member, in the order they were added, and its index (out_index may be NULL); NULL: there are no more.
 * Owner: err's. Threads: readers may share. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const weir_err *weir_err_member(const weir_err *err, size_t i, uint32_t *out_index);

/* Moves the detail; *from is empty afterwards. What *to held is dropped. Either may be NULL.
 * Owner: *to owns it. Threads: one per err. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_err_move(weir_err *to, weir_err *from);

/* Whether code is anywhere in the tree (any member of a multi-error).
 * Owner: none. Threads: readers may share. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK bool weir_err_is(const weir_err *err, int code);

struct weir_err_info {
	int64_t value;    /* of the code, see weir_err_wrap; 0: none */
	const char *name; /* the first place (weir_err_frame) it was seen at with that code; NULL: none */
	uint32_t index, attempt;
};

/* Whether code is anywhere in the tree, and what is said of it there: of the first one, outermost first, then member by
 * member. out may be NULL.
 * Owner: out's name is whose it was. Threads: readers may share. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK bool weir_err_as(const weir_err *err, int code, struct weir_err_info *out);

/* Writes "retry: WEIR_EEXHAUSTED (3 attempts): fetch[3] attempt 3: WEIR_EPIPE: text" into buf, outermost first, always
 * terminated if cap > 0; members follow in brackets, "[0] ...; [2] ...". Where no text was given: what the code means.
 * Nothing for NULL and for an empty err.
 * Owner: none. Threads: readers may share. Blocks: no.
 * Fails: no; returns the length it has without a limit, like snprintf(3). After cancel: unchanged. */
WEIR_API size_t weir_err_format(const weir_err *err, char *buf, size_t cap);

/* "WEIR_EPIPE" for -32, "ENOENT" style names for what the system calls so, "user error" at or below WEIR_EUSER.
 * Owner: static text, never NULL. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_err_name(int code);

/* What the code means, in a few words.
 * Owner: static text, never NULL. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_err_text(int code);

/* Empties err; NULL and zeroed values are allowed.
 * Owner: releases what err held. Threads: one per err. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_err_fini(weir_err *err);

WEIR_EXTERN_C_END

#endif
