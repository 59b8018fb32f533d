/* SPDX-License-Identifier: MIT
 *
 * Stages on real threads: calls with helpers, objects that tasks share, pipelines of stages, probes.
 *
 *   calls        Four tasks call one tree, each with a call of its own; a fifth cancels what they do at random moments,
 *                and two more drop what comes out, some of it after its call has gone. A success is exactly what the
 *                functions make; whatever becomes of a value, nobody is at work for its caller any more when process
 *                returns, at most as many as may be were at one time, and every token is dropped once.
 *   helpers      The scope of the helpers ends while a call runs, and the call is freed while they leave.
 *   service      It is started and stopped, by two tasks and under contexts that end, while values pass: what setup
 *                wrote into plain memory is seen inside, and nobody is inside when it is closed.
 *   recycler     Blocks that go from task to task, through caches that come and go: a block is one task's at a time.
 *   batcher      Two producers, a batcher that is ended in one of four ways, receivers that drop arrays while it fills
 *                new ones.
 *   pipeline     A stage as the handler of a run that ends at a random moment, with a probe that is told by all of its
 *                workers and helpers: each span begins once and ends once, inside its parent. */
#include "jobs.h"

enum { CALLERS = 4, MOST = 12 };

/* ---- calls ---- */

enum tree { FAN_OUT, FAN_NESTED, MAP, COLLECT, REDUCE, ROUTER, BATCH, CHAIN, TREES };

static const uint32_t lanes_of[TREES] = {[FAN_OUT] = 3, [FAN_NESTED] = 5, [MAP] = 3,   [COLLECT] = 3,
					 [REDUCE] = 3,  [ROUTER] = 2,     [BATCH] = 3, [CHAIN] = 3};

static int twice(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct token *t = in;
	const uint32_t *most = arg;
	int rc = token_work(ctx, t->caller, (enum kind)t->kind, *most, err);
	if (rc == 0)
		*(struct token *)out = token_make(t->caller, PLAIN, 2U * t->n);
	return rc;
}

static uint32_t sum_of(const weir_array *a)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < a->n; i++)
		sum += ((const struct token *)weir_array_at(a, i))->n;
	return sum;
}

/* A stage of an array: one of several at the same time. Only one of them does what the first token asks for. */
struct summing {
	uint32_t which, most;
};

static int sum(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct summing *s = arg;
	const struct token *first = weir_array_at(in, 0);
	int rc = token_work(ctx, first->caller, s->which == 1 ? (enum kind)first->kind : YIELDS, s->most, err);
	if (rc == 0)
		*(struct token *)out = token_make(first->caller, PLAIN, sum_of(in) + s->which);
	return rc;
}

static int sum_plain(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	const struct token *first = weir_array_at(in, 0);
	(void)ctx, (void)err, (void)arg;
	*(struct token *)out = token_make(first ? first->caller : 0, PLAIN, sum_of(in));
	return 0;
}

static int by_third(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct token *)a)->n % 3 - ((const struct token *)b)->n % 3;
}

static int select_routes(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	const weir_array *a = in;
	(void)ctx, (void)err, (void)arg;
	for (size_t i = 0; i < cap; i++)
		picks[i] = (i + a->n) % cap;
	return (int)(a->n % (cap + 1));
}

static weir_type tokens_type;

static weir_stage *stage_of(const char *name, const weir_type *in, weir_handler_fn *fn, void *arg)
{
	return weir_stage_new(
		rt, &(struct weir_stage_opts){.name = name, .in = in, .out = &token_type, .process = fn, .arg = arg});
}

static weir_stage *tree_of(enum tree tree)
{
	static struct summing summing[TREES][4];
	void *most = (void *)(uintptr_t)&lanes_of[tree];
	weir_stage *child[4];
	const struct weir_map_opts map = {.concurrency = 3, .collect = tree == COLLECT};
	const struct weir_reduce_opts by = {.order = by_third, .concurrency = 2, .map_concurrency = 3};
	if (tree == FAN_NESTED) {
		child[0] = weir_map(stage_of("twice", &token_type, twice, most), &map);
		child[1] = weir_filter(rt, &tokens_type, NULL, NULL); /* which takes, so it gets a copy */
		child[2] = weir_map(stage_of("twice", &token_type, twice, most), &(struct weir_map_opts){2, false});
		return weir_fan_out(child, 3, 0);
	}
	for (uint32_t i = 0; i < 4 && (tree == FAN_OUT || tree == ROUTER); i++) {
		summing[tree][i] = (struct summing){i, lanes_of[tree]};
		child[i] = stage_of("sum", &tokens_type, sum, &summing[tree][i]);
	}
	if (tree == FAN_OUT)
		return weir_fan_out(child, 4, 3);
	if (tree == ROUTER)
		return weir_router(child, 4, &(struct weir_router_opts){.selector = select_routes, .concurrency = 2});
	child[0] = stage_of("twice", &token_type, twice, most);
	if (tree == REDUCE)
		return weir_map_reduce(child[0], weir_fan_in(rt, &token_type, &token_type, sum_plain, NULL), &by);
	child[0] = weir_map(child[0], &map);
	if (tree == BATCH)
		return weir_batch(child[0], &(struct weir_batch_opts){.size = 5});
	if (tree == CHAIN)
		return weir_then(child[0], weir_map(weir_filter(rt, &token_type, NULL, NULL), NULL));
	return child[0];
}

