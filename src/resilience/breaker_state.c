/* SPDX-License-Identifier: MIT
 *
 * The circuit breaker as a state machine.
 *
 *  B1  A state is a function of what was done and of the time: `due` brings it up to now before anything is looked at,
 *      and each change is as of the time at which it was due, however late somebody looks.
 *  B2  Each change begins a new generation; a permit of another one counts for nothing. So in_flight is the number of
 *      permits of this generation that are out, and a lost one ends with the generation.
 *  B3  Half-open: in_flight <= probes, and in_flight + successes + failures <= trials. If successes < needed and
 *      failures <= trials - needed, not all trials are finished: there is always a place, a trial that is out, or a
 *      decision. trial_until ends the wait for those that are out: it is half_open_ns after the last trial that
 *      counted has come back (or the first has gone out), so it is moved at most `trials` times.
 *  B4  sum is what the window holds: of the ring the last window_calls, of the slices those that are younger than
 *      window_ns. Ignored outcomes are in no ring. A window that time has emptied has forgotten the rows too.
 *  B5  Trips look at finished calls only: what is in flight says nothing yet.
 *
 * No lock: the caller's. Rules after sony/gobreaker (generations), failsafe-go (trials decided as soon as it is
 * certain) and resilience4j (percentages, slow calls, the modes by hand). */
#include "breaker_state.h"

#include <assert.h>
#include <string.h>
#include <weir/core/err.h>

_Static_assert(sizeof(struct weir__breaker_state) <= sizeof(struct weir_breaker_state) * 3 / 4, "a quarter is spare");
_Static_assert(_Alignof(struct weir__breaker_state) <= _Alignof(struct weir_breaker_state), "aligned for its inside");

const char *weir_breaker_mode_name(enum weir_breaker_mode mode)
{
	static const char *const names[] = {"closed",        "open",     "half-open",   "forced-open",
					    "forced-closed", "disabled", "metrics-only"};
	return (unsigned)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "?";
}

/* ---- options ---- */

static const char *wrong_window(const struct weir_breaker_opts *o)
{
	bool windowed = o->window_calls || o->window_ns;
	if (o->window_calls && o->window_ns)
		return "window_calls and window_ns: a breaker has one window";
	if (!windowed &&
	    (o->window_failures || o->failure_percent || o->slow_percent || (o->slow_ns && !o->slow_fails)))
		return "window_failures, failure_percent and slow calls need a window: window_calls or window_ns";
	if (!windowed && o->minimum_calls)
		return "minimum_calls without a window";
	if (o->window_slices && !o->window_ns)
		return "window_slices without window_ns";
	if (o->window_calls > WEIR_BREAKER_CALLS_MAX)
		return "window_calls is too large";
	if (o->window_slices > WEIR_BREAKER_SLICES_MAX)
		return "window_slices is too large";
	if (o->window_ns < 0 || (o->window_ns && o->window_ns < (o->window_slices ? o->window_slices : 10)))
		return "window_ns is too short";
	if (o->failure_percent > 100 || o->slow_percent > 100)
		return "failure_percent or slow_percent is above 100";
	if (o->slow_ns < 0 || (o->slow_percent && !o->slow_ns))
		return "slow_percent needs a slow_ns above 0";
	if (o->slow_fails && (!o->slow_ns || o->slow_percent))
		return "slow_fails needs a slow_ns, and no slow_percent: slow calls count with the failures";
	if (o->window_calls && (o->minimum_calls > o->window_calls || o->window_failures > o->window_calls))
		return "it could never trip: minimum_calls or window_failures is above window_calls";
	return NULL;
}

static const char *wrong_times(const struct weir_breaker_opts *o)
{
	if (o->open_ns < 0 || o->open_max_ns < 0 || o->half_open_ns < 0)
		return "open_ns, open_max_ns or half_open_ns is negative";
	if (o->open_growth && o->open_growth < 100)
		return "open_growth is below 100 percent";
	if (o->open_max_ns && o->open_max_ns < (o->open_ns ? o->open_ns : WEIR_SEC(60)))
		return "open_max_ns is shorter than open_ns";
	if (o->trials && o->trials < (o->successes ? o->successes : 1))
		return "it could never close: it needs more successes than it makes trials";
	return NULL;
}

