/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn of filters, joins, batches, batchers, services and recyclers fails once, under 20
 * schedules each. What could not be made says so, nothing is left behind (the simulator counts tasks and memory, and
 * `alive` the values), and a service that did not start is stopped. Each scenario names how many failures the sweep
 * must have reached. */
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"
#include "kit.h"

WEIR_ARRAY_DECLARE(items, item);
WEIR_ARRAY_DECLARE(rows, items);
WEIR_CHAN_DECLARE(item);
WEIR_CHAN_DECLARE(items);

static bool allowed(int rc)
{
	return rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN;
}

static int make_items(weir_ctx *ctx, size_t n, items_t *out)
{
	int rc = items_new(weir_ctx_rt(ctx), n, out);
	for (size_t i = 0; i < n && rc == 0; i++) {
		WEIR_SIM_EQ(items_put(out, i, &(const int){(int)i}), 0);
		alive++;
	}
	return rc;
}

/* Runs st on an array of 5, twice; a partial result is dropped, and counts as no memory. */
static int run_array(weir_ctx *ctx, weir_stage *st)
{
	weir_call *call = NULL;
	weir_scope s;
	items_t in = {0}, out;
	alive = 0;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, NULL);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	if (rc == 0)
		rc = make_items(ctx, 5, &in);
	for (int i = 0; i < 2 && rc == 0; i++) {
		weir_err err = {0};
		rc = weir_call_process(ctx, call, &in, &out, &err);
		WEIR_SIM_EQ(err.code, rc);
		if (rc == WEIR_EPARTIAL)
			WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_ENOMEM));
		if (rc == 0 || rc == WEIR_EPARTIAL)
			weir_stage_out(st)->drop(&out, weir_stage_out(st)->arg);
		WEIR_SIM_EQ(alive, 5);
		weir_err_fini(&err);
	}
	items_drop(&in);
	WEIR_SIM_EQ(alive, 0);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc == WEIR_EPARTIAL ? WEIR_ENOMEM : rc;
}

/* ---- join ---- */

static int key_of(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)key = *(const int *)value % 2;
	alive++;
	return 0;
}

static int join(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	const struct weir_join_opts opts = {.key_of = key_of, .key = item_type()};
	int rc = run_array(ctx, weir_join_by_key(rt, item_type(), &opts));
	WEIR_SIM_ASSERT(allowed(rc));
	return rc;
}

/* ---- batch, with a filter in front of its child ---- */

static int pass(weir_ctx *ctx, const items_t *in, items_t *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return items_copy(in, out);
}
WEIR_STAGE_DECLARE(pass, items, items);

static int batch(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	int rc = run_array(ctx, weir_batch(weir_then(weir_filter(rt, items_type(), NULL, NULL), pass_stage(rt, NULL)),
					   &(struct weir_batch_opts){.size = 2}));
	WEIR_SIM_ASSERT(allowed(rc));
	return rc;
}

/* ---- batcher ---- */

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	item_tx *tx = arg;
	int rc = 0;
	(void)err;
	for (int i = 0; i < 5 && rc == 0; i++) {
		alive++;
		rc = item_send(ctx, *tx, &i);
		alive -= rc < 0;
	}
	item_tx_close(tx);
	return rc == WEIR_EPIPE ? 0 : rc;
}

static int batcher(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	struct weir_batcher b = {.of = item_type(), .items = 2};
	item_tx tx = {0};
	item_rx in = {0};
	items_tx out = {0};
	items_rx rx = {0};
	items_t got;
	uint64_t received = 0;
	weir_scope s;
	(void)err, (void)arg;
	alive = 0;
	weir_scope_init(&s, ctx);
	int rc = item_chan_new(rt, 1, &tx, &in);
	if (rc == 0)
		rc = items_chan_new(rt, 1, &out, &rx);
	b.in = in.end;
	b.out = out.end;
	if (rc == 0)
		rc = weir_scope_spawn(&s, "producer", produce, &tx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "batcher", weir_batcher_run, &b);
	bool running = rc == 0;
	while (rc >= 0 && (rc = items_recv(ctx, rx, &got)) == 1) {
		received += items_len(&got);
		items_drop(&got);
	}
	items_rx_close(&rx);
	if (!running) { /* it has not taken them */
		weir_rx_close(&b.in);
		weir_tx_close(&b.out);
	}
	rc = weir_scope_join(ctx, &s, rc, NULL);
	item_tx_close(&tx);
	WEIR_SIM_EQ(b.stats.received, b.stats.sent + b.stats.dropped);
	WEIR_SIM_EQ(b.stats.sent, received);
	WEIR_SIM_EQ(alive, 0);
	WEIR_SIM_ASSERT(allowed(rc));
	WEIR_SIM_ASSERT(rc < 0 || received == 5);
	return rc;
}

