/* SPDX-License-Identifier: MIT
 *
 * weir/core/ctx.h - cancellation trees.
 *
 * A context is a node in the caller's memory, made under a parent and finished before it. It has *ended* when it was
 * cancelled, when an ancestor has ended, or when its effective deadline (the earliest along the chain, fixed at birth)
 * has passed. Ended is final, and the first observer fixes the cause. Every function of weir that may block takes a
 * context as its first parameter and returns when that context ends; a function that does not take one first does not
 * block. The functions below never block.
 *
 * State is looked up, not told: cancel marks one node, descendants see it by looking up the chain, so when cancel
 * returns it has reached all of them. Only tasks that are parked are linked, and woken. A child costs no lock and no
 * allocation.
 *
 * STATE x OPERATION     alive              ended                      finished / zeroed
 *   err                 0                  its code, for ever         misuse
 *   cancel              ends it            nothing (first cause wins) nothing if zeroed, else misuse
 *   init of a child     alive child        child that has ended       misuse
 *   fini                finished           finished                   nothing
 *
 * PAIRWISE THREAD-SAFETY (same node)   init  err/cause/value/rt  cancel  child init  fini
 *   err, cause, value, rt              no    yes                 yes     yes         no
 *   cancel                             no    yes                 yes     yes         only if it began before fini
 *   fini                               no    no                  (above) no          no
 * A node is not movable between init and fini. */
#ifndef WEIR_CORE_CTX_H
#define WEIR_CORE_CTX_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

struct weir_ctx {
	uint64_t opaque_[24];
};

/* Why a context ended. PARENT: an ancestor ended; the text, and whether it was a deadline, are the ancestor's. */
enum weir_cause {
	WEIR_CAUSE_NONE = 0,
	WEIR_CAUSE_USER,     /* weir_ctx_cancel, weir_scope_cancel, weir_pipeline_cancel */
	WEIR_CAUSE_DEADLINE, /* its own deadline */
	WEIR_CAUSE_PARENT,
	WEIR_CAUSE_SIBLING,  /* another task of the scope failed, or the block that owns the scope did */
	WEIR_CAUSE_CONSUMER, /* nobody reads the results any more */
	WEIR_CAUSE_SHUTDOWN, /* the runtime, or the process by a signal, is going down */
};

/* A child of parent; deadline_at is absolute (weir_rt_now), WEIR_FOREVER for none of its own. In the past: it has
 * ended.
 * Owner: c is the caller's memory until weir_ctx_fini; parent must outlive it. Threads: see the table. Blocks: no.
 * Fails: no. After cancel: a child of an ended context has ended. */
WEIR_API void weir_ctx_init(weir_ctx *c, weir_ctx *parent, int64_t deadline_at);

/* A root on rt: adopts the calling thread where the runtime did not start it. Inside weir_rt_run there is a root
 * already.
 * Owner: c is the caller's memory until weir_ctx_fini. Threads: the caller's. Blocks: no. Fails: no. After cancel:
 * unchanged. */
WEIR_API void weir_ctx_init_root(weir_ctx *c, weir_rt *rt);

/* A child that sees the parent's values but not its end: for cleanup after cancellation. It ends grace_ns from now at
 * the latest (negative or WEIR_FOREVER is misuse: cleanup without a limit is a hang).
 * Owner: as weir_ctx_init. Threads: see the table. Blocks: no. Fails: no. After cancel: alive for grace_ns. */
WEIR_API void weir_ctx_init_shield(weir_ctx *c, weir_ctx *parent, int64_t grace_ns);

/* A child that carries one value; keys are compared by address.
 * Owner: value stays the caller's and must outlive c. Threads: see the table. Blocks: no. Fails: no. After cancel: as
 * weir_ctx_init. */
WEIR_API void weir_ctx_init_value(weir_ctx *c, weir_ctx *parent, const void *key, void *value);

/* Finishes the node: no child may be left and no task may be parked on it. Waits, for a time bounded by code that
 * cannot block, until a canceller has left the node. NULL and zeroed memory are allowed; c is zeroed.
 * Owner: c is plain memory again. Threads: see the table. Blocks: no. Fails: misuse if tasks are parked. After cancel:
 * unchanged. */
WEIR_API void weir_ctx_fini(weir_ctx *c);

/* Ends the node, and with it all descendants, before it returns. `why` is static text (NULL: "cancelled"). The first
 * cause stays. NULL and zeroed memory are allowed.
 * Owner: why must be static. Threads: any. Blocks: no. Fails: no. After cancel: does nothing. */
WEIR_API void weir_ctx_cancel(weir_ctx *c, const char *why);

/* As weir_ctx_cancel, with the cause to record (any but NONE, DEADLINE and PARENT).
 * Owner: why must be static. Threads: any. Blocks: no. Fails: no. After cancel: does nothing. */
WEIR_API void weir_ctx_cancel_as(weir_ctx *c, enum weir_cause cause, const char *why);

/* 0 while alive, else WEIR_ECANCELED or WEIR_EDEADLINE. Reads the clock only where the effective deadline is finite.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: the same code for ever. */
WEIR_API WEIR_MUST_CHECK int weir_ctx_err(weir_ctx *c);

/* Why it ended (WEIR_CAUSE_NONE while alive); *out_why, where not NULL, gets the static text ("" while alive).
 * Owner: static text. Threads: any. Blocks: no. Fails: no. After cancel: the same for ever. */
WEIR_API enum weir_cause weir_ctx_cause(const weir_ctx *c, const char **out_why);

/* "user", "deadline", "parent", ...
 * Owner: static text. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_cause_name(enum weir_cause cause);

/* The effective deadline: the earliest of its own and its ancestors', up to the nearest shield.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int64_t weir_ctx_deadline(const weir_ctx *c);

/* The value nearest up the chain (through shields), or NULL.
 * Owner: the value is whoever's it was. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void *weir_ctx_value(const weir_ctx *c, const void *key);

/* The runtime it lives on.
 * Owner: borrowed. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API weir_rt *weir_ctx_rt(const weir_ctx *c);

/* Sleeps ns (0 and below: returns at once).
 * Owner: none. Threads: any. Blocks: until ns have passed or ctx ends. Fails: WEIR_ECANCELED, WEIR_EDEADLINE.
 * After cancel: returns its code at once. */
WEIR_API WEIR_MUST_CHECK int weir_sleep(weir_ctx *ctx, int64_t ns);

WEIR_EXTERN_C_END

#endif
