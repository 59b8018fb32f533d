/* SPDX-License-Identifier: MIT
 *
 * A circuit breaker that tasks share: the machine of breaker_state.c under a lock, with a short cut.
 *
 * THE WORD. While the machine is closed, one atomic word says so: its generation, and flags.
 *   LETS_IN  whoever asks is let in, with that generation; nothing need be written down.
 *   ADDS_UP  nothing has failed since the last success, and there is no window: a success is one more in the word.
 *
 *  K1  The machine belongs to whoever holds the lock. A word that ADDS_UP is taken, and 0 meanwhile: what it had
 *      counted is added to the machine then, so the machine under the lock is always the whole truth. Another word is
 *      written under the lock only, so there is nothing to take.
 *  K2  A success by the short cut takes effect at its cas: the word is what it was when it was read, so no failure, no
 *      change of state and no snapshot came in between. Letting in takes effect at the load; the generation that it
 *      gives is worth nothing if the machine is changing at that time.
 *  K3  Where time matters (a window, slow calls, an open breaker), the machine is asked, and the clock: before the lock
 *      is taken, so that the machine is shown the latest time that anybody has read.
 *  K4  To hooks the breaker is an atomic, and each call announces one exchange: src/limit/guard.h.
 *
 * The internal lock and not a weir_mutex: that one is handed over to whoever waits first, also where that task sleeps,
 * and a breaker is in the way of every call. Where it takes effect: at one point of the lock's section, or K2. No user
 * code under it. Anything may run at the same time but init and fini. */
#include "breaker.h"

#include <assert.h>
#include <string.h>
#include <weir/core/ctx.h>
#include <weir/rt.h>

_Static_assert(sizeof(struct weir__breaker) <= sizeof(weir_breaker), "it fits, and the state has room to grow in");
_Static_assert(_Alignof(struct weir__breaker) <= _Alignof(weir_breaker), "aligned for its inside");

#define LETS_IN (UINT64_C(1) << 31)
#define ADDS_UP (UINT64_C(1) << 30)
#define COUNT (ADDS_UP - 1)

static uint32_t generation_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static struct weir__breaker *inside(weir_breaker *b)
{
	struct weir__breaker *breaker = weir__breaker(b);
	assert(breaker->guard.rt); /* zeroed, or finished */
	return breaker;
}

static uint64_t word_of(const struct weir__breaker_state *s)
{
	const struct weir_breaker_opts *o = &s->opts;
	if (s->mode != WEIR_BREAKER_CLOSED || o->slow_ns)
		return 0;
	bool windowed = o->window_calls || o->window_ns;
	return (uint64_t)s->generation << 32 | LETS_IN | (windowed || s->failures_in_row ? 0 : ADDS_UP);
}

/* The announcement is made. */
static struct weir_breaker_state *enter(weir_ctx *ctx, struct weir__breaker *b, struct weir__entry *e)
{
	assert(weir_ctx_rt(ctx) == b->guard.rt);
	(void)ctx;
	weir__guard_lock(&b->guard, e);
	if (weir__load64_own(&b->word) & ADDS_UP) { /* K1 */
		uint64_t word = weir__exchange64(&b->word, 0);
		weir__breaker_state_add(weir__breaker_state(&b->state), (uint32_t)(word & COUNT));
	}
	if (e->now > b->seen) /* K3 */
		b->seen = e->now;
	return &b->state;
}

/* By hand there is no stage: the span is the one that ctx carries. Without ctx it has none. */
static void tell_probe(const weir_ctx *ctx, const struct weir__breaker *b, struct weir_probe_event *event)
{
	event->name = b->name;
	event->parent = ctx ? weir_probe_current(ctx) : 0;
	weir_probe_emit(b->probe, event);
}

static void leave(struct weir__breaker *b, struct weir__entry *e, const struct weir_breaker_events *events)
{
	const struct weir__breaker_state *s = weir__breaker_state(&b->state);
	void (*tell)(const struct weir_breaker_event *, void *) = s->opts.on_event;
	void *arg = s->opts.event_arg;
	uint64_t word = word_of(s);
	if (word != weir__load64_own(&b->word))
		weir__store64(&b->word, word);
	weir__guard_leave(&b->guard, e, true);
	for (uint32_t i = 0; i < events->n; i++) {
		if (tell)
			tell(&events->at[i], arg);
		if (b->probe && events->at[i].kind == WEIR_BREAKER_CHANGED)
			tell_probe(NULL, b,
				   &(struct weir_probe_event){.kind = WEIR_PROBE_STATE,
							      .value = events->at[i].to,
							      .index = events->at[i].from});
	}
}

int weir_breaker_init(weir_breaker *b, weir_ctx *ctx, const struct weir_breaker_opts *opts)
{
	struct weir__breaker *breaker = weir__breaker(b);
	weir_rt *rt = weir_ctx_rt(ctx);
	int64_t now = weir_rt_now(rt);
	memset(b, 0, sizeof(*b));
	int rc = weir_breaker_state_init(&breaker->state, opts, now);
	if (rc < 0)
		return rc;
	breaker->probe = weir_probe_of(rt);
	breaker->name = weir__breaker_state(&breaker->state)->opts.name;
	breaker->classify = weir__breaker_state(&breaker->state)->opts.classify;
	breaker->classify_arg = weir__breaker_state(&breaker->state)->opts.classify_arg;
	breaker->seen = now;
	weir__store64(&breaker->word, word_of(weir__breaker_state(&breaker->state)));
	weir__guard_init(&breaker->guard, rt, __builtin_return_address(0));
	return 0;
}