int weir_breaker_opts_check(const struct weir_breaker_opts *opts, weir_err *err)
{
	const char *wrong = opts ? wrong_window(opts) : NULL;
	if (opts && !wrong)
		wrong = wrong_times(opts);
	return wrong ? weir_fail(err, WEIR_EINVAL, "%s", wrong) : 0;
}

#define DEFAULT(field, value) ((field) = (field) ? (field) : (value))

static void fill(struct weir_breaker_opts *o)
{
	bool windowed = o->window_calls || o->window_ns;
	if (!o->name)
		o->name = "breaker";
	if (!windowed)
		DEFAULT(o->failures, 5);
	if (o->window_ns)
		DEFAULT(o->window_slices, 10);
	if (o->slow_ns && !o->slow_fails)
		DEFAULT(o->slow_percent, 100);
	if (windowed && !o->failures && !o->window_failures && !o->slow_percent)
		DEFAULT(o->failure_percent, 50);
	if (windowed)
		DEFAULT(o->minimum_calls, o->window_calls ? o->window_calls : 100);
	DEFAULT(o->open_ns, WEIR_SEC(60));
	DEFAULT(o->open_growth, 100);
	DEFAULT(o->open_max_ns, o->open_ns > WEIR_SEC(600) ? o->open_ns : WEIR_SEC(600));
	DEFAULT(o->half_open_ns, o->open_ns);
	DEFAULT(o->successes, 1);
	DEFAULT(o->trials, o->successes);
	DEFAULT(o->probes, 1);
}

/* ---- changes ---- */

static void tell(const struct weir__breaker_state *s, struct weir_breaker_events *events, struct weir_breaker_event e)
{
	if (!events)
		return;
	assert(events->n < sizeof(events->at) / sizeof(events->at[0]));
	e.successes = s->sum.successes;
	e.failures = s->sum.failures;
	e.slow = s->sum.slow;
	events->at[events->n++] = e;
}

static void forget(struct weir__breaker_state *s, int64_t at)
{
	memset(&s->sum, 0, sizeof(s->sum));
	memset(&s->window, 0, sizeof(s->window));
	s->successes_in_row = s->failures_in_row = 0;
	s->head = 0;
	s->slice = 0;
	s->since = at;
	s->slice_until = weir_time_add(at, s->slice_ns);
}

static void change(struct weir__breaker_state *s, int64_t at, enum weir_breaker_mode to, const char *why,
		   struct weir_breaker_events *events)
{
	struct weir_breaker_event e = {.kind = WEIR_BREAKER_CHANGED,
				       .from = s->mode,
				       .to = to,
				       .generation = ++s->generation, /* B2 */
				       .at = at,
				       .open_ns = to == WEIR_BREAKER_OPEN ? s->open_ns : 0,
				       .why = why};
	if (e.from != to) {
		tell(s, events, e);
		s->changes++;
	}
	s->mode = to;
	s->in_flight = 0;
	forget(s, at);
	if (to == WEIR_BREAKER_CLOSED) {
		s->trips = 0;
		s->open_ns = s->opts.open_ns;
	}
}

/* percent (above 100) of ns, never above max. */
static int64_t grown(int64_t ns, int64_t percent, int64_t max)
{
	int64_t more;
	if (!__builtin_mul_overflow(ns, percent, &more))
		more /= 100;
	else if (__builtin_mul_overflow(ns / 100, percent, &more)) /* so large that the rest does not matter */
		return max;
	return more < max ? more : max;
}

static void open_it(struct weir__breaker_state *s, int64_t at, const char *why, struct weir_breaker_events *events)
{
	change(s, at, WEIR_BREAKER_OPEN, why, events);
	s->trips++;
	s->until = weir_time_add(at, s->open_ns);
	if (s->opts.open_growth > 100)
		s->open_ns = grown(s->open_ns, s->opts.open_growth, s->opts.open_max_ns);
}

/* ---- the window ---- */

static void subtract(struct weir__breaker_counts *from, const struct weir__breaker_counts *n)
{
	from->successes -= n->successes;
	from->failures -= n->failures;
	from->slow -= n->slow;
	from->ignored -= n->ignored;
}

