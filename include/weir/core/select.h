/* SPDX-License-Identifier: MIT
 *
 * weir/core/select.h - wait for one of n cases, and commit exactly one.
 *
 * Select claims, then commits: it never checks one moment and acts the next, so the case it returns has happened and no
 * other has. Of several ready cases one is chosen by the runtime's random (in the simulator: a choice of the schedule).
 * The context wins at entry. The waiters live in the caller's case array: select never allocates. Channels are locked
 * in the order of their ids.
 *
 * A case with a NULL handle is switched off. Without any case that is on, select waits for its context. A case stands
 * for one wait: fill the array again (or set .rc aside) before the next select; cases may be reused as they are.
 *
 * PAIRWISE THREAD-SAFETY: a case array belongs to one task during the call; handles follow chan.h. */
#ifndef WEIR_CORE_SELECT_H
#define WEIR_CORE_SELECT_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

struct weir_case {
	/* Of the committed case: send 0 or WEIR_EPIPE, recv 1 or 0, timer 0, ticker how many periods were due (1 or
	 * more, at most INT_MAX), ctx its code; else untouched. */
	int rc;
	uint32_t kind_;
	void *end_;
	void *item_;
	int64_t at_;
	uint64_t opaque_[12];
};

/* A point in time that moves on by whole periods: data, with no task and no memory behind it. It may be read, and
 * next_at set, while no select is using it. */
struct weir_ticker {
	int64_t period_ns, next_at; /* next_at WEIR_FOREVER: off */
	weir_rt *rt_;
};

/* A ticker of rt that is due at first_at and every period_ns (1 or more, else misuse, and it is off) after that.
 * Owner: t is the caller's memory; nothing to finish. Threads: one at a time. Blocks: no. Fails: no. After cancel:
 * unchanged. */
WEIR_API void weir_ticker_init(struct weir_ticker *t, weir_rt *rt, int64_t first_at, int64_t period_ns);

/* Cases, by value. Send: *item moves on rc 0. Recv: on rc 1 out holds a value the caller owns. Timer: ready at the
 * absolute time `at` (WEIR_FOREVER: off). Ticker: ready at next_at, which its commit moves to the first multiple of the
 * period in the future: ticks that nobody came for are dropped, and counted in rc. Ctx: ready when `other` has ended.
 * Owner: the case borrows its arguments until the select returns. Threads: any. Blocks: no. Fails: no. After cancel:
 * unchanged. */
WEIR_API weir_case weir_case_send(weir_tx *tx, const void *item);
WEIR_API weir_case weir_case_recv(weir_rx *rx, void *out);
WEIR_API weir_case weir_case_timer(int64_t at);
WEIR_API weir_case weir_case_ticker(struct weir_ticker *t);
WEIR_API weir_case weir_case_ctx(weir_ctx *other);

/* Waits for one case and returns its index; its outcome is in cases[index].rc.
 * Owner: as the committed case says; the others are as if never asked. Threads: one per array. Blocks: until a case
 * commits or ctx ends. Fails: WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (another runtime, more than INT_MAX cases, or
 * a case not made by weir_case_*). After cancel: returns its code, also where a case is ready. */
WEIR_API WEIR_MUST_CHECK int weir_select(weir_ctx *ctx, weir_case *cases, size_t n);

/* As weir_select, but WEIR_EAGAIN where it would wait, and where no case names a runtime whose clock could be read
 * (every case is off or a plain timer).
 * Owner: as weir_select. Threads: one per array. Blocks: no. Fails: WEIR_EAGAIN, WEIR_EINVAL. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_try_select(weir_case *cases, size_t n);

WEIR_EXTERN_C_END

#endif
