/* SPDX-License-Identifier: MIT
 *
 * Trees of combinators that nobody thought of: made at random, up to some depth, out of every stage there is, and run
 * against a reference that computes the same one thing after the other.
 *
 * The functions fail for some values, by their id alone, so the reference knows which can fail; where several run at
 * the same time, it knows the set of codes that can be the first failure (L lanes: the first L that fail, since an item
 * that is begun later is begun after one of these has ended). The caller's context may be cancelled at any operation,
 * or have a deadline.
 *
 * What must hold: a success is the value of the reference, and no success where the reference has none; a failure is
 * one of its codes, or the end of the context if that has ended; a part is that of the reference, or says that the
 * context ended; err has what is returned; and every value is dropped once. A second test lets allocations fail too. A
 * third has a probe, and what that is told is a tree of spans, each with one end, within the one around it.
 *
 * The fourth test makes chains of stages that need not fit, and checks that they are refused exactly where the types
 * differ. What a schedule saw is written as weir_sim_sometimes, and each must have been seen. */
#include <stdio.h>
#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"

enum { DEPTHS = 4 }; /* an item, arrays of them, arrays of arrays ... */

static weir_type types[DEPTHS];

/* Bits of a set of codes; below, the numbers of nodes. */
enum { FILTERED = 60, NO_ROUTE, INCOMPLETE };

/* ---- trees ---- */

enum kind { PLUS, SPLIT, SUM, KEEP, CHAIN, FAN_OUT, ROUTER, MAP, JOIN, REDUCE, BATCH, KINDS };

struct node {
	enum kind kind;
	int in, out; /* depths of what it takes and makes */
	int n;
	struct node *kids[3];
	int number, param, fails; /* fails: at ids of this remainder; -1: never */
	size_t lanes;
	bool flag; /* collect, whole */
};

static struct node nodes[128];
static int n_nodes;

static int draw(int n, const char *why)
{
	return (int)weir_sim_choose((uint32_t)n, why);
}

static struct node *node_of(enum kind kind, int in, int out)
{
	WEIR_SIM_ASSERT(n_nodes < 128);
	struct node *node = &nodes[n_nodes];
	*node = (struct node){.kind = kind, .in = in, .out = out, .number = n_nodes++ % FILTERED, .fails = -1};
	node->param = draw(3, "a parameter");
	if (kind <= KEEP && draw(4, "whether it can fail") == 0)
		node->fails = draw(9, "at which ids");
	if (kind >= FAN_OUT) {
		node->lanes = (size_t)draw(2, "lanes") + 1;
		node->flag = draw(2, "collect, whole") == 1;
	}
	return node;
}

static struct node *around(enum kind kind, struct node *kid, int in, int out)
{
	struct node *node = node_of(kind, in, out);
	node->kids[node->n++] = kid;
	return node;
}

/* From arrays one level down, or up: maps of a leaf. */
static struct node *level(int in, bool down)
{
	struct node *node = down ? node_of(SUM, 1, 0) : node_of(SPLIT, 0, 1);
	for (int d = down ? 1 : 0; d < in; d++)
		node = around(MAP, node, node->in + 1, node->out + 1);
	return node;
}

static struct node *then(struct node *first, struct node *second)
{
	struct node *chain = around(CHAIN, first, first->in, second->out);
	chain->kids[chain->n++] = second;
	return chain;
}

static struct node *grow(int in, int room);

/* A tree from in to out. */
static struct node *grow_to(int in, int out, int room)
{
	struct node *node = grow(in, room);
	while (node->out != out)
		node = then(node, level(node->out, node->out > out));
	return node;
}

static struct node *grow_several(enum kind kind, int in, int room)
{
	int n = draw(3, "how many children") + 1;
	struct node *first = grow(in, room - 1);
	if (first->out == DEPTHS - 1)
		first = then(first, level(first->out, true));
	struct node *node = around(kind, first, in, first->out + 1);
	while (node->n < n)
		node->kids[node->n++] = grow_to(in, first->out, room - 2);
	return node;
}

