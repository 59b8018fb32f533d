/* SPDX-License-Identifier: MIT
 *
 * The inside of a bulkhead, for bulkhead.c, and for adaptive.c, which is one whose limit moves. */
#ifndef WEIR_SRC_RESILIENCE_BULKHEAD_H
#define WEIR_SRC_RESILIENCE_BULKHEAD_H

#include <weir/core/probe.h>
#include <weir/resilience/bulkhead.h>

struct __attribute__((may_alias)) weir__bulkhead {
	weir_rt *rt; /* NULL: not made */
	weir_probe *probe;
	struct weir_bulkhead_opts opts;
	weir_sem slots, room;
	weir_atomic limit, running, waiting, refused, gave_up;
};

static inline struct weir__bulkhead *weir__bulkhead(const weir_bulkhead *b)
{
	return (struct weir__bulkhead *)(uintptr_t)b;
}

/* weir_bulkhead_enter; *running: how many are inside, with the caller. Where it says
 * WEIR_EOVERLOAD, nobody has been told yet. */
int weir__bulkhead_enter(weir_ctx *ctx, weir_bulkhead *b, uint64_t *running);

/* Tells the probe and err that the caller, which is no stage, is refused; value: of the detail. */
int weir__bulkhead_overload(weir_ctx *ctx, const weir_bulkhead *b, int64_t value, weir_err *err);

#endif
