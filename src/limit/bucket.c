/* SPDX-License-Identifier: MIT
 *
 * The shared face of the token bucket: one atomic word in front of the arithmetic of gcra.h, and a line for those that
 * wait.
 *
 *  K1  `word` is v, 56 bits, and above it seven bits that change with the terms (rate, burst, base). allow loads the
 *      word, loads the terms, and exchanges the word: if that succeeds, the terms belong to the v it saw. The terms are
 *      written while the word is SHUT and published before it opens again: who has read one new term sees the word
 *      changed. (A task that stops inside allow for exactly a multiple of 128 changes, and finds the same v, would be
 *      fooled, once, by the difference between two settings.)
 *  K2  Everything else is done with the lock held and the word SHUT, on `g`, by the same functions as in the pure face;
 *      so there is one arithmetic. allow that finds the word SHUT takes the lock too: shut sections are short, nothing
 *      foreign happens in them, and the clock is read before.
 *  K3  Who waits in line has its tokens taken already: v is ahead by theirs. So nobody overtakes by allow, and whether
 *      the deadline can be met is known at once. `line` is how many tokens those in line stand for; they are the last
 *      that were taken (a reservation with a fixed time is refused while there is a line), so the first in line is due
 *      when v less the line, plus its own tokens, is.
 *  K4  One task at a time has the `turn`, a semaphore, which is the line: it sleeps until it is due, or is poked
 *      because the settings have changed or a reservation was given back. The others wait for the turn, in order. Who
 *      leaves takes its tokens out of v and out of line: then all behind it are due earlier, and nobody needs to be
 *      told.
 *  K5  To hooks the bucket is an atomic: it begins like one (core/sync.h), and each call announces one exchange. So the
 *      simulator puts other tasks before every call; within one there is nothing to see, as in every operation of core.
 *      Without hooks that is one load and one branch.
 *
 *  K6  Where there is a limit, allow reads the clock each time, though the clock takes two thirds of it, and though a
 *      token that was there at the last time is there at any later one. For what is owed afterwards is counted from v
 *      or from now, whichever is later: with an older now a bucket that has been full for a while would owe too little,
 *      and grant up to a second burst at once. Counting from as late a time as may be would grant too little instead.
 *
 * Why src/rt/atomic.h and not weir_atomic: allow is to cost little more than its exchange; a visible atomic would be
 * announced, and called, several times for what is one step.
 *
 * Where it takes effect: allow and the others at one point, the exchange or inside the lock; wait at two, its place in
 * line and its turn, with a choice between. Locks: WEIR__RANK_SYNC, and nothing under it. Anything may run at the same
 * time but init and fini. */
#include <weir/core/ctx.h>
#include <weir/core/sync.h>
#include <weir/rt.h>

#include "../rt/atomic.h"
#include "../rt/lock.h"
#include "gcra.h"

#define WORD_BITS 56
#define WORD_V ((UINT64_C(1) << WORD_BITS) - 1)
#define SHUT UINT64_MAX

struct __attribute__((may_alias)) bucket {
	struct weir_obj obj;
	weir_rt *rt;
	weir__a64 word; /* up to here: as an atomic (K5) */
	weir__a64 num, shift, cost, full, burst, base;
	weir__a64 allowed, refused;
	bool uncounted;
	struct weir__lock lock;
	bool poked; /* from here on: under the lock */
	struct weir__gcra g;
	uint64_t era; /* the seven bits */
	uint64_t line;
	uint64_t waited, given_up;
	weir_sem turn, poke;
};

_Static_assert(sizeof(struct bucket) <= sizeof(weir_bucket), "it fits");
_Static_assert(WEIR__GCRA_END <= WORD_V, "G3");

static struct bucket *inside(weir_bucket *b)
{
	struct bucket *bucket = (struct bucket *)b;
	assert(bucket->obj.kind == WEIR_OBJ_ATOMIC); /* zeroed, or finished */
	return bucket;
}

/* ---- hooks (K5) ---- */

static struct weir_op announce(struct bucket *b, const void *site)
{
	struct weir_op op = {
		.kind = WEIR_OP_CAS, .access = WEIR_ACCESS_WRITE, .obj = {&b->obj}, .at = WEIR_FOREVER, .site = site};
	if (__builtin_expect(b->rt->hooks != NULL, 0))
		b->rt->hooks->choice(b->rt, &op);
	return op;
}