/* A tree that takes what has this depth. */
static struct node *grow(int in, int room)
{
	static const enum kind of_items[] = {CHAIN, FAN_OUT, ROUTER, CHAIN, SPLIT, PLUS, KEEP};
	static const enum kind of_arrays[] = {CHAIN, FAN_OUT, ROUTER, CHAIN, MAP, REDUCE, BATCH, JOIN, MAP};
	if (room <= 0 || n_nodes > 30)
		return in ? level(in, true) : node_of(PLUS, 0, 0);
	enum kind kind = in ? of_arrays[draw(9, "a kind")] : of_items[draw(7, "a kind")];
	if (kind == CHAIN) {
		struct node *first = grow(in, room - 1);
		return then(first, grow(first->out, room - 1));
	}
	if (kind == FAN_OUT || kind == ROUTER)
		return grow_several(kind, in, room);
	if (in == 0)
		return node_of(kind, 0, kind == SPLIT);
	if (kind == BATCH && in == 1)
		return around(BATCH, grow_to(1, 1, room - 1), 1, 1);
	if (kind == JOIN && in == 1)
		return node_of(JOIN, 1, 2);
	struct node *kid = grow(kind == REDUCE && in == 1 ? 1 : in - 1, room - 1);
	if (kid->out == DEPTHS - 1)
		kid = then(kid, level(kid->out, true));
	return around(kid->in == in ? REDUCE : MAP, kid, in, kid->out + 1);
}

/* ---- the functions ---- */

/* Not often: most of a large tree should be reached. */
static bool fails_at(const struct node *node, int id)
{
	return node->fails >= 0 && id % 9 == node->fails;
}

static int code_of(int number)
{
	return WEIR_EUSER - number;
}

/* Others run; some time may pass. */
static int moment(weir_ctx *ctx, const struct node *node)
{
	if (node->param == 1)
		return weir_sleep(ctx, WEIR_MS(1));
	weir_rt_yield(weir_ctx_rt(ctx));
	return node->param == 2 ? weir_ctx_err(ctx) : 0; /* or it is deaf */
}

static int plus(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct node *node = arg;
	const struct item *item = in;
	int rc = moment(ctx, node);
	WEIR_SIM_EQ(item->dropped, 0);
	if (rc == 0 && fails_at(node, item->id))
		rc = weir_fail(err, code_of(node->number), "node %d", node->number);
	if (rc == 0)
		*(struct item *)out = item_new(item->id + node->param + 1);
	return rc;
}

static int split(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct node *node = arg;
	int rc = moment(ctx, node), id = ((const struct item *)in)->id;
	if (rc == 0 && fails_at(node, id))
		rc = weir_fail(err, code_of(node->number), "node %d", node->number);
	if (rc == 0)
		rc = weir_array_new(weir_ctx_rt(ctx), &types[0], (size_t)id % 4, out);
	for (int i = 0; i < id % 4 && rc == 0; i++)
		rc = weir_array_put(out, (size_t)i, &(struct item){.id = id + i});
	alive += rc == 0 ? id % 4 : 0;
	return rc;
}

static int sum(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	const struct node *node = arg;
	int rc = moment(ctx, node), all = (int)in->n;
	for (size_t i = 0; i < in->n; i++)
		all += ((const struct item *)weir_array_at(in, i))->id;
	if (rc == 0 && fails_at(node, all))
		rc = weir_fail(err, code_of(node->number), "node %d", node->number);
	if (rc == 0)
		*(struct item *)out = item_new(all);
	return rc;
}

static int keep(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	const struct node *node = arg;
	int rc = moment(ctx, node), id = ((const struct item *)in)->id;
	if (rc == 0 && fails_at(node, id))
		rc = weir_fail(err, code_of(node->number), "node %d", node->number);
	return rc < 0 ? rc : id % 3 != node->param;
}

/* Which of n routes: by the bits of a number that the value has; one of them twice, sometimes. */
static size_t select_by(const struct node *node, int number, size_t *picks)
{
	size_t n = 0;
	for (int i = 0; i < node->n; i++)
		if ((number + node->param) >> i & 1)
			picks[n++] = (size_t)i;
	if (n > 0 && number % 5 == 0)
		picks[n++] = picks[0];
	return n;
}

static int selector(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	const struct node *node = arg;
	int rc = moment(ctx, node);
	int number = node->in ? (int)((const weir_array *)in)->n : ((const struct item *)in)->id;
	(void)err;
	WEIR_SIM_EQ(cap, node->n + 1);
	return rc < 0 ? rc : (int)select_by(node, number, picks);
}

static int key_of(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	int rc = moment(ctx, arg);
	(void)err;
	if (rc == 0) /* a key that owns something */
		*(struct item *)key = item_new(((const struct item *)value)->id % 3);
	return rc;
}

