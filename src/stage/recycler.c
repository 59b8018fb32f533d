/* SPDX-License-Identifier: MIT
 *
 * Blocks kept for reuse: see stage/recycler.h. After J. Bonwick and J. Adams, "Magazines and Vmem: Extending the Slab
 * Allocator to Many CPUs and Arbitrary Resources", USENIX 2001, section 3.
 *
 *  Z1  A block that is kept is in exactly one magazine, and a magazine in exactly one list of the depot, or in one
 *      cache. There are as many places in the magazines of a class as may be kept of it: the limit needs no counter.
 *  Z2  What a cache has, only its user touches. What the depot has is touched under its lock.
 *  Z3  A cache has at most two magazines of a class. Only if neither will do is the depot asked, so that a user who
 *      takes and gives at the border of a magazine does not go there each time.
 *  Z4  `state` of a block that is out is OUT, else KEPT. In the simulator blocks that are out are also in a list, under
 *      the lock, so that put need not look into memory that may be gone.
 *
 * LOCK: one mutex, held for a few instructions; nothing of the user's is called under it. Memory is given back where
 * there may be no context, so it is taken under a root of the recycler's own. */
#include <weir/stage/recycler.h>

#include <string.h>
#include <weir/core.h>
#include <weir/rt.h>

#define PATTERN 0xA5
#define ALIGN _Alignof(max_align_t)
#define NO_CLASS UINT32_MAX

enum { OUT = 0x6f757421, KEPT = 0x6b657074 };

struct block {
	weir_recycler *home;
	size_t bytes;
	uint32_t class, state; /* Z4 */
	struct block *before, *after;
};

struct magazine {
	struct magazine *next;
	size_t n, cap;
	struct block *rounds[];
};

struct depot {
	struct magazine *some, *empty;
};

struct weir_recycler {
	weir_rt *rt;
	struct weir_recycler_opts opts;
	weir_mutex lock;
	weir_ctx forever;
	weir_stats *stats;
	weir_probe *probe;
	struct block *out; /* Z4 */
	size_t caches;
	bool *used;          /* writers of stats */
	struct depot *depot; /* by class */
};

struct weir_recycler_cache {
	weir_recycler *r;
	size_t writer;
	struct {
		struct magazine *loaded, *spare;
	} of[];
};

enum { GETS, WARMED, MISSES, PUTS, FREED, N_COUNTERS };
static const char *const counters[N_COUNTERS] = {"gets", "warmed", "misses", "puts", "freed"};

#define HEAD ((sizeof(struct block) + ALIGN - 1) / ALIGN * ALIGN)

static void *body(const struct block *b)
{
	return (unsigned char *)(uintptr_t)b + HEAD;
}

static struct block *block_of(const void *mem)
{
	return (struct block *)(void *)((unsigned char *)(uintptr_t)mem - HEAD);
}

static void lock(weir_recycler *r)
{
	weir_mutex_lock(&r->forever, &r->lock);
}

static size_t class_bytes(const weir_recycler *r, size_t class)
{
	return r->opts.bytes << class;
}

/* ---- blocks ---- */

static int make_block(weir_recycler *r, uint32_t class, size_t bytes, struct block **out)
{
	struct block *b = bytes <= PTRDIFF_MAX - HEAD ? weir_rt_alloc(r->rt, HEAD + bytes) : NULL;
	if (!b)
		return bytes <= PTRDIFF_MAX - HEAD ? WEIR_ENOMEM : WEIR_EOVERFLOW;
	*b = (struct block){.home = r, .bytes = bytes, .class = class, .state = KEPT};
	int rc = r->opts.make ? r->opts.make(body(b), bytes, r->opts.arg) : 0;
	if (rc == 0)
		*out = b;
	else
		weir_rt_release(r->rt, b);
	return rc > 0 ? WEIR_EINVAL : rc;
}

