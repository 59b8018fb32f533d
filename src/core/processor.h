/* SPDX-License-Identifier: MIT
 *
 * What a pipeline runs without knowing it: a stage. core is below the layer that makes stages, so the first word of
 * struct weir_stage points to this table, which is all that core sees of one.
 *
 *  Q1  A call is used by one task at a time. It is opened before that task starts, and closed by it (or, where it never
 *      started, instead of it) before the scope is joined.
 *  Q2  process returns 0 with a live value in out, or a negative code with none: WEIR_EPARTIAL never comes out of it.
 *      Where the stage takes, the input has moved on 0. */
#ifndef WEIR_SRC_CORE_PROCESSOR_H
#define WEIR_SRC_CORE_PROCESSOR_H

#include <weir/core/chan.h>
#include <weir/core/scope.h>

struct weir_call;

struct weir__processor {
	/* 0, and what it takes and makes, and whether it takes its input; or what is wrong with it. */
	int (*check)(const weir_stage *st, const weir_type **in, const weir_type **out, bool *takes);
	int (*open)(weir_scope *s, weir_stage *st, struct weir_call **call);
	int (*process)(weir_ctx *ctx, struct weir_call *call, const void *in, void *out, weir_err *err);
	void (*close)(struct weir_call **call); /* NULL inside is allowed */
};

static inline const struct weir__processor *weir__processor_of(const weir_stage *st)
{
	return *(const struct weir__processor *const *)(const void *)st;
}

#endif