struct calls {
	enum tree tree;
	weir_stage *st;
	_Atomic uint32_t done;
	struct caller {
		struct calls *all;
		size_t i;
		struct target target;
		uint64_t seed, succeeded, failed, partly, canceled;
		weir_tx *results;
	} callers[CALLERS];
	weir_rx *results[2];
};

/* What the first tokens of a call do is certain, and so is that each way to end is taken. */
static enum kind kind_of(struct caller *c, uint32_t value, size_t i, uint32_t rare)
{
	static const enum kind first[] = {PLAIN, FAILS, WAITS};
	return value >= COUNT_OF(first) ? token_kind(&c->seed, rare) : i == 0 ? first[value] : PLAIN;
}

/* Tokens up to MOST; with their kinds: whether one fails, whether one waits. */
static weir_array tokens_of(struct caller *c, uint32_t value, bool *fails, bool *waits)
{
	weir_array a;
	bool whole = c->all->tree == FAN_OUT || c->all->tree == ROUTER; /* only the first of all is asked, see sum */
	size_t n = (whole || value < 3) + pick(&c->seed, MOST);
	EXPECT(weir_array_new(rt, &token_type, n, &a) == 0);
	for (size_t i = 0; i < n; i++) {
		struct token t = token_make(c->i, kind_of(c, value, i, whole ? 5 : 30), pick(&c->seed, 100));
		*fails |= t.kind == FAILS && (!whole || i == 0);
		*waits |= t.kind == WAITS && (!whole || i == 0);
		EXPECT(weir_array_put(&a, i, &t) == 0);
	}
	return a;
}

static const struct token *at(const weir_array *a, size_t i)
{
	const struct token *t = weir_array_at(a, i);
	EXPECT(t);
	return t ? t : &(struct token){0};
}

/* Each value of `out` is twice that of `in`; those that are missing are counted. */
static size_t expect_twice(const weir_array *in, const weir_array *out, size_t caller)
{
	size_t missing = 0;
	EXPECT(out->n <= in->n);
	for (size_t i = 0; i < out->n; i++) {
		const struct token *t = weir_array_at(out, i);
		missing += t == NULL;
		EXPECT(!t || (t->n == 2 * at(in, i)->n && t->caller == caller));
	}
	return missing;
}

static void expect_reduced(const weir_array *in, const weir_array *out)
{
	uint32_t sums[3] = {0}, there[3] = {0};
	size_t group = 0;
	for (size_t i = 0; i < in->n; i++) {
		uint32_t n = 2U * at(in, i)->n;
		sums[n % 3] += n;
		there[n % 3] = 1;
	}
	EXPECT(out->n == there[0] + there[1] + there[2]);
	for (size_t i = 0; i < 3; i++)
		if (there[i])
			EXPECT(at(out, group++)->n == sums[i]);
}

static void expect_right(enum tree tree, const weir_array *in, const weir_array *out, size_t caller)
{
	if (tree == FAN_OUT || tree == ROUTER) {
		EXPECT(out->n == (tree == FAN_OUT ? 4 : in->n % 5));
		for (size_t i = 0; i < out->n; i++)
			EXPECT(at(out, i)->n == sum_of(in) + (tree == FAN_OUT ? i : (i + in->n) % 4));
	} else if (tree == FAN_NESTED) {
		EXPECT(out->n == 3);
		EXPECT(expect_twice(in, weir_array_at(out, 0), caller) == 0);
		EXPECT(expect_twice(in, weir_array_at(out, 2), caller) == 0);
		EXPECT(sum_of(weir_array_at(out, 1)) == sum_of(in));
	} else if (tree == REDUCE) {
		expect_reduced(in, out);
	} else {
		EXPECT(out->n == in->n && expect_twice(in, out, caller) == 0);
	}
}

static void one_value(weir_ctx *ctx, struct caller *c, weir_call *call, uint32_t value)
{
	enum tree tree = c->all->tree;
	bool fails = false, waits = false;
	weir_array in = tokens_of(c, value, &fails, &waits), out = {0};
	weir_err err = {0};
	weir_ctx own;
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	target_set(ctx, &c->target, value < 2 ? NULL : &own);
	int rc = weir_call_process(&own, call, &in, &out, &err);
	EXPECT(atomic_load(&inside[c->i]) == 0);
	target_set(ctx, &c->target, NULL);
	EXPECT(rc == err.code);
	if (rc == 0) {
		EXPECT(tree == ROUTER || (!fails && !waits));
		expect_right(tree, &in, &out, c->i);
	} else if (rc == WEIR_EPARTIAL) {
		EXPECT((tree == COLLECT || tree == BATCH) && in.n > 0);
		EXPECT(expect_twice(&in, &out, c->i) > 0 || out.n < in.n);
		EXPECT(weir_err_is(&err, REFUSED) ? fails : weir_ctx_err(&own) < 0);
	} else {
		EXPECT(rc == WEIR_ECANCELED ? weir_ctx_err(&own) < 0 : rc == REFUSED ? fails : rc == WEIR_ENOROUTE);
		EXPECT(rc != WEIR_ENOROUTE || (tree == ROUTER && in.n % 5 == 0));
	}
	c->succeeded += rc == 0;
	c->failed += rc == REFUSED;
	c->partly += rc == WEIR_EPARTIAL;
	c->canceled += rc == WEIR_ECANCELED;
	weir_ctx_fini(&own);
	weir_err_fini(&err);
	weir_array_drop(&in);
	if ((rc == 0 || rc == WEIR_EPARTIAL) && weir_tx_send(ctx, c->results, &out) < 0)
		EXPECT(false);
}

