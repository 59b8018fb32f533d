/* SPDX-License-Identifier: MIT
 *
 * What every stage is made of, for the files of src/stage and for what is built on it.
 *
 * BUILDING. weir__stage_make takes the children and gives a stage whose tail the constructor fills. It never fails:
 * where there is no memory, or something is wrong with a child or with the arguments, the stage it gives only remembers
 * that. A stage without a runtime (the constants of stage.c) is such a one.
 *
 *  S1  A stage with an error has no types that anybody may look at, and is never bound. Its first error stays.
 *  S2  A child has one parent, which frees it. `taken` says that it has.
 *  S3  After its constructor returned, nothing of a stage changes but `calls`, and its name until it is in use.
 *
 * BINDING. To run a stage is to call a function with an argument: struct weir__run. For a stage of a user's function
 * that is the function itself with its arg, so that it costs one indirect call; for others it is a function of
 * src/stage with a node in the call's memory, which has the bound children. bytes and helpers of a stage say what
 * binding it will take out of the call: they are summed at construction (S4), so that making a call is one allocation.
 *
 *  S4  bind takes at most `bytes` bytes; it cannot fail.
 *
 * RUNNING. weir__run is how a parent runs a child: it tells where a failure passed through, and sees to it that code
 * and detail agree. See crew.h for doing several things at once. */
#ifndef WEIR_SRC_STAGE_STAGE_H
#define WEIR_SRC_STAGE_STAGE_H

#include <assert.h>
#include <string.h>
#include <weir/core.h>
#include <weir/rt.h>
#include <weir/stage/stage.h>

#include "../core/processor.h"
#include "array.h"
#include "crew.h"

struct weir__run {
	weir_handler_fn *fn;
	void *arg;
	const weir_stage *st;
};

/* In front of a stage that was made while a probe was attached, and in the memory of its call: what tells the probe.
 * Where there is none, nothing stands in front. Spans are written by the task that runs the stage, and read by those
 * that run its children. */
struct weir__probed {
	struct weir__run inner;
	const struct weir__probed *outer; /* the nearest one around it */
	weir_probe *probe;
	uint64_t span, parent;
	uint32_t index;
};

/* Memory of a call that is being made. */
struct weir__binder {
	unsigned char *mem;
	size_t used, cap;
	weir_call *call;
	struct weir__probed *probed; /* of the innermost stage that is being bound and has one */
	struct weir__within *within; /* of the innermost that spends a budget: src/resilience/wrap.h */
};

struct weir__stage_ops {
	void (*bind)(struct weir__binder *b, const weir_stage *st, struct weir__run *out);
	/* Gives back what the stage owns beside its children; may be NULL. */
	void (*free)(weir_stage *st);
	/* What is told when it begins with a value, with how many: of its children for a FAN_OUT, else in the array
	 * that it is given. NONE: nothing. */
	enum weir_probe_kind tells;
	/* Makes what a node needs and bind could not, because it may fail; all is bound by then. May be NULL. Where it
	 * fails, or another node's does, unbind comes next, also for nodes that were not started. */
	int (*start)(void *node);
	/* Finishes what bind initialised in a node, when no task can be in it any more; may be NULL. */
	void (*unbind)(void *node);
};

/* How core runs a stage without knowing it: the first word of each. */
extern const struct weir__processor weir__stage_processor;

struct weir_stage {
	const struct weir__processor *processor;
	const struct weir__stage_ops *ops;
	weir_rt *rt;
	const char *name;
	weir_type in, out;
	struct weir_lifecycle lifecycle; /* its own */
	void *lifecycle_arg;
	bool takes, taken;
	bool detaches;    /* it, or a stage in it, has calls of its child that may outlive the call they belong to */
	size_t bytes;     /* S4: of memory in a call, children included */
	uint32_t helpers; /* likewise: tasks */
	uint32_t lanes;   /* how many things it does at a time at most; 0: one */
	weir_err err;     /* S1 */
	weir_atomic calls;
	size_t n_children;
	weir_stage **children; /* behind the tail of the stage */
	weir_probe *probe;     /* that was attached when it was made */
};

/* ---- building ---- */

/* A stage of `size` bytes (a struct that begins with struct weir_stage), zeroed, that has taken the children. rt NULL:
 * the children's. What is wrong with a child is wrong with it. Its types, bytes and helpers: those of the children are
 * summed (S4: with what binding the stage itself takes in the simulator), the rest is the constructor's. */
