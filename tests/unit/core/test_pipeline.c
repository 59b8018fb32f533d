/* SPDX-License-Identifier: MIT
 *
 * Pipelines: what include/weir/core/pipeline.h promises.
 *
 * One handler does what each job says (enum what), so a test reads as a list of jobs. Inputs and values count their
 * drops by id (a value's id is the input's + VALUE): at the end of each test an input that was accepted has been
 * dropped once, and a value that nobody received has been, too.
 *
 * The cases: `making` (arguments, and everything that can fail while a run is made), `outcomes` (what becomes of a
 * job), `flow` (order, bounds, several runs), `leaving` (producers, consumers, drain, cancel, stop) and `account` (the
 * identities, in every snapshot). Contention and random ends are tested in tests/stress/test_pipeline.c. */
#include <check.h>

#include "support.h"

enum what {
	SUCCEED,
	FAIL,
	FAIL_SILENTLY,
	POSITIVE,
	RETURN_CANCELED,
	RETURN_DEADLINE,
	SLEEP,
	SLEEP_THEN_SUCCEED,
	STUBBORN,
	AFTER_NEXT
};
enum { VALUE = 256 };

struct input {
	uint32_t id, what;
};

struct job {
	struct weir_job_head head;
	struct input in;
};

struct result {
	struct weir_result_head head;
	uint32_t value;
};

static const weir_type input_type = {.name = "input",
				     .size = sizeof(struct input),
				     .align = _Alignof(struct input),
				     .drop = item_drop};

/* One run, and what its handler looks at. */
static weir_scope scope;
static weir_tx *jobs;
static weir_rx *results;
static weir_pipeline *run;
static _Atomic bool gate_open;
static _Atomic unsigned at_gate;
static _Atomic bool is_done[ITEM_IDS];
static char handler_arg;

static int handle(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct input *input = in;
	uint32_t value = input->id + VALUE;
	weir_err part = {0};
	int rc = 0;
	if (arg != &handler_arg)
		abort();
	switch ((enum what)input->what) {
	case FAIL:
		memcpy(out, &value, sizeof(value)); /* what is in out on failure means nothing */
		return weir_fail(err, WEIR_EUSER, "job %u is bad", (unsigned)input->id);
	case FAIL_SILENTLY:
		return WEIR_EIO;
	case POSITIVE:
		return 3;
	case RETURN_CANCELED:
		return WEIR_ECANCELED;
	case RETURN_DEADLINE:
		return WEIR_EDEADLINE;
	case SLEEP:
		rc = weir_sleep(ctx, WEIR_FOREVER);
		break;
	case SLEEP_THEN_SUCCEED:
		if (weir_sleep(ctx, WEIR_FOREVER) == 0)
			return WEIR_EIO;
		weir_fail(err, WEIR_EIO, "forgotten, and its member with it");
		weir_fail(&part, WEIR_EIO, "a member");
		weir_err_add(err, rt, 0, &part);
		break;
	case STUBBORN:
		atomic_fetch_add(&at_gate, 1);
		AWAIT(atomic_load(&gate_open));
		break;
	case AFTER_NEXT:
		AWAIT(atomic_load(&is_done[input->id + 1]));
		break;
	case SUCCEED:
		break;
	}
	if (rc == 0)
		memcpy(out, &value, sizeof(value));
	atomic_store(&is_done[input->id], true);
	return rc;
}

static struct weir_pipeline_opts opts_of(size_t workers, size_t job_buffer)
{
	return (struct weir_pipeline_opts){.handler = handle,
					   .arg = &handler_arg,
					   .workers = workers,
					   .job_buffer = job_buffer};
}

static void start(const struct weir_pipeline_opts *opts)
{
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_pipeline_start(&scope, &input_type, &item_type, opts, &jobs, &results, &run), 0);
	ck_assert_ptr_nonnull(jobs);
	ck_assert_ptr_nonnull(results);
	ck_assert_ptr_nonnull(run);
}

static struct job job_of(uint32_t id, enum what what)
{
	return (struct job){.head.id = id, .in = {id, what}};
}

static void send(uint32_t id, enum what what)
{
	struct job job = job_of(id, what);
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), 0);
}

/* The next result: this job, this code; the value or its absence is checked, and given back. */
static struct weir_result_head expect(uint32_t id, int rc)
{
	struct result r;
	memset(&r, 0xee, sizeof(r));
	ck_assert_int_eq(weir_rx_recv(&root, results, &r), 1);
	ck_assert_uint_eq(r.head.id, id);
	ck_assert_int_eq(r.head.rc, rc);
	ck_assert_int_eq(r.head.err.code, rc);
	if (rc == 0) {
		ck_assert_uint_eq(r.value, id + VALUE);
		ck_assert_int_eq(r.head.cause, WEIR_CAUSE_NONE);
		ck_assert_str_eq(r.head.why, "");
	}
	return r.head; /* with the detail, which the caller ends */
}

static void expect_and_end(uint32_t id, int rc)
{
	struct weir_result_head head = expect(id, rc);
	weir_err_fini(&head.err);
}

static void expect_no_more(void)
{
	struct result r;
	ck_assert_int_eq(weir_rx_recv(&root, results, &r), 0);
}

static weir_pipeline_report report(void)
{
	weir_pipeline_report r;
	memset(&r, 0xff, sizeof(r));
	weir_pipeline_stats(run, &r);
	ck_assert_uint_eq(r.received, r.succeeded + r.failed + r.canceled + r.running);
	ck_assert_uint_eq(r.succeeded + r.failed + r.canceled, r.emitted + r.undelivered + r.finishing);
	return r;
}