void weir_breaker_fini(weir_breaker *b)
{
	if (b && weir__breaker(b)->guard.rt && weir__guard_fini(&weir__breaker(b)->guard))
		memset(b, 0, sizeof(*b));
}

int weir__breaker_acquire(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *out, int64_t *try_again_ns,
			  const void *site)
{
	struct weir__breaker *breaker = inside(b);
	struct weir__entry e;
	weir__guard_announce(&breaker->guard, &e, site);
	uint64_t word = weir__load64(&breaker->word);
	if (word & LETS_IN) { /* K2 */
		out->generation = generation_of(word);
		out->live = true;
		out->at =
			WEIR_FOREVER; /* no clock was read, and nothing was slow then: never, whatever set_opts says */
		weir__guard_tell(&breaker->guard, &e, false);
		return 0;
	}
	struct weir_breaker_events events;
	events.n = 0;
	struct weir_breaker_state *s = enter(ctx, breaker, &e);
	int rc = weir_breaker_state_acquire(s, breaker->seen, out, try_again_ns, &events);
	leave(breaker, &e, &events);
	return rc;
}

int weir_breaker_acquire(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *out, int64_t *try_again_ns)
{
	int64_t wait = 0;
	int rc = weir__breaker_acquire(ctx, b, out, &wait, __builtin_return_address(0));
	if (__builtin_expect(rc == 0, 1))
		return 0;
	if (try_again_ns)
		*try_again_ns = wait;
	if (weir__breaker(b)->probe)
		tell_probe(ctx, weir__breaker(b),
			   &(struct weir_probe_event){.kind = WEIR_PROBE_REJECTED,
						      .code = rc,
						      .value = wait,
						      .index = WEIR_PROBE_NO_INDEX});
	return rc;
}

enum weir_outcome weir__breaker_report(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *permit,
				       enum weir_outcome outcome, const void *site)
{
	struct weir__breaker *breaker = inside(b);
	struct weir__entry e;
	if (!permit->live)
		return WEIR_OUTCOME_IGNORED;
	weir__guard_announce(&breaker->guard, &e, site);
	if (outcome == WEIR_OUTCOME_SUCCESS) {
		uint64_t word = weir__load64(&breaker->word);
		while ((word & ADDS_UP) && generation_of(word) == permit->generation && (word & COUNT) != COUNT)
			if (weir__cas64(&breaker->word, &word, word + 1)) { /* K2 */
				permit->live = false;
				weir__guard_tell(&breaker->guard, &e, true);
				return outcome;
			}
	}
	struct weir_breaker_events events;
	events.n = 0;
	struct weir_breaker_state *s = enter(ctx, breaker, &e);
	outcome = weir__breaker_state_report(s, breaker->seen, permit, outcome, &events);
	leave(breaker, &e, &events);
	return outcome;
}

void weir_breaker_report(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *permit, enum weir_outcome outcome)
{
	outcome = weir__breaker_report(ctx, b, permit, outcome, __builtin_return_address(0));
	if (__builtin_expect(weir__breaker(b)->probe != NULL, 0) && outcome != WEIR_OUTCOME_IGNORED)
		tell_probe(ctx, weir__breaker(b),
			   &(struct weir_probe_event){.kind = outcome == WEIR_OUTCOME_SUCCESS ? WEIR_PROBE_SUCCESS
											      : WEIR_PROBE_FAILURE,
						      .index = WEIR_PROBE_NO_INDEX});
}

void weir_breaker_snapshot_get(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_snapshot *out)
{
	struct weir__breaker *breaker = inside(b);
	struct weir_breaker_events events;
	struct weir__entry e;
	events.n = 0;
	weir__guard_announce(&breaker->guard, &e, __builtin_return_address(0));
	struct weir_breaker_state *s = enter(ctx, breaker, &e);
	weir_breaker_state_look(s, breaker->seen, out, &events);
	leave(breaker, &e, &events);
}

void weir_breaker_set(weir_ctx *ctx, weir_breaker *b, enum weir_breaker_mode mode)
{
	struct weir__breaker *breaker = inside(b);
	struct weir_breaker_events events;
	struct weir__entry e;
	events.n = 0;
	weir__guard_announce(&breaker->guard, &e, __builtin_return_address(0));
	struct weir_breaker_state *s = enter(ctx, breaker, &e);
	weir_breaker_state_set(s, breaker->seen, mode, &events);
	leave(breaker, &e, &events);
}

int weir_breaker_set_opts(weir_ctx *ctx, weir_breaker *b, const struct weir_breaker_opts *opts)
{
	struct weir__breaker *breaker = inside(b);
	struct weir_breaker_events events;
	struct weir__entry e;
	events.n = 0;
	weir__guard_announce(&breaker->guard, &e, __builtin_return_address(0));
	struct weir_breaker_state *s = enter(ctx, breaker, &e);
	int rc = weir_breaker_state_set_opts(s, breaker->seen, opts, &events);
	leave(breaker, &e, &events);
	return rc;
}