static int by_id(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct item *)a)->id - ((const struct item *)b)->id;
}

static int by_parity(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct item *)a)->id % 2 - ((const struct item *)b)->id % 2;
}

/* ---- as stages ---- */

static weir_stage *build(weir_rt *rt, struct node *node)
{
	weir_stage *kids[3] = {NULL};
	for (int i = 0; i < node->n; i++)
		kids[i] = build(rt, node->kids[i]);
	size_t n = (size_t)node->n;
	struct weir_stage_opts o = {.in = &types[node->in], .out = &types[node->out], .arg = node};
	switch (node->kind) {
	case PLUS:
		o.process = plus;
		return weir_stage_new(rt, &o);
	case SPLIT:
		o.process = split;
		return weir_stage_new(rt, &o);
	case SUM:
		return weir_fan_in(rt, &types[0], &types[0], sum, node);
	case KEEP:
		return weir_filter(rt, &types[0], keep, node);
	case CHAIN:
		return weir_chain(kids, n);
	case FAN_OUT:
		return weir_fan_out(kids, n, node->lanes);
	case ROUTER:
		return weir_router(kids, n,
				   &(struct weir_router_opts){.selector = selector,
							      .arg = node,
							      .max = n + 1,
							      .concurrency = node->lanes});
	case MAP:
		return weir_map(kids[0], &(struct weir_map_opts){.concurrency = node->lanes, .collect = node->flag});
	case JOIN:
		return weir_join_by_key(
			rt, &types[0],
			&(struct weir_join_opts){.key_of = key_of, .key = &types[0], .order = by_id, .arg = node});
	case REDUCE:
		return weir_reduce(kids[0], &(struct weir_reduce_opts){.order = by_parity, .concurrency = node->lanes});
	case BATCH:
	case KINDS:
		break;
	}
	return weir_batch(kids[0], &(struct weir_batch_opts){.size = (size_t)node->param + 1, .whole = node->flag});
}

/* ---- the reference ---- */

#define MOST 64 /* values in an array */

struct value {
	bool hole;
	int id, n;
	struct value *at[MOST];
};

/* A value, or the codes it can fail with; a part: the value, and the code is WEIR_EPARTIAL. */
struct result {
	struct value *value;
	uint64_t codes;
	bool part;
};

static struct value values[4096];
static int n_values;

static struct value *value_of(int id, int n)
{
	WEIR_SIM_ASSERT(n_values < 4096 && n <= MOST);
	struct value *v = &values[n_values++];
	*v = (struct value){.id = id, .n = n};
	return v;
}

static struct result failed(int code)
{
	return (struct result){.codes = UINT64_C(1) << code};
}

static struct result eval(const struct node *node, const struct value *in);

/* What a stage that cannot pass on a part makes of one. */
static struct result within(struct result r)
{
	return r.part ? failed(INCOMPLETE) : r;
}

/* What n items at `lanes` at a time amount to. */
static struct result together(const struct result *items, int n, size_t lanes, bool collect)
{
	struct result all = {.value = value_of(0, n)};
	size_t failures = 0;
	for (int i = 0; i < n; i++) {
		bool bad = items[i].codes != 0;
		all.value->at[i] = items[i].value;
		if (bad && collect) {
			all.value->at[i] = value_of(0, 0);
			all.value->at[i]->hole = true;
			all.part = true;
		} else if (bad && failures++ < lanes) {
			all.codes |= items[i].codes;
		}
	}
	return all;
}

static struct result eval_leaf(const struct node *node, const struct value *in)
{
	struct result r = {0};
	int id = in->id;
	if (node->kind == SUM) {
		id = in->n;
		for (int i = 0; i < in->n; i++)
			id += in->at[i]->id;
	}
	if (fails_at(node, id))
		return failed(node->number);
	if (node->kind == KEEP && id % 3 == node->param)
		return failed(FILTERED);
	r.value = value_of(node->kind == PLUS ? id + node->param + 1 : id, node->kind == SPLIT ? id % 4 : 0);
	for (int i = 0; i < r.value->n; i++)
		r.value->at[i] = value_of(id + i, 0);
	return r;
}

static struct result eval_chain(const struct node *node, const struct value *in)
{
	struct result r = {0};
	for (int i = 0; i < node->n; i++) {
		r = eval(node->kids[i], in);
		if (i + 1 < node->n)
			r = within(r);
		if (r.codes)
			return r;
		in = r.value;
	}
	return r;
}