/* The account of a run that is over. */
static void assert_final(uint64_t succeeded, uint64_t failed, uint64_t canceled, uint64_t undelivered,
			 uint64_t discarded)
{
	weir_pipeline_report r = report();
	ck_assert_uint_eq(r.succeeded, succeeded);
	ck_assert_uint_eq(r.failed, failed);
	ck_assert_uint_eq(r.canceled, canceled);
	ck_assert_uint_eq(r.undelivered, undelivered);
	ck_assert_uint_eq(r.discarded, discarded);
	ck_assert_uint_eq(r.running, 0);
	ck_assert_uint_eq(r.finishing, 0);
	ck_assert_uint_eq(r.emitted, succeeded + failed + canceled - undelivered);
}

static void finish(void)
{
	weir_tx_close(&jobs);
	weir_rx_close(&results);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	run = NULL;
}

/* ---- making ---- */

START_TEST(elements_have_a_head_and_a_body)
{
	static const size_t aligns[] = {1, 2, 4, 8, 16, 64};
	ck_assert_uint_eq(weir_job_offset(&input_type), offsetof(struct job, in));
	ck_assert_uint_eq(weir_job_type(&input_type).size, sizeof(struct job));
	ck_assert_uint_eq(weir_result_offset(&item_type), offsetof(struct result, value));
	ck_assert_uint_eq(weir_result_type(&item_type).size, sizeof(struct result));
	for (size_t i = 0; i < COUNT_OF(aligns); i++) {
		weir_type body = {.name = "body", .size = aligns[i], .align = aligns[i]};
		weir_type job = weir_job_type(&body), result = weir_result_type(&body);
		ck_assert_uint_eq(weir_job_offset(&body) % aligns[i], 0);
		ck_assert_uint_ge(weir_job_offset(&body), sizeof(struct weir_job_head));
		ck_assert_uint_ge(job.size, weir_job_offset(&body) + body.size);
		ck_assert_uint_eq(job.size % job.align, 0);
		ck_assert_uint_eq(job.align % aligns[i], 0);
		ck_assert_uint_eq(weir_result_offset(&body) % aligns[i], 0);
		ck_assert_uint_ge(result.size, weir_result_offset(&body) + body.size);
		ck_assert_uint_eq(result.size % result.align, 0);
		ck_assert_uint_eq(result.align % aligns[i], 0);
		if (aligns[i] <= _Alignof(max_align_t)) { /* left open, it is what the size divides by */
			weir_type open = {.name = "body", .size = aligns[i]};
			ck_assert_uint_eq(weir_job_type(&open).size, job.size);
			ck_assert_uint_eq(weir_job_offset(&open), weir_job_offset(&body));
			ck_assert_uint_eq(weir_result_type(&open).size, result.size);
		}
	}
}
END_TEST

/* Starts with these arguments must fail with rc, and touch nothing. */
static void refuse(weir_scope *s, const weir_type *in, const weir_type *out, const struct weir_pipeline_opts *opts,
		   int rc)
{
	weir_tx *t = (weir_tx *)&jobs;
	weir_rx *r = (weir_rx *)&results, *source = NULL;
	weir_tx *feed = NULL;
	weir_pipeline *p = (weir_pipeline *)&run;
	weir_type job = weir_job_type(&input_type);
	ck_assert_int_eq(weir_pipeline_start(s, in, out, opts, &t, &r, &p), rc);
	ck_assert_int_eq(weir_chan_new(rt, &job, 1, &feed, &source), 0);
	weir_rx *given = source;
	ck_assert_int_eq(weir_pipeline_attach(s, in, out, opts, &given, &r, &p), rc);
	ck_assert_ptr_eq(given, source);
	ck_assert_ptr_eq(t, &jobs);
	ck_assert_ptr_eq(r, &results);
	ck_assert_ptr_eq(p, &run);
	weir_tx_close(&feed);
	weir_rx_close(&source);
}

