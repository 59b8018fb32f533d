/* SPDX-License-Identifier: MIT
 *
 * weir/limit/bands.h - several limits in one: ten in a second and a thousand in an hour, all or none.
 *
 * A BAND is one of the limits. What is asked for is taken from all bands or from none: what one of them refuses costs
 * the others nothing. Tokens of a band come back
 *   EVENLY        one after the other, as in a bucket (bucket.h, whose arithmetic it is)
 *   PER PERIOD    all at once, when the period is over. Periods follow each other from first_at on: the next full hour,
 *                 for example (weir_bands_align); what is left over is kept, up to the burst.
 * As in a bucket, n = 0 is a look, n above the burst of a band can never be granted (WEIR_EOVERFLOW), and a clock that
 * goes back stands still.
 *
 * Two faces: weir_bands_state is pure; weir_bands is shared, on the clock of a runtime, a short lock around it. It has
 * a line, first come, first served: while somebody waits in it, nobody else is granted anything.
 *
 * PAIRWISE THREAD-SAFETY (same weir_bands)   init   fini   any other function
 *   init, fini                               no     no     no
 *   any other function                       no     no     yes */
#ifndef WEIR_LIMIT_BANDS_H
#define WEIR_LIMIT_BANDS_H

#include <weir/base.h>
#include <weir/limit/bucket.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_BANDS_MAX 6

struct weir_band {
	uint64_t tokens;   /* that come back in a period, up to 2^32; 0: none ever does */
	int64_t period_ns; /* 0: one second */
	uint64_t burst;    /* how many there can be, up to 2^32; 0: tokens, at least 1 */
	uint64_t spent;    /* how many of them are missing at first (at most the burst) */
	bool per_period;   /* all at once; these two are for it alone */
	int64_t first_at;  /* when the first come back; past: periods are counted from there; 0: one period after now */
	/* No more at first than the rest of the first period would have; where first_at is not in the future that is a
	 * whole one. No spent then. */
	bool partial;
};

/* clang-format off */
typedef struct weir_bands_state { uint64_t opaque_[200]; } weir_bands_state;
typedef struct weir_bands { uint64_t opaque_[260]; } weir_bands;
/* clang-format on */

/* n bands, 1 to WEIR_BANDS_MAX, at time now (0 or more).
 * Owner: st is plain memory; bands are copied. Threads: one. Blocks: no. Fails: WEIR_EINVAL (numbers out of range).
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bands_state_init(weir_bands_state *st, const struct weir_band *bands, size_t n,
						   int64_t now);

/* Takes `tokens` of each band, if all of them have so many.
 * Owner: 0: the caller has them. Threads: one. Blocks: no. Fails: WEIR_ELIMITED, WEIR_EOVERFLOW; takes none then.
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bands_state_take(weir_bands_state *st, int64_t now, uint64_t tokens);

/* How it stands: the band that has least, and when `tokens` could be had of all.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_bands_state_view(const weir_bands_state *st, int64_t now, uint64_t tokens,
				    struct weir_bucket_view *out);

/* The bands on the clock of rt.
 * Owner: b is the caller's memory until its fini; it must not move. Threads: one. Blocks: no. Fails: WEIR_EINVAL, and
 * nothing has been made. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bands_init(weir_bands *b, weir_rt *rt, const struct weir_band *bands, size_t n);

/* Finishes and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: see the table. Blocks: no. Fails: misuse while tasks wait. After cancel:
 * unchanged. */
WEIR_API void weir_bands_fini(weir_bands *b);

/* As weir_bands_state_take.
 * Owner: 0: the caller has them. Threads: any. Blocks: no. Fails: WEIR_ELIMITED (also where tasks stand in line),
 * WEIR_EOVERFLOW. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_bands_allow_n(weir_bands *b, uint64_t tokens);

/* The same, and waits for them in line. Refuses as soon as it is certain that they cannot be had before the deadline of
 * ctx, or never: at once, if somebody who is first in line could not have them either, and when it is first itself,
 * since those in front may have taken them; err (NULL allowed) then holds how long it would take (weir_err_as).
 * Owner: 0: the caller has them; else none. Threads: any. Blocks: until it is its turn and they are there, or ctx ends.
 * Fails: WEIR_ELIMITED, WEIR_EOVERFLOW, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (another runtime). After cancel:
 * returns its code, also where there are tokens; the next in line is first. */
WEIR_API WEIR_MUST_CHECK int weir_bands_wait(weir_ctx *ctx, weir_bands *b, uint64_t tokens, weir_err *err);

/* As weir_bands_state_view.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_bands_view_now(weir_bands *b, uint64_t tokens, struct weir_bucket_view *out);

/* The first_at at which the wall clock of rt comes to the next multiple of period_ns since 1970 (UTC): a full minute,
 * hour or day. A clock that is set later is not followed.
 * Owner: none. Threads: any. Blocks: no. Fails: no; a period below 1 is 1. After cancel: unchanged. */
WEIR_API int64_t weir_bands_align(weir_rt *rt, int64_t period_ns);

WEIR_EXTERN_C_END

#endif