static struct result eval_several(const struct node *node, const struct value *in)
{
	struct result items[MOST];
	size_t picks[4] = {0, 1, 2}, n = (size_t)node->n;
	if (node->kind == ROUTER)
		n = select_by(node, node->in ? in->n : in->id, picks);
	if (n == 0)
		return failed(NO_ROUTE);
	for (size_t i = 0; i < n; i++)
		items[i] = within(eval(node->kids[picks[i]], in));
	return together(items, (int)n, node->lanes, false);
}

static struct result eval_map(const struct node *node, const struct value *in)
{
	struct result items[MOST];
	for (int i = 0; i < in->n; i++)
		items[i] = within(eval(node->kids[0], in->at[i]));
	return together(items, in->n, node->lanes, node->flag);
}

/* The values with this remainder. */
static struct value *group(const struct value *in, int by, int remainder)
{
	struct value *g = value_of(0, 0);
	for (int i = 0; i < in->n; i++)
		if (in->at[i]->id % by == remainder)
			g->at[g->n++] = in->at[i];
	return g;
}

static struct result eval_join(const struct value *in)
{
	struct result r = {.value = value_of(0, 0)};
	bool seen[3] = {false};
	for (int i = 0; i < in->n; i++) {
		int key = in->at[i]->id % 3;
		if (!seen[key])
			r.value->at[r.value->n++] = group(in, 3, key);
		seen[key] = true;
	}
	return r;
}

static struct result eval_reduce(const struct node *node, const struct value *in)
{
	struct result items[2];
	int n = 0;
	for (int parity = 0; parity < 2; parity++) {
		const struct value *g = group(in, 2, parity);
		if (g->n)
			items[n++] = within(eval(node->kids[0], g));
	}
	return together(items, n, node->lanes, false);
}

static struct result eval_batch(const struct node *node, const struct value *in)
{
	struct result all = {.value = value_of(0, 0)};
	for (int from = 0; from < in->n; from += node->param + 1) {
		struct value *part = value_of(0, 0);
		for (int i = from; i < in->n && i <= from + node->param; i++)
			part->at[part->n++] = in->at[i];
		struct result r = within(eval(node->kids[0], part));
		if (r.codes && node->flag)
			return r;
		all.part = r.codes != 0;
		if (all.part)
			break;
		for (int i = 0; i < r.value->n; i++) {
			WEIR_SIM_ASSERT(all.value->n < MOST);
			all.value->at[all.value->n++] = r.value->at[i];
		}
	}
	return all;
}

static struct result eval(const struct node *node, const struct value *in)
{
	switch (node->kind) {
	case PLUS:
	case SPLIT:
	case SUM:
	case KEEP:
		return eval_leaf(node, in);
	case CHAIN:
		return eval_chain(node, in);
	case FAN_OUT:
	case ROUTER:
		return eval_several(node, in);
	case MAP:
		return eval_map(node, in);
	case JOIN:
		return eval_join(in);
	case REDUCE:
		return eval_reduce(node, in);
	case BATCH:
	case KINDS:
		break;
	}
	return eval_batch(node, in);
}

/* ---- the two against each other ---- */

static bool is_same(const struct value *want, const void *got, int depth)
{
	if (!got || want->hole)
		return !got && want->hole;
	if (depth == 0)
		return !((const struct item *)got)->dropped && ((const struct item *)got)->id == want->id;
	const weir_array *a = got;
	bool same = a->n == (size_t)want->n;
	for (size_t i = 0; i < a->n && same; i++)
		same = is_same(want->at[i], weir_array_at(a, i), depth - 1);
	return same;
}

static bool is_expected(const struct result *want, int rc)
{
	if (want->codes == 0)
		return rc == (want->part ? WEIR_EPARTIAL : 0);
	for (int i = 0; i < 64; i++) {
		int code = i == FILTERED     ? WEIR_EFILTERED
			   : i == NO_ROUTE   ? WEIR_ENOROUTE
			   : i == INCOMPLETE ? WEIR_EINCOMPLETE
					     : code_of(i);
		if (want->codes >> i & 1 && rc == code)
			return true;
	}
	return false;
}

/* Whether the run was given no memory: then it may fail with that, and with what comes of it, or could not say why it
 * failed: a member without memory is only counted. */