/* wrote: as an exchange that succeeded, or one that did not and so was a READ. */
static void told(struct bucket *b, struct weir_op *op, bool wrote)
{
	op->access = wrote ? WEIR_ACCESS_WRITE : WEIR_ACCESS_READ;
	if (__builtin_expect(b->rt->hooks != NULL, 0))
		b->rt->hooks->note(b->rt, &(struct weir_event){.note = WEIR_NOTE_RESULT, .op = op, .rc = wrote});
}

/* ---- shut sections (K2) ---- */

static uint32_t shut(struct bucket *b)
{
	uint32_t rank = weir__lock(&b->lock, WEIR__RANK_SYNC);
	uint64_t word = weir__load64(&b->word);
	while (!weir__cas64(&b->word, &word, SHUT))
		;
	b->g.v = word & WORD_V;
	return rank;
}

static void publish_terms(struct bucket *b)
{
	const struct weir__gcra_terms *t = &b->g.t;
	weir__store64(&b->num, t->num);
	weir__store64(&b->shift, t->shift);
	weir__store64(&b->cost, t->cost);
	weir__store64(&b->full, t->full);
	weir__store64(&b->burst, t->burst);
	weir__store64(&b->base, (uint64_t)t->base);
	b->era = (b->era + 1) & 0x7f; /* never all ones: SHUT is no word */
}

/* Whether the first in line must look again is told outside of the lock. */
static bool must_poke(struct bucket *b)
{
	bool poke = b->line && !b->poked;
	b->poked |= poke;
	return poke;
}

static void reopen(struct bucket *b, uint32_t rank)
{
	if (memcmp(&b->g.t,
		   &(struct weir__gcra_terms){weir__load64_own(&b->num), weir__load64_own(&b->shift),
					      weir__load64_own(&b->cost), weir__load64_own(&b->full),
					      weir__load64_own(&b->burst), (int64_t)weir__load64_own(&b->base)},
		   sizeof(b->g.t)) != 0)
		publish_terms(b);
	assert(b->g.v < WEIR__GCRA_END);
	weir__store64(&b->word, b->era << WORD_BITS | b->g.v);
	weir__unlock(&b->lock, rank);
}

/* ---- the object ---- */

int weir_bucket_init(weir_bucket *b, weir_rt *rt, const struct weir_bucket_opts *opts)
{
	struct bucket *bucket = (struct bucket *)b;
	struct weir__gcra g;
	int rc = weir__gcra_init(&g, opts, rt->vt->now(rt));
	if (rc < 0)
		return rc;
	memset(b, 0, sizeof(*b));
	bucket->obj.kind = WEIR_OBJ_ATOMIC;
	bucket->rt = rt;
	bucket->g = g;
	bucket->uncounted = opts && opts->uncounted;
	publish_terms(bucket);
	weir__store64(&bucket->word, bucket->era << WORD_BITS | g.v);
	weir_sem_init(&bucket->turn, rt, 1);
	weir_sem_init(&bucket->poke, rt, 0);
	if (rt->hooks)
		rt->hooks->note(rt, &(struct weir_event){.note = WEIR_NOTE_CREATED,
							 .obj = &bucket->obj,
							 .site = __builtin_return_address(0)});
	return 0;
}

void weir_bucket_fini(weir_bucket *b)
{
	struct bucket *bucket = (struct bucket *)b;
	if (!bucket || bucket->obj.kind == WEIR_OBJ_DEAD)
		return;
	bucket = inside(b);
	weir_sem_fini(&bucket->poke); /* misuse if the first in line sleeps */
	weir_sem_fini(&bucket->turn);
	if (bucket->rt->hooks)
		bucket->rt->hooks->note(bucket->rt, &(struct weir_event){.note = WEIR_NOTE_GONE, .obj = &bucket->obj});
	memset(b, 0, sizeof(*b));
}

/* ---- take ---- */

static int take_shut(struct bucket *b, int64_t now, uint64_t n, int64_t max_wait_ns, struct weir_bucket_grant *out)
{
	uint32_t rank = shut(b);
	int rc = weir__gcra_take(&b->g, now, n, b->line ? 0 : max_wait_ns, out); /* K3 */
	reopen(b, rank);
	return rc;
}