/* Throws out the slices that are too old now. */
static void slide(struct weir__breaker_state *s, int64_t now)
{
	const struct weir_breaker_opts *o = &s->opts;
	if (now < s->slice_until) /* which spares a division for each call */
		return;
	int64_t slice = (now - s->since) / s->slice_ns;
	s->slice_until = weir_time_add(s->since, (slice + 1) * s->slice_ns);
	if (slice - s->slice >= o->window_slices) {
		memset(&s->window, 0, sizeof(s->window));
		memset(&s->sum, 0, sizeof(s->sum));
		s->successes_in_row = s->failures_in_row = 0; /* B4 */
		s->slice = slice;
	}
	while (s->slice < slice) {
		struct weir__breaker_counts *old = &s->window.slices[++s->slice % o->window_slices];
		subtract(&s->sum, old);
		memset(old, 0, sizeof(*old));
	}
	s->head = (uint32_t)(s->slice % o->window_slices);
}

static bool is_counting(const struct weir__breaker_state *s)
{
	return s->mode == WEIR_BREAKER_CLOSED || s->mode == WEIR_BREAKER_FORCED_CLOSED ||
	       s->mode == WEIR_BREAKER_METRICS_ONLY;
}

/* B1 */
static void due(struct weir__breaker_state *s, int64_t now, struct weir_breaker_events *events)
{
	if (s->mode == WEIR_BREAKER_HALF_OPEN && s->in_flight > 0 && now >= s->trial_until)
		open_it(s, s->trial_until, "a trial did not come back in time", events);
	if (s->mode == WEIR_BREAKER_OPEN && now >= s->until)
		change(s, s->until, WEIR_BREAKER_HALF_OPEN, "it has been open long enough", events);
	if (s->opts.window_ns && is_counting(s) && now > s->since)
		slide(s, now);
}

static bool bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *bits, uint32_t i, bool on)
{
	bits[i / 64] = (bits[i / 64] & ~(UINT64_C(1) << (i % 64))) | (uint64_t)on << (i % 64);
}

/* The ring's oldest call makes room for one. */
static void push(struct weir__breaker_state *s, bool failed, bool slow)
{
	uint32_t i = s->head;
	if (s->sum.successes + s->sum.failures == s->opts.window_calls) {
		bool was = bit(s->window.ring.failed, i);
		s->sum.failures -= was;
		s->sum.successes -= !was;
		s->sum.slow -= bit(s->window.ring.slow, i);
	}
	set_bit(s->window.ring.failed, i, failed);
	set_bit(s->window.ring.slow, i, slow);
	s->head = i + 1 == s->opts.window_calls ? 0 : i + 1;
}

static void add(struct weir__breaker_counts *to, enum weir_outcome outcome, bool slow)
{
	to->successes += outcome == WEIR_OUTCOME_SUCCESS;
	to->failures += outcome == WEIR_OUTCOME_FAILURE;
	to->ignored += outcome == WEIR_OUTCOME_IGNORED;
	to->slow += slow;
}

static void count(struct weir__breaker_state *s, enum weir_outcome outcome, bool slow)
{
	const struct weir_breaker_opts *o = &s->opts;
	if (o->window_calls && is_counting(s) && outcome != WEIR_OUTCOME_IGNORED)
		push(s, outcome == WEIR_OUTCOME_FAILURE, slow);
	if (o->window_ns && is_counting(s))
		add(&s->window.slices[s->head], outcome, slow);
	add(&s->sum, outcome, slow);
	if (outcome == WEIR_OUTCOME_IGNORED)
		return;
	s->successes_in_row = outcome == WEIR_OUTCOME_SUCCESS ? s->successes_in_row + 1 : 0;
	s->failures_in_row = outcome == WEIR_OUTCOME_FAILURE ? s->failures_in_row + 1 : 0;
}

void weir__breaker_state_add(struct weir__breaker_state *s, uint32_t n)
{
	s->sum.successes += n;
	s->successes_in_row += n;
}

static const char *tripped(const struct weir__breaker_state *s)
{
	const struct weir_breaker_opts *o = &s->opts;
	uint64_t calls = s->sum.successes + s->sum.failures;
	if (o->failures && s->failures_in_row >= o->failures)
		return "too many failures in a row";
	if (o->window_failures && s->sum.failures >= o->window_failures)
		return "too many failures in the window";
	if (calls == 0 || calls < o->minimum_calls)
		return NULL;
	if (o->failure_percent && s->sum.failures * 100 >= calls * o->failure_percent)
		return "too large a share of failures";
	if (o->slow_percent && s->sum.slow * 100 >= calls * o->slow_percent)
		return "too large a share of slow calls";
	return NULL;
}

