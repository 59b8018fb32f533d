/* SPDX-License-Identifier: MIT
 *
 * A stage around one other, with the same types: what most of this layer is. src/stage/stage.h has the rules.
 *
 *  W1  A node is used by one task at a time, so it may hold details of failures. They are empty between two values.
 *  W2  Where the caller wants no detail, the layers that look at one use the node's: what they decide does not depend
 *      on who is asking.
 *  W3  What a layer does, beside running its child, it tells the probe, as an event of its stage's span. Where there
 *      is no probe that is one branch, on a path that has failed anyway. */
#ifndef WEIR_SRC_RESILIENCE_WRAP_H
#define WEIR_SRC_RESILIENCE_WRAP_H

#include <weir/limit/budget.h>

#include "../stage/stage.h"

struct weir__wrap {
	const weir_stage *st;
	struct weir__run child;
	weir_err detail;                   /* W2 */
	const struct weir__probed *probed; /* W3; NULL: none */
};

/* A stage that spends a budget: weir_retry and weir_hedge, whose structs begin with this. Where one with the same
 * budget is within the other, the outer one tells the budget of calls. Of results, each is told by the innermost that
 * saw it: the outer one tells what an attempt of its own came to, unless one within failed in that attempt, or
 * succeeded as it did. (One within that the context of its caller ended has come to nothing: a timeout between the two
 * is told by the outer one.) What comes out of a call of its own (weir_timeout_detach) is taken for what each of those
 * in there came to. */
struct weir__spender {
	weir_stage base;
	weir_budget *budget;
	bool is_within;
};

/* What one with a budget, in a call, has come to; of the task that runs it, and then of who waits for that. */
struct weir__spent {
	struct weir__spent *next; /* in the same weir__within */
	uint64_t succeeded, failed;
};

/* Those of the same budget that run within an attempt, as bound. One attempt at a time. */
struct weir__within {
	weir_budget *budget; /* NULL: none are looked for */
	struct weir__within *outer;
	struct weir__spent *first;
	struct weir__spent before; /* the attempt, summed up */
};

/* Sets the budget (NULL: none), when its children are known, and tells those within. */
void weir__spender_set(struct weir__spender *s, weir_budget *budget);
extern const struct weir__stage_ops weir__retry_ops, weir__hedge_ops;

static inline void weir__spender_call(const struct weir__spender *s)
{
	if (__builtin_expect(s->budget && !s->is_within, 0))
		weir_budget_call(s->budget);
}

/* In bind: the child of s, for attempts of its own; and s itself, as one that may be within others. */
void weir__within_bind(struct weir__binder *b, const struct weir__spender *s, struct weir__within *within,
		       struct weir__run *out);
void weir__spent_bind(struct weir__binder *b, const struct weir__spender *s, struct weir__spent *spent);

/* Those with a budget in a tree that is not bound in this call: how many, and each as one that may be within others.
 * Returns behind the last. */
size_t weir__spenders_count(const weir_stage *st);
struct weir__spent *weir__spenders_bind(struct weir__binder *b, const weir_stage *st, struct weir__spent *spent);

/* An attempt begins, and has come to rc; calls, since nearly none has a budget. */
void weir__attempt_begins(struct weir__within *within);
void weir__attempt_ended(struct weir__within *within, weir_ctx *ctx, int rc);

static inline void weir__spender_begins(struct weir__within *within)
{
	if (__builtin_expect(within->budget != NULL, 0))
		weir__attempt_begins(within);
}

static inline void weir__spender_result(struct weir__within *within, weir_ctx *ctx, int rc)
{
	if (__builtin_expect(within->budget != NULL, 0))
		weir__attempt_ended(within, ctx, rc);
}

/* What all attempts of s have come to. */
static inline void weir__spender_ends(const struct weir__spender *s, struct weir__spent *spent, weir_ctx *ctx, int rc)
{
	if (__builtin_expect(s->budget == NULL, 1))
		return;
	spent->succeeded += rc == 0;
	spent->failed += rc < 0 && rc != weir_ctx_err(ctx);
}

/* A stage of `size` bytes around child that passes values through as it does; a node of it (which begins with struct
 * weir__wrap) takes `node` bytes. */
weir_stage *weir__wrap_make(weir_stage *child, const struct weir__stage_ops *ops, const char *name, size_t size,
			    size_t node);

/* The node, as what out runs: its child is still to be bound, or is. */
void *weir__wrap_node(struct weir__binder *b, const weir_stage *st, size_t node, weir_handler_fn *fn,
		      struct weir__run *out);
void *weir__wrap_bind(struct weir__binder *b, const weir_stage *st, size_t node, weir_handler_fn *fn,
		      struct weir__run *out);

/* W3. value and code: as weir/core/probe.h has them for the kind. */
static inline void weir__told(const struct weir__probed *p, enum weir_probe_kind kind, int code, int64_t value)
{
	if (__builtin_expect(p != NULL, 0))
		weir_probe_emit(p->probe, &(struct weir_probe_event){.kind = kind,
								     .code = code,
								     .name = p->inner.st->name,
								     .span = p->span,
								     .parent = p->parent,
								     .value = value,
								     .index = WEIR_PROBE_NO_INDEX});
}

/* The same of a value that is refused with rc, and the failure in err. told, value: of the event, and of the detail. */
static inline int weir__refused(const struct weir__probed *p, int rc, int64_t told, int64_t value, weir_err *err)
{
	weir__told(p, WEIR_PROBE_REJECTED, rc, told);
	weir_err_fini(err);
	return weir_err_wrap(err, rc, value);
}

/* Where the detail of a failure goes: W2. */
static inline weir_err *weir__wrap_detail(struct weir__wrap *w, weir_err *err)
{
	return err ? err : &w->detail;
}

/* Done with it: W1. */
static inline void weir__wrap_forget(struct weir__wrap *w)
{
	if (__builtin_expect(w->detail.code != 0, 0))
		weir_err_fini(&w->detail);
}

/* A failure that is not one of the work: a context that ended, or an answer that says "not now" or "not this". Asking
 * again at once is no help, and nobody is to be told. */
bool weir__is_no_fault(int code);

#endif