static int call_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	for (uint32_t part = 0; part < 2; part++) { /* results of the first call outlive it */
		weir_scope helpers;
		weir_call *call = NULL;
		weir_scope_init(&helpers, ctx);
		EXPECT(weir_call_new(&helpers, c->all->st, &call) == 0);
		for (uint32_t i = 0; i < 16; i++)
			one_value(ctx, c, call, i);
		weir_call_free(&call);
		EXPECT(weir_scope_join(ctx, &helpers, 0, err) == 0);
	}
	weir_tx_close(&c->results);
	atomic_fetch_add(&c->all->done, 1);
	return 0;
}

static int drop_results(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rx **rx = arg;
	weir_array a;
	int rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, *rx, &a)) == 1)
		weir_array_drop(&a);
	weir_rx_close(rx);
	return rc;
}

static int cancel_calls(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct calls *all = arg;
	uint64_t seed = seed_of(all->tree + 99);
	(void)err;
	while (atomic_load(&all->done) < CALLERS) {
		struct target *t = &all->callers[pick(&seed, CALLERS)].target;
		if (pick(&seed, 3) == 0)
			target_cancel(ctx, t);
		dawdle(&seed);
	}
	return 0;
}

static int call_tree(weir_ctx *ctx, weir_err *err, enum tree tree, uint64_t sums[4])
{
	static struct calls all;
	weir_scope s;
	weir_tx *tx;
	memset((void *)&all, 0, sizeof(all));
	all.tree = tree;
	all.st = tree_of(tree);
	EXPECT(weir_stage_check(all.st, err) == 0);
	EXPECT(weir_chan_new(rt, weir_stage_out(all.st), 3, &tx, &all.results[0]) == 0);
	EXPECT(weir_rx_clone(all.results[0], 1, &all.results[1]) == 0);
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < CALLERS; i++) {
		struct caller *c = &all.callers[i];
		*c = (struct caller){.all = &all, .i = i, .seed = seed_of(tree * 10 + i + tokens_made)};
		weir_mutex_init(&c->target.lock, rt);
		EXPECT(weir_tx_clone(tx, 1, &c->results) == 0);
		EXPECT(weir_scope_spawn(&s, "caller", call_it, c) == 0);
	}
	weir_tx_close(&tx);
	EXPECT(weir_scope_spawn(&s, "drop", drop_results, &all.results[0]) == 0);
	EXPECT(weir_scope_spawn(&s, "drop", drop_results, &all.results[1]) == 0);
	EXPECT(weir_scope_spawn(&s, "cancel", cancel_calls, &all) == 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	for (size_t i = 0; i < CALLERS; i++) {
		struct caller *c = &all.callers[i];
		sums[0] += c->succeeded, sums[1] += c->failed, sums[2] += c->partly, sums[3] += c->canceled;
		weir_mutex_fini(&c->target.lock);
	}
	weir_stage_free(&all.st);
	EXPECT(atomic_load(&tokens_alive) == 0);
	return rc;
}

static int calls(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t sums[4] = {0};
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(20) && rc == 0; round++)
		for (enum tree tree = 0; tree < TREES && rc == 0; tree++)
			rc = call_tree(ctx, err, tree, sums);
	EXPECT(expect_some("success", sums[0]) && expect_some("failure", sums[1]));
	EXPECT(expect_some("part", sums[2]) && expect_some("cancel", sums[3]));
	return rc;
}

/* ---- helpers ---- */

static int process_some(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_call *call = arg;
	(void)err;
	for (uint32_t i = 0; i < 4; i++) {
		weir_array in, out = {0};
		EXPECT(weir_array_new(rt, &token_type, 6, &in) == 0);
		for (uint32_t n = 0; n < 6; n++)
			EXPECT(weir_array_put(&in, n, &(struct token[]){token_make(0, n % 2 ? YIELDS : PLAIN, n)}[0]) ==
			       0);
		EXPECT(weir_call_process(ctx, call, &in, &out, NULL) == 0);
		expect_right(FAN_NESTED, &in, &out, 0);
		weir_array_drop(&in);
		weir_array_drop(&out);
	}
	return 0;
}

