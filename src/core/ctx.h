/* SPDX-License-Identifier: MIT
 *
 * Core's own view of a context; the essay is in ctx.c. */
#ifndef WEIR_SRC_CORE_CTX_H
#define WEIR_SRC_CORE_CTX_H

#include "waiter.h"

enum {
	WEIR__CTX_OWN_DEADLINE = 1, /* the effective deadline is this node's own, not an ancestor's */
	WEIR__CTX_SCOPE = 2,        /* the first member of a scope */
};

/* may_alias: the caller declared the memory as opaque words. */
struct __attribute__((may_alias)) weir__ctx {
	struct weir_obj obj;
	weir_rt *rt;
	struct weir__ctx *parent; /* for values and scopes; NULL: a root */
	struct weir__ctx *up;     /* for the end: the parent, or NULL for a root and a shield */
	struct weir__ctx *root;   /* whose lock guards the links of the tree */
	int64_t deadline_at;      /* effective, fixed at birth */
	weir__a64 state;          /* 0 alive; else cause (top byte) and text: see ctx.c */
	weir__a32 pins;           /* cancellers inside the node */
	struct weir__lock lock;   /* of a root: the tree's */
	struct weir__queue waiters;
	struct weir__ctx *sleepers, *sleep_next, *sleep_prev; /* children with parked tasks below them */
	const void *key;
	void *value;
	uint32_t flags; /* fixed at birth */
	bool linked;    /* in up's list of subtrees with sleepers */
};

/* 0 while alive, else the code. The look-up behind weir_ctx_err, without its choice. */
int weir__ctx_ended(weir_ctx *ctx);

/* The same without the clock: whether the node or an ancestor carries a mark. May be called under any lock. */
int weir__ctx_marked(const weir_ctx *ctx);

/* weir_ctx_cause without its choice. */
enum weir_cause weir__ctx_cause(const weir_ctx *ctx, const char **out_why);

/* The cause of the mark on the node or above it, and its text; NONE and "" without one. No clock: under any lock. */
enum weir_cause weir__ctx_mark(const weir_ctx *ctx, const char **out_why);

/* weir_ctx_init without its note; flags are added to the node's. */
void weir__ctx_init(weir_ctx *ctx, weir_ctx *parent, int64_t deadline_at, uint32_t flags, const void *site);

/* Ends the node and wakes who is parked below it: weir_ctx_cancel_as without its choice. */
void weir__ctx_end(weir_ctx *ctx, enum weir_cause cause, const char *why);

/* Puts a waiter's link on the node, and takes it off: a task that parks under ctx, or selects on it. */
void weir__ctx_link(weir_ctx *ctx, struct weir__link *link);
void weir__ctx_unlink(weir_ctx *ctx, struct weir__link *link);

static inline struct weir__ctx *weir__ctx(const weir_ctx *ctx)
{
	struct weir__ctx *c = (struct weir__ctx *)(uintptr_t)ctx;
	assert(c->obj.kind == WEIR_OBJ_CTX); /* zeroed, or finished */
	return c;
}

/* Keeps fini from finishing the node for a moment in which the caller runs code that cannot block. */
static inline void weir__ctx_pin(weir_ctx *ctx)
{
	weir__fetch_add32(&weir__ctx(ctx)->pins, 1);
}

static inline void weir__ctx_unpin(weir_ctx *ctx)
{
	weir__fetch_sub32(&weir__ctx(ctx)->pins, 1);
}

static inline weir_rt *weir__ctx_rt(const weir_ctx *ctx)
{
	return weir__ctx(ctx)->rt;
}

#endif
