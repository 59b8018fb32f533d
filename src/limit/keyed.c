/* SPDX-License-Identifier: MIT
 *
 * A bucket for each key: see limit/keyed.h.
 *
 *  Y1  A place has what is left of v (gcra.h) as of the time of its last grant; the terms are everybody's. It is only
 *      written when something is granted, so nothing is rounded more often than that.
 *  Y2  A place is in use, in the chain of its hash and in the list by use; or in the list of free ones, by `chain`.
 *      NONE ends a list.
 *  Y3  Each call that may take looks at the place that was least recently used, and at the next one in the order of
 *      memory, and forgets those that are full again: so it pays for what it adds, and one that owes for long at the
 *      end of the list does not keep the others from being found.
 *  Y4  Hashes are SipHash-2-4 with 128 bits of output (Aumasson, Bernstein). Two keys with the same hash would share a
 *      bucket; nobody who does not know the secret can find two, and by chance it takes 2^64 keys.
 *  Y5  A new key is as a bucket that was made with this object and never used. So forgetting one that is as full as a
 *      new one changes nothing, also where buckets do not begin full.
 *  Y6  One lock, a few instructions; the hash is made and the clock is read before. To hooks it is an atomic (guard.h).
 *
 * Locks: WEIR__RANK_SYNC, and nothing under it. Anything may run at the same time but new and free. */
#include <weir/limit/keyed.h>

#include "gcra.h"
#include "guard.h"
#include "siphash.h"

#define NONE UINT32_MAX
#define FREE (-1)

struct place {
	struct weir__hash hash;
	uint64_t v; /* Y1 */
	int64_t at; /* FREE: not in use */
	uint32_t newer, older, chain;
};

struct weir_keyed {
	struct weir__guard guard;
	struct weir__hash secret;
	struct weir__gcra_terms terms;
	struct place fresh; /* Y5: v and at alone */
	bool refuse_new;
	uint32_t max, hand; /* Y3: the place that is looked at next */
	uint32_t mask;      /* of heads */
	uint32_t newest, oldest, free;
	int64_t seen; /* the latest now */
	struct weir_keyed_stats stats;
	uint32_t *heads;
	struct place places[];
};

/* ---- places (Y2) ---- */

static void unlink_use(struct weir_keyed *k, struct place *p)
{
	*(p->newer == NONE ? &k->newest : &k->places[p->newer].older) = p->older;
	*(p->older == NONE ? &k->oldest : &k->places[p->older].newer) = p->newer;
}

static void link_newest(struct weir_keyed *k, uint32_t i)
{
	struct place *p = &k->places[i];
	p->newer = NONE;
	p->older = k->newest;
	*(k->newest == NONE ? &k->oldest : &k->places[k->newest].newer) = i;
	k->newest = i;
}

static uint32_t find(const struct weir_keyed *k, const struct weir__hash *h)
{
	uint32_t i = k->heads[h->a & k->mask];
	while (i != NONE && (k->places[i].hash.a != h->a || k->places[i].hash.b != h->b))
		i = k->places[i].chain;
	return i;
}

static void forget(struct weir_keyed *k, uint32_t i)
{
	struct place *p = &k->places[i];
	uint32_t *at = &k->heads[p->hash.a & k->mask];
	while (*at != i)
		at = &k->places[*at].chain;
	*at = p->chain;
	unlink_use(k, p);
	p->at = FREE;
	p->chain = k->free;
	k->free = i;
	k->stats.keys--;
}

/* What is left of v, and the terms as of now. */
static uint64_t left(const struct weir_keyed *k, const struct place *p, int64_t now)
{
	struct weir__gcra_terms t = k->terms;
	t.base = p->at;
	uint64_t passed = weir__gcra_at(&t, now);
	return p->v > passed ? p->v - passed : 0;
}

static void forget_if_full(struct weir_keyed *k, uint32_t i, int64_t now)
{
	if (k->places[i].at != FREE && left(k, &k->places[i], now) <= left(k, &k->fresh, now))
		forget(k, i);
}

static void forget_what_is_full(struct weir_keyed *k, int64_t now) /* Y3 */
{
	if (k->oldest != NONE)
		forget_if_full(k, k->oldest, now);
	forget_if_full(k, k->hand, now);
	k->hand = k->hand + 1 < k->max ? k->hand + 1 : 0;
}

static uint32_t add(struct weir_keyed *k, const struct weir__hash *h)
{
	if (k->free == NONE) {
		if (k->refuse_new)
			return NONE;
		k->stats.forgotten++;
		forget(k, k->oldest);
	}
	uint32_t i = k->free;
	struct place *p = &k->places[i];
	k->free = p->chain;
	p->hash = *h;
	p->chain = k->heads[h->a & k->mask];
	k->heads[h->a & k->mask] = i;
	link_newest(k, i);
	k->stats.keys++;
	return i;
}