static int helpers_leave(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t seed = seed_of(5);
	weir_stage *st = tree_of(FAN_NESTED);
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(1000) && rc == 0; round++) {
		weir_scope s, user;
		weir_call *call = NULL;
		weir_scope_init(&s, ctx);
		weir_scope_init(&user, ctx);
		EXPECT(weir_call_new(&s, st, &call) == 0);
		EXPECT(weir_scope_spawn(&user, "process", process_some, call) == 0);
		dawdle(&seed);
		weir_scope_cancel(&s, "no more helpers");
		rc = weir_scope_join(ctx, &user, 0, err);
		weir_call_free(&call);
		EXPECT(weir_scope_join(ctx, &s, 0, NULL) == 0);
		EXPECT(atomic_load(&inside[0]) == 0 && atomic_load(&tokens_alive) == 0);
	}
	weir_stage_free(&st);
	return rc;
}

/* ---- service ---- */

struct shop {
	weir_service svc;
	weir_stage *st;
	uint64_t opened; /* plain: only setup and close write it, and there is nobody inside then */
	_Atomic uint32_t guests, done;
	_Atomic uint64_t served, refused, gave_up, starts;
};

static int set_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shop *shop = arg;
	(void)ctx, (void)err;
	EXPECT(shop->opened == 0 && atomic_load(&shop->guests) == 0);
	shop->opened = 7;
	return 0;
}

static int shut_down(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shop *shop = arg;
	(void)ctx, (void)err;
	EXPECT(shop->opened == 7 && atomic_load(&shop->guests) == 0);
	shop->opened = 0;
	return 0;
}

static int serve(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct shop *shop = arg;
	const struct token *t = in;
	(void)ctx, (void)err;
	atomic_fetch_add(&shop->guests, 1);
	EXPECT(shop->opened == 7);
	if (t->kind == YIELDS)
		weir_rt_yield(rt);
	EXPECT(shop->opened == 7);
	*(struct token *)out = token_make(t->caller, PLAIN, t->n + 1U);
	atomic_fetch_sub(&shop->guests, 1);
	return 0;
}

static int visit(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shop *shop = arg;
	uint64_t seed = seed_of(atomic_fetch_add(&tokens_made, 1));
	weir_scope s;
	weir_call *call = NULL;
	weir_scope_init(&s, ctx);
	EXPECT(weir_call_new(&s, shop->st, &call) == 0);
	for (uint32_t i = 0, ways = 0; i < 400 || ways < 3; i++) {
		struct token in = token_make(0, pick(&seed, 3) ? PLAIN : YIELDS, i), out;
		int rc = weir_call_process(ctx, call, &in, &out, NULL);
		EXPECT(rc == 0 || rc == WEIR_ENOTSTARTED);
		if (rc == 0) {
			EXPECT(out.n == (uint16_t)(i + 1));
			token_drop(&out, NULL);
		}
		token_drop(&in, NULL);
		ways |= rc == 0 ? 1 : 2; /* it has seen both */
		atomic_fetch_add(rc == 0 ? &shop->served : &shop->refused, 1);
		if (rc < 0)
			weir_rt_yield(rt);
	}
	weir_call_free(&call);
	atomic_fetch_add(&shop->done, 1);
	return weir_scope_join(ctx, &s, 0, err);
}

/* Two of these. */
static int keep_shop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shop *shop = arg;
	uint64_t seed = seed_of(atomic_fetch_add(&tokens_made, 1));
	(void)err;
	while (atomic_load(&shop->done) < 3) {
		weir_ctx own;
		weir_ctx_init(&own, ctx, WEIR_FOREVER);
		int rc = weir_service_start(&own, &shop->svc, NULL);
		EXPECT(rc == 0 || rc == WEIR_EBUSY);
		atomic_fetch_add(&shop->starts, rc == 0);
		rc = weir_service_health(&own, &shop->svc, NULL);
		EXPECT(rc == 0 || rc == WEIR_ENOTSTARTED);
		for (uint32_t i = pick(&seed, 20); i > 0; i--)
			weir_rt_yield(rt);
		if (pick(&seed, 2))
			weir_ctx_cancel(&own, "no time");
		rc = weir_service_stop(&own, &shop->svc, NULL);
		EXPECT(rc == 0 || (rc == WEIR_ECANCELED && weir_ctx_err(&own) < 0));
		atomic_fetch_add(&shop->gave_up, rc < 0);
		rc = weir_service_reset(ctx, &shop->svc, NULL);
		EXPECT(rc == 0 || rc == WEIR_EBUSY);
		weir_ctx_fini(&own);
	}
	return 0;
}