START_TEST(arguments_that_make_no_sense)
{
	struct weir_pipeline_opts good = opts_of(1, 0), bad;
	weir_type crooked = {.name = "crooked", .size = 3, .align = 3};
	weir_scope zero = {0};
	weir_tx *t = NULL;
	weir_rx *r = NULL;
	weir_scope_init(&scope, &root);
	refuse(NULL, &input_type, &item_type, &good, WEIR_EINVAL);
	refuse(&zero, &input_type, &item_type, &good, WEIR_EINVAL);
	refuse(&scope, NULL, &item_type, &good, WEIR_EINVAL);
	refuse(&scope, &input_type, NULL, &good, WEIR_EINVAL);
	refuse(&scope, &input_type, &item_type, NULL, WEIR_EINVAL);
	refuse(&scope, &crooked, &item_type, &good, WEIR_EINVAL);
	refuse(&scope, &input_type, &crooked, &good, WEIR_EINVAL);
	bad = good, bad.handler = NULL;
	refuse(&scope, &input_type, &item_type, &bad, WEIR_EINVAL);
	bad = good, bad.workers = (size_t)UINT16_MAX + 1;
	refuse(&scope, &input_type, &item_type, &bad, WEIR_EINVAL);
	bad = good, bad.reorder_window = (size_t)UINT32_MAX + 1;
	refuse(&scope, &input_type, &item_type, &bad, WEIR_EINVAL);
	ck_assert_int_eq(weir_pipeline_start(&scope, &input_type, &item_type, &good, NULL, &r, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_pipeline_start(&scope, &input_type, &item_type, &good, &t, NULL, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_pipeline_attach(&scope, &input_type, &item_type, &good, NULL, &r, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_pipeline_attach(&scope, &input_type, &item_type, &good, &r, &r, NULL), WEIR_EBADF);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_pipeline_drain(NULL);
	weir_pipeline_cancel(NULL, "x");
	ck_assert_int_eq(weir_pipeline_stop(&root, NULL, 0, NULL), WEIR_EINVAL);
}
END_TEST

START_TEST(buffers_that_do_not_fit)
{
	struct weir_pipeline_opts opts = opts_of(1, SIZE_MAX / 8);
	weir_tx *t = NULL;
	weir_rx *r = NULL;
	weir_scope_init(&scope, &root);
	ck_assert_int_lt(weir_pipeline_start(&scope, &input_type, &item_type, &opts, &t, &r, NULL), 0);
	opts = opts_of(1, 0), opts.result_buffer = SIZE_MAX / 8;
	ck_assert_int_lt(weir_pipeline_start(&scope, &input_type, &item_type, &opts, &t, &r, NULL), 0);
	ck_assert_ptr_null(t);
	ck_assert_ptr_null(r);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
}
END_TEST

START_TEST(an_ended_scope_starts_nothing)
{
	struct weir_pipeline_opts opts = opts_of(1, 0);
	weir_ctx late;
	weir_scope_init(&scope, &root);
	weir_scope_cancel(&scope, "enough");
	refuse(&scope, &input_type, &item_type, &opts, WEIR_ECANCELED);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_ctx_init(&late, &root, 0);
	weir_scope_init(&scope, &late);
	refuse(&scope, &input_type, &item_type, &opts, WEIR_EDEADLINE);
	ck_assert_int_eq(weir_scope_join(&late, &scope, 0, NULL), WEIR_EDEADLINE);
	weir_ctx_fini(&late);
}
END_TEST

START_TEST(attach_wants_a_channel_of_its_jobs)
{
	struct weir_pipeline_opts opts = opts_of(1, 0);
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	weir_type job = weir_job_type(&input_type), unlike = weir_job_type(&item_type), plain = job;
	plain.drop = NULL, plain.arg = NULL;
	const weir_type *types[] = {&unlike, &plain, &item_type, &job};
	weir_scope_init(&scope, &root);
	for (size_t i = 0; i < COUNT_OF(types); i++) { /* the last: right, but of another runtime */
		weir_tx *t;
		weir_rx *source, *given, *r = NULL;
		ck_assert_int_eq(weir_chan_new(types[i] == &job ? other : rt, types[i], 1, &t, &source), 0);
		given = source;
		ck_assert_int_eq(weir_pipeline_attach(&scope, &input_type, &item_type, &opts, &given, &r, NULL),
				 WEIR_EINVAL);
		ck_assert_ptr_eq(given, source);
		ck_assert_ptr_null(r);
		weir_tx_close(&t);
		weir_rx_close(&source);
	}
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_rt_free(&other);
}
END_TEST

/* A run of two jobs in the scope that is open, to see that the world still works. */
static void use_once(const struct weir_pipeline_opts *opts, uint32_t id)
{
	ck_assert_int_eq(weir_pipeline_start(&scope, &input_type, &item_type, opts, &jobs, &results, NULL), 0);
	send(id, SUCCEED);
	expect_and_end(id, 0);
	weir_tx_close(&jobs);
	expect_no_more();
	weir_rx_close(&results);
}

/* Starts or attaches with the n-th allocation failing: the code. On success the run is ended at once. */
static int start_with_refusal(const struct weir_pipeline_opts *opts, bool attach, long n)
{
	weir_tx *feed = NULL, *t = (weir_tx *)&jobs;
	weir_rx *source = NULL, *given = NULL, *r = (weir_rx *)&results;
	weir_pipeline *p = (weir_pipeline *)&run;
	weir_type job = weir_job_type(&input_type);
	ck_assert_int_eq(weir_chan_new(rt, &job, 0, &feed, &source), 0);
	given = source;
	memory_refuse(n);
	int rc = attach ? weir_pipeline_attach(&scope, &input_type, &item_type, opts, &given, &r, &p)
			: weir_pipeline_start(&scope, &input_type, &item_type, opts, &t, &r, &p);
	bool refused = memory_was_refused();
	memory_refuse(0);
	ck_assert_int_eq(rc, refused ? WEIR_ENOMEM : 0);
	if (rc < 0) {
		ck_assert_ptr_eq(t, &jobs);
		ck_assert_ptr_eq(r, &results);
		ck_assert_ptr_eq(p, &run);
	}
	ck_assert_ptr_eq(given, rc == 0 && attach ? NULL : source);
	if (rc == 0) {
		weir_rx_close(&r);
		weir_pipeline_cancel(p, "enough");
		if (!attach)
			weir_tx_close(&t);
	}
	weir_tx_close(&feed);
	weir_rx_close(&given);
	return rc;
}

START_TEST(every_allocation_may_fail)
{
	for (int kind = 0; kind < 3; kind++) { /* plain, ordered, attached */
		struct weir_pipeline_opts opts = opts_of(3, 2);
		long n = 0, live = atomic_load(&memory.live);
		int rc = WEIR_ENOMEM;
		opts.ordered = kind == 1;
		while (rc != 0) {
			weir_scope_init(&scope, &root);
			rc = start_with_refusal(&opts, kind == 2, ++n);
			use_once(&opts, 1);
			ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
			ck_assert_int_eq(atomic_load(&memory.live), live);
		}
		/* the run, its statistics, two channels, their handles, a record and a thread for each worker */
		ck_assert_int_ge(n, 1 + 2 + 2 * 3 + 2 * 3);
	}
}
END_TEST

START_TEST(a_run_needs_all_its_workers)
{
	weir_rt *few = runtime_of((struct weir_rt_opts){.max_tasks = 3});
	weir_rt *outer = rt;
	weir_ctx own;
	rt = few;
	weir_ctx_init_root(&own, few);
	for (size_t workers = 3; workers <= 6; workers++) {
		struct weir_pipeline_opts opts = opts_of(workers, 2);
		weir_tx *t = NULL, *feed;
		weir_rx *r = NULL, *source;
		struct job job = job_of(7, SUCCEED), got;
		weir_type type = weir_job_type(&input_type);
		ck_assert_int_eq(weir_chan_new(rt, &type, 1, &feed, &source), 0);
		ck_assert_int_eq(weir_tx_try_send(feed, &job), 0);
		weir_scope_init(&scope, &own);
		int rc = weir_pipeline_start(&scope, &input_type, &item_type, &opts, &t, &r, NULL);
		ck_assert_int_eq(rc, workers == 3 ? 0 : WEIR_EAGAIN);
		ck_assert(!t == (rc < 0) && !r == (rc < 0));
		weir_tx_close(&t);
		weir_rx_close(&r);
		ck_assert_int_eq(weir_scope_join(&own, &scope, 0, NULL), 0);
		opts.workers++;
		weir_scope_init(&scope, &own);
		ck_assert_int_eq(weir_pipeline_attach(&scope, &input_type, &item_type, &opts, &source, &r, NULL),
				 WEIR_EAGAIN);
		ck_assert_int_eq(weir_scope_join(&own, &scope, 0, NULL), 0);
		ck_assert_ptr_null(r);
		ck_assert_int_eq(weir_rx_try_recv(source, &got), 1); /* nothing was picked up */
		ck_assert_uint_eq(got.in.id, 7);
		weir_tx_close(&feed);
		weir_rx_close(&source);
	}
	weir_ctx_fini(&own);
	weir_rt_free(&few);
	rt = outer;
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

/* ---- outcomes ---- */

START_TEST(each_outcome_has_its_counter)
{
	struct weir_pipeline_opts opts = opts_of(1, 16);
	struct weir_result_head head;
	char text[256];
	start(&opts);
	for (uint32_t id = 0; id <= RETURN_DEADLINE; id++)
		send(id, (enum what)id);
	weir_tx_close(&jobs);
	expect_and_end(SUCCEED, 0);
	head = expect(FAIL, WEIR_EUSER);
	ck_assert_int_eq(head.cause, WEIR_CAUSE_NONE);
	ck_assert_str_eq(head.why, "");
	weir_err_format(&head.err, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "job 1 is bad"));
	weir_err_fini(&head.err);
	expect_and_end(FAIL_SILENTLY, WEIR_EIO);
	expect_and_end(POSITIVE, WEIR_EINVAL);
	for (uint32_t id = RETURN_CANCELED; id <= RETURN_DEADLINE; id++) { /* made up: no context has ended */
		head = expect(id, id == RETURN_CANCELED ? WEIR_ECANCELED : WEIR_EDEADLINE);
		ck_assert_int_eq(head.cause, WEIR_CAUSE_NONE);
		weir_err_fini(&head.err);
	}
	expect_no_more();
	assert_final(1, 5, 0, 0, 0);
	finish();
	for (uint32_t id = 0; id <= RETURN_DEADLINE; id++)
		ck_assert_uint_eq(drops_of(id), 1);             /* each input, whatever came of it */
	ck_assert_uint_eq(drops_in_all(), RETURN_DEADLINE + 1); /* and no value: it was received, or was none */
}
END_TEST

START_TEST(a_job_has_its_own_time)
{
	struct weir_pipeline_opts opts = opts_of(1, 4);
	struct weir_result_head head;
	struct job slow = job_of(1, SLEEP);
	start(&opts);
	slow.head.timeout_ns = WEIR_US(300);
	ck_assert_int_eq(weir_tx_send(&root, jobs, &slow), 0);
	send(2, SUCCEED); /* the same worker, not touched by the time of the one before */
	weir_tx_close(&jobs);
	head = expect(1, WEIR_EDEADLINE);
	ck_assert_int_eq(head.cause, WEIR_CAUSE_DEADLINE);
	ck_assert_str_eq(head.why, "deadline passed");
	weir_err_fini(&head.err);
	expect_and_end(2, 0);
	expect_no_more();
	assert_final(1, 0, 1, 0, 0);
	finish();
}
END_TEST

START_TEST(the_options_time_is_for_jobs_without_one)
{
	struct weir_pipeline_opts opts = opts_of(1, 4);
	struct job job = job_of(1, SLEEP);
	opts.job_timeout_ns = WEIR_US(300);
	start(&opts);
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), 0);
	job = job_of(2, SLEEP), job.head.timeout_ns = -5;
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), 0);
	send(3, SUCCEED);
	expect_and_end(1, WEIR_EDEADLINE);
	expect_and_end(2, WEIR_EDEADLINE);
	weir_tx_close(&jobs);
	expect_and_end(3, 0);
	expect_no_more();
	assert_final(1, 0, 2, 0, 0);
	finish();
}
END_TEST