WEIR__SHARED weir_stage *weir__stage_make(weir_rt *rt, const struct weir__stage_ops *ops, const char *name, size_t size,
					  weir_stage *const *children, size_t n);

/* Where nothing can be built: frees the children, and gives a constant stage that says why. */
WEIR__SHARED weir_stage *weir__stage_none(weir_stage *const *children, size_t n, int code);

/* Remembers what is wrong with st, if it is the first thing. */
WEIR__SHARED WEIR_PRINTF(3, 4) void weir__stage_wrong(weir_stage *st, int code, const char *fmt, ...);

static inline bool weir__stage_ok(const weir_stage *st)
{
	return st->err.code == 0;
}

/* Copies type into *to, or says what is wrong with it: `what` is "in" or "out". */
WEIR__SHARED void weir__stage_type(weir_stage *st, weir_type *to, const weir_type *type, const char *what);

/* Whether from's values can be given to `to`; else st is wrong, and says both. */
WEIR__SHARED bool weir__stage_fits(weir_stage *st, const weir_stage *from, const weir_stage *to);

/* Whether the index-th child takes and makes what the first one does; else st is wrong, and says both. */
WEIR__SHARED bool weir__stage_alike(weir_stage *st, size_t index);

/* How many helpers the children need, of which at most `lanes` run at one time. */
WEIR__SHARED uint32_t weir__helpers_among(const weir_stage *st, uint32_t lanes);

/* How much bytes at this alignment take out of a call. */
static inline size_t weir__room(size_t bytes, size_t align)
{
	return bytes + align + 15;
}

static inline size_t weir__type_room(const weir_type *type)
{
	return weir__room(type->size, type->align);
}

/* ---- binding ---- */

/* Memory out of the call, zeroed. */
WEIR__SHARED void *weir__bind_memory(struct weir__binder *b, size_t bytes, size_t align);

static inline void *weir__bind_value(struct weir__binder *b, const weir_type *type)
{
	return weir__bind_memory(b, type->size, type->align);
}

/* A node for st, which its ops' unbind gets when the call is gone. */
WEIR__SHARED void *weir__bind_node(struct weir__binder *b, const weir_stage *st, size_t bytes);
WEIR__SHARED size_t weir__node_room(size_t bytes);

/* What a stage is bound with: counted where it is made. */
WEIR__SHARED size_t weir__bind_room(const weir_rt *rt);
WEIR__SHARED void weir__bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out);

/* In bind: what st tells a probe with, or NULL. */
WEIR__SHARED struct weir__probed *weir__binder_probed(const struct weir__binder *b, const weir_stage *st);

/* An event of a stage that runs. */
WEIR__SHARED void weir__tell(const struct weir__probed *p, enum weir_probe_kind kind, int64_t value, int64_t other);

/* An event of its index-th part. */
WEIR__SHARED void weir__tell_part(const struct weir__probed *p, enum weir_probe_kind kind, size_t index, size_t value,
				  size_t other);

/* The index-th item of it is over with rc and err, begun at `from`. */
WEIR__SHARED void weir__tell_item(const struct weir__probed *p, size_t index, int rc, const weir_err *err,
				  int64_t from);
WEIR__SHARED struct weir__crew *weir__binder_crew(struct weir__binder *b);

/* ---- running ---- */

#define WEIR__NO_INDEX UINT32_MAX

/* A stage that failed with WEIR_EPARTIAL left a value in out. A parent that does not pass that on with the code calls
 * this with whatever the child returned: it drops the value, and gives the code that says so. */
WEIR__SHARED int weir__run_forget(const struct weir__run *run, int rc, void *out, weir_err *err);

/* The child, the index-th of its parent, has returned rc, not 0: what the parent returns. attempt: as of
 * weir_err_frame. */
WEIR__SHARED int weir__run_failed_at(const struct weir__run *run, int rc, uint32_t index, uint32_t attempt,
				     weir_err *err);

static inline int weir__run_failed(const struct weir__run *run, int rc, uint32_t index, weir_err *err)
{
	return weir__run_failed_at(run, rc, index, 0, err);
}

static inline int weir__run(weir_ctx *ctx, const struct weir__run *run, uint32_t index, const void *in, void *out,
			    weir_err *err)
{
	int rc = run->fn(ctx, in, out, err, run->arg);
	return __builtin_expect(rc == 0, 1) ? 0 : weir__run_failed(run, rc, index, err);
}

#endif
