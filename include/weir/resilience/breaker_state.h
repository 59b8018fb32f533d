/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/breaker_state.h - the circuit breaker as a state machine: pure, no lock, the time is passed in.
 *
 * A breaker stands in front of something that may be down, and refuses calls while it is: so that callers fail at once,
 * and what is down is left alone. weir/resilience/breaker.h is this machine under a lock; use it directly where you
 * have a lock, a loop or a clock of your own.
 *
 * STATES. Closed: calls go through; enough failures trip it. Open: calls are refused, for open_ns. Half-open: a few
 * calls (trials) try whether it works again; as soon as their outcome is certain it closes, or opens again for longer.
 * By hand: forced open, forced closed, disabled, metrics only.
 *
 * PERMITS. Whoever is let in gets a permit and reports once. A permit is stamped with the generation, which each change
 * of state begins anew: a result of an earlier one changes nothing and is told as an event. Trials are counted when
 * they are let in, and a trial that does not count (WEIR_OUTCOME_IGNORED) gives its place back. A trial that is not
 * reported within half_open_ns does not block the breaker: it opens again, and what may still come is late.
 *
 * TIME. A time is over at its very nanosecond: who is told to try again in x ns, and waits for x ns, is let in (if no
 * one else was first). States change when they are looked at, and then as of the time at which they were due.
 *
 * PAIRWISE THREAD-SAFETY: a state belongs to one task at a time; calls on different states never conflict. */
#ifndef WEIR_RESILIENCE_BREAKER_STATE_H
#define WEIR_RESILIENCE_BREAKER_STATE_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

enum weir_breaker_mode {
	WEIR_BREAKER_CLOSED = 0,
	WEIR_BREAKER_OPEN,
	WEIR_BREAKER_HALF_OPEN,
	WEIR_BREAKER_FORCED_OPEN,   /* refuses, until told otherwise */
	WEIR_BREAKER_FORCED_CLOSED, /* lets through, and counts; nothing trips it */
	WEIR_BREAKER_DISABLED,      /* lets through, counts nothing */
	WEIR_BREAKER_METRICS_ONLY,  /* lets through, counts, tells when it would have tripped (and counts anew) */
};

enum weir_outcome {
	WEIR_OUTCOME_SUCCESS = 0,
	WEIR_OUTCOME_FAILURE,
	WEIR_OUTCOME_IGNORED, /* says nothing of what was called: the permit is given back */
};

#define WEIR_BREAKER_CALLS_MAX 1024
#define WEIR_BREAKER_SLICES_MAX 16

struct weir_breaker_event {
	enum weir_breaker_event_kind {
		WEIR_BREAKER_CHANGED,    /* from -> to */
		WEIR_BREAKER_LATE,       /* a result of an earlier generation was not counted */
		WEIR_BREAKER_WOULD_TRIP, /* metrics only */
	} kind;
	enum weir_breaker_mode from, to;    /* equal, but for CHANGED */
	enum weir_outcome outcome;          /* of LATE */
	uint32_t generation;                /* after it; of LATE: of the permit. Orders the changes of one breaker */
	int64_t at;                         /* when it was due */
	int64_t open_ns;                    /* to OPEN: for how long */
	uint64_t successes, failures, slow; /* CHANGED, WOULD_TRIP: what had been counted */
	const char *why;                    /* static */
};

struct weir_breaker_opts {
	const char *name; /* static, or outliving the breaker; NULL: "breaker" */
	/* What trips it: each of these that is set does, alone. */
	uint32_t failures;        /* so many in a row; 0: 5, with a window: not at all */
	uint32_t window_failures; /* so many in the window; 0: not at all */
	uint32_t failure_percent; /* this share of the window's calls, 1..100; 0: 50 if the window has nothing else */
	uint32_t slow_percent;    /* this share of them was slow; 0: 100 if slow_ns is set */
	int64_t slow_ns;          /* a call that took longer is slow (a slow trial has failed); 0: none is */
	bool slow_fails;          /* a slow call counts as a failure: one limit for both; no slow_percent then */
	/* What is counted: the last calls, or those of the last time. Neither: only failures in a row. */
	uint32_t window_calls; /* at most WEIR_BREAKER_CALLS_MAX */
	int64_t window_ns;
	uint32_t window_slices; /* window_ns goes on by window_ns / slices at a time; 0: 10; at most ..SLICES_MAX */
	uint32_t minimum_calls; /* finished calls in the window before a percentage counts; 0: window_calls; 100 */
	/* How long it stays open. */
	int64_t open_ns;      /* 0: 60 s */
	uint32_t open_growth; /* percent of the time before, each time a trial fails; 0: 100, always the same */
	int64_t open_max_ns;  /* the longest that growth can make it; 0: 10 minutes, or open_ns if that is more */
	/* How it closes. */
	uint32_t successes; /* that it needs; 0: 1 */
	uint32_t trials;    /* out of so many; 0: as many as successes, so that any failure opens it again */
	uint32_t probes;    /* trials at the same time; 0: 1 */
	/* How long trials may be out with no news of any; 0: open_ns; WEIR_FOREVER: one that is lost blocks for ever.
	 * Then it opens; it never closes: no news is no success. */
	int64_t half_open_ns;
	/* For weir_breaker alone (breaker.h): called outside of its lock, by the task whose call it was. */
	void (*on_event)(const struct weir_breaker_event *event, void *arg);
	void *event_arg;
	/* For weir_guard: what a code of the stage means; NULL: see there. */
	enum weir_outcome (*classify)(int rc, const weir_err *err, void *arg);
	void *classify_arg;
};

