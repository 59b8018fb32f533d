/* SPDX-License-Identifier: MIT
 *
 * Pipelines that run a stage, on threads: what core/pipeline.h says of `stage`. What they refuse, who owns the input of
 * a stage that takes, and that values made by a call outlive it. All memory is counted (core's support.h). Every
 * interleaving of such a run is in tests/sim/test_stage_pipeline.c. */
#include <check.h>
#include <weir/stage.h>

#include "../core/support.h"

enum { ADDED = 16 };

static const weir_type num_type = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

struct job {
	struct weir_job_head head;
	uint32_t in;
};

struct result {
	struct weir_result_head head;
	uint32_t value;
};

static weir_scope scope;
static weir_tx *jobs;
static weir_rx *results;

static int next_item(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(uint32_t *)out = *(const uint32_t *)in + ADDED;
	return 0;
}

static int pass_even(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const uint32_t *id = in;
	(void)ctx, (void)err, (void)arg;
	*(uint32_t *)out = *id;
	return *id % 2 ? WEIR_EFILTERED : 0;
}

static int positive(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)err, (void)arg;
	return 7;
}

static weir_stage *stage_of(weir_rt *of, weir_handler_fn *fn, const weir_type *in, const weir_type *out, bool takes)
{
	return weir_stage_new(
		of, &(struct weir_stage_opts){.name = "it", .in = in, .out = out, .process = fn, .takes = takes});
}

static void start(const struct weir_pipeline_opts *opts)
{
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_pipeline_start(&scope, &item_type, &item_type, opts, &jobs, &results, NULL), 0);
}

static void send(uint32_t id)
{
	struct job job = {.head.id = id, .in = id};
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), 0);
}

static struct result receive(void)
{
	struct result r;
	ck_assert_int_eq(weir_rx_recv(&root, results, &r), 1);
	return r;
}

static void finish(void)
{
	weir_tx_close(&jobs);
	weir_rx_close(&results);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
}

/* The options are refused with rc by both ways to start, and nothing is taken or left. It frees st. */
static void refuse(weir_stage *st, weir_handler_fn *handler, int rc)
{
	struct weir_pipeline_opts opts = {.handler = handler, .stage = st};
	weir_type job = weir_job_type(&item_type);
	weir_tx *feed = NULL;
	weir_rx *source = NULL;
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_pipeline_start(&scope, &item_type, &item_type, &opts, &jobs, &results, NULL), rc);
	ck_assert_int_eq(weir_chan_new(rt, &job, 1, &feed, &source), 0);
	ck_assert_int_eq(weir_pipeline_attach(&scope, &item_type, &item_type, &opts, &source, &results, NULL), rc);
	ck_assert_ptr_nonnull(source);
	ck_assert_ptr_null(jobs);
	ck_assert_ptr_null(results);
	weir_tx_close(&feed);
	weir_rx_close(&source);
	weir_stage_free(&st); /* it has no calls */
	finish();
}

START_TEST(what_is_refused)
{
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	refuse(NULL, NULL, WEIR_EINVAL);
	refuse(stage_of(rt, next_item, &item_type, &item_type, false), next_item, WEIR_EINVAL);
	refuse(stage_of(rt, next_item, &num_type, &item_type, false), NULL, WEIR_ETYPE);
	refuse(stage_of(rt, next_item, &item_type, &num_type, false), NULL, WEIR_ETYPE);
	refuse(stage_of(rt, NULL, &item_type, &item_type, false), NULL, WEIR_EINVAL);
	refuse(weir_then(stage_of(rt, next_item, &item_type, &num_type, false),
			 stage_of(rt, next_item, &item_type, &item_type, false)),
	       NULL, WEIR_ETYPE);
	refuse(weir_chain(NULL, 0), NULL, WEIR_EINVAL); /* a constant */
	refuse(stage_of(other, next_item, &item_type, &item_type, false), NULL, WEIR_EINVAL);
	weir_rt_free(&other);
}
END_TEST