START_TEST(a_late_success_is_a_success)
{
	struct weir_pipeline_opts opts = opts_of(1, 4);
	opts.job_timeout_ns = WEIR_US(200);
	start(&opts);
	send(1, SLEEP_THEN_SUCCEED);
	weir_tx_close(&jobs);
	expect_and_end(1, 0);
	expect_no_more(); /* the account is final once results are closed, not before */
	assert_final(1, 0, 0, 0, 0);
	finish();
}
END_TEST

START_TEST(values_that_are_not_received_are_dropped)
{
	struct weir_pipeline_opts opts = opts_of(1, 4);
	opts.result_buffer = 4;
	start(&opts);
	send(1, SUCCEED);
	send(2, FAIL);
	send(3, SUCCEED);
	weir_tx_close(&jobs);
	AWAIT(report().workers_alive == 0);
	expect_and_end(1, 0);
	weir_rx_close(&results);
	finish();
	ck_assert_uint_eq(drops_of(VALUE + 1), 0); /* ours, and plain */
	ck_assert_uint_eq(drops_of(VALUE + 2), 0); /* there was none */
	ck_assert_uint_eq(drops_of(VALUE + 3), 1);
	ck_assert_uint_eq(drops_in_all(), 4);
}
END_TEST

/* ---- flow ---- */

