/* SPDX-License-Identifier: MIT
 *
 * Filters, joins, batches and batchers under a cancel at every operation, and batchers in exact virtual time. Values
 * are items that are counted: `alive` goes up when one is made or copied and down when one is dropped, and a dropped
 * one is marked; at the end of each test none is alive.
 *
 * A test of a race sets a bit for what happened; the last test checks that the search saw every outcome. */
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"

static unsigned seen_filter, seen_join, seen_batch, seen_whole, seen_batcher, seen_leaves;

WEIR_ARRAY_DECLARE(rows, items);
WEIR_TYPE_PLAIN(num, int);
WEIR_CHAN_DECLARE(item);
WEIR_CHAN_DECLARE(items);

/* A stage, its call, and a context of its own that another task cancels at some point. */
struct run {
	weir_scope s;
	weir_ctx own;
	weir_stage *st;
	weir_call *call;
};

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "enough");
	return 0;
}

static void open_run(weir_ctx *ctx, struct run *r, weir_stage *st)
{
	alive = 0;
	r->st = st;
	weir_scope_init(&r->s, ctx);
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	WEIR_SIM_EQ(weir_call_new(&r->s, st, &r->call), 0);
	weir_ctx_init(&r->own, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_spawn(&r->s, "canceller", cancel_it, &r->own), 0);
}

static void close_run(weir_ctx *ctx, struct run *r)
{
	weir_call_free(&r->call);
	weir_stage_free(&r->st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &r->s, 0, NULL), 0);
	weir_ctx_fini(&r->own);
	WEIR_SIM_EQ(alive, 0);
}

/* Waits for a moment, or until ctx ends. */
static int moment(weir_ctx *ctx)
{
	weir_rt_yield(weir_ctx_rt(ctx));
	return weir_ctx_err(ctx);
}

/* ---- filter ---- */

static int keep_even(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)err, (void)arg;
	return rc < 0 ? rc : ((const struct item *)in)->id % 2 == 0;
}

WEIR_SIM_TEST_WITH(filter_canceled_anywhere, .strategy = "dfs")
{
	struct run r;
	open_run(ctx, &r, weir_filter(weir_ctx_rt(ctx), item_type(), keep_even, NULL));
	for (int id = 0; id < 2; id++) {
		struct item in = item_new(id), out;
		int rc = weir_call_process(&r.own, r.call, &in, &out, NULL);
		WEIR_SIM_ASSERT(rc == WEIR_ECANCELED || rc == (id ? WEIR_EFILTERED : 0));
		seen_filter |= rc == WEIR_ECANCELED ? 1u << id : 4u << id;
		if (rc == 0)
			WEIR_SIM_EQ(out.id, 0);
		item_free(rc == 0 ? &out : &in); /* it has moved, or is ours as it was */
	}
	close_run(ctx, &r);
}

/* ---- join ---- */

static int key_of(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)err, (void)arg;
	if (rc == 0) /* a key that owns something: it is counted too */
		*(struct item *)key = item_new(((const struct item *)value)->id % 2);
	return rc;
}

static int by_id(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct item *)a)->id - ((const struct item *)b)->id;
}

WEIR_SIM_TEST_WITH(join_canceled_anywhere, .strategy = "dfs")
{
	struct run r;
	rows_t out;
	open_run(ctx, &r,
		 weir_join_by_key(weir_ctx_rt(ctx), item_type(),
				  &(struct weir_join_opts){.key_of = key_of, .key = item_type(), .order = by_id}));
	items_t in = items_of(ctx, 3);
	int rc = weir_call_process(&r.own, r.call, &in, &out, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(alive, rc == 0 ? 6 : 3);
	seen_join |= rc == 0 ? 1 : 2;
	if (rc == 0) {
		WEIR_SIM_EQ(rows_len(&out), 2);
		WEIR_SIM_EQ(items_at(rows_at(&out, 0), 1)->id, 2);
		rows_drop(&out);
	}
	items_drop(&in);
	close_run(ctx, &r);
}

/* ---- batch ---- */

/* Makes two values of each. */
static int twice(weir_ctx *ctx, const items_t *in, items_t *out, weir_err *err, void *arg)
{
	int rc = moment(ctx);
	(void)err, (void)arg;
	if (rc == 0)
		rc = items_new(weir_ctx_rt(ctx), 2 * items_len(in), out);
	for (size_t i = 0; rc == 0 && i < 2 * items_len(in); i++)
		WEIR_SIM_EQ(items_put(out, i, &(struct item){.id = items_at(in, i / 2)->id}), 0);
	alive += rc == 0 ? 2 * (int)items_len(in) : 0;
	return rc;
}
WEIR_STAGE_DECLARE(twice, items, items);

static void batch_canceled(weir_ctx *ctx, bool whole, unsigned *seen)
{
	struct run r;
	struct weir_err_info info = {0};
	weir_err err = {0};
	items_t out;
	open_run(ctx, &r,
		 weir_batch(twice_stage(weir_ctx_rt(ctx), NULL), &(struct weir_batch_opts){.size = 2, .whole = whole}));
	items_t in = items_of(ctx, 5);
	int rc = weir_call_process(&r.own, r.call, &in, &out, &err);
	if (rc == 0 || rc == WEIR_EPARTIAL) {
		size_t n = rc == 0 ? 5 : 0;
		if (rc < 0) {
			WEIR_SIM_ASSERT(!whole);
			WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EPARTIAL, &info));
			WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_ECANCELED));
			n = (size_t)info.value;
		}
		WEIR_SIM_ASSERT(n == 5 || n % 2 == 0);
		WEIR_SIM_EQ(items_len(&out), 2 * n);
		for (size_t i = 0; i < 2 * n; i++)
			WEIR_SIM_EQ(items_at(&out, i)->id, i / 2);
		*seen |= rc == 0 ? 1u : 2u << n;
		items_drop(&out);
	} else {
		WEIR_SIM_EQ(rc, WEIR_ECANCELED);
		*seen |= 128;
	}
	WEIR_SIM_EQ(alive, 5);
	items_drop(&in);
	weir_err_fini(&err);
	close_run(ctx, &r);
}

