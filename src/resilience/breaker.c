/* SPDX-License-Identifier: MIT
 *
 * A circuit breaker that tasks share: the machine of breaker_state.c under a mutex, with a short cut.
 *
 * THE WORD. While the machine is closed, one atomic word says so: its generation, and flags.
 *   LETS_IN  whoever asks is let in, with that generation; nothing need be written down.
 *   ADDS_UP  nothing has failed since the last success, and there is no window: a success is one more in the word.
 *
 *  K1  The machine belongs to whoever holds the lock and has taken the word, which is 0 meanwhile. What the word had
 *      counted is added to the machine then, so the machine under the lock is always the whole truth.
 *  K2  A success by the short cut takes effect at its cas: the word is what it was when it was read, so no failure, no
 *      change of state and no snapshot came in between. Letting in takes effect at the load.
 *  K3  Where time matters (a window, slow calls, an open breaker), the machine is asked, and the clock.
 *
 * Where it takes effect: at one point of the lock's section, or K2. Locks: the breaker's mutex alone, and no user code
 * under it. Anything may run at the same time but init and fini. */
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
	assert(breaker->rt); /* zeroed, or finished */
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

static struct weir_breaker_state *enter(weir_ctx *ctx, struct weir__breaker *b) /* K1 */
{
	weir_mutex_lock(ctx, &b->lock);
	uint64_t word = weir_atomic_exchange(&b->word, 0);
	weir__breaker_state_add(weir__breaker_state(&b->state), (uint32_t)(word & COUNT));
	return &b->state;
}

/* By hand there is no stage: the span is the one that ctx carries. Without ctx it has none. */
static void tell_probe(const weir_ctx *ctx, const struct weir__breaker *b, struct weir_probe_event *event)
{
	event->name = b->name;
	event->parent = ctx ? weir_probe_current(ctx) : 0;
	weir_probe_emit(b->probe, event);
}

static void leave(struct weir__breaker *b, const struct weir_breaker_events *events)
{
	const struct weir__breaker_state *s = weir__breaker_state(&b->state);
	void (*tell)(const struct weir_breaker_event *, void *) = s->opts.on_event;
	void *arg = s->opts.event_arg;
	uint64_t word = word_of(s);
	if (word)
		weir_atomic_store(&b->word, word);
	weir_mutex_unlock(&b->lock);
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
	memset(b, 0, sizeof(*b));
	int rc = weir_breaker_state_init(&breaker->state, opts, weir_rt_now(rt));
	if (rc < 0)
		return rc;
	breaker->rt = rt;
	breaker->probe = weir_probe_of(rt);
	breaker->name = weir__breaker_state(&breaker->state)->opts.name;
	breaker->classify = weir__breaker_state(&breaker->state)->opts.classify;
	breaker->classify_arg = weir__breaker_state(&breaker->state)->opts.classify_arg;
	weir_mutex_init(&breaker->lock, rt);
	weir_atomic_init(&breaker->word, rt, word_of(weir__breaker_state(&breaker->state)));
	return 0;
}

void weir_breaker_fini(weir_breaker *b)
{
	if (!b || !weir__breaker(b)->rt)
		return;
	weir_mutex_fini(&weir__breaker(b)->lock);
	weir_atomic_fini(&weir__breaker(b)->word);
	memset(b, 0, sizeof(*b));
}

int weir__breaker_acquire(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *out, int64_t *try_again_ns)
{
	struct weir__breaker *breaker = inside(b);
	uint64_t word = weir_atomic_load(&breaker->word);
	if (word & LETS_IN) { /* K2 */
		out->generation = generation_of(word);
		out->live = true;
		out->at = 0;
		return 0;
	}
	struct weir_breaker_events events = {0};
	struct weir_breaker_state *s = enter(ctx, breaker);
	int rc = weir_breaker_state_acquire(s, weir_rt_now(breaker->rt), out, try_again_ns, &events);
	leave(breaker, &events);
	return rc;
}

int weir_breaker_acquire(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *out, int64_t *try_again_ns)
{
	int64_t wait = 0;
	int rc = weir__breaker_acquire(ctx, b, out, &wait);
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
				       enum weir_outcome outcome)
{
	struct weir__breaker *breaker = inside(b);
	if (!permit->live)
		return WEIR_OUTCOME_IGNORED;
	if (outcome == WEIR_OUTCOME_SUCCESS) {
		uint64_t word = weir_atomic_load(&breaker->word);
		while ((word & ADDS_UP) && generation_of(word) == permit->generation && (word & COUNT) != COUNT)
			if (weir_atomic_cas(&breaker->word, &word, word + 1)) { /* K2 */
				permit->live = false;
				return outcome;
			}
	}
	struct weir_breaker_events events = {0};
	struct weir_breaker_state *s = enter(ctx, breaker);
	outcome = weir__breaker_state_report(s, weir_rt_now(breaker->rt), permit, outcome, &events);
	leave(breaker, &events);
	return outcome;
}

void weir_breaker_report(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *permit, enum weir_outcome outcome)
{
	outcome = weir__breaker_report(ctx, b, permit, outcome);
	if (__builtin_expect(weir__breaker(b)->probe != NULL, 0) && outcome != WEIR_OUTCOME_IGNORED)
		tell_probe(ctx, weir__breaker(b),
			   &(struct weir_probe_event){.kind = outcome == WEIR_OUTCOME_SUCCESS ? WEIR_PROBE_SUCCESS
											      : WEIR_PROBE_FAILURE,
						      .index = WEIR_PROBE_NO_INDEX});
}

void weir_breaker_snapshot_get(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_snapshot *out)
{
	struct weir__breaker *breaker = inside(b);
	struct weir_breaker_events events = {0};
	struct weir_breaker_state *s = enter(ctx, breaker);
	weir_breaker_state_look(s, weir_rt_now(breaker->rt), out, &events);
	leave(breaker, &events);
}

void weir_breaker_set(weir_ctx *ctx, weir_breaker *b, enum weir_breaker_mode mode)
{
	struct weir__breaker *breaker = inside(b);
	struct weir_breaker_events events = {0};
	struct weir_breaker_state *s = enter(ctx, breaker);
	weir_breaker_state_set(s, weir_rt_now(breaker->rt), mode, &events);
	leave(breaker, &events);
}

int weir_breaker_set_opts(weir_ctx *ctx, weir_breaker *b, const struct weir_breaker_opts *opts)
{
	struct weir__breaker *breaker = inside(b);
	struct weir_breaker_events events = {0};
	struct weir_breaker_state *s = enter(ctx, breaker);
	int rc = weir_breaker_state_set_opts(s, weir_rt_now(breaker->rt), opts, &events);
	leave(breaker, &events);
	return rc;
}