START_TEST(no_workers_are_one)
{
	struct weir_pipeline_opts opts = opts_of(0, 0);
	struct weir_stats_view view;
	start(&opts);
	ck_assert_uint_eq(report().workers_alive, 1);
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 1);
	ck_assert_str_eq(view.name, "pipeline");
	ck_assert_str_eq(view.counters[0], "received");
	send(1, SUCCEED);
	expect_and_end(1, 0);
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 1);
	ck_assert_uint_eq(view.values[0], 1);
	finish();
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 0);
}
END_TEST

START_TEST(nothing_to_do)
{
	for (size_t workers = 1; workers <= 4; workers++) {
		struct weir_pipeline_opts opts = opts_of(workers, 0);
		start(&opts);
		ck_assert_uint_eq(report().workers_alive, workers);
		weir_tx_close(&jobs);
		expect_no_more();
		expect_no_more();
		assert_final(0, 0, 0, 0, 0);
		finish();
	}
}
END_TEST

START_TEST(one_worker_keeps_the_order)
{
	struct weir_pipeline_opts opts = opts_of(1, 50);
	opts.result_buffer = 50;
	start(&opts);
	for (uint32_t id = 0; id < 50; id++)
		send(id, SUCCEED);
	for (uint32_t id = 0; id < 50; id++)
		expect_and_end(id, 0);
	finish();
}
END_TEST

/* Four jobs at a time finish in the reverse order; the results come in the order of the jobs all the same. */
START_TEST(ordered_output)
{
	static const size_t windows[] = {0, 4, 5, 100};
	for (size_t w = 0; w < COUNT_OF(windows); w++) {
		struct weir_pipeline_opts opts = opts_of(4, 40);
		opts.ordered = true;
		opts.reorder_window = windows[w];
		memset((void *)is_done, 0, sizeof(is_done));
		start(&opts);
		for (uint32_t id = 0; id < 40; id++)
			send(id, id % 4 == 3 ? SUCCEED : AFTER_NEXT);
		weir_tx_close(&jobs);
		for (uint32_t id = 0; id < 40; id++)
			expect_and_end(id, 0);
		expect_no_more();
		assert_final(40, 0, 0, 0, 0);
		finish();
	}
}
END_TEST

START_TEST(failures_keep_their_place)
{
	struct weir_pipeline_opts opts = opts_of(3, 0);
	opts.ordered = true;
	opts.result_buffer = 30;
	start(&opts);
	for (uint32_t id = 0; id < 30; id++)
		send(id, id % 3 == 1 ? FAIL : SUCCEED);
	for (uint32_t id = 0; id < 30; id++)
		expect_and_end(id, id % 3 == 1 ? WEIR_EUSER : 0);
	finish();
}
END_TEST

/* Sends jobs without waiting for room until `bound` are inside, and sees that no further one gets in. */
static void fill_up(uint32_t bound)
{
	for (uint32_t id = 0; id < bound; id++) {
		struct job job = job_of(id, SUCCEED);
		AWAIT(weir_tx_try_send(jobs, &job) == 0);
	}
	for (int i = 0; i < 300; i++) {
		struct job job = job_of(bound, SUCCEED);
		ck_assert_int_eq(weir_tx_try_send(jobs, &job), WEIR_EAGAIN);
		weir_rt_yield(rt);
	}
}

START_TEST(a_run_holds_so_many_jobs)
{
	static const size_t shapes[][3] = {{1, 0, 0}, {2, 3, 1}, {3, 0, 4}, {1, 5, 0}};
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		struct weir_pipeline_opts opts = opts_of(shapes[i][0], shapes[i][1]);
		uint32_t bound = (uint32_t)(shapes[i][0] + shapes[i][1] + shapes[i][2]);
		opts.result_buffer = shapes[i][2];
		start(&opts);
		fill_up(bound);
		AWAIT(report().received == shapes[i][0] + shapes[i][2]);
		weir_tx_close(&jobs);
		for (uint32_t n = 0; n < bound; n++) {
			struct result r;
			ck_assert_int_eq(weir_rx_recv(&root, results, &r), 1);
		}
		expect_no_more();
		finish();
	}
}
END_TEST

START_TEST(the_window_bounds_what_is_picked_up)
{
	for (uint32_t window = 1; window <= 7; window += 2) {
		struct weir_pipeline_opts opts = opts_of(8, 4);
		opts.ordered = true;
		opts.reorder_window = window;
		start(&opts);
		fill_up(window + 4);
		AWAIT(report().received == window && report().running == 0);
		ck_assert_uint_eq(report().emitted, 0);
		expect_and_end(0, 0);
		AWAIT(report().received == window + 1); /* one more for one that left */
		weir_tx_close(&jobs);
		for (uint32_t id = 1; id < window + 4; id++)
			expect_and_end(id, 0);
		expect_no_more();
		assert_final(window + 4, 0, 0, 0, 0);
		finish();
	}
}
END_TEST

START_TEST(one_value_of_options_many_runs)
{
	enum { RUNS = 5 };
	struct weir_pipeline_opts opts = opts_of(2, 1);
	weir_tx *in[RUNS];
	weir_rx *out[RUNS];
	weir_pipeline *p[RUNS];
	weir_scope_init(&scope, &root);
	for (size_t i = 0; i < RUNS; i++)
		ck_assert_int_eq(weir_pipeline_start(&scope, &input_type, &item_type, &opts, &in[i], &out[i], &p[i]),
				 0);
	for (uint32_t i = 0; i < RUNS; i++) {
		jobs = in[i];
		send(i, i == 2 ? FAIL : SUCCEED);
	}
	for (uint32_t i = 0; i < RUNS; i++) {
		run = p[i], results = out[i], jobs = in[i];
		expect_and_end(i, i == 2 ? WEIR_EUSER : 0);
		weir_tx_close(&jobs);
		expect_no_more();
		assert_final(i != 2, i == 2, 0, 0, 0);
		weir_rx_close(&results);
	}
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
}
END_TEST

