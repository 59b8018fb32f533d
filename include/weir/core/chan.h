/* SPDX-License-Identifier: MIT
 *
 * weir/core/chan.h - bounded channels with owned ends.
 *
 * A channel is born as two ends of different type, so only the side that may close can. A handle (weir_tx, weir_rx) is
 * used by one task at a time; sharing is weir_tx_clone. Handing a handle to another task is fine if the hand-over is
 * ordered: by spawn, by a message, by join. The channel closes for receivers when the last tx closes (what was accepted
 * can still be received), and for senders when the last rx closes (what was accepted is dropped). Its memory goes with
 * the last handle.
 *
 * Items are owned by exactly one place: a successful send moves the item in, a failed one leaves it with the caller, a
 * receive moves it out, and what is never received is dropped exactly once, in the task that closes, after unlocking,
 * without recursion.
 *     accepted = delivered + dropped + buffered            in every state; delivery is the claim of the receiver.
 *
 * Capacity 0 is a rendezvous: a sender leaves when a receiver has the item. Capacity n is a FIFO of n. Waiting tasks
 * are served in FIFO order, with direct hand-off. send, receive and close never allocate.
 * A context wins at entry, and over a task that is not yet claimed; an operation a peer has claimed succeeds even if
 * its context ended meanwhile.
 *
 * STATE x OPERATION   open, room     open, full     open, empty    no rx left   no tx left, items   no tx left, empty
 *   send              0              waits          0              WEIR_EPIPE   -                   -
 *   try_send          0              WEIR_EAGAIN    0 (*)          WEIR_EPIPE   -                   -
 *   recv              1              1              waits          -            1                   0
 *   try_recv          1              1              WEIR_EAGAIN    -            1                   0
 *   (*) a rendezvous (capacity 0) with no receiver waiting: send waits, try_send gives WEIR_EAGAIN
 *   close last tx     ends for receivers; waiting receivers get 0
 *   close last rx     items dropped, waiting senders get WEIR_EPIPE and keep their item
 *   rx_shut           senders get WEIR_EPIPE as if no rx were left; receivers get what is buffered, then 0
 *
 * PAIRWISE THREAD-SAFETY: operations on different handles of one channel may run at the same time, without exception.
 * On the same handle: none may (the simulator names both sites). */
#ifndef WEIR_CORE_CHAN_H
#define WEIR_CORE_CHAN_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* What a channel carries. Two types are equal if they are the same object or all fields are equal (names as text).
 * drop and copy run in the calling task with no lock held, and may call anything. A close inside a drop leaves its own
 * drops to the outermost close, after the drop that is running: chains of channels are dropped without recursion. */
typedef struct weir_type {
	const char *name;
	size_t size, align;                  /* size 0 is allowed: a channel of events; align 0: what size divides by */
	void (*drop)(void *item, void *arg); /* NULL: nothing to do */
	int (*copy)(const void *src, void *dst, void *arg); /* NULL: cannot be copied unless drop is NULL too */
	void *arg;
} weir_type;

/* Whether a and b are the same type, as above.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK bool weir_type_equal(const weir_type *a, const weir_type *b);

/* Drops one value of the type where it has a drop; NULL type or item: nothing.
 * Owner: takes the value, not its memory. Threads: any. Blocks: as drop does. Fails: no. After cancel: unchanged. */
WEIR_API void weir_type_drop(const weir_type *type, void *item);

/* A channel of `capacity` items of *type (copied; the text it points to must stay) and its two first handles.
 * Owner: *tx and *rx are the caller's. Threads: any. Blocks: no.
 * Fails: WEIR_ENOMEM, WEIR_EINVAL (a NULL argument, align not a power of two, size not a multiple of align),
 * WEIR_EOVERFLOW (capacity x size); outputs untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_chan_new(weir_rt *rt, const weir_type *type, size_t capacity, weir_tx **tx,
					   weir_rx **rx);

/* n more handles to the same end, or none at all.
 * Owner: out[0..n) are the caller's. Threads: one per handle. Blocks: no. Fails: WEIR_EBADF, WEIR_EINVAL, WEIR_ENOMEM;
 * out untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_tx_clone(weir_tx *tx, size_t n, weir_tx **out);
WEIR_API WEIR_MUST_CHECK int weir_rx_clone(weir_rx *rx, size_t n, weir_rx **out);

/* Sends one item: 0, and the item was moved in; negative, and it is still the caller's.
 * Owner: moves *item on 0. Threads: one per handle. Blocks: while the channel is full, until ctx ends or the last rx
 * closes. Fails: WEIR_EBADF (NULL handle), WEIR_EPIPE, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (ctx of another
 * runtime). After cancel: returns its code, also where there is room. */
WEIR_API WEIR_MUST_CHECK int weir_tx_send(weir_ctx *ctx, weir_tx *tx, const void *item);

/* As weir_tx_send, but WEIR_EAGAIN where it would wait.
 * Owner: moves *item on 0. Threads: one per handle. Blocks: no. Fails: WEIR_EAGAIN, WEIR_EBADF, WEIR_EPIPE.
 * After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_tx_try_send(weir_tx *tx, const void *item);

/* Receives one item into out: 1, or 0 when the channel is closed and drained, or an error.
 * Owner: on 1 *out holds a value the caller owns; else out is untouched. Threads: one per handle. Blocks: while the
 * channel is empty, until ctx ends or the last tx closes. Fails: WEIR_EBADF, WEIR_ECANCELED, WEIR_EDEADLINE,
 * WEIR_EINVAL. After cancel: returns its code, also where items wait. */
WEIR_API WEIR_MUST_CHECK int weir_rx_recv(weir_ctx *ctx, weir_rx *rx, void *out);

/* As weir_rx_recv, but WEIR_EAGAIN where it would wait.
 * Owner: as weir_rx_recv. Threads: one per handle. Blocks: no. Fails: WEIR_EAGAIN, WEIR_EBADF. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_rx_try_recv(weir_rx *rx, void *out);

/* The receiving side stops intake, for all its handles: senders get WEIR_EPIPE from now on, those that wait included;
 * what was accepted can still be received, then receive returns 0. This is how a consumer drains. NULL is allowed.
 * Owner: none. Threads: one per handle. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_rx_shut(weir_rx *rx);

/* Closes this handle and sets *tx to NULL; NULL and a pointer to NULL are allowed.
 * Owner: takes *tx. Threads: one per handle. Blocks: no (drops of never received items run here, when the last rx
 * goes). Fails: no. After cancel: unchanged. */
WEIR_API void weir_tx_close(weir_tx **tx);
WEIR_API void weir_rx_close(weir_rx **rx);

/* The account of a channel, consistent in itself. */
struct weir_chan_stats {
	uint64_t accepted, delivered, dropped, buffered;
	size_t capacity, tx_handles, rx_handles, senders_waiting, receivers_waiting;
};

/* Take the account, as it is now.
 * Owner: none. Threads: one per handle. Blocks: no. Fails: no; a NULL handle gives zeros. After cancel: unchanged. */
WEIR_API void weir_tx_stats(const weir_tx *tx, struct weir_chan_stats *out);
WEIR_API void weir_rx_stats(const weir_rx *rx, struct weir_chan_stats *out);

WEIR_EXTERN_C_END

#endif
