/* SPDX-License-Identifier: MIT
 *
 * Attempts at the same time: see resilience/hedge.h. Source of the rules: gRPC proposal A6.
 *
 * The attempts are the items of a batch (src/stage/crew.h), with a lane for each: whoever has claimed one waits until
 * it is its turn. If there are fewer helpers than lanes, or none any more, the same task does one after the other,
 * which is what a failure asks for anyway.
 *
 *  A1  Attempts begin in order: item i when i have begun before it and next_at has come. Nobody waits for a turn that
 *      cannot come: next_at is finite, or an attempt runs whose end will change it, or it is over.
 *  A2  over: there is a winner, or a fatal failure, or no attempt may begin any more (stopped, which leaves those that
 *      run alone). A winner or a fatal failure cancels the context of the attempts, once.
 *  A3  A lane's value is the lane's until its attempt has won; then it moves to out, when all have left.
 *  A4  A failure with the code of the attempts' context, which has ended, is a consequence of that end and none of its
 *      own.
 *  A5  What is measured of the first attempt is told outside of the lock: how long it took to succeed, or until it was
 *      overtaken. What the caller's end cut short says nothing.
 *
 * LOCK: one mutex for what attempts share, for a few instructions; nothing of the user's is called under it. */
#include <weir/resilience/hedge.h>

#include "../stage/array.h"
#include "wrap.h"

struct hedge {
	struct weir__spender spender;
	struct weir_hedge_opts opts;
	bool copies;
};

struct lane {
	struct weir__run run;
	void *copy, *out;
	weir_err failure;           /* of the attempt with this number: under the lock while it runs */
	struct weir__within within; /* of who runs the attempt */
};

#define NONE SIZE_MAX

struct hedge_node {
	const struct hedge *h;
	struct weir__crew *crew;
	weir_mutex lock;
	weir_cond turn;
	struct weir__batch batch;
	const struct weir__probed *probed;
	weir_ctx own; /* of the attempts */
	const void *in;
	struct weir__spent spent;
	bool over, stopped; /* from here on: under the lock */
	struct lane *winner;
	uint32_t started, failed;
	int64_t next_at;
	size_t fatal; /* the number of an attempt */
	struct lane lanes[];
};

static bool is_fatal(const struct weir_hedge_opts *o, int rc, const weir_err *failure)
{
	if (o->fatal)
		return o->fatal(rc, failure, o->arg);
	return weir__is_no_fault(rc) || rc == WEIR_ELIMITED || rc == WEIR_EOVERLOAD;
}

static int64_t delay_of(const struct weir_hedge_opts *o, uint32_t started)
{
	int64_t ns = o->measured ? weir_latency_percentile(o->measured, o->percent) : -1;
	if (ns < 0)
		ns = o->delay ? o->delay(started, o->arg) : o->delay_ns;
	return ns < 0 ? 0 : ns;
}

/* Waits until item i may begin, under the lock: A1. False: it shall not. */
static bool await_turn(weir_ctx *ctx, struct hedge_node *node, size_t i)
{
	while (!node->over && !node->stopped && weir_ctx_err(ctx) == 0) {
		weir_ctx until;
		bool mine = i == node->started;
		if (mine && weir_rt_now(node->h->spender.base.rt) >= node->next_at)
			return true;
		weir_ctx_init(&until, ctx, mine ? node->next_at : WEIR_FOREVER);
		int rc = weir_cond_wait(&until, &node->turn, &node->lock);
		(void)rc; /* whether it was its time, a change or an end: look again */
		weir_ctx_fini(&until);
	}
	return false;
}

/* Whether item i begins: from here on it is the only one that can, until `started` says that it has. */
static bool begin(weir_ctx *ctx, struct hedge_node *node, size_t i)
{
	const struct weir_hedge_opts *o = &node->h->opts;
	weir_mutex_lock(ctx, &node->lock);
	bool turn = await_turn(ctx, node, i);
	weir_mutex_unlock(&node->lock);
	if (!turn)
		return false;
	bool allowed = i == 0 || ((!o->allow || o->allow((uint32_t)i, o->arg)) &&
				  (!o->budget || weir_budget_retry(o->budget) == 0));
	int64_t delay = allowed && i + 1 < o->max_attempts ? delay_of(o, (uint32_t)i + 1) : WEIR_FOREVER;
	weir_mutex_lock(ctx, &node->lock);
	turn = allowed && !node->over && !node->stopped;
	if (turn) {
		node->started++;
		node->next_at = weir_time_add(weir_rt_now(node->h->spender.base.rt), delay);
	}
	node->stopped |= !allowed;
	weir_cond_broadcast(&node->turn);
	weir_mutex_unlock(&node->lock);
	if (turn && i > 0)
		weir__told(node->probed, WEIR_PROBE_RETRY, 0, (int64_t)i + 1);
	return turn;
}