/* ---- attach ---- */

static weir_tx *feed;
static weir_rx *other_receiver;

static void attach(struct weir_pipeline_opts opts, size_t capacity)
{
	weir_type job = weir_job_type(&input_type);
	weir_rx *source;
	ck_assert_int_eq(weir_chan_new(rt, &job, capacity, &feed, &source), 0);
	ck_assert_int_eq(weir_rx_clone(source, 1, &other_receiver), 0);
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_pipeline_attach(&scope, &input_type, &item_type, &opts, &source, &results, &run), 0);
	ck_assert_ptr_null(source);
	jobs = feed;
}

START_TEST(attach_reads_a_channel_of_the_caller)
{
	attach(opts_of(2, 77), 4); /* a job buffer is for start only */
	ck_assert_uint_eq(account_of(jobs, NULL).capacity, 4);
	weir_rx_close(&other_receiver);
	send(1, SUCCEED);
	expect_and_end(1, 0);
	weir_tx_close(&jobs);
	expect_no_more();
	assert_final(1, 0, 0, 0, 0);
	finish();
}
END_TEST

START_TEST(a_cancelled_run_only_leaves_the_callers_channel)
{
	struct job job = job_of(5, SUCCEED), got;
	attach(opts_of(2, 0), 4);
	weir_pipeline_cancel(run, "enough");
	expect_no_more();
	assert_final(0, 0, 0, 0, 0);
	AWAIT(report().workers_alive == 0);
	ck_assert_int_eq(weir_tx_try_send(jobs, &job), 0);
	ck_assert_int_eq(weir_rx_try_recv(other_receiver, &got), 1);
	ck_assert_uint_eq(got.in.id, 5);
	weir_rx_close(&other_receiver);
	ck_assert_int_eq(weir_tx_try_send(jobs, &job), WEIR_EPIPE);
	finish();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(drain_stops_intake_of_the_callers_channel)
{
	struct job job = job_of(9, SUCCEED);
	attach(opts_of(1, 0), 4);
	send(1, SUCCEED);
	weir_pipeline_drain(run);
	ck_assert_int_eq(weir_tx_try_send(jobs, &job), WEIR_EPIPE);
	expect_and_end(1, 0);
	expect_no_more();
	weir_rx_close(&other_receiver);
	finish();
}
END_TEST

/* ---- leaving ---- */

START_TEST(drain_delivers_what_was_accepted)
{
	struct weir_pipeline_opts opts = opts_of(2, 8);
	struct job job = job_of(99, SUCCEED);
	start(&opts);
	for (uint32_t id = 0; id < 8; id++)
		send(id, SUCCEED);
	weir_pipeline_drain(run);
	weir_pipeline_drain(run);
	ck_assert_int_eq(weir_tx_try_send(jobs, &job), WEIR_EPIPE);
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), WEIR_EPIPE);
	uint64_t seen = 0;
	for (int i = 0; i < 8; i++) {
		struct result r;
		ck_assert_int_eq(weir_rx_recv(&root, results, &r), 1);
		seen |= UINT64_C(1) << r.head.id;
	}
	ck_assert_uint_eq(seen, 0xff);
	expect_no_more();
	assert_final(8, 0, 0, 0, 0);
	finish();
	ck_assert_uint_eq(drops_of(99), 0); /* still ours */
}
END_TEST

START_TEST(cancel_ends_handlers_and_drops_the_rest)
{
	struct weir_pipeline_opts opts = opts_of(2, 8);
	struct job job = job_of(99, SUCCEED);
	start(&opts);
	for (uint32_t id = 0; id < 8; id++)
		send(id, SLEEP);
	AWAIT(report().running == 2);
	weir_pipeline_cancel(run, "enough");
	weir_pipeline_cancel(run, "again");
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), WEIR_EPIPE); /* at once */
	expect_no_more();
	assert_final(0, 0, 2, 2, 6);
	finish();
	for (uint32_t id = 0; id < 8; id++)
		ck_assert_uint_eq(drops_of(id), 1);
	ck_assert_uint_eq(drops_in_all(), 8);
}
END_TEST

START_TEST(cancel_drops_a_result_that_waits_to_be_taken)
{
	for (int ordered = 0; ordered < 2; ordered++) {
		struct weir_pipeline_opts opts = opts_of(1, 0);
		opts.ordered = ordered;
		start(&opts);
		send(1, SUCCEED);
		AWAIT(report().finishing == 1);
		weir_pipeline_cancel(run, "enough");
		expect_no_more();
		assert_final(1, 0, 0, 1, 0);
		finish();
		ck_assert_uint_eq(drops_of(VALUE + 1), 1u + (unsigned)ordered);
	}
}
END_TEST

START_TEST(the_end_of_the_scope_ends_the_run)
{
	struct weir_pipeline_opts opts = opts_of(2, 4);
	start(&opts);
	for (uint32_t id = 0; id < 4; id++)
		send(id, SLEEP);
	AWAIT(report().running == 2);
	weir_scope_cancel(&scope, "enough");
	expect_no_more();
	assert_final(0, 0, 2, 2, 2);
	struct job job = job_of(99, SUCCEED);
	ck_assert_int_eq(weir_tx_send(&root, jobs, &job), WEIR_EPIPE);
	finish();
}
END_TEST