WEIR_SIM_TEST_WITH(batch_canceled_anywhere, .strategy = "dfs")
{
	batch_canceled(ctx, false, &seen_batch);
}

WEIR_SIM_TEST_WITH(whole_batch_canceled_anywhere, .strategy = "dfs")
{
	batch_canceled(ctx, true, &seen_whole);
}

/* ---- batcher ---- */

struct source {
	item_tx tx;
	int n;
	const int64_t *at; /* when each is sent; NULL: at once */
	int sent;
};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct source *s = arg;
	int rc = 0;
	(void)err;
	for (s->sent = 0; s->sent < s->n && rc == 0;) {
		if (s->at)
			rc = weir_sleep(ctx, s->at[s->sent] - weir_rt_now(weir_ctx_rt(ctx)));
		struct item i = item_new(s->sent);
		if (rc == 0)
			rc = item_send(ctx, s->tx, &i);
		if (rc < 0)
			item_free(&i);
		else
			s->sent++;
	}
	item_tx_close(&s->tx);
	return rc == WEIR_EPIPE ? 0 : rc;
}

struct flow {
	struct source source;
	struct weir_batcher b;
	items_rx rx;
	weir_scope s;
	int rc;
};

static int batch_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct flow *f = arg;
	f->rc = weir_batcher_run(ctx, err, &f->b);
	WEIR_SIM_ASSERT(f->b.in == NULL && f->b.out == NULL);
	return f->rc == WEIR_EPIPE ? 0 : f->rc;
}

static void open_flow(weir_ctx *ctx, struct flow *f, size_t capacity)
{
	item_rx in;
	items_tx out;
	weir_rt *rt = weir_ctx_rt(ctx);
	alive = 0;
	WEIR_SIM_EQ(item_chan_new(rt, capacity, &f->source.tx, &in), 0);
	WEIR_SIM_EQ(items_chan_new(rt, 0, &out, &f->rx), 0);
	f->b.of = item_type();
	f->b.in = in.end;
	f->b.out = out.end;
	weir_scope_init(&f->s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&f->s, "producer", produce, &f->source), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&f->s, "batcher", batch_it, f), 0);
}

static void close_flow(weir_ctx *ctx, struct flow *f)
{
	items_rx_close(&f->rx);
	WEIR_SIM_EQ(weir_scope_join(ctx, &f->s, 0, NULL), 0);
	WEIR_SIM_EQ(f->b.stats.received, f->b.stats.sent + f->b.stats.dropped);
	WEIR_SIM_EQ(alive, 0);
}

/* The next batch: n values from `from` on, at this time. */
static void expect_batch(weir_ctx *ctx, struct flow *f, int from, size_t n, int64_t at)
{
	items_t out;
	WEIR_SIM_EQ(items_recv(ctx, f->rx, &out), 1);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), at);
	WEIR_SIM_EQ(items_len(&out), n);
	for (size_t i = 0; i < n; i++)
		WEIR_SIM_EQ(items_at(&out, i)->id, from + (int)i);
	items_drop(&out);
}

static void expect_end(weir_ctx *ctx, struct flow *f)
{
	items_t out;
	WEIR_SIM_EQ(items_recv(ctx, f->rx, &out), 0);
}

/* By number, by age of the first value, by the end; an age that is over does not hurry the next batch. */
WEIR_SIM_TEST_WITH(batches_by_number_age_and_close, .no_early = true, .schedules = 300)
{
	static const int64_t at[] = {WEIR_MS(1), WEIR_MS(2), WEIR_MS(3), WEIR_MS(10), WEIR_MS(14), WEIR_MS(40)};
	struct flow f = {.source = {.n = 6, .at = at}, .b = {.items = 3, .age_ns = WEIR_MS(5)}};
	open_flow(ctx, &f, 4);
	expect_batch(ctx, &f, 0, 3, WEIR_MS(3));
	expect_batch(ctx, &f, 3, 2, WEIR_MS(15));
	expect_batch(ctx, &f, 5, 1, WEIR_MS(40));
	expect_end(ctx, &f);
	close_flow(ctx, &f);
	WEIR_SIM_EQ(f.rc, 0);
	WEIR_SIM_EQ(f.b.stats.by_items, 1);
	WEIR_SIM_EQ(f.b.stats.by_age, 1);
	WEIR_SIM_EQ(f.b.stats.by_close, 1);
	WEIR_SIM_EQ(f.b.stats.sent, 6);
}