static int service(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct shop shop;
	const struct weir_stage_opts opts = {.name = "serve",
					     .in = &token_type,
					     .out = &token_type,
					     .process = serve,
					     .arg = &shop,
					     .lifecycle = {.setup = set_up, .close = shut_down}};
	int rc = 0;
	(void)arg;
	memset((void *)&shop, 0, sizeof(shop));
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		weir_scope s;
		weir_service_init(&shop.svc, rt, NULL);
		shop.st = weir_service_stage(weir_stage_new(rt, &opts), &shop.svc);
		EXPECT(weir_stage_check(shop.st, NULL) == 0);
		weir_scope_init(&s, ctx);
		for (size_t i = 0; i < 3; i++)
			EXPECT(weir_scope_spawn(&s, "visit", visit, &shop) == 0);
		for (size_t i = 0; i < 2; i++)
			EXPECT(weir_scope_spawn(&s, "keep", keep_shop, &shop) == 0);
		rc = weir_scope_join(ctx, &s, 0, err);
		EXPECT(weir_service_stop(ctx, &shop.svc, NULL) == 0 && shop.opened == 0);
		weir_stage_free(&shop.st);
		weir_service_fini(&shop.svc);
		atomic_store(&shop.done, 0);
		EXPECT(atomic_load(&tokens_alive) == 0);
	}
	EXPECT(expect_some("value that was served", atomic_load(&shop.served)));
	EXPECT(expect_some("start", atomic_load(&shop.starts)));
	EXPECT(expect_some("value that was refused", atomic_load(&shop.refused)));
	return rc;
}

/* ---- recycler ---- */

enum { USERS = 5, BLOCK_BYTES = 48 };

/* The body of a block. Only who holds it writes; `magic` stays what make wrote. */
struct body {
	uint64_t magic, holder, uses;
};

struct pool {
	weir_recycler *recycler;
	weir_tx *tx[USERS];
	weir_rx *rx[USERS];
	_Atomic long made;
	_Atomic uint32_t done;
	_Atomic uint64_t gets, puts, passed;
	struct user {
		struct pool *pool;
		uint64_t i;
	} users[USERS];
};

#define MAGIC UINT64_C(0x6d616769)

static int make_body(void *block, size_t bytes, void *arg)
{
	struct body *body = block;
	struct pool *pool = arg;
	EXPECT(bytes >= BLOCK_BYTES);
	*body = (struct body){.magic = MAGIC};
	atomic_fetch_add(&pool->made, 1);
	return 0;
}

static void unmake_body(void *block, size_t bytes, void *arg)
{
	struct body *body = block;
	struct pool *pool = arg;
	EXPECT(bytes >= BLOCK_BYTES && body->magic == MAGIC && body->holder == 0);
	body->magic = 0;
	atomic_fetch_sub(&pool->made, 1);
}

static void let_go(weir_recycler_cache *cache, struct body *body, struct user *u)
{
	EXPECT(body->magic == MAGIC && body->holder == u->i + 1);
	body->holder = 0;
	weir_recycler_put(cache, body);
	atomic_fetch_add(&u->pool->puts, 1);
}

static struct body *take(weir_recycler_cache *cache, struct user *u, uint64_t *seed)
{
	size_t bytes = (size_t)BLOCK_BYTES << pick(seed, 3);
	void *mem = NULL;
	EXPECT(weir_recycler_get(cache, bytes, &mem) == 0);
	struct body *body = mem;
	EXPECT(weir_recycler_room(body) >= bytes && body->magic == MAGIC && body->holder == 0);
	body->holder = u->i + 1;
	body->uses++;
	atomic_fetch_add(&u->pool->gets, 1);
	return body;
}

/* Takes and gives; some blocks go on to whoever receives them. */
static int use_pool(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	struct pool *pool = u->pool;
	uint64_t seed = seed_of(u->i + (uint64_t)atomic_load(&pool->gets));
	weir_recycler_cache *cache = NULL;
	struct body *held[6] = {0}, *body;
	(void)ctx, (void)err;
	for (uint32_t i = 0; i < 300; i++) {
		struct body **mine = &held[pick(&seed, COUNT_OF(held))];
		if (!cache)
			EXPECT(weir_recycler_cache_new(pool->recycler, &cache) == 0);
		if (!*mine)
			*mine = take(cache, u, &seed);
		else if (pick(&seed, 3))
			let_go(cache, *mine, u), *mine = NULL;
		else if (weir_tx_try_send(pool->tx[u->i], mine) == 0) /* as it is: the receiver makes it his */
			*mine = NULL;
		if (!*mine && weir_rx_try_recv(pool->rx[u->i], &body) == 1) {
			EXPECT(body->holder != 0 && body->magic == MAGIC);
			body->holder = u->i + 1;
			*mine = body;
			atomic_fetch_add(&pool->passed, 1);
		}
		if (pick(&seed, 40) == 0)
			weir_recycler_cache_free(&cache);
	}
	if (!cache)
		EXPECT(weir_recycler_cache_new(pool->recycler, &cache) == 0);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		if (held[i])
			let_go(cache, held[i], u);
	weir_recycler_cache_free(&cache);
	weir_tx_close(&pool->tx[u->i]);
	atomic_fetch_add(&pool->done, 1);
	return 0;
}

static int watch_pool(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct pool *pool = arg;
	struct weir_recycler_report r;
	(void)ctx, (void)err;
	while (atomic_load(&pool->done) < USERS) {
		weir_recycler_stats(pool->recycler, &r);
		EXPECT(r.gets == r.hits + r.misses && r.misses <= r.gets && r.freed <= r.puts);
		weir_rt_yield(rt);
	}
	return 0;
}