/* ---- what users call ---- */

int weir_breaker_state_init(struct weir_breaker_state *state, const struct weir_breaker_opts *opts, int64_t now)
{
	struct weir__breaker_state *s = weir__breaker_state(state);
	int rc = weir_breaker_opts_check(opts, NULL);
	memset(state, 0, sizeof(*state));
	if (rc < 0)
		return rc;
	if (opts)
		s->opts = *opts;
	fill(&s->opts);
	s->open_ns = s->opts.open_ns;
	s->slice_ns = s->opts.window_ns ? s->opts.window_ns / s->opts.window_slices : 0;
	s->generation = 1;
	s->since = now;
	s->slice_until = weir_time_add(now, s->slice_ns);
	return 0;
}

static bool has_place(const struct weir__breaker_state *s) /* B3 */
{
	return s->in_flight < s->opts.probes && s->in_flight + s->sum.successes + s->sum.failures < s->opts.trials;
}

static int64_t left(const struct weir__breaker_state *s, int64_t now)
{
	switch (s->mode) {
	case WEIR_BREAKER_FORCED_OPEN:
		return WEIR_FOREVER;
	case WEIR_BREAKER_OPEN:
		return s->until == WEIR_FOREVER ? WEIR_FOREVER : s->until - now;
	case WEIR_BREAKER_HALF_OPEN:
		if (has_place(s))
			return 0;
		return s->trial_until == WEIR_FOREVER ? WEIR_FOREVER : weir_time_add(s->trial_until, s->open_ns) - now;
	default:
		return 0;
	}
}

int weir_breaker_state_acquire(struct weir_breaker_state *state, int64_t now, struct weir_breaker_permit *out,
			       int64_t *try_again_ns, struct weir_breaker_events *events)
{
	struct weir__breaker_state *s = weir__breaker_state(state);
	*out = (struct weir_breaker_permit){0};
	due(s, now, events);
	int64_t wait = left(s, now);
	if (wait > 0) {
		s->refused++;
		if (try_again_ns)
			*try_again_ns = wait;
		return WEIR_EOPEN;
	}
	if (s->mode == WEIR_BREAKER_HALF_OPEN && s->in_flight++ == 0)
		s->trial_until = weir_time_add(now, s->opts.half_open_ns);
	*out = (struct weir_breaker_permit){.generation = s->generation, .live = true, .at = now};
	return 0;
}

/* A trial has come back; B3. */
static void decide(struct weir__breaker_state *s, int64_t now, struct weir_breaker_events *events)
{
	if (s->sum.successes >= s->opts.successes)
		change(s, now, WEIR_BREAKER_CLOSED, "enough trials succeeded", events);
	else if (s->sum.failures > s->opts.trials - s->opts.successes)
		open_it(s, now, "too many trials failed", events);
}

static void judge(struct weir__breaker_state *s, int64_t now, struct weir_breaker_events *events)
{
	const char *why = s->mode == WEIR_BREAKER_FORCED_CLOSED ? NULL : tripped(s);
	if (!why)
		return;
	if (s->mode == WEIR_BREAKER_CLOSED) {
		open_it(s, now, why, events);
		return;
	}
	tell(s, events,
	     (struct weir_breaker_event){.kind = WEIR_BREAKER_WOULD_TRIP,
					 .from = s->mode,
					 .to = s->mode,
					 .generation = s->generation,
					 .at = now,
					 .why = why});
	forget(s, now);
}

