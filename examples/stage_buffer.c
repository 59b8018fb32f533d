/* SPDX-License-Identifier: MIT
 *
 * stage_buffer - writes numbers to a store in batches, since each round trip costs as much for one as for four.
 *
 *     $ stage_buffer
 *     10 numbers, 3 round trips: 10 stored
 *     10 numbers, the third round trip fails: 8 stored, go on at offset 8
 *
 * The store takes an array and makes an array, of the places where it put them; weir_batch cuts what it is given. A
 * batch that fails does not cost what the batches before it made: WEIR_EPARTIAL, and the offset in the input says where
 * to go on. Exit status: 0 all is as above; 1 it is not. */
#include <stdio.h>
#include <weir/weir.h>

#define NUMBERS 10
#define BATCH 4
#define STORE_DOWN (WEIR_EUSER - 1)

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

struct store {
	int trips, fails_at; /* the number of the round trip that fails; 0: none */
};

static int store(weir_ctx *ctx, const nums_t *in, nums_t *out, weir_err *err, void *arg)
{
	struct store *st = arg;
	int rc = weir_sleep(ctx, WEIR_MS(1)); /* stands for the network */
	if (rc < 0)
		return rc;
	if (++st->trips == st->fails_at)
		return weir_fail(err, STORE_DOWN, "round trip %d", st->trips);
	rc = nums_new(weir_ctx_rt(ctx), nums_len(in), out);
	for (size_t i = 0; rc == 0 && i < nums_len(in); i++)
		rc = nums_put(out, i, &(int){100 + *nums_at(in, i)});
	return rc;
}
WEIR_STAGE_DECLARE(store, nums, nums);

struct buffer_report {
	int rc, trips;
	size_t stored;
	int last;       /* where the last of them was put */
	int64_t offset; /* of the first that was not stored */
};

/* Stores 0 to NUMBERS - 1. That the store fails is not a failure here: it is in the report. */
static int buffer_run(weir_ctx *ctx, int fails_at, struct buffer_report *report, weir_err *err)
{
	struct store st = {.fails_at = fails_at};
	weir_stage *stage = weir_batch(store_stage(weir_ctx_rt(ctx), &st), &(struct weir_batch_opts){.size = BATCH});
	weir_call *call = NULL;
	weir_err failure = {0};
	struct weir_err_info info = {0};
	nums_t in = {0}, out = {0};
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = nums_new(weir_ctx_rt(ctx), NUMBERS, &in);
	for (int i = 0; rc == 0 && i < NUMBERS; i++)
		rc = nums_put(&in, (size_t)i, &i);
	if (rc == 0)
		rc = weir_stage_check(stage, err);
	if (rc == 0)
		rc = weir_call_new(&s, stage, &call);
	if (rc == 0) {
		int done = weir_call_process(ctx, call, &in, &out, &failure);
		*report = (struct buffer_report){.rc = done, .trips = st.trips};
		if (done == 0 || done == WEIR_EPARTIAL) { /* on any other code out holds nothing */
			report->stored = nums_len(&out);
			if (report->stored > 0)
				report->last = *nums_at(&out, report->stored - 1);
			nums_drop(&out);
		}
		if (weir_err_as(&failure, WEIR_EPARTIAL, &info))
			report->offset = info.value;
	}
	nums_drop(&in);
	weir_err_fini(&failure);
	weir_call_free(&call);
	weir_stage_free(&stage);
	return weir_scope_join(ctx, &s, rc, err);
}

static int buffer_app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct buffer_report all = {0}, part = {0};
	(void)arg;
	int rc = buffer_run(ctx, 0, &all, err);
	if (rc == 0)
		rc = buffer_run(ctx, 3, &part, err);
	if (rc < 0)
		return rc;
	printf("%d numbers, %d round trips: %zu stored\n", NUMBERS, all.trips, all.stored);
	printf("%d numbers, the third round trip fails: %zu stored, go on at offset %d\n", NUMBERS, part.stored,
	       (int)part.offset);
	if (all.rc != 0 || all.trips != 3 || all.stored != NUMBERS || all.last != 109)
		return weir_fail(err, WEIR_EUSER - 2, "not all was stored");
	if (part.rc != WEIR_EPARTIAL || part.stored != 8 || part.offset != 8 || part.last != 107)
		return weir_fail(err, WEIR_EUSER - 2, "not what was stored before the failure");
	return 0;
}

int main(void)
{
	return weir_main(buffer_app, NULL);
}