static const weir_type body_type = {.name = "body", .size = sizeof(void *), .align = _Alignof(void *)};

static int use_recycler(weir_ctx *ctx, weir_err *err, uint64_t round, uint64_t *passed)
{
	static struct pool pool;
	const struct weir_recycler_opts opts = {.bytes = BLOCK_BYTES,
						.classes = 2, /* a third of the requests is beyond */
						.keep = 3 + round % 9,
						.magazine = 1 + round % 3,
						.caches = USERS,
						.make = make_body,
						.unmake = unmake_body,
						.arg = &pool};
	struct weir_recycler_report r;
	weir_scope s;
	memset((void *)&pool, 0, sizeof(pool));
	EXPECT(weir_recycler_new(rt, &opts, &pool.recycler) == 0);
	EXPECT(weir_chan_new(rt, &body_type, 4, &pool.tx[0], &pool.rx[0]) == 0);
	EXPECT(weir_tx_clone(pool.tx[0], USERS - 1, &pool.tx[1]) == 0);
	EXPECT(weir_rx_clone(pool.rx[0], USERS - 1, &pool.rx[1]) == 0);
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < USERS; i++) {
		pool.users[i] = (struct user){&pool, i};
		EXPECT(weir_scope_spawn(&s, "use", use_pool, &pool.users[i]) == 0);
	}
	EXPECT(weir_scope_spawn(&s, "watch", watch_pool, &pool) == 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_recycler_cache *cache = NULL;
	struct body *body;
	EXPECT(weir_recycler_cache_new(pool.recycler, &cache) == 0);
	while (weir_rx_try_recv(pool.rx[0], &body) == 1) { /* nobody's, on its way */
		body->holder = 1;
		let_go(cache, body, &pool.users[0]);
	}
	weir_recycler_cache_free(&cache);
	for (size_t i = 0; i < USERS; i++)
		weir_rx_close(&pool.rx[i]);
	weir_recycler_stats(pool.recycler, &r);
	EXPECT(r.gets == atomic_load(&pool.gets) && r.puts == atomic_load(&pool.puts) && r.gets == r.puts);
	EXPECT(r.out == 0 && r.kept <= 2 * opts.keep && (long)r.kept == atomic_load(&pool.made));
	weir_recycler_free(&pool.recycler);
	EXPECT(atomic_load(&pool.made) == 0);
	*passed += atomic_load(&pool.passed);
	return rc;
}

static int recycler(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t passed = 0;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(200) && rc == 0; round++)
		rc = use_recycler(ctx, err, round, &passed);
	EXPECT(expect_some("block that was passed on", passed));
	return rc;
}

/* ---- batcher ---- */

enum { PRODUCERS = 2, EACH = 150, BATCH_ITEMS = 7 };
enum batch_end { PRODUCERS_END, CANCELED, RECEIVERS_LEAVE, BATCH_ENDS };

struct batching {
	struct weir_batcher batcher;
	enum batch_end end;
	bool alone; /* only one receiver: what it gets is in order */
	weir_tx *tx[PRODUCERS];
	weir_rx *rx[2];
	_Atomic uint32_t producers, receivers;
	_Atomic uint64_t sent, got, batches;
	_Atomic bool leave;
	int rc;
};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct batching *b = arg;
	uint32_t i = atomic_fetch_add(&b->producers, 1);
	int rc = 0;
	(void)err;
	for (uint32_t n = 0; n < EACH && rc == 0; n++) {
		struct token t = token_make(i, PLAIN, n);
		rc = weir_tx_send(ctx, b->tx[i], &t);
		if (rc < 0)
			token_drop(&t, NULL);
		atomic_fetch_add(&b->sent, rc == 0);
	}
	EXPECT(rc == 0 || (rc == WEIR_EPIPE && b->end != PRODUCERS_END));
	weir_tx_close(&b->tx[i]);
	return 0;
}

static int receive(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct batching *b = arg;
	weir_rx **rx = &b->rx[atomic_fetch_add(&b->receivers, 1)];
	uint32_t next[PRODUCERS] = {0};
	weir_array a;
	(void)err;
	while (!atomic_load(&b->leave) && weir_rx_recv(ctx, *rx, &a) == 1) {
		EXPECT(a.n > 0 && a.n <= BATCH_ITEMS);
		for (size_t i = 0; i < a.n; i++) {
			const struct token *t = at(&a, i);
			EXPECT(!b->alone || t->n == next[t->caller]);
			next[t->caller] = t->n + 1U;
		}
		atomic_fetch_add(&b->got, a.n);
		atomic_fetch_add(&b->batches, 1);
		weir_array_drop(&a);
	}
	weir_rx_close(rx);
	return 0;
}

static int run_batcher(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct batching *b = arg;
	b->rc = weir_batcher_run(ctx, err, &b->batcher);
	weir_err_fini(err);
	return 0;
}

