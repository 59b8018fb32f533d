/* SPDX-License-Identifier: MIT
 *
 * A task that makes batches: see stage/batcher.h.
 *
 *  A1  A value is received right into its place, and the place said to hold it: whatever happens then, the array drops
 *      it. An array that is sent has as many places as values.
 *  A2  Memory is there before a value is received: where there is none, no value is lost but those in the channel. */
#include <weir/stage/batcher.h>

#include <string.h>
#include <weir/core/probe.h>

#include "array.h"

enum why { BY_ITEMS, BY_BYTES, BY_AGE, BY_CLOSE };

struct filling {
	weir_array array;
	size_t n, bytes;
	int64_t until;
};

/* The next value, into the place for it: as weir_rx_recv, or WEIR_EAGAIN when the batch is too old to wait. */
static int receive(weir_ctx *ctx, const struct weir_batcher *b, const struct filling *f)
{
	void *to = weir__array_place(&f->array, f->n);
	if (f->until == WEIR_FOREVER)
		return weir_rx_recv(ctx, b->in, to);
	weir_case cases[] = {weir_case_recv(b->in, to), weir_case_timer(f->until)};
	int which = weir_select(ctx, cases, 2);
	return which < 0 ? which : which == 1 ? WEIR_EAGAIN : cases[0].rc;
}

/* Fills a batch until it is to be sent: 1; 0: the channel has closed, and there may be some; negative: a failure. */
static int fill(weir_ctx *ctx, struct weir_batcher *b, struct filling *f, enum why *why)
{
	for (;;) {
		int rc = receive(ctx, b, f);
		*why = rc == WEIR_EAGAIN ? BY_AGE : BY_CLOSE;
		if (rc <= 0)
			return rc == WEIR_EAGAIN ? 1 : rc;
		const void *value = weir__array_place(&f->array, f->n);
		weir__array_holds(&f->array, f->n++, true); /* A1 */
		b->stats.received++;
		if (f->n == 1 && b->age_ns)
			f->until = weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), b->age_ns);
		size_t more = b->bytes_of ? b->bytes_of(value, b->arg) : b->of->size;
		if (__builtin_add_overflow(f->bytes, more, &f->bytes))
			f->bytes = SIZE_MAX;
		*why = f->n == b->items ? BY_ITEMS : BY_BYTES;
		if (f->n == b->items || (b->bytes && f->bytes >= b->bytes))
			return 1;
	}
}

static int flush(weir_ctx *ctx, struct weir_batcher *b, struct filling *f, enum why why, weir_probe *probe)
{
	uint64_t *const by[] = {&b->stats.by_items, &b->stats.by_bytes, &b->stats.by_age, &b->stats.by_close};
	f->array.n = f->n; /* A1 */
	int rc = weir_tx_send(ctx, b->out, &f->array);
	if (rc < 0)
		return rc;
	weir_probe_emit(probe, &(struct weir_probe_event){.kind = WEIR_PROBE_BATCH,
							  .name = "batcher",
							  .parent = weir_probe_current(ctx),
							  .value = (int64_t)f->n,
							  .index = WEIR_PROBE_NO_INDEX});
	b->stats.sent += f->n;
	b->stats.batches++;
	++*by[why];
	memset(f, 0, sizeof(*f));
	return 0;
}

static int run(weir_ctx *ctx, struct weir_batcher *b, struct weir__shelf **shelf, weir_err *err)
{
	weir_probe *probe = weir_probe_of(weir_ctx_rt(ctx));
	int rc = 1;
	while (rc > 0) {
		struct filling f = {.until = WEIR_FOREVER};
		enum why why = BY_CLOSE;
		rc = weir__shelf_array(shelf, weir_ctx_rt(ctx), b->of, b->items, &f.array); /* A2 */
		if (rc < 0)
			return weir_fail(err, rc, "no memory for a batch of %zu", b->items);
		rc = fill(ctx, b, &f, &why);
		if (rc >= 0 && f.n > 0) {
			int sent = flush(ctx, b, &f, why, probe);
			rc = sent < 0 ? sent : rc;
		}
		b->stats.dropped += f.n;
		weir_array_drop(&f.array);
	}
	return rc;
}

int weir_batcher_run(weir_ctx *ctx, weir_err *err, void *batcher)
{
	struct weir_batcher *b = batcher;
	struct weir__shelf *shelf = NULL;
	int rc = 0;
	b->stats = (struct weir_batcher_stats){0};
	if (!b->of || b->items == 0 || b->age_ns < 0)
		rc = weir_fail(err, WEIR_EINVAL, "a batcher needs a type, items of 1 or more, an age of 0 or more");
	else if (!b->in || !b->out)
		rc = weir_fail(err, WEIR_EBADF, "a batcher needs two ends");
	if (rc == 0)
		rc = run(ctx, b, &shelf, err);
	weir__shelf_leave(shelf);
	weir_rx_close(&b->in);
	weir_tx_close(&b->out);
	return rc;
}