/* A2, under the lock. */
static void end_all(struct hedge_node *node, const char *why)
{
	node->over = true;
	weir_ctx_cancel_as(&node->own, WEIR_CAUSE_SIBLING, why);
}

static bool succeeded(weir_ctx *ctx, struct hedge_node *node, struct lane *lane)
{
	weir_mutex_lock(ctx, &node->lock);
	bool won = !node->winner && node->fatal == NONE;
	if (won) {
		node->winner = lane;
		end_all(node, "another attempt succeeded");
	}
	weir_cond_broadcast(&node->turn);
	weir_mutex_unlock(&node->lock);
	return won;
}

/* Returns whether it failed because it was overtaken. */
static bool failed(weir_ctx *ctx, struct hedge_node *node, size_t i, int rc, weir_err *one)
{
	const struct weir_hedge_opts *o = &node->h->opts;
	bool ended = rc == weir_ctx_err(ctx); /* A4 */
	bool fatal = !ended && is_fatal(o, rc, one);
	int64_t later = ended || fatal || !o->pushback ? 0 : o->pushback(rc, one, o->arg);
	weir_mutex_lock(ctx, &node->lock);
	if (!ended && !node->winner) {
		weir_err_move(&node->lanes[i].failure, one);
		node->failed++;
		node->stopped |= later < 0;
		node->next_at = weir_time_add(weir_rt_now(node->h->spender.base.rt), later < 0 ? 0 : later);
		if (fatal && node->fatal == NONE) {
			node->fatal = i;
			end_all(node, "another attempt failed for good");
		}
	}
	bool overtaken = node->winner != NULL; /* whatever it calls its end */
	weir_cond_broadcast(&node->turn);
	weir_mutex_unlock(&node->lock);
	return overtaken;
}

static void do_attempt(weir_ctx *ctx, void *arg, uint32_t at, size_t i)
{
	struct hedge_node *node = arg;
	struct lane *lane = &node->lanes[at];
	const weir_type *in = &node->h->spender.base.in, *made = &node->h->spender.base.out;
	weir_latency *measured = i == 0 ? node->h->opts.measured : NULL; /* A5 */
	weir_err one = {0};
	int rc = 0;
	if (!begin(ctx, node, i))
		return;
	if (lane->copy)
		rc = weir__type_copy(in, node->in, lane->copy);
	if (rc < 0) {
		(void)weir_fail(&one, rc, "no copy of %s for \"%s\"", in->name, lane->run.st->name);
		(void)failed(ctx, node, i, rc, &one);
		weir_err_fini(&one);
		return;
	}
	int64_t from = measured ? weir_rt_now(node->h->spender.base.rt) : 0;
	weir__spender_begins(&lane->within);
	rc = lane->run.fn(ctx, lane->copy ? lane->copy : node->in, lane->out, &one, lane->run.arg);
	if (rc != 0) /* first: a positive code is a failure for the budget too */
		rc = weir__run_failed_at(&lane->run, rc, WEIR__NO_INDEX, (uint32_t)i + 1, &one);
	weir__spender_result(&lane->within, ctx, rc); /* A4 */
	if (rc == 0) {
		if (measured)
			weir_latency_add(measured, weir_rt_now(node->h->spender.base.rt) - from);
		if (!succeeded(ctx, node, lane) && made->drop)
			made->drop(lane->out, made->arg); /* A3 */
		weir_err_fini(&one);
		return;
	}
	if (lane->copy)
		in->drop(lane->copy, in->arg);
	if (failed(ctx, node, i, weir__run_forget(&lane->run, rc, lane->out, &one), &one) && measured)
		weir_latency_add(measured, weir_rt_now(node->h->spender.base.rt) - from);
	weir_err_fini(&one);
}

/* What it all amounts to, when everybody has left. */
static int outcome(weir_ctx *ctx, struct hedge_node *node, void *out, weir_err *err)
{
	struct lane *lanes = node->lanes;
	uint32_t n = node->h->opts.max_attempts;
	int rc = 0;
	if (node->winner) {
		memcpy(out, node->winner->out, node->h->spender.base.out.size);
	} else if (node->fatal != NONE) {
		rc = lanes[node->fatal].failure.code;
		weir_err_move(err, &lanes[node->fatal].failure);
	} else if (node->failed == node->started && (node->started == n || node->stopped)) {
		rc = weir_err_wrap(err, WEIR_EEXHAUSTED, node->started);
	} else {
		rc = weir_fail(err, weir_ctx_err(ctx), "ended before an attempt had an answer");
	}
	for (uint32_t i = 0; i < n; i++) {
		if (rc < 0)
			weir_err_add(err, node->h->spender.base.rt, i, &lanes[i].failure);
		weir_err_fini(&lanes[i].failure);
	}
	return rc;
}