enum weir_outcome weir__breaker_state_report(struct weir_breaker_state *state, int64_t now,
					     struct weir_breaker_permit *permit, enum weir_outcome outcome,
					     struct weir_breaker_events *events)
{
	struct weir__breaker_state *s = weir__breaker_state(state);
	struct weir_breaker_permit p = *permit;
	*permit = (struct weir_breaker_permit){0};
	if (!p.live)
		return WEIR_OUTCOME_IGNORED;
	due(s, now, events);
	if (p.generation != s->generation) { /* B2 */
		tell(s, events,
		     (struct weir_breaker_event){.kind = WEIR_BREAKER_LATE,
						 .from = s->mode,
						 .to = s->mode,
						 .outcome = outcome,
						 .generation = p.generation,
						 .at = now,
						 .why = "its permit is of an earlier generation"});
		s->late++;
		return WEIR_OUTCOME_IGNORED;
	}
	if (s->mode == WEIR_BREAKER_DISABLED)
		return WEIR_OUTCOME_IGNORED;
	bool slow = outcome != WEIR_OUTCOME_IGNORED && s->opts.slow_ns && now - p.at > s->opts.slow_ns;
	if (slow && (s->mode == WEIR_BREAKER_HALF_OPEN || s->opts.slow_fails))
		outcome = WEIR_OUTCOME_FAILURE;
	count(s, outcome, slow);
	if (s->mode == WEIR_BREAKER_HALF_OPEN) {
		s->in_flight--;
		if (outcome != WEIR_OUTCOME_IGNORED)
			s->trial_until = weir_time_add(now, s->opts.half_open_ns); /* B3 */
		decide(s, now, events);
	} else {
		judge(s, now, events);
	}
	return outcome;
}

void weir_breaker_state_report(struct weir_breaker_state *state, int64_t now, struct weir_breaker_permit *permit,
			       enum weir_outcome outcome, struct weir_breaker_events *events)
{
	(void)weir__breaker_state_report(state, now, permit, outcome, events);
}

void weir_breaker_state_set(struct weir_breaker_state *state, int64_t now, enum weir_breaker_mode mode,
			    struct weir_breaker_events *events)
{
	struct weir__breaker_state *s = weir__breaker_state(state);
	due(s, now, events);
	if (mode == WEIR_BREAKER_OPEN)
		open_it(s, now, "by hand", events);
	else
		change(s, now, mode, "by hand", events);
}

int weir_breaker_state_set_opts(struct weir_breaker_state *state, int64_t now, const struct weir_breaker_opts *opts,
				struct weir_breaker_events *events)
{
	struct weir__breaker_state *s = weir__breaker_state(state);
	struct weir_breaker_opts made = opts ? *opts : (struct weir_breaker_opts){0};
	int rc = weir_breaker_opts_check(opts, NULL);
	if (rc < 0)
		return rc;
	due(s, now, events);
	made.name = s->opts.name;
	made.on_event = s->opts.on_event;
	made.event_arg = s->opts.event_arg;
	made.classify = s->opts.classify;
	made.classify_arg = s->opts.classify_arg;
	fill(&made);
	s->opts = made;
	s->slice_ns = made.window_ns ? made.window_ns / made.window_slices : 0;
	s->open_ns = made.open_ns;
	for (uint32_t i = 0; made.open_growth > 100 && i < s->trips && s->open_ns < made.open_max_ns; i++)
		s->open_ns = grown(s->open_ns, made.open_growth, made.open_max_ns);
	if (s->mode == WEIR_BREAKER_HALF_OPEN)
		change(s, now, s->mode, NULL, events); /* B3 is kept: none of its trials is left */
	else if (s->mode != WEIR_BREAKER_OPEN)
		forget(s, now); /* B4: the window has another form */
	return 0;
}

static int share(const struct weir__breaker_state *s, uint64_t part)
{
	uint64_t calls = s->sum.successes + s->sum.failures;
	if (!(s->opts.window_calls || s->opts.window_ns) || calls == 0 || calls < s->opts.minimum_calls)
		return -1;
	return (int)(part * 100 / calls);
}

void weir_breaker_state_look(struct weir_breaker_state *state, int64_t now, struct weir_breaker_snapshot *out,
			     struct weir_breaker_events *events)
{
	struct weir__breaker_state *s = weir__breaker_state(state);
	due(s, now, events);
	if (!out)
		return;
	*out = (struct weir_breaker_snapshot){.mode = s->mode,
					      .generation = s->generation,
					      .since = s->since,
					      .try_again_ns = left(s, now),
					      .in_flight = s->in_flight,
					      .trips = s->trips,
					      .successes_in_row = s->successes_in_row,
					      .failures_in_row = s->failures_in_row,
					      .successes = s->sum.successes,
					      .failures = s->sum.failures,
					      .slow = s->sum.slow,
					      .ignored = s->sum.ignored,
					      .failure_percent = share(s, s->sum.failures),
					      .slow_percent = share(s, s->sum.slow),
					      .refused = s->refused,
					      .late = s->late,
					      .changes = s->changes};
}
