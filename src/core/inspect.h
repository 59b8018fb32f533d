/* SPDX-License-Identifier: MIT
 *
 * The one private entry through which the simulator reads core's objects. It takes no lock and calls nothing: it is
 * for a runtime that runs one task at a time, between operations. */
#ifndef WEIR_SRC_CORE_INSPECT_H
#define WEIR_SRC_CORE_INSPECT_H

#include <weir/core/chan.h>
#include <weir/core/ctx.h>
#include <weir/core/select.h>
#include <weir/rt/hooks.h>

struct weir__chan_view {
	const char *type;
	uint64_t accepted, delivered, dropped;
	size_t len, capacity, n_tx, n_rx;
	bool shut, waiting_senders, waiting_receivers;
};

void weir__inspect_chan(const struct weir_obj *chan, struct weir__chan_view *out);

/* K1 of chan.c, and K2: nobody waits who need not. */
bool weir__inspect_account_ok(const struct weir_obj *chan);

/* The channel of a handle. */
struct weir_obj *weir__inspect_handle_chan(const struct weir_obj *handle);

struct weir__ctx_view {
	const struct weir_obj *parent, *up;
	int64_t deadline_at;
	enum weir_cause cause; /* as latched; NONE if nobody has looked yet */
	const char *why;
};

void weir__inspect_ctx(const struct weir_obj *ctx, struct weir__ctx_view *out);

/* Whether it or a context above it carries a mark. */
bool weir__inspect_ctx_marked(const struct weir_obj *ctx);

struct weir__case_view {
	enum {
		WEIR__VIEW_OFF,
		WEIR__VIEW_SEND,
		WEIR__VIEW_RECV,
		WEIR__VIEW_TIMER,
		WEIR__VIEW_CTX,
		WEIR__VIEW_TICKER,
	} kind;
	struct weir_obj *obj;    /* channel or context, or NULL */
	struct weir_obj *handle; /* or NULL */
	int64_t at;
	int rc;
};

void weir__inspect_case(const weir_case *cases, size_t index, struct weir__case_view *out);

struct weir__scope_view {
	bool ended; /* its context carries a mark */
	bool owns;  /* runs, which its join finishes */
	const weir_task *owner;
};

/* Of an open scope. */
void weir__inspect_scope(const struct weir_obj *scope, struct weir__scope_view *out);

/* The scope that runs the task, to be compared only: it may be gone. NULL: none does. */
const struct weir_obj *weir__inspect_scope_of(const weir_task *task);

/* No lock counts as held by this thread: after a run that ended in the middle of an operation, whose memory is gone. */
void weir__inspect_forget_locks(void);

struct weir__sync_view {
	const weir_task *holder; /* of a mutex, of the write side, who runs a once; NULL: nobody */
	const void *site;        /* where it asked */
	uint64_t readers, count; /* count: permits that are free, of a wait group, value of an atomic */
	size_t waiting, waiting_writers;
};

/* False: not an object of core/sync.h (or one that is finished). */
bool weir__inspect_sync(const struct weir_obj *obj, struct weir__sync_view *out);

/* Whether the task stands in a queue of the object; *n: for how many permits, of a semaphore. */
bool weir__inspect_waits(const struct weir_obj *obj, const weir_task *task, uint64_t *n);

/* The object that a pointer of the user's stands for: a handle, context, scope, pipeline or object
 * of core/sync.h; NULL if it is none. */
struct weir_obj *weir__inspect_object(const void *user);

#endif
