/* SPDX-License-Identifier: MIT
 *
 * The inside of a channel, for chan.c, select.c, pipeline.c and inspect.c; the essay is in chan.c. */
#ifndef WEIR_SRC_CORE_CHAN_H
#define WEIR_SRC_CORE_CHAN_H

#include <weir/core/chan.h>

#include "ctx.h"

struct weir__chan {
	struct weir_obj obj;
	weir_rt *rt;
	uint64_t id; /* order in which a select locks */
	struct weir__lock lock;
	weir__a32 refs; /* handles, plus one for whoever still works on the memory */
	weir_type type;
	size_t capacity, head, len; /* a ring: items at head .. head + len - 1 */
	uint32_t n_tx, n_rx;        /* open handles */
	bool shut;                  /* the receiving side stopped intake */
	struct weir__queue senders, receivers;
	uint64_t accepted, delivered, dropped;
	weir_ctx *reader_ctx; /* of a pipeline's results: ended when the last receiver leaves; NULL: none */
	struct weir__chan *next_drain;
	unsigned char *ring;
};

struct weir_tx {
	struct weir_obj obj;
	struct weir__chan *chan;
};

struct weir_rx {
	struct weir_obj obj;
	struct weir__chan *chan;
};

/* What an item of the type is aligned for: as it says, or what its size divides by. */
static inline size_t weir__type_align(const weir_type *type)
{
	size_t divides = type->size & (~type->size + 1);
	if (type->align)
		return type->align;
	return divides == 0 ? 1 : divides < _Alignof(max_align_t) ? divides : _Alignof(max_align_t);
}

/* One step of a send or receive, under ch->lock: what can be done without waiting. WEIR_EAGAIN: nothing; else the
 * operation's result. Peers it commits are added to wake. */
int weir__chan_try_send(struct weir__chan *ch, const void *item, struct weir__wake *wake);
int weir__chan_try_recv(struct weir__chan *ch, void *out, struct weir__wake *wake);

/* The public functions with the site to name: for parts of core that act in a user's name. */
int weir__tx_send(weir_ctx *ctx, weir_tx *tx, const void *item, const void *site);
int weir__rx_recv(weir_ctx *ctx, weir_rx *rx, void *out, const void *site);
void weir__tx_close(weir_tx **tx, const void *site);
void weir__rx_close(weir_rx **rx, const void *site);
int weir__chan_new(weir_rt *rt, const weir_type *type, size_t capacity, weir_tx **tx, weir_rx **rx, const void *site);
int weir__tx_clone(weir_tx *tx, size_t n, weir_tx **out, const void *site);
int weir__rx_clone(weir_rx *rx, size_t n, weir_rx **out, const void *site);

/* Stops intake, without a choice: the caller's operation covers it. */
void weir__chan_shut(struct weir__chan *ch);

/* Ends ctx (cause: consumer) when the last receiving handle closes; NULL: no longer. Once it returns, nobody is
 * about to end the context it was before. */
void weir__chan_reader_ctx(struct weir__chan *ch, weir_ctx *ctx);

/* Keeps the memory (not the channel open), and lets it go. */
void weir__chan_ref(struct weir__chan *ch);
void weir__chan_unref(struct weir__chan *ch);

void weir__chan_account(struct weir__chan *ch, struct weir_chan_stats *out);

#endif