START_TEST(a_consumer_that_leaves_ends_the_run)
{
	struct weir_pipeline_opts opts = opts_of(2, 2);
	uint32_t id = 0;
	start(&opts);
	send(id++, SUCCEED);
	expect_and_end(0, 0);
	weir_rx_close(&results);
	for (int rc = 0; rc == 0; id++) { /* a worker notices when it has something to hand over */
		struct job job = job_of(id % 200, SUCCEED);
		rc = weir_tx_send(&root, jobs, &job);
		ck_assert(rc == 0 || rc == WEIR_EPIPE);
		if (rc < 0)
			item_drop(&job.in, NULL); /* still ours: it ends here */
	}
	AWAIT(report().workers_alive == 0);
	weir_pipeline_report r = report();
	ck_assert_uint_eq(r.running, 0);
	ck_assert_uint_eq(r.finishing, 0);
	ck_assert_uint_eq(r.emitted, 1);
	ck_assert_uint_eq(r.received + r.discarded, id - 1);
	finish();
	unsigned inputs = 0;
	for (uint32_t i = 0; i < VALUE; i++)
		inputs += drops_of(i);
	ck_assert_uint_eq(inputs, id);
}
END_TEST

START_TEST(producers_that_leave_end_the_intake)
{
	struct weir_pipeline_opts opts = opts_of(2, 4);
	weir_tx *second;
	start(&opts);
	ck_assert_int_eq(weir_tx_clone(jobs, 1, &second), 0);
	send(0, SUCCEED);
	weir_tx_close(&jobs);
	expect_and_end(0, 0);
	jobs = second; /* not the last one */
	send(1, SUCCEED);
	weir_tx_close(&jobs);
	expect_and_end(1, 0);
	expect_no_more();
	assert_final(2, 0, 0, 0, 0);
	finish();
}
END_TEST

/* ---- stop ---- */

START_TEST(stop_of_a_run_that_is_idle)
{
	struct weir_pipeline_opts opts = opts_of(3, 4);
	weir_pipeline_report out;
	struct job job = job_of(99, SUCCEED);
	start(&opts);
	ck_assert_int_eq(weir_pipeline_stop(&root, run, -1, &out), WEIR_EINVAL);
	ck_assert_uint_eq(report().workers_alive, 3); /* and nothing was stopped */
	ck_assert_int_eq(weir_pipeline_stop(&root, run, WEIR_SEC(60), &out), 0);
	ck_assert_uint_eq(out.workers_alive, 0);
	ck_assert_uint_eq(out.n_stuck, 0);
	ck_assert_int_eq(weir_tx_try_send(jobs, &job), WEIR_EPIPE);
	expect_no_more();
	ck_assert_int_eq(weir_pipeline_stop(&root, run, 0, NULL), 0); /* there is nothing left to stop */
	finish();
}
END_TEST

START_TEST(stop_delivers_in_its_time)
{
	struct weir_pipeline_opts opts = opts_of(1, 4);
	weir_pipeline_report out;
	opts.result_buffer = 4;
	start(&opts);
	for (uint32_t id = 0; id < 4; id++)
		send(id, SUCCEED);
	ck_assert_int_eq(weir_pipeline_stop(&root, run, WEIR_SEC(60), &out), 0);
	ck_assert_uint_eq(out.succeeded, 4);
	ck_assert_uint_eq(out.emitted, 4);
	for (uint32_t id = 0; id < 4; id++)
		expect_and_end(id, 0);
	expect_no_more();
	finish();
}
END_TEST

/* The handler only listens to its context: the first phase passes in vain. */
START_TEST(stop_cancels_after_its_time)
{
	struct weir_pipeline_opts opts = opts_of(2, 4);
	weir_pipeline_report out;
	start(&opts);
	for (uint32_t id = 0; id < 4; id++)
		send(id, SLEEP);
	AWAIT(report().running == 2);
	int64_t grace = WEIR_MS(20), before = weir_rt_now(rt);
	int rc;
	/* on a busy machine the second phase may be too short for the workers: then there is a third */
	while ((rc = weir_pipeline_stop(&root, run, grace, &out)) == WEIR_ETIMEOUT)
		grace = WEIR_SEC(60);
	ck_assert(rc == WEIR_ECANCELED || (rc == 0 && grace > WEIR_MS(20)));
	ck_assert_int_ge(weir_rt_now(rt), before + WEIR_MS(20));
	ck_assert_uint_eq(out.workers_alive, 0);
	ck_assert_uint_eq(out.canceled, 2);
	ck_assert_uint_eq(out.running, 0);
	assert_final(0, 0, 2, 2, 2);
	finish();
}
END_TEST

START_TEST(stop_names_who_is_stuck)
{
	struct weir_pipeline_opts opts = opts_of(2, 4);
	weir_pipeline_report out;
	start(&opts);
	send(41, STUBBORN);
	send(42, STUBBORN);
	AWAIT(atomic_load(&at_gate) == 2);
	memset(&out, 0xff, sizeof(out));
	ck_assert_int_eq(weir_pipeline_stop(&root, run, 0, &out), WEIR_ETIMEOUT);
	ck_assert_uint_eq(out.workers_alive, 2);
	ck_assert_uint_eq(out.running, 2);
	ck_assert_uint_eq(out.n_stuck, 2);
	ck_assert_uint_eq(out.stuck[0].job + out.stuck[1].job, 83);
	ck_assert_uint_ne(out.stuck[0].worker, out.stuck[1].worker);
	for (size_t i = 0; i < 2; i++)
		ck_assert(out.stuck[i].since_at >= 0 && out.stuck[i].since_at <= weir_rt_now(rt));
	atomic_store(&gate_open, true);
	expect_no_more();
	assert_final(2, 0, 0, 2, 0); /* late successes; nobody takes them from a cancelled run */
	finish();
}
END_TEST