/* What one call made happen, in order. */
struct weir_breaker_events {
	uint32_t n;
	struct weir_breaker_event at[4];
};

/* Fields are the breaker's; all zero: none (also: given back). */
struct weir_breaker_permit {
	uint32_t generation;
	bool live;
	int64_t at;
};

struct weir_breaker_snapshot {
	enum weir_breaker_mode mode;
	uint32_t generation;
	int64_t since;        /* when it became so, or was given other options */
	int64_t try_again_ns; /* until a call may be let in; 0: now; WEIR_FOREVER: not by itself */
	uint32_t in_flight;   /* trials that are out (half-open) */
	uint32_t trips;       /* to open, since it was last closed */
	uint32_t successes_in_row, failures_in_row;
	/* In the window; without one, and when half-open: since then. Nothing is counted while it is open. */
	uint64_t successes, failures, slow, ignored;
	int failure_percent, slow_percent; /* -1: fewer than minimum_calls, or there is no window */
	/* Since init: what was refused, what came late, changes of state. */
	uint64_t refused, late, changes;
};

struct weir_breaker_state {
	uint64_t opaque_[152];
};

/* Whether a breaker can be made so, and why not: what can never trip or never close is refused.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_EINVAL, err says which option. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_opts_check(const struct weir_breaker_opts *opts, weir_err *err);

/* Closed, as of now. opts NULL: all defaults.
 * Owner: s is plain memory of the caller's, and needs no fini; opts is copied. Threads: one. Blocks: no. Fails:
 * WEIR_EINVAL, as weir_breaker_opts_check. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_state_init(struct weir_breaker_state *s, const struct weir_breaker_opts *opts,
						     int64_t now);

/* Asks to be let in. *try_again_ns (may be NULL) says, on WEIR_EOPEN, when to ask again: when half-open at the latest
 * then, a trial may come back sooner; WEIR_FOREVER: forced open.
 * Owner: 0: *out is a permit to be reported once; else empty. Threads: one. Blocks: no. Fails: WEIR_EOPEN. After
 * cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_state_acquire(struct weir_breaker_state *s, int64_t now,
							struct weir_breaker_permit *out, int64_t *try_again_ns,
							struct weir_breaker_events *events);

/* Gives the permit back with what came of it; an empty one is left alone.
 * Owner: empties *permit. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_breaker_state_report(struct weir_breaker_state *s, int64_t now, struct weir_breaker_permit *permit,
					enum weir_outcome outcome, struct weir_breaker_events *events);

/* What is so now, time having passed; any of both may be NULL.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_breaker_state_look(struct weir_breaker_state *s, int64_t now, struct weir_breaker_snapshot *out,
				      struct weir_breaker_events *events);

/* Sets the state by hand, and begins it anew; permits that are out become late. CLOSED forgets the trips before.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_breaker_state_set(struct weir_breaker_state *s, int64_t now, enum weir_breaker_mode mode,
				     struct weir_breaker_events *events);

/* Other options from now on; name, on_event, classify and their args stay as they were. What has been counted is
 * forgotten; an open time that has begun is as long as it was; half-open begins anew, and its trials become late. Other
 * permits stay good.
 * Owner: none; opts is copied. Threads: one. Blocks: no. Fails: WEIR_EINVAL, as weir_breaker_opts_check, and nothing
 * has changed. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_state_set_opts(struct weir_breaker_state *s, int64_t now,
							 const struct weir_breaker_opts *opts,
							 struct weir_breaker_events *events);

/* "closed", "open", "half-open", "forced-open", "forced-closed", "disabled", "metrics-only".
 * Owner: static text, never NULL. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_breaker_mode_name(enum weir_breaker_mode mode);

WEIR_EXTERN_C_END

#endif