static void close_batch(const struct batching *b)
{
	const struct weir_batcher_stats *st = &b->batcher.stats;
	EXPECT(st->received == st->sent + st->dropped && st->received <= atomic_load(&b->sent));
	EXPECT(st->batches == st->by_items + st->by_bytes + st->by_age + st->by_close);
	EXPECT(!b->batcher.in && !b->batcher.out);
	if (b->end == PRODUCERS_END)
		EXPECT(b->rc == 0 && atomic_load(&b->got) == PRODUCERS * EACH && st->dropped == 0);
	if (b->end != RECEIVERS_LEAVE) /* else one may lie in the channel that nobody receives any more */
		EXPECT(st->sent == atomic_load(&b->got) && st->batches == atomic_load(&b->batches));
	EXPECT(b->rc == 0 || b->rc == (b->end == RECEIVERS_LEAVE ? WEIR_EPIPE : WEIR_ECANCELED));
	EXPECT(atomic_load(&tokens_alive) == 0);
}

static void open_batch(struct batching *b, uint64_t round, uint64_t *seed)
{
	weir_tx *tx;
	memset((void *)b, 0, sizeof(*b));
	*b = (struct batching){.end = (enum batch_end)(round % BATCH_ENDS), .alone = pick(seed, 2)};
	b->batcher = (struct weir_batcher){.of = &token_type, .items = BATCH_ITEMS};
	b->batcher.bytes = pick(seed, 2) ? 5 * sizeof(struct token) : 0;
	b->batcher.age_ns = pick(seed, 2) ? 1 : 0; /* too old at once */
	EXPECT(weir_chan_new(rt, &token_type, pick(seed, 4), &tx, &b->batcher.in) == 0);
	EXPECT(weir_tx_clone(tx, PRODUCERS, b->tx) == 0);
	weir_tx_close(&tx);
	EXPECT(weir_chan_new(rt, &tokens_type, pick(seed, 3), &b->batcher.out, &b->rx[0]) == 0);
	if (!b->alone)
		EXPECT(weir_rx_clone(b->rx[0], 1, &b->rx[1]) == 0);
}

static int batch_once(weir_ctx *ctx, weir_err *err, uint64_t round)
{
	static struct batching b;
	uint64_t seed = seed_of(round);
	weir_scope ends, middle;
	open_batch(&b, round, &seed);
	weir_scope_init(&ends, ctx);
	weir_scope_init(&middle, ctx);
	for (size_t i = 0; i < PRODUCERS; i++)
		EXPECT(weir_scope_spawn(&ends, "produce", produce, &b) == 0);
	for (size_t i = 0; i < (b.alone ? 1 : 2); i++)
		EXPECT(weir_scope_spawn(&ends, "receive", receive, &b) == 0);
	EXPECT(weir_scope_spawn(&middle, "batch", run_batcher, &b) == 0);
	uint64_t when = pick(&seed, PRODUCERS * EACH / 2);
	while (b.end != PRODUCERS_END && atomic_load(&b.got) < when)
		weir_rt_yield(rt);
	if (b.end == CANCELED)
		weir_scope_cancel(&middle, "enough");
	if (b.end == RECEIVERS_LEAVE)
		atomic_store(&b.leave, true);
	int rc = weir_scope_join(ctx, &ends, 0, err);
	rc = weir_scope_join(ctx, &middle, rc, err);
	close_batch(&b);
	return rc;
}

static int batcher(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(400) && rc == 0; round++)
		rc = batch_once(ctx, err, round);
	return rc;
}

/* ---- pipeline ---- */

enum { JOBS = 120, WORKERS = 3, SPANS = 1 << 13 };

struct telling {
	weir_probe probe;
	_Atomic uint64_t n[WEIR_PROBE_KINDS];
	_Atomic uint8_t span[SPANS]; /* 1: begun; 2: over */
};

static bool begins(enum weir_probe_kind kind)
{
	return kind == WEIR_PROBE_STAGE_STARTED || kind == WEIR_PROBE_JOB_STARTED ||
	       kind == WEIR_PROBE_PIPELINE_STARTED;
}

static bool ends(enum weir_probe_kind kind)
{
	return kind == WEIR_PROBE_STAGE_DONE || kind == WEIR_PROBE_STAGE_FAILED || kind == WEIR_PROBE_JOB_DONE ||
	       kind == WEIR_PROBE_JOB_FAILED || kind == WEIR_PROBE_JOB_CANCELED || kind == WEIR_PROBE_PIPELINE_DONE;
}

static void be_told(const struct weir_probe_event *e, void *arg)
{
	struct telling *t = arg;
	EXPECT(e->span < SPANS && e->parent < SPANS && e->kind < WEIR_PROBE_KINDS && e->name[0]);
	if (e->span >= SPANS || e->parent >= SPANS)
		return;
	atomic_fetch_add(&t->n[e->kind], 1);
	EXPECT(!e->parent || atomic_load(&t->span[e->parent]) == 1);
	if (begins(e->kind))
		EXPECT(e->span && atomic_exchange(&t->span[e->span], 1) == 0);
	else if (ends(e->kind))
		EXPECT(e->span && e->value >= 0 && atomic_exchange(&t->span[e->span], 2) == 1);
}

static uint64_t told(const struct telling *t, enum weir_probe_kind kind)
{
	return atomic_load(&t->n[kind]);
}

