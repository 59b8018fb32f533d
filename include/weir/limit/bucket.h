/* SPDX-License-Identifier: MIT
 *
 * weir/limit/bucket.h - a token bucket: at most `burst` tokens at once, and `tokens` more in every period.
 *
 * Two faces. weir_bucket_state is pure: no lock, no clock, `now` comes in; of one task at a time. weir_bucket is
 * shared, on the clock of a runtime: allow is one compare-and-swap, and tasks can wait in line.
 *
 * THE RULES
 *   - Over any stretch of time of length t, what was granted (at the time it may be used) is at most burst + rate * t.
 *     Time is whole nanoseconds and a token costs a whole number of fractions of one, so nothing drifts, over years
 *     either. (Where a full burst takes longer than 208 days to come back, a token may cost up to 1 / 2^22 more.)
 *     The time of a grant is rounded up to a nanosecond.
 *   - n = 0 is a look: it takes nothing, and succeeds. n above the burst can never be granted: WEIR_EOVERFLOW, at once.
 *   - Rate 0 grants what is there, once. An unlimited bucket grants all, whatever its burst.
 *   - A clock that goes back is taken to stand still until it has caught up.
 *   - A new rate is valid from now on: what was earned or owed before stays as many tokens. A new burst gives no
 *     tokens; those above it are lost.
 *   - A reservation has a fixed time; who gives one back before that time gets what later reservations do not rely on:
 *     the others have been told their times, and all together must keep the first rule.
 *   - A line has no fixed times: nobody in it is overtaken, and who leaves it gives its whole place to those behind.
 *     While tasks stand in line, a reservation that would have to wait is refused.
 *
 * PAIRWISE THREAD-SAFETY (same weir_bucket)   init   fini   any other function
 *   init, fini                                no     no     no
 *   any other function                        no     no     yes */
#ifndef WEIR_LIMIT_BUCKET_H
#define WEIR_LIMIT_BUCKET_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

struct weir_bucket_opts {
	uint64_t tokens; /* that come back in a period; 0: none ever does. Without what period_ns shares: up to 2^32 */
	int64_t period_ns; /* 0: one second */
	uint64_t burst;    /* how many there can be, up to 2^32; 0: 1 */
	uint64_t spent;    /* how many of them are missing at first (at most the burst) */
	bool uncounted; /* a shared one does not count what is allowed and refused: that is a second atomic of allow */
	bool unlimited; /* everything is granted; the other fields are for a later set_rate */
};

/* What was granted, to be given back perhaps. */
struct weir_bucket_grant {
	uint64_t n;
	int64_t at;       /* when it may be used */
	int64_t delay_ns; /* from now; 0: now */
	uint64_t opaque_[3];
};

struct weir_bucket_view {
	int64_t available; /* whole tokens; negative: promised to reservations and to the line; INT64_MAX: unlimited */
	uint64_t burst;
	int64_t retry_ns; /* until what was asked for can be had; 0: now; WEIR_FOREVER: never */
	int64_t full_ns;  /* until it is full; WEIR_FOREVER: never */
};

struct weir_bucket_stats {
	uint64_t allowed;  /* calls that were granted something, now or later */
	uint64_t refused;  /* calls that were not */
	uint64_t waited;   /* those of the allowed that stood in line, and got to its end */
	uint64_t given_up; /* those that left the line */
	uint64_t waiting;  /* tokens that the line waits for, now */
};

/* clang-format off */
typedef struct weir_bucket_state { uint64_t opaque_[26]; } weir_bucket_state;
typedef struct weir_bucket { uint64_t opaque_[80]; } weir_bucket;
/* clang-format on */

/* ---- pure ---- */