/* The lock-free way (K1). */
static int take_now(struct bucket *b, int64_t now, uint64_t n)
{
	uint64_t word = weir__load64(&b->word);
	while (word != SHUT) {
		struct weir__gcra_terms t = {weir__load64(&b->num),   weir__load64(&b->shift),
					     weir__load64(&b->cost),  weir__load64(&b->full),
					     weir__load64(&b->burst), (int64_t)weir__load64(&b->base)};
		uint64_t at = weir__gcra_at(&t, now), v = word & WORD_V;
		if (weir__gcra_late(at))
			break;
		int rc = n > t.burst ? WEIR_EOVERFLOW : weir__gcra_step(&t, at, n, &v);
		if (rc == 0 && v != (word & WORD_V)) { /* a look, and unlimited, change nothing */
			if (weir__cas64(&b->word, &word, (word & ~WORD_V) | v))
				return 0;
			continue;
		}
		uint64_t again = weir__load64(&b->word);
		if (again >> WORD_BITS == word >> WORD_BITS) /* the terms belong to word: so it was */
			return rc;
		word = again;
	}
	return take_shut(b, now, n, 0, NULL);
}

static int counted(struct bucket *b, int rc)
{
	if (!b->uncounted)
		weir__add64_relaxed(rc == 0 ? &b->allowed : &b->refused, 1);
	return rc;
}

/* Where there is no limit any number is granted and v stays as it is, so there is no need to ask the clock, which costs
 * more than all the rest of allow. The terms belong to the word if it has not changed (K1). */
static bool without_limit(struct bucket *b)
{
	uint64_t word = weir__load64(&b->word);
	return weir__load64(&b->burst) == UINT64_MAX && word != SHUT &&
	       weir__load64(&b->word) >> WORD_BITS == word >> WORD_BITS;
}

static int take(struct bucket *b, uint64_t n)
{
	return without_limit(b) ? 0 : take_now(b, b->rt->vt->now(b->rt), n);
}

static int allow_at(struct bucket *b, uint64_t n, const void *site)
{
	if (__builtin_expect(b->rt->hooks == NULL, 1))
		return counted(b, take(b, n));
	struct weir_op op = announce(b, site);
	int rc = counted(b, take(b, n));
	told(b, &op, rc == 0);
	return rc;
}

int weir_bucket_allow(weir_bucket *b)
{
	return allow_at(inside(b), 1, __builtin_return_address(0));
}

int weir_bucket_allow_n(weir_bucket *b, uint64_t n)
{
	return allow_at(inside(b), n, __builtin_return_address(0));
}

int weir_bucket_reserve(weir_bucket *b, uint64_t n, int64_t max_wait_ns, struct weir_bucket_grant *out)
{
	struct bucket *bucket = inside(b);
	struct weir_op op = announce(bucket, __builtin_return_address(0));
	int rc = counted(bucket, take_shut(bucket, weir_rt_now(bucket->rt), n, max_wait_ns, out));
	told(bucket, &op, rc == 0);
	return rc;
}

/* The price of what the line waits for. */
static uint64_t line_units(const struct bucket *b)
{
	return b->line * b->g.t.cost;
}

uint64_t weir_bucket_cancel(weir_bucket *b, struct weir_bucket_grant *grant)
{
	struct bucket *bucket = inside(b);
	if (!grant)
		return 0;
	struct weir_op op = announce(bucket, __builtin_return_address(0));
	int64_t now = weir_rt_now(bucket->rt);
	uint32_t rank = shut(bucket);
	uint64_t back = weir__gcra_cancel(&bucket->g, now, grant, line_units(bucket));
	bool poke = must_poke(bucket);
	reopen(bucket, rank);
	memset(grant, 0, sizeof(*grant));
	told(bucket, &op, back > 0 || poke);
	if (poke)
		weir_sem_release(&bucket->poke, 1);
	return back;
}

/* ---- the line ---- */

/* n tokens more that are waited for, or the refusal, with the time it would take. */
static int enter(struct bucket *b, weir_ctx *ctx, uint64_t n, int64_t *out_ns)
{
	int64_t now = weir_rt_now(b->rt), deadline_at = weir_ctx_deadline(ctx);
	struct weir_bucket_grant grant;
	struct weir_bucket_view view;
	/* At the deadline itself ctx has ended. */
	int64_t most = deadline_at == WEIR_FOREVER ? WEIR_FOREVER : deadline_at - now - 1;
	uint32_t rank = shut(b);
	int rc = weir__gcra_take(&b->g, now, n, most < 0 ? 0 : most, &grant);
	if (rc == 0 && grant.delay_ns)
		b->line += n;
	weir__gcra_view(&b->g, now, n, &view);
	reopen(b, rank);
	*out_ns = rc == 0 ? grant.delay_ns : view.retry_ns;
	return rc;
}