START_TEST(stop_under_a_context_that_has_ended)
{
	struct weir_pipeline_opts opts = opts_of(1, 4);
	weir_pipeline_report out;
	weir_ctx c;
	for (int i = 0; i < 3; i++) {
		start(&opts);
		send(1, SLEEP);
		AWAIT(report().running == 1);
		weir_ctx_init(&c, &root, i == 0 ? 0 : i == 1 ? weir_rt_now(rt) + WEIR_US(300) : WEIR_FOREVER);
		if (i == 2)
			weir_ctx_cancel(&c, "no time");
		memset(&out, 0xff, sizeof(out));
		ck_assert_int_eq(weir_pipeline_stop(&c, run, WEIR_SEC(60), &out),
				 i == 2 ? WEIR_ECANCELED : WEIR_EDEADLINE);
		ck_assert_uint_eq(out.received, 1); /* filled in every case */
		expect_no_more();                   /* the run is cancelled */
		assert_final(0, 0, 1, 1, 0);
		weir_ctx_fini(&c);
		finish();
	}
}
END_TEST

/* ---- the account while it moves ---- */

static _Atomic bool reading;

/* Reads snapshots until told to stop; the number of those that do not balance, go back, or cannot be. */
static int read_snapshots(void *arg)
{
	weir_pipeline_report r, before = {0};
	int wrong = 0;
	(void)arg;
	do {
		weir_pipeline_stats(run, &r);
		uint64_t outcomes = r.succeeded + r.failed + r.canceled;
		wrong += r.received != outcomes + r.running;
		wrong += outcomes != r.emitted + r.undelivered + r.finishing;
		wrong += r.workers_alive > 4 || r.n_stuck > 4;
		wrong += r.received < before.received || r.emitted < before.emitted || r.failed < before.failed;
		before = r;
	} while (atomic_load(&reading));
	return wrong;
}

START_TEST(every_snapshot_balances)
{
	struct weir_pipeline_opts opts = opts_of(4, 8);
	struct helper reader;
	enum { JOBS = 3000 };
	opts.result_buffer = 8;
	start(&opts);
	atomic_store(&reading, true);
	helper_start(&reader, read_snapshots, NULL);
	uint32_t sent = 0, got = 0, failed = 0;
	while (got < JOBS) {
		struct job job = job_of(sent % 200, sent % 3 ? SUCCEED : FAIL);
		struct result r;
		if (sent < JOBS && weir_tx_try_send(jobs, &job) == 0)
			sent++;
		if (weir_rx_try_recv(results, &r) == 1) {
			got++;
			failed += r.head.rc != 0;
			weir_err_fini(&r.head.err);
		}
	}
	atomic_store(&reading, false);
	ck_assert_int_eq(helper_join(&reader), 0);
	ck_assert_uint_eq(failed, JOBS / 3);
	weir_tx_close(&jobs);
	expect_no_more();
	assert_final(JOBS - JOBS / 3, JOBS / 3, 0, 0, 0);
	finish();
	ck_assert_uint_eq(drops_in_all(), JOBS);
}
END_TEST

static void add_leaving(Suite *suite)
{
	TCase *leaving = world_case(suite, "leaving");
	tcase_add_test(leaving, drain_delivers_what_was_accepted);
	tcase_add_test(leaving, cancel_ends_handlers_and_drops_the_rest);
	tcase_add_test(leaving, cancel_drops_a_result_that_waits_to_be_taken);
	tcase_add_test(leaving, the_end_of_the_scope_ends_the_run);
	tcase_add_test(leaving, a_consumer_that_leaves_ends_the_run);
	tcase_add_test(leaving, producers_that_leave_end_the_intake);
	tcase_add_test(leaving, stop_of_a_run_that_is_idle);
	tcase_add_test(leaving, stop_delivers_in_its_time);
	tcase_add_test(leaving, stop_cancels_after_its_time);
	tcase_add_test(leaving, stop_names_who_is_stuck);
	tcase_add_test(leaving, stop_under_a_context_that_has_ended);
}

int main(void)
{
	Suite *suite = suite_create("pipeline");
	TCase *making = world_case(suite, "making");
	tcase_add_test(making, elements_have_a_head_and_a_body);
	tcase_add_test(making, arguments_that_make_no_sense);
	tcase_add_test(making, buffers_that_do_not_fit);
	tcase_add_test(making, an_ended_scope_starts_nothing);
	tcase_add_test(making, attach_wants_a_channel_of_its_jobs);
	tcase_add_test(making, every_allocation_may_fail);
	tcase_add_test(making, a_run_needs_all_its_workers);
	TCase *outcomes = world_case(suite, "outcomes");
	tcase_add_test(outcomes, each_outcome_has_its_counter);
	tcase_add_test(outcomes, a_job_has_its_own_time);
	tcase_add_test(outcomes, the_options_time_is_for_jobs_without_one);
	tcase_add_test(outcomes, a_late_success_is_a_success);
	tcase_add_test(outcomes, values_that_are_not_received_are_dropped);
	TCase *flow = world_case(suite, "flow");
	tcase_add_test(flow, no_workers_are_one);
	tcase_add_test(flow, nothing_to_do);
	tcase_add_test(flow, one_worker_keeps_the_order);
	tcase_add_test(flow, ordered_output);
	tcase_add_test(flow, failures_keep_their_place);
	tcase_add_test(flow, a_run_holds_so_many_jobs);
	tcase_add_test(flow, the_window_bounds_what_is_picked_up);
	tcase_add_test(flow, one_value_of_options_many_runs);
	tcase_add_test(flow, attach_reads_a_channel_of_the_caller);
	tcase_add_test(flow, a_cancelled_run_only_leaves_the_callers_channel);
	tcase_add_test(flow, drain_stops_intake_of_the_callers_channel);
	add_leaving(suite);
	tcase_add_test(world_case(suite, "account"), every_snapshot_balances);
	return run_suite(suite);
}