/* ---- what users call ---- */

int weir_keyed_new(weir_rt *rt, const struct weir_keyed_opts *opts, weir_keyed **out)
{
	struct weir__gcra g;
	uint32_t max = opts && opts->max_keys ? opts->max_keys : 1024, heads = 1;
	int rc = max > WEIR_KEYED_MAX || !out
			 ? WEIR_EINVAL
			 : weir__gcra_init(&g, opts ? &opts->each : NULL, 0); /* terms and v: of any time */
	if (rc < 0)
		return rc;
	while (heads < max)
		heads *= 2;
	size_t bytes = sizeof(struct weir_keyed) + max * sizeof(struct place);
	struct weir_keyed *k = weir_rt_alloc(rt, bytes + heads * sizeof(uint32_t));
	if (!k)
		return WEIR_ENOMEM;
	memset(k, 0, sizeof(*k));
	k->secret = (struct weir__hash){weir_rt_random(rt, 0), weir_rt_random(rt, 0)};
	k->terms = g.t;
	k->fresh = (struct place){.v = g.v, .at = weir_rt_now(rt)};
	k->max = max;
	k->refuse_new = opts && opts->refuse_new;
	k->mask = heads - 1;
	k->newest = k->oldest = NONE;
	k->heads = (uint32_t *)(void *)((unsigned char *)k + bytes);
	memset(k->heads, 0xff, heads * sizeof(uint32_t)); /* NONE */
	for (uint32_t i = 0; i < max; i++)
		k->places[i] = (struct place){.at = FREE, .chain = i + 1 < max ? i + 1 : NONE};
	weir__guard_init(&k->guard, rt, __builtin_return_address(0));
	*out = k;
	return 0;
}

void weir_keyed_free(weir_keyed **k)
{
	if (!k || !*k)
		return;
	weir_rt *rt = (*k)->guard.rt;
	(void)weir__guard_fini(&(*k)->guard);
	weir_rt_release(rt, *k);
	*k = NULL;
}

static int64_t see(struct weir_keyed *k, int64_t now)
{
	if (now > k->seen)
		k->seen = now;
	return k->seen;
}

static int take(struct weir_keyed *k, int64_t now, const struct weir__hash *h, uint64_t n)
{
	uint32_t i = find(k, h);
	uint64_t v = left(k, i == NONE ? &k->fresh : &k->places[i], now);
	if (i != NONE) {
		unlink_use(k, &k->places[i]);
		link_newest(k, i);
	}
	if (n > k->terms.burst)
		return WEIR_EOVERFLOW;
	if (weir__gcra_step(&k->terms, 0, n, &v) < 0)
		return WEIR_ELIMITED;
	if (n == 0 || k->terms.cost == 0)
		return 0;
	if (i == NONE && (i = add(k, h)) == NONE) {
		k->stats.turned_away++;
		return WEIR_EOVERLOAD;
	}
	k->places[i].v = v; /* Y1 */
	k->places[i].at = now;
	return 0;
}

int weir_keyed_allow_n(weir_keyed *k, const void *key, size_t len, uint64_t n)
{
	struct weir__hash h = weir__siphash(&k->secret, key, len);
	struct weir__entry e;
	weir__guard_enter(&k->guard, &e, __builtin_return_address(0));
	int64_t now = see(k, e.now);
	forget_what_is_full(k, now);
	int rc = take(k, now, &h, n);
	k->stats.allowed += rc == 0;
	k->stats.refused += rc < 0;
	weir__guard_leave(&k->guard, &e, true);
	return rc;
}

void weir_keyed_view(weir_keyed *k, const void *key, size_t len, uint64_t n, struct weir_bucket_view *out)
{
	struct weir__hash h = weir__siphash(&k->secret, key, len);
	struct weir__entry e;
	weir__guard_enter(&k->guard, &e, __builtin_return_address(0));
	int64_t now = see(k, e.now);
	uint32_t i = find(k, &h);
	struct weir__gcra g = {.t = k->terms, .v = left(k, i == NONE ? &k->fresh : &k->places[i], now), .seen = now};
	weir__guard_leave(&k->guard, &e, false);
	g.t.base = now;
	weir__gcra_view(&g, now, n, out);
}

void weir_keyed_stats_read(weir_keyed *k, struct weir_keyed_stats *out)
{
	struct weir__entry e;
	weir__guard_enter(&k->guard, &e, __builtin_return_address(0));
	*out = k->stats;
	weir__guard_leave(&k->guard, &e, false);
}