/* A bucket at time now (0 or more), full but for opts->spent. NULL opts: one token, which never comes back.
 * Owner: st is plain memory; nothing to finish. Threads: one. Blocks: no. Fails: WEIR_EINVAL (numbers out of range).
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_state_init(weir_bucket_state *st, const struct weir_bucket_opts *opts,
						    int64_t now);

/* Takes n tokens: those that are there, or, if they come within max_wait_ns (0: now; WEIR_FOREVER: whenever), those
 * that come next. *out (NULL allowed) says from when on they may be used.
 * Owner: 0: the caller has n tokens. Threads: one. Blocks: no. Fails: WEIR_ELIMITED (takes none), WEIR_EOVERFLOW (n
 * above the burst), WEIR_EINVAL (a negative wait). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_state_take(weir_bucket_state *st, int64_t now, uint64_t n, int64_t max_wait_ns,
						    struct weir_bucket_grant *out);

/* Gives back what nobody relies on (THE RULES): nothing once its time has passed, or after a second change of the
 * settings. *grant is zeroed; NULL and zeroed grants are allowed. Returns how many whole tokens came back.
 * Owner: takes the grant. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint64_t weir_bucket_state_cancel(weir_bucket_state *st, int64_t now, struct weir_bucket_grant *grant);

/* New settings from now on. A rate makes an unlimited bucket a limited one, which begins full.
 * Owner: none. Threads: one. Blocks: no. Fails: WEIR_EINVAL (out of range), and nothing has changed. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_state_set_rate(weir_bucket_state *st, int64_t now, uint64_t tokens,
							int64_t period_ns);
WEIR_API WEIR_MUST_CHECK int weir_bucket_state_set_burst(weir_bucket_state *st, int64_t now, uint64_t burst);

/* How it stands, and when n could be had.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_bucket_state_view(const weir_bucket_state *st, int64_t now, uint64_t n,
				     struct weir_bucket_view *out);

/* ---- shared ---- */

/* A bucket on the clock of rt; opts as of weir_bucket_state_init.
 * Owner: b is the caller's memory until its fini; it must not move. Threads: one. Blocks: no. Fails: WEIR_EINVAL, and
 * nothing has been made. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_init(weir_bucket *b, weir_rt *rt, const struct weir_bucket_opts *opts);

/* Finishes and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: see the table. Blocks: no. Fails: misuse while tasks wait. After cancel:
 * unchanged. */
WEIR_API void weir_bucket_fini(weir_bucket *b);

/* Takes one token, or n, if they are there. Lock-free, but for the moment in which another task reserves, gives back,
 * joins or leaves the line, or changes the settings.
 * Owner: 0: the caller has the tokens. Threads: any. Blocks: no. Fails: WEIR_ELIMITED, WEIR_EOVERFLOW (n above the
 * burst). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_allow(weir_bucket *b);
WEIR_API WEIR_MUST_CHECK int weir_bucket_allow_n(weir_bucket *b, uint64_t n);

/* As weir_bucket_state_take.
 * Owner: 0: the caller has n tokens, from out->at on. Threads: any. Blocks: no. Fails: WEIR_ELIMITED (also where tasks
 * stand in line, if it would have to wait), WEIR_EOVERFLOW, WEIR_EINVAL. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_reserve(weir_bucket *b, uint64_t n, int64_t max_wait_ns,
						 struct weir_bucket_grant *out);

/* As weir_bucket_state_cancel; the line moves up.
 * Owner: takes the grant. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint64_t weir_bucket_cancel(weir_bucket *b, struct weir_bucket_grant *grant);

/* Takes n tokens (0: a look), and waits for them in line. Refuses at once if they would not come before the deadline of
 * ctx, as things stand; err (NULL allowed) then holds how long it would take (weir_err_as).
 * Owner: 0: the caller has n tokens; else none. Threads: any. Blocks: until it is its turn and they are there, or ctx
 * ends. Fails: WEIR_ELIMITED, WEIR_EOVERFLOW, WEIR_ECANCELED, WEIR_EDEADLINE (those in front took longer than they had
 * said, or the settings changed), WEIR_EINVAL (another runtime). After cancel: returns its code, also where there are
 * tokens; its place goes to those behind it. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_wait(weir_ctx *ctx, weir_bucket *b, uint64_t n, weir_err *err);

/* As those of the state; the line is told.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_EINVAL, and nothing has changed. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bucket_set_rate(weir_bucket *b, uint64_t tokens, int64_t period_ns);
WEIR_API WEIR_MUST_CHECK int weir_bucket_set_burst(weir_bucket *b, uint64_t burst);

/* As weir_bucket_state_view; and what has happened to it. Counters are read one after the other.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_bucket_view_now(weir_bucket *b, uint64_t n, struct weir_bucket_view *out);
WEIR_API void weir_bucket_stats_read(weir_bucket *b, struct weir_bucket_stats *out);

WEIR_EXTERN_C_END

#endif
