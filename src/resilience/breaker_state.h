/* SPDX-License-Identifier: MIT
 *
 * The inside of the breaker's state machine, for breaker_state.c and for breaker.c, which keeps a part of it in an
 * atomic word while it is closed. The essay is in breaker_state.c. */
#ifndef WEIR_SRC_RESILIENCE_BREAKER_STATE_H
#define WEIR_SRC_RESILIENCE_BREAKER_STATE_H

#include <weir/resilience/breaker_state.h>

struct weir__breaker_counts {
	uint64_t successes, failures, slow, ignored;
};

struct __attribute__((may_alias)) weir__breaker_state {
	struct weir_breaker_opts opts; /* with the defaults filled in */
	enum weir_breaker_mode mode;
	uint32_t generation, trips;
	uint32_t in_flight, successes_in_row, failures_in_row;
	uint32_t head;                     /* where the next call goes in the ring */
	int64_t since, until, trial_until; /* until: of OPEN; trial_until: B3, if a trial is out */
	int64_t open_ns;                   /* the next time it opens */
	int64_t slice;                     /* that the last look was in, from 0 at since */
	struct weir__breaker_counts sum;   /* B4 */
	uint64_t refused, late, changes;
	union {
		struct {
			uint64_t failed[WEIR_BREAKER_CALLS_MAX / 64], slow[WEIR_BREAKER_CALLS_MAX / 64];
		} ring;
		struct weir__breaker_counts slices[WEIR_BREAKER_SLICES_MAX];
	} window;
};

static inline struct weir__breaker_state *weir__breaker_state(struct weir_breaker_state *s)
{
	return (struct weir__breaker_state *)s;
}

/* n more successes, that came while nothing but successes did and nothing needed more than their number. */
void weir__breaker_state_add(struct weir__breaker_state *s, uint32_t n);

/* weir_breaker_state_report, which says what was counted; IGNORED: nothing. */
enum weir_outcome weir__breaker_state_report(struct weir_breaker_state *state, int64_t now,
					     struct weir_breaker_permit *permit, enum weir_outcome outcome,
					     struct weir_breaker_events *events);

#endif
