/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/breaker_state.h - the circuit breaker as a state machine: pure, no lock, the time is passed in. */
#ifndef WEIR_RESILIENCE_BREAKER_STATE_H
#define WEIR_RESILIENCE_BREAKER_STATE_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

enum weir_breaker_mode {
	WEIR_BREAKER_CLOSED = 0,    /* calls go through, failures are counted */
	WEIR_BREAKER_OPEN,          /* calls are refused, for a time */
	WEIR_BREAKER_HALF_OPEN,     /* a few calls try whether it works again */
	WEIR_BREAKER_FORCED_OPEN,   /* by hand: refused until told otherwise */
	WEIR_BREAKER_FORCED_CLOSED, /* by hand: through, and counted, but nothing trips it */
	WEIR_BREAKER_DISABLED,      /* by hand: through, and not counted */
	WEIR_BREAKER_METRICS_ONLY,  /* through; it changes its state as ever, and refuses nobody */
};

/* "closed", "open", "half-open", "forced-open", "forced-closed", "disabled", "metrics-only".
 * Owner: static text, never NULL. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_breaker_mode_name(enum weir_breaker_mode mode);

WEIR_EXTERN_C_END

#endif