static void free_block(weir_recycler *r, struct block *b)
{
	if (r->opts.unmake)
		r->opts.unmake(body(b), b->bytes, r->opts.arg);
	weir_rt_release(r->rt, b);
}

/* Z4: it goes out. */
static void note_out(weir_recycler *r, struct block *b)
{
	b->state = OUT;
	if (!r->rt->hooks)
		return;
	lock(r);
	b->before = NULL;
	b->after = r->out;
	if (r->out)
		r->out->before = b;
	r->out = b;
	weir_mutex_unlock(&r->lock);
}

/* Z4: it comes back; false: it is not out. */
static bool note_back(weir_recycler *r, struct block *b)
{
	bool is_out = true;
	if (r->rt->hooks) {
		lock(r);
		struct block *o = r->out;
		while (o && o != b)
			o = o->after;
		is_out = o != NULL;
		if (is_out) {
			*(b->before ? &b->before->after : &r->out) = b->after;
			if (b->after)
				b->after->before = b->before;
		}
		weir_mutex_unlock(&r->lock);
	}
	if (!is_out || b->state != OUT || b->home != r)
		return false;
	b->state = KEPT;
	return true;
}

/* ---- magazines ---- */

static struct magazine *pop(struct magazine **list)
{
	struct magazine *m = *list;
	if (m)
		*list = m->next;
	return m;
}

static void push(struct depot *d, struct magazine *m)
{
	if (!m)
		return;
	struct magazine **list = m->n ? &d->some : &d->empty;
	m->next = *list;
	*list = m;
}

/* Makes the loaded magazine of a class one with a block in it, or with room for one; false: there is none. */
static bool load(weir_recycler_cache *c, uint32_t class, bool room)
{
	struct magazine *loaded = c->of[class].loaded, *spare = c->of[class].spare;
	struct depot *d = &c->r->depot[class];
	if (loaded && (room ? loaded->n < loaded->cap : loaded->n > 0))
		return true;
	if (!spare || (room ? spare->n == spare->cap : spare->n == 0)) { /* Z3 */
		lock(c->r);
		struct magazine *fresh = pop(room ? &d->empty : &d->some);
		if (fresh)
			push(d, spare);
		weir_mutex_unlock(&c->r->lock);
		if (!fresh)
			return false;
		spare = fresh;
	}
	c->of[class].loaded = spare;
	c->of[class].spare = loaded;
	return true;
}

static bool keep(weir_recycler_cache *c, struct block *b)
{
	if (b->class == NO_CLASS || !load(c, b->class, true))
		return false;
	struct magazine *m = c->of[b->class].loaded;
	m->rounds[m->n++] = b;
	return true;
}

static void count(weir_recycler_cache *c, size_t counter)
{
	weir_stats_add(c->r->stats, c->writer, counter, 1);
}

/* The class for so many bytes, or NO_CLASS. */
static uint32_t class_of(const weir_recycler *r, size_t bytes)
{
	for (uint32_t class = 0; class < r->opts.classes; class ++)
		if (bytes <= class_bytes(r, class))
			return class;
	return NO_CLASS;
}

int weir_recycler_get(weir_recycler_cache *c, size_t bytes, void **out)
{
	weir_recycler *r = c->r;
	uint32_t class = class_of(r, bytes);
	struct block *b = NULL;
	bool hit = class != NO_CLASS && load(c, class, false);
	if (hit) {
		struct magazine *m = c->of[class].loaded;
		b = m->rounds[--m->n];
	} else {
		int rc = make_block(r, class, class == NO_CLASS ? bytes : class_bytes(r, class), &b);
		if (rc < 0)
			return rc;
	}
	count(c, GETS);
	if (!hit)
		count(c, MISSES);
	note_out(r, b);
	if (r->probe)
		weir_probe_emit(r->probe,
				&(struct weir_probe_event){.kind = hit ? WEIR_PROBE_POOL_HIT : WEIR_PROBE_POOL_MISS,
							   .name = r->opts.name,
							   .value = (int64_t)b->bytes,
							   .index = WEIR_PROBE_NO_INDEX});
	*out = body(b);
	return 0;
}