static int hedge_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct hedge_node *node = arg;
	int rc = weir_ctx_err(ctx);
	if (rc < 0)
		return rc;
	node->in = in;
	node->over = node->stopped = false;
	node->winner = NULL;
	node->started = node->failed = 0;
	node->next_at = 0;
	node->fatal = NONE;
	weir__spender_call(&node->h->spender);
	weir_ctx_init(&node->own, ctx, WEIR_FOREVER);
	node->batch.item = do_attempt;
	node->batch.arg = node;
	node->batch.n = node->h->opts.max_attempts;
	node->batch.lanes = node->h->opts.max_attempts;
	node->batch.at_once = true; /* an attempt is not done because others are short */
	weir__crew_do(&node->own, node->crew, &node->batch);
	rc = outcome(&node->own, node, out, err);
	weir_ctx_fini(&node->own);
	weir__spender_ends(&node->h->spender, &node->spent, ctx, rc);
	return rc;
}

static void hedge_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct hedge *h = (const struct hedge *)st;
	uint32_t n = h->opts.max_attempts;
	struct hedge_node *node = weir__bind_node(b, st, sizeof(*node) + n * sizeof(struct lane));
	node->h = h;
	node->probed = weir__binder_probed(b, st);
	node->crew = weir__binder_crew(b);
	weir__spent_bind(b, &h->spender, &node->spent);
	weir_mutex_init(&node->lock, st->rt);
	weir_cond_init(&node->turn, st->rt);
	for (uint32_t i = 0; i < n; i++) {
		weir__within_bind(b, &h->spender, &node->lanes[i].within, &node->lanes[i].run);
		node->lanes[i].out = weir__bind_value(b, &st->out);
		if (h->copies)
			node->lanes[i].copy = weir__bind_value(b, &st->in);
	}
	out->fn = hedge_process;
	out->arg = node;
}

static void hedge_unbind(void *mem)
{
	struct hedge_node *node = mem;
	weir_cond_fini(&node->turn);
	weir_mutex_fini(&node->lock);
}

const struct weir__stage_ops weir__hedge_ops = {.bind = hedge_bind, .unbind = hedge_unbind};

static void set_opts(weir_stage *st, struct weir_hedge_opts *o, const struct weir_hedge_opts *given)
{
	if (given)
		*o = *given;
	if (o->delay_ns < WEIR_HEDGE_AT_ONCE)
		weir__stage_wrong(st, WEIR_EINVAL, "has a delay of %lld ns: WEIR_HEDGE_AT_ONCE is the least",
				  (long long)o->delay_ns);
	if (o->max_attempts > WEIR_HEDGE_MAX) {
		weir__stage_wrong(st, WEIR_EINVAL, "has %u attempts: at most %d can be", o->max_attempts,
				  WEIR_HEDGE_MAX);
		o->max_attempts = 0;
	}
	if (!(o->percent >= 0 && o->percent <= 100))
		weir__stage_wrong(st, WEIR_EINVAL, "has a percentage that is none: above 0, up to 100");
	if (o->percent > 0 && !o->measured)
		weir__stage_wrong(st, WEIR_EINVAL, "has a percentage of nothing that is measured: set `measured`");
	o->percent = o->percent > 0 ? o->percent : 95;
	o->max_attempts = o->max_attempts ? o->max_attempts : 2;
	o->delay_ns = o->delay_ns ? o->delay_ns : WEIR_HEDGE_DELAY;
}

weir_stage *weir_hedge(weir_stage *child, const struct weir_hedge_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "hedge";
	weir_stage *st = weir__stage_make(NULL, &weir__hedge_ops, name, sizeof(struct hedge), &child, 1);
	if (!weir__stage_ok(st))
		return st;
	struct hedge *h = (struct hedge *)st;
	set_opts(st, &h->opts, opts);
	weir__spender_set(&h->spender, h->opts.budget);
	uint32_t n = h->opts.max_attempts;
	st->in = child->in;
	st->out = child->out;
	h->copies = child->takes && child->in.drop;
	if (h->copies && !weir__type_copies(&child->in))
		weir__stage_wrong(st, WEIR_EINVAL, "would have \"%s\" take its %s more than once: it cannot be copied",
				  child->name, child->in.name);
	st->bytes += weir__node_room(sizeof(struct hedge_node) + n * sizeof(struct lane)) +
		     n * (weir__type_room(&st->out) + (h->copies ? weir__type_room(&st->in) : 0)) +
		     (n - 1) * child->bytes;
	st->helpers = n * child->helpers + n - 1;
	return st;
}