START_TEST(an_alignment_left_open_is_the_same)
{
	weir_type open = num_type;
	open.align = 0;
	weir_stage *st = stage_of(rt, next_item, &open, &num_type, false);
	struct weir_pipeline_opts opts = {.stage = st};
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_pipeline_start(&scope, &num_type, &open, &opts, &jobs, &results, NULL), 0);
	finish();
	weir_stage_free(&st);
}
END_TEST

START_TEST(the_input_is_borrowed)
{
	weir_stage *st = weir_then(stage_of(rt, next_item, &item_type, &item_type, false),
				   stage_of(rt, next_item, &item_type, &item_type, false));
	struct weir_pipeline_opts opts = {.stage = st, .workers = 2, .ordered = true};
	start(&opts);
	for (uint32_t id = 0; id < 3; id++) {
		send(id);
		struct result r = receive();
		ck_assert_uint_eq(r.head.id, id);
		ck_assert_int_eq(r.head.rc, 0);
		ck_assert_uint_eq(r.value, id + 2 * ADDED);
		ck_assert_uint_eq(drops_of(id), 1);
		ck_assert_uint_eq(drops_of(id + ADDED), 1); /* made between the two */
		ck_assert_uint_eq(drops_of(id + 2 * ADDED), 0);
		item_drop(&r.value, NULL);
	}
	finish();
	weir_stage_free(&st);
}
END_TEST

START_TEST(the_input_moves_where_the_stage_takes)
{
	weir_stage *st = stage_of(rt, pass_even, &item_type, &item_type, true);
	struct weir_pipeline_opts opts = {.stage = st, .workers = 2};
	start(&opts);
	for (uint32_t id = 0; id < 4; id++) {
		send(id);
		struct result r = receive();
		ck_assert_int_eq(r.head.rc, id % 2 ? WEIR_EFILTERED : 0);
		ck_assert_uint_eq(drops_of(id), id % 2);
		weir_err_fini(&r.head.err);
		if (r.head.rc == 0)
			item_drop(&r.value, NULL);
		ck_assert_uint_eq(drops_of(id), 1);
	}
	send(4); /* made, and nobody takes it: dropped once, as a value */
	finish();
	ck_assert_uint_eq(drops_of(4), 1);
	weir_stage_free(&st);
}
END_TEST

START_TEST(a_positive_return_is_a_failure)
{
	char text[200];
	weir_stage *st = stage_of(rt, positive, &item_type, &item_type, false);
	start(&(struct weir_pipeline_opts){.stage = st});
	send(1);
	struct result r = receive();
	ck_assert_int_eq(r.head.rc, WEIR_EINVAL);
	weir_err_format(&r.head.err, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "it: "));
	weir_err_fini(&r.head.err);
	finish();
	weir_stage_free(&st);
}
END_TEST

/* An array lies in memory that its call lent: it may be dropped when call, stage and run have gone. */
START_TEST(a_value_outlives_the_run)
{
	weir_stage *const two[] = {stage_of(rt, next_item, &item_type, &item_type, false),
				   stage_of(rt, next_item, &item_type, &item_type, false)};
	weir_stage *st = weir_fan_out(two, 2, 0);
	struct weir_pipeline_opts opts = {.stage = st, .workers = 2};
	struct {
		struct weir_result_head head;
		weir_array value;
	} r;
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_pipeline_start(&scope, &item_type, weir_stage_out(st), &opts, &jobs, &results, NULL), 0);
	send(3);
	ck_assert_int_eq(weir_rx_recv(&root, results, &r), 1);
	ck_assert_int_eq(r.head.rc, 0);
	finish();
	weir_stage_free(&st);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(*(uint32_t *)weir_array_at(&r.value, i), 3 + ADDED);
	weir_array_drop(&r.value);
	ck_assert_uint_eq(drops_of(3 + ADDED), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pipeline_stage");
	TCase *stage = world_case(suite, "stage");
	tcase_add_test(stage, what_is_refused);
	tcase_add_test(stage, an_alignment_left_open_is_the_same);
	tcase_add_test(stage, the_input_is_borrowed);
	tcase_add_test(stage, the_input_moves_where_the_stage_takes);
	tcase_add_test(stage, a_positive_return_is_a_failure);
	tcase_add_test(stage, a_value_outlives_the_run);
	return run_suite(suite);
}