size_t weir_recycler_room(const void *block)
{
	return block_of(block)->bytes;
}

void weir_recycler_put(weir_recycler_cache *c, void *block)
{
	weir_recycler *r = c->r;
	if (!block)
		return;
	struct block *b = block_of(block);
	if (!note_back(r, b)) {
		r->rt->vt->misuse(r->rt, &(struct weir_misuse){.what = "a block is given back that is not out: it was "
								       "already, or is of another recycler",
							       .object = r->opts.name,
							       .site = __builtin_return_address(0)});
		return;
	}
	if (r->rt->hooks && !r->opts.make)
		memset(block, PATTERN, b->bytes);
	count(c, PUTS);
	if (keep(c, b))
		return;
	count(c, FREED);
	free_block(r, b);
}

int weir_recycler_warm(weir_recycler_cache *c, size_t bytes, size_t n)
{
	uint32_t class = class_of(c->r, bytes);
	if (class == NO_CLASS)
		return WEIR_EINVAL;
	for (size_t i = 0; i < n; i++) {
		struct block *b = NULL;
		if (!load(c, class, true)) /* before it is made for nothing */
			return WEIR_EOVERFLOW;
		int rc = make_block(c->r, class, class_bytes(c->r, class), &b);
		if (rc < 0)
			return rc;
		(void)keep(c, b);
		count(c, WARMED);
	}
	return 0;
}

/* ---- making and freeing ---- */

static void free_all(weir_recycler *r)
{
	for (size_t class = 0; class < r->opts.classes; class ++) {
		struct depot *d = &r->depot[class];
		for (struct magazine *m; (m = pop(&d->some)) != NULL; weir_rt_release(r->rt, m))
			while (m->n)
				free_block(r, m->rounds[--m->n]);
		for (struct magazine *m; (m = pop(&d->empty)) != NULL;)
			weir_rt_release(r->rt, m);
	}
	weir_stats_free(&r->stats);
	weir_mutex_fini(&r->lock);
	weir_ctx_fini(&r->forever);
	weir_rt_release(r->rt, r);
}

/* The magazines of a class: `keep` places in all. */
static int fill_depot(weir_recycler *r, struct depot *d)
{
	for (size_t left = r->opts.keep; left > 0;) {
		size_t cap = left < r->opts.magazine ? left : r->opts.magazine;
		struct magazine *m = weir_rt_alloc(r->rt, sizeof(*m) + cap * sizeof(struct block *));
		if (!m)
			return WEIR_ENOMEM;
		*m = (struct magazine){.cap = cap};
		push(d, m);
		left -= cap;
	}
	return 0;
}

static struct weir_recycler_opts with_defaults(const struct weir_recycler_opts *opts)
{
	struct weir_recycler_opts o = *opts;
	o.name = o.name ? o.name : "recycler";
	o.classes = o.classes ? o.classes : 1;
	o.keep = o.keep ? o.keep : WEIR_RECYCLER_KEEP;
	o.magazine = o.magazine ? o.magazine : WEIR_RECYCLER_MAGAZINE;
	o.magazine = o.magazine < o.keep ? o.magazine : o.keep;
	o.caches = o.caches ? o.caches : WEIR_RECYCLER_CACHES;
	return o;
}