/* Leaves the line, with the tokens or without. */
static void leave(struct bucket *b, uint64_t n, bool with)
{
	uint32_t rank = shut(b);
	b->line -= n;
	if (with) {
		b->waited++;
	} else {
		weir__gcra_give(&b->g, n); /* K4 */
		b->given_up++;
	}
	reopen(b, rank);
}

/* When the first in line is due, which is the caller (K3). */
static int64_t due_at(struct bucket *b, uint64_t n)
{
	uint32_t rank = shut(b);
	b->poked = false;
	uint64_t before = line_units(b), own = n * b->g.t.cost;
	int64_t at = weir__gcra_due(&b->g, (b->g.v > before ? b->g.v - before : 0) + own);
	reopen(b, rank);
	return at;
}

/* The caller has the turn (K4). */
static int sleep_until_due(weir_ctx *ctx, struct bucket *b, uint64_t n)
{
	for (;;) {
		int64_t at = due_at(b, n);
		if (at <= weir_rt_now(b->rt))
			return 0;
		weir_ctx until;
		weir_ctx_init(&until, ctx, at);
		int rc = weir_sem_acquire(&until, &b->poke, 1); /* 0: the settings have changed */
		weir_ctx_fini(&until);
		if (rc < 0 && (rc = weir_ctx_err(ctx)) < 0)
			return rc;
	}
}

static int stand_in_line(weir_ctx *ctx, struct bucket *b, uint64_t n)
{
	int rc = weir_sem_acquire(ctx, &b->turn, 1);
	if (rc < 0) {
		leave(b, n, false);
		return rc;
	}
	rc = sleep_until_due(ctx, b, n);
	leave(b, n, rc == 0);
	weir_sem_release(&b->turn, 1);
	return rc;
}

int weir_bucket_wait(weir_ctx *ctx, weir_bucket *b, uint64_t n, weir_err *err)
{
	struct bucket *bucket = inside(b);
	int64_t ns = 0;
	int rc = weir_ctx_rt(ctx) != bucket->rt ? WEIR_EINVAL : weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	struct weir_op op = announce(bucket, __builtin_return_address(0));
	rc = counted(bucket, enter(bucket, ctx, n, &ns));
	told(bucket, &op, rc == 0);
	if (rc == 0 && ns)
		return stand_in_line(ctx, bucket, n);
	if (rc != WEIR_ELIMITED)
		return rc;
	weir_err_fini(err);
	return weir_err_wrap(err, rc, ns);
}

/* ---- settings, and how it stands ---- */

static int set(struct bucket *b, bool rate, uint64_t n, int64_t period_ns, const void *site)
{
	struct weir_op op = announce(b, site);
	int64_t now = weir_rt_now(b->rt);
	uint32_t rank = shut(b);
	int rc = rate ? weir__gcra_set_rate(&b->g, now, n, period_ns) : weir__gcra_set_burst(&b->g, now, n);
	bool poke = must_poke(b);
	reopen(b, rank);
	told(b, &op, rc == 0);
	if (poke)
		weir_sem_release(&b->poke, 1);
	return rc;
}

int weir_bucket_set_rate(weir_bucket *b, uint64_t tokens, int64_t period_ns)
{
	return set(inside(b), true, tokens, period_ns, __builtin_return_address(0));
}

int weir_bucket_set_burst(weir_bucket *b, uint64_t burst)
{
	return set(inside(b), false, burst, 0, __builtin_return_address(0));
}

void weir_bucket_view_now(weir_bucket *b, uint64_t n, struct weir_bucket_view *out)
{
	struct bucket *bucket = inside(b);
	struct weir_op op = announce(bucket, __builtin_return_address(0));
	int64_t now = weir_rt_now(bucket->rt);
	uint32_t rank = shut(bucket);
	weir__gcra_view(&bucket->g, now, n, out);
	reopen(bucket, rank);
	told(bucket, &op, false);
}

void weir_bucket_stats_read(weir_bucket *b, struct weir_bucket_stats *out)
{
	struct bucket *bucket = inside(b);
	struct weir_op op = announce(bucket, __builtin_return_address(0));
	uint32_t rank = weir__lock(&bucket->lock, WEIR__RANK_SYNC);
	*out = (struct weir_bucket_stats){.allowed = weir__load64(&bucket->allowed),
					  .refused = weir__load64(&bucket->refused),
					  .waited = bucket->waited,
					  .given_up = bucket->given_up,
					  .waiting = bucket->line};
	weir__unlock(&bucket->lock, rank);
	told(bucket, &op, false);
}