static size_t bytes_of(const void *value, void *arg)
{
	(void)arg;
	return (size_t)((const struct item *)value)->id;
}

/* 0+1+2+3 reaches 5, so does 4+5; 6 alone. */
WEIR_SIM_TEST_WITH(batches_by_bytes, .schedules = 300)
{
	struct flow f = {.source = {.n = 8}, .b = {.items = 100, .bytes = 5, .bytes_of = bytes_of}};
	open_flow(ctx, &f, 1);
	expect_batch(ctx, &f, 0, 4, 0);
	expect_batch(ctx, &f, 4, 2, 0);
	expect_batch(ctx, &f, 6, 1, 0);
	expect_batch(ctx, &f, 7, 1, 0);
	expect_end(ctx, &f);
	close_flow(ctx, &f);
	WEIR_SIM_EQ(f.b.stats.by_bytes, 4);
	WEIR_SIM_EQ(f.b.stats.batches, 4);
}

/* A receiver that does not come: one batch is filled, and the channel; the producer waits. */
WEIR_SIM_TEST_WITH(a_slow_receiver_slows_the_senders, .schedules = 300)
{
	struct flow f = {.source = {.n = 9}, .b = {.items = 2}};
	open_flow(ctx, &f, 3);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(f.source.sent, 5);
	WEIR_SIM_EQ(f.b.stats.received, 2);
	for (int i = 0; i < 8; i += 2)
		expect_batch(ctx, &f, i, 2, 0);
	expect_batch(ctx, &f, 8, 1, 0);
	expect_end(ctx, &f);
	close_flow(ctx, &f);
}

/* Cancelled at any operation: what it had is dropped and counted, what was sent is received. */
WEIR_SIM_TEST_WITH(batcher_canceled_anywhere, .strategy = "dfs2", .no_early = true)
{
	struct flow f = {.source = {.n = 3}, .b = {.items = 2}};
	uint64_t received = 0;
	items_t out;
	int rc;
	open_flow(ctx, &f, 1);
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, weir_scope_ctx(&f.s)), 0);
	while ((rc = items_recv(ctx, f.rx, &out)) == 1) {
		received += items_len(&out);
		items_drop(&out);
	}
	WEIR_SIM_EQ(rc, 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	close_flow(ctx, &f);
	WEIR_SIM_EQ(f.b.stats.sent, received);
	WEIR_SIM_ASSERT(f.rc == 0 || f.rc == WEIR_ECANCELED);
	seen_batcher |= f.rc == 0 ? 1u << (received == 3 ? 0 : 1) : f.b.stats.dropped ? 4 : 8;
}

/* The receiver leaves after the first batch: the batcher says so, and the producer is told. */
WEIR_SIM_TEST_WITH(the_receiver_leaves, .strategy = "dfs2", .no_early = true)
{
	struct flow f = {.source = {.n = 5}, .b = {.items = 2}};
	open_flow(ctx, &f, 1);
	expect_batch(ctx, &f, 0, 2, 0);
	close_flow(ctx, &f);
	WEIR_SIM_EQ(f.rc, WEIR_EPIPE);
	WEIR_SIM_EQ(f.b.stats.dropped, 2);
	WEIR_SIM_ASSERT(f.source.sent >= 4);
	seen_leaves |= f.source.sent == 5 ? 1 : 2;
}

/* The age and a value at the same moment: either may be first, and the values keep their order. */
WEIR_SIM_TEST_WITH(age_against_a_value, .strategy = "dfs2", .no_early = true)
{
	static const int64_t at[] = {0, WEIR_MS(5)};
	struct flow f = {.source = {.n = 2, .at = at}, .b = {.items = 5, .age_ns = WEIR_MS(5)}};
	items_t out;
	int next = 0;
	open_flow(ctx, &f, 1);
	while (items_recv(ctx, f.rx, &out) == 1) {
		for (size_t i = 0; i < items_len(&out); i++)
			WEIR_SIM_EQ(items_at(&out, i)->id, next++);
		items_drop(&out);
	}
	WEIR_SIM_EQ(next, 2);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5));
	close_flow(ctx, &f);
	seen_leaves |= f.b.stats.batches == 1 ? 4 : 8;
}

WEIR_SIM_TEST_WITH(all_outcomes_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	if (getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* fewer may not see all */
		return;
	WEIR_SIM_EQ(seen_filter, 15);
	WEIR_SIM_EQ(seen_join, 3);
	WEIR_SIM_EQ(seen_batch, 1 | 2 | 8 | 32 | 128);
	WEIR_SIM_EQ(seen_whole, 1 | 128);
	WEIR_SIM_EQ(seen_batcher, 1 | 4 | 8);
	WEIR_SIM_EQ(seen_leaves, 15);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