static bool is_poor(bool faults, const weir_err *err)
{
	char text[300];
	weir_err_format(err, text, sizeof(text));
	return faults &&
	       (weir_err_is(err, WEIR_ENOMEM) || weir_err_is(err, WEIR_EAGAIN) || strstr(text, "; and ") != NULL);
}

/* Looks at how it ended, and drops what came out. */
static void judge(const struct node *root, const struct result *want, int rc, const weir_err *err, weir_array *out,
		  int ended, bool faults)
{
	bool has_value = rc == 0 || rc == WEIR_EPARTIAL, is_end = rc < 0 && ended && weir_err_is(err, ended);
	bool same = has_value && want->value && is_same(want->value, out, root->out);
	WEIR_SIM_EQ(err->code, rc);
	if (!is_end && !is_poor(faults, err)) {
		if (!is_expected(want, rc))
			weir_sim_fail(__FILE__, __LINE__, "returned %d; the reference: %llx%s", rc,
				      (unsigned long long)want->codes, want->part ? ", a part" : "");
		WEIR_SIM_ASSERT(!has_value || same);
	}
	weir_sim_sometimes(rc == 0 && same, "a value");
	weir_sim_sometimes(rc == 0 && n_nodes > 20, "a value of a large tree");
	weir_sim_sometimes(is_end && rc == ended, "the end of the context");
	weir_sim_sometimes(rc <= WEIR_EUSER && weir_err_member(err, 0, NULL), "a second failure");
	weir_sim_sometimes(rc == WEIR_EPARTIAL, "a part");
	weir_sim_sometimes(rc <= WEIR_EUSER, "a failure");
	weir_sim_sometimes(rc == WEIR_EINCOMPLETE, "a part that was not passed on");
	weir_sim_sometimes(rc == WEIR_ENOROUTE, "no route");
	weir_sim_sometimes(rc == WEIR_EFILTERED, "a filter");
	if (has_value)
		types[root->out].drop(out, types[root->out].arg);
}

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = draw(40, "how long the canceller waits"); i > 0; i--)
		weir_rt_yield(weir_ctx_rt(ctx));
	weir_ctx_cancel(arg, "enough");
	return 0;
}

/* Runs item 1 .. 8 through the call, twice: the second time with all that the first left in it. */
static void run_tree(weir_ctx *ctx, const struct node *root, weir_call *call, bool faults)
{
	for (int round = 0; round < 2; round++) {
		union {
			struct item item;
			weir_array array;
		} out;
		struct item in = {.id = draw(8, "the input") + 1};
		weir_scope s;
		weir_ctx own;
		weir_err err = {0};
		int end = draw(4, "cancel, deadline, none");
		n_values = 0;
		struct result want = eval(root, value_of(in.id, 0));
		alive = 1;
		weir_ctx_init(&own, ctx,
			      end == 1 ? weir_rt_now(weir_ctx_rt(ctx)) + WEIR_MS(draw(4, "ms")) : WEIR_FOREVER);
		weir_scope_init(&s, ctx);
		if (end == 0 && weir_scope_spawn(&s, "canceller", cancel_it, &own) < 0)
			end = 2; /* a fault */
		int rc = weir_call_process(&own, call, &in, &out, &err);
		judge(root, &want, rc, &err, &out.array,
		      end == 0   ? WEIR_ECANCELED
		      : end == 1 ? WEIR_EDEADLINE
				 : 0,
		      faults);
		if (rc < 0 || alive == 1)
			item_free(&in);
		weir_err_fini(&err);
		WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
		weir_ctx_fini(&own);
		WEIR_SIM_EQ(alive, 0);
	}
}

/* ---- a probe ---- */

static weir_probe probe;
static bool is_open[4096]; /* by span */
static int n_open;