/* ---- service ---- */

static void *kept; /* what setup allocates */

static int set_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	kept = weir_rt_alloc(weir_ctx_rt(ctx), 100);
	return kept ? 0 : weir_fail(err, WEIR_ENOMEM, "no memory");
}

static int close_down(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt_release(weir_ctx_rt(ctx), kept);
	kept = NULL;
	return 0;
}

static int service(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_service svc;
	weir_call *call = NULL;
	weir_scope s;
	(void)err, (void)arg;
	weir_service_init(&svc, rt, NULL);
	weir_scope_init(&s, ctx);
	weir_stage *st = weir_service_stage(
		weir_then(pass_stage(rt, NULL),
			  weir_stage_new(rt, &(struct weir_stage_opts){.in = items_type(),
								       .out = items_type(),
								       .process = pass_handler,
								       .lifecycle = {.setup = set_up,
										     .close = close_down}})),
		&svc);
	int rc = weir_stage_check(st, NULL);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	if (rc == 0)
		rc = weir_service_start(ctx, &svc, NULL);
	WEIR_SIM_EQ(kept != NULL, rc == 0);
	WEIR_SIM_ASSERT(allowed(rc));
	WEIR_SIM_EQ(weir_service_stop(ctx, &svc, NULL), 0);
	WEIR_SIM_ASSERT(kept == NULL);
	weir_call_free(&call);
	weir_stage_free(&st);
	weir_service_fini(&svc);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc;
}

/* ---- recycler ---- */

static int recycler(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	void *blocks[3] = {NULL};
	struct weir_recycler_report stats;
	(void)err, (void)arg;
	int rc = weir_recycler_new(
		weir_ctx_rt(ctx),
		&(struct weir_recycler_opts){.bytes = 8, .classes = 2, .keep = 3, .magazine = 2, .caches = 1}, &r);
	WEIR_SIM_EQ(r != NULL, rc == 0);
	if (rc == 0)
		rc = weir_recycler_cache_new(r, &c);
	WEIR_SIM_EQ(c != NULL, rc == 0);
	if (rc == 0)
		rc = weir_recycler_warm(c, 8, 2);
	for (size_t i = 0; i < 3 && rc == 0; i++)
		rc = weir_recycler_get(c, (size_t)8 << i, &blocks[i]);
	if (c) {
		weir_recycler_stats(r, &stats);
		WEIR_SIM_EQ(stats.out, (blocks[0] != NULL) + (blocks[1] != NULL) + (blocks[2] != NULL));
	}
	for (size_t i = 0; i < 3 && c; i++)
		weir_recycler_put(c, blocks[i]);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	WEIR_SIM_ASSERT(allowed(rc));
	return rc;
}

static const struct fault_test tests[] = {
	/* stage, call, input; shelf and block: keys, index, out, 2 groups */
	{"join", join, 1 + 1 + 1 + 2 + 2 + 2 + 3, true},
	/* stages, call, input; parts; 3 batches, copied twice; the whole */
	{"batch", batch, 4 + 1 + 1 + 2 + 6 + 2, true},
	{"batcher", batcher, 2 * 3 + 2 * 2 + 2, true},
	{"service", service, 4 + 1 + 1, true},
	{"recycler", recycler, 1 + 1 + 4 + 1 + 2 + 2, true},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 20);
}