struct load {
	struct telling told;
	weir_stage *st;
	struct jobs jobs;
	uint64_t kinds[3];
};

/* Of a job's token: one of three at the same time, under one of the workers. */
static int third(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct token *t = in;
	const uint32_t *which = arg;
	int rc = token_work(ctx, t->caller, *which == 1 ? (enum kind)t->kind : YIELDS, 3 * WORKERS, err);
	if (rc == 0)
		*(struct token *)out = token_make(t->caller, PLAIN, t->n + *which);
	return rc;
}

static weir_stage *tree_of_jobs(void)
{
	static uint32_t which[3] = {0, 1, 2};
	weir_stage *child[3];
	for (size_t i = 0; i < 3; i++)
		child[i] = stage_of("third", &token_type, third, &which[i]);
	return weir_parallel(child, 3, 2, weir_fan_in(rt, &token_type, &token_type, sum_plain, NULL));
}

static struct job make_job(uint32_t n, uint64_t *seed)
{
	enum kind kind = token_kind(seed, 20);
	/* who waits must have something to wait for */
	return (struct job){.head = {.id = n, .timeout_ns = kind == WAITS ? 1 + pick(seed, 1000) : 0},
			    .in = token_make(0, kind, n)};
}

static void see_result(void *arg, const struct result *r)
{
	struct load *l = arg;
	EXPECT(r->head.rc != 0 || r->value.n == 3 * r->head.id + 3);
	EXPECT(r->head.rc == 0 || r->head.rc == REFUSED || r->head.cause != WEIR_CAUSE_NONE);
	EXPECT(r->head.rc != REFUSED || weir_err_is(&r->head.err, REFUSED));
	l->kinds[r->head.rc == 0 ? 0 : r->head.rc == REFUSED ? 1 : 2]++;
}

static void close_telling(const struct telling *t, const weir_pipeline_report *r)
{
	EXPECT(told(t, WEIR_PROBE_PIPELINE_STARTED) == 1 && told(t, WEIR_PROBE_PIPELINE_DONE) == 1);
	EXPECT(told(t, WEIR_PROBE_JOB_STARTED) == r->received && told(t, WEIR_PROBE_JOB_DONE) == r->succeeded);
	EXPECT(told(t, WEIR_PROBE_JOB_FAILED) == r->failed && told(t, WEIR_PROBE_JOB_CANCELED) == r->canceled);
	EXPECT(told(t, WEIR_PROBE_JOB_UNDELIVERED) == r->undelivered);
	EXPECT(told(t, WEIR_PROBE_FAN_OUT) == r->received && told(t, WEIR_PROBE_FAN_IN) >= r->succeeded);
	for (size_t i = 0; i < SPANS; i++)
		EXPECT(atomic_load(&t->span[i]) != 1);
}

static int run_once(weir_ctx *ctx, weir_err *err, uint64_t round, uint64_t kinds[3])
{
	static struct load load;
	struct load *l = &load;
	uint64_t seed = seed_of(round);
	weir_pipeline_report r;
	memset((void *)l, 0, sizeof(*l));
	l->jobs = (struct jobs){
		.ending = (enum ending)(round % ENDINGS), .n = JOBS, .make = make_job, .see = see_result, .arg = l};
	l->told.probe = (weir_probe){.fn = be_told, .arg = &l->told};
	EXPECT(weir_probe_attach(rt, &l->told.probe) == 0);
	l->st = tree_of_jobs();
	const struct weir_pipeline_opts opts = {.stage = l->st,
						.workers = WORKERS,
						.job_buffer = pick(&seed, 3),
						.ordered = pick(&seed, 2)};
	int rc = run_jobs(ctx, err, &l->jobs, &opts, pick(&seed, JOBS / 2), &r);
	EXPECT(l->jobs.ending != SENDER_ENDS || (l->jobs.sent == JOBS && atomic_load(&l->jobs.got) == JOBS));
	close_telling(&l->told, &r);
	EXPECT(atomic_load(&inside[0]) == 0 && atomic_load(&tokens_alive) == 0);
	weir_stage_free(&l->st);
	weir_probe_detach(rt);
	for (size_t i = 0; i < 3; i++)
		kinds[i] += l->kinds[i];
	return rc;
}

static int pipeline(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t kinds[3] = {0};
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(200) && rc == 0; round++)
		rc = run_once(ctx, err, round, kinds);
	EXPECT(expect_some("success", kinds[0]) && expect_some("failure", kinds[1]) && expect_some("cancel", kinds[2]));
	return rc;
}

int main(void)
{
	tokens_type = weir_array_type(&token_type);
	stress_case("calls of every tree, cancelled from elsewhere", calls, NULL);
	stress_case("helpers that leave while their call runs", helpers_leave, NULL);
	stress_case("a service that is started and stopped", service, NULL);
	stress_case("blocks that go from task to task", recycler, NULL);
	stress_case("a batcher between tasks that come and go", batcher, NULL);
	stress_case("pipelines of stages, and a probe", pipeline, NULL);
	return stress_end();
}