static void hear(const struct weir_probe_event *e, void *arg)
{
	(void)arg;
	WEIR_SIM_ASSERT(e->span < 4096 && (!e->err || e->err->code == e->code));
	WEIR_SIM_ASSERT(e->parent == 0 || is_open[e->parent]);
	WEIR_SIM_ASSERT(e->kind <= WEIR_PROBE_ITEM_FAILED || e->kind == WEIR_PROBE_BATCH);
	if (e->kind == WEIR_PROBE_STAGE_STARTED) {
		WEIR_SIM_ASSERT(!is_open[e->span]);
		is_open[e->span] = true;
		n_open++;
	} else if (e->kind <= WEIR_PROBE_STAGE_FILTERED) {
		WEIR_SIM_ASSERT(is_open[e->span] && (e->code == 0) == (e->kind == WEIR_PROBE_STAGE_DONE));
		is_open[e->span] = false;
		n_open--;
	} else if (e->span) {
		WEIR_SIM_ASSERT(is_open[e->span]);
	}
	weir_sim_sometimes(e->kind == WEIR_PROBE_GROUP, "a group");
	weir_sim_sometimes(e->kind == WEIR_PROBE_BATCH, "a batch");
	weir_sim_sometimes(e->kind == WEIR_PROBE_ROUTED, "a route");
	weir_sim_sometimes(e->kind == WEIR_PROBE_ITEM_FAILED && e->err, "an item that failed, in full");
	weir_sim_sometimes(n_open > 6, "many spans at once");
}

static void listen(weir_ctx *ctx)
{
	memset(is_open, 0, sizeof(is_open));
	n_open = 0;
	probe = (weir_probe){.fn = hear};
	WEIR_SIM_EQ(weir_probe_attach(weir_ctx_rt(ctx), &probe), 0);
}

/* ---- the tests ---- */

static void any_tree(weir_ctx *ctx, bool faults)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_scope s;
	types[0] = *item_type();
	for (int i = 1; i < DEPTHS; i++)
		types[i] = weir_array_type(&types[i - 1]);
	n_nodes = 0;
	struct node *root = grow(0, 3);
	for (int i = 0; i < 2; i++)
		root = then(root, grow(root->out, 3));
	weir_stage *st = build(rt, root);
	int rc = weir_stage_check(st, NULL);
	WEIR_SIM_ASSERT(rc == 0 || (faults && rc == WEIR_ENOMEM));
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	WEIR_SIM_ASSERT(rc == 0 || (faults && (rc == WEIR_ENOMEM || rc == WEIR_EAGAIN)));
	if (rc == 0)
		run_tree(ctx, root, call, faults);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

WEIR_SIM_TEST_WITH(trees_of_any_shape, .schedules = 6000, .steps = 100000, .need_sometimes = true)
{
	any_tree(ctx, false);
}

WEIR_SIM_TEST_WITH(trees_without_memory, .schedules = 3000, .steps = 100000, .faults = 2,
		   .fault_kinds = WEIR_SIM_FAULT_ALLOC | WEIR_SIM_FAULT_SPAWN)
{
	any_tree(ctx, true);
}

WEIR_SIM_TEST_WITH(trees_with_a_probe, .schedules = 3000, .steps = 100000, .need_sometimes = true)
{
	listen(ctx);
	any_tree(ctx, false);
	WEIR_SIM_EQ(n_open, 0);
}

/* ---- chains that need not fit ---- */

static int freed;

static void count_free(void *arg)
{
	(void)arg;
	freed++;
}

static int never(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	return weir_fail(err, WEIR_EUSER, "nobody calls it");
}

WEIR_SIM_TEST_WITH(chains_that_need_not_fit, .strategy = "dfs", .allow_no_decisions = true)
{
	weir_stage *children[4];
	weir_err err = {0};
	char text[200];
	int n = draw(4, "how many") + 1, last = 0, bad = 0;
	types[0] = *item_type();
	types[1] = weir_array_type(&types[0]);
	freed = 0;
	for (int i = 0; i < n; i++) {
		int in = draw(2, "takes"), out = draw(2, "makes");
		if (i > 0 && in != last && bad == 0)
			bad = i;
		last = out;
		children[i] = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = i == 0   ? "first"
												 : i == 1 ? "second"
												 : i == 2 ? "third"
													  : "fourth",
											 .in = &types[in],
											 .out = &types[out],
											 .process = never,
											 .arg = &freed,
											 .arg_free = count_free});
	}
	weir_stage *st = weir_chain(children, (size_t)n);
	WEIR_SIM_EQ(weir_stage_check(st, &err), bad ? WEIR_ETYPE : 0);
	weir_err_format(&err, text, sizeof(text));
	WEIR_SIM_EQ(bad == 1, strstr(text, "\"first\" makes") != NULL);
	WEIR_SIM_EQ(bad == 2, strstr(text, "\"second\" makes") != NULL);
	WEIR_SIM_EQ(bad == 3, strstr(text, "\"third\" makes") != NULL);
	weir_err_fini(&err);
	weir_stage_free(&st);
	WEIR_SIM_EQ(freed, n);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
