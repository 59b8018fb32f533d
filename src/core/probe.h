/* SPDX-License-Identifier: MIT
 *
 * Probes, for the files of core that tell events; the essay is in include/weir/core/probe.h.
 *
 *  P1  Whoever tells events asks for the probe when it is made, and keeps it: so an event is one predicted branch where
 *      there is none, and a span that was started is ended for the same probe.
 *  P2  No lock is held while a probe is told. */
#ifndef WEIR_SRC_CORE_PROBE_H
#define WEIR_SRC_CORE_PROBE_H

#include <weir/core/probe.h>

#include "ctx.h"

/* Makes ctx, which has no value yet, carry the span. */
void weir__probe_carry(weir_ctx *ctx, uint64_t span);

#endif