int weir_recycler_new(weir_rt *rt, const struct weir_recycler_opts *opts, weir_recycler **out)
{
	if (!rt || !opts || !out || opts->bytes == 0 || opts->classes > WEIR_RECYCLER_CLASSES_MAX)
		return WEIR_EINVAL;
	const struct weir_recycler_opts o = with_defaults(opts);
	if (o.bytes > (size_t)PTRDIFF_MAX >> o.classes || o.caches > UINT32_MAX || o.magazine > UINT32_MAX)
		return WEIR_EOVERFLOW;
	size_t depots = o.classes * sizeof(struct depot);
	weir_recycler *r = weir_rt_alloc(rt, sizeof(*r) + depots + o.caches * sizeof(bool));
	if (!r)
		return WEIR_ENOMEM;
	memset(r, 0, sizeof(*r) + depots + o.caches * sizeof(bool));
	r->rt = rt;
	r->opts = o;
	r->probe = weir_probe_of(rt);
	r->depot = (struct depot *)(r + 1);
	r->used = (bool *)(r->depot + o.classes);
	weir_ctx_init_root(&r->forever, rt);
	weir_mutex_init(&r->lock, rt);
	int rc = weir_stats_new(rt,
				&(struct weir_stats_opts){.name = o.name,
							  .counters = counters,
							  .n_counters = N_COUNTERS,
							  .n_writers = o.caches},
				&r->stats);
	for (size_t class = 0; class < o.classes && rc == 0; class ++)
		rc = fill_depot(r, &r->depot[class]);
	if (rc < 0)
		free_all(r);
	else
		*out = r;
	return rc;
}

void weir_recycler_free(weir_recycler **r)
{
	struct weir_recycler_report stats;
	weir_recycler *gone = r ? *r : NULL;
	if (!gone)
		return;
	*r = NULL;
	weir_recycler_stats(gone, &stats);
	const char *why = gone->caches ? "a recycler is freed that has caches: free them first"
			  : stats.out  ? "a recycler is freed while blocks of it are out: give them back first"
				       : NULL;
	if (why)
		gone->rt->vt->misuse(gone->rt, &(struct weir_misuse){.what = why,
								     .object = gone->opts.name,
								     .site = __builtin_return_address(0)});
	else
		free_all(gone);
}

int weir_recycler_cache_new(weir_recycler *r, weir_recycler_cache **out)
{
	if (!r || !out)
		return WEIR_EINVAL;
	size_t bytes = sizeof(weir_recycler_cache) + r->opts.classes * sizeof((*out)->of[0]), writer = 0;
	weir_recycler_cache *c = weir_rt_alloc(r->rt, bytes);
	if (!c)
		return WEIR_ENOMEM;
	memset(c, 0, bytes);
	lock(r);
	while (writer < r->opts.caches && r->used[writer])
		writer++;
	if (writer < r->opts.caches) {
		r->used[writer] = true;
		r->caches++;
	}
	weir_mutex_unlock(&r->lock);
	if (writer == r->opts.caches) {
		weir_rt_release(r->rt, c);
		return WEIR_EAGAIN;
	}
	c->r = r;
	c->writer = writer;
	*out = c;
	return 0;
}

void weir_recycler_cache_free(weir_recycler_cache **c)
{
	weir_recycler_cache *gone = c ? *c : NULL;
	if (!gone)
		return;
	*c = NULL;
	weir_recycler *r = gone->r;
	lock(r);
	for (size_t class = 0; class < r->opts.classes; class ++) {
		push(&r->depot[class], gone->of[class].loaded);
		push(&r->depot[class], gone->of[class].spare);
	}
	r->used[gone->writer] = false;
	r->caches--;
	weir_mutex_unlock(&r->lock);
	weir_rt_release(r->rt, gone);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void weir_recycler_stats(const weir_recycler *r, struct weir_recycler_report *out)
{
	uint64_t n[N_COUNTERS];
	weir_stats_read(r->stats, n);
	*out = (struct weir_recycler_report){.gets = n[GETS],
					     .hits = n[GETS] - n[MISSES],
					     .misses = n[MISSES],
					     .warmed = n[WARMED],
					     .puts = n[PUTS],
					     .freed = n[FREED],
					     .kept = less(n[WARMED] + n[MISSES] + n[PUTS], n[FREED] + n[GETS]),
					     .out = less(n[GETS], n[PUTS])};
}
