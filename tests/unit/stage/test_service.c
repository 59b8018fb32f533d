/* SPDX-License-Identifier: MIT
 *
 * Services on threads: the table of states, the order of setup and close, failures of these, error functions and what
 * becomes of values, and misuse. Values against start and stop are in tests/sim/test_service.c. */
#include <check.h>

#include "kit.h"

/* All that is refused here is an argument. */
#define expect_wrong(st, text) expect_wrong(st, WEIR_EINVAL, text)

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static char told[200]; /* what the parts were told, in order */
static weir_service svc;
static weir_stage *stage;
static weir_call *call;

struct part {
	const char *name;
	int setup, close, reset, health;
};

static int tell(const struct part *p, const char *what, int rc, weir_err *err)
{
	strcat(strcat(strcat(told, p->name), what), " ");
	return rc ? weir_fail(err, rc, "%s of %s", what, p->name) : 0;
}

static int on_setup(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx;
	return tell(p, "+", p->setup, err);
}

static int on_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	int rc = weir_ctx_err(ctx); /* a shield: it has not ended */
	return tell(p, "-", rc ? rc : p->close, err);
}

static int on_reset(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx;
	return tell(p, "!", p->reset, err);
}

static int on_health(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx;
	return tell(p, "?", p->health, err);
}

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0)
		return *in == -1 ? WEIR_EFILTERED : weir_fail(err, WEIR_EUSER + *in, "no %d", *in);
	*out = *in + 1;
	return 0;
}
WEIR_HANDLER_DECLARE(plus, num, num);

static weir_stage *part(struct part *p)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = p->name,
							    .in = num_type(),
							    .out = num_type(),
							    .process = plus_handler,
							    .arg = p,
							    .lifecycle = {.setup = on_setup,
									  .close = on_close,
									  .reset = on_reset,
									  .health = on_health}});
}

static struct part a, b;

static void open_stage(weir_stage *child)
{
	stage = weir_service_stage(child, &svc);
	call = call_of(stage);
}

static void open_service(const struct weir_service_opts *opts)
{
	weir_service_init(&svc, rt, opts);
	a = (struct part){.name = "a"};
	b = (struct part){.name = "b"};
	told[0] = 0;
	open_stage(weir_then(part(&a), part(&b)));
}

static void close_service(void)
{
	done_with(&call, &stage);
	weir_service_fini(&svc);
}

static void expect_told(const char *text)
{
	ck_assert_str_eq(told, text);
	told[0] = 0;
}

/* ---- lifecycle ---- */

START_TEST(every_state)
{
	weir_err err = {0};
	int in = 1, out = 0;
	open_service(NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_ENOTSTARTED);
		expect_text(&err, "service: WEIR_ENOTSTARTED");
		ck_assert_int_eq(weir_service_health(&root, &svc, NULL), WEIR_ENOTSTARTED);
		ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
		ck_assert_int_eq(weir_service_reset(&root, &svc, NULL), 0);
		expect_told("a! b! ");
		ck_assert_int_eq(weir_service_start(&root, &svc, &err), 0);
		ck_assert_int_eq(err.code, 0);
		expect_told("a+ b+ ");
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		ck_assert_int_eq(out, 3);
		ck_assert_int_eq(weir_service_start(&root, &svc, &err), WEIR_EBUSY);
		expect_text(&err, "the service is started");
		ck_assert_int_eq(weir_service_reset(&root, &svc, NULL), WEIR_EBUSY);
		ck_assert_int_eq(weir_service_health(&root, &svc, NULL), 0);
		expect_told("a? b? ");
		ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
		expect_told("b- a- ");
		ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
		expect_told("");
	}
	close_service();
}
END_TEST

START_TEST(functions_that_fail)
{
	weir_err err = {0};
	weir_ctx ended;
	open_service(NULL);
	b.setup = WEIR_EUSER - 1;
	ck_assert_int_eq(weir_service_start(&root, &svc, &err), WEIR_EUSER - 1);
	expect_told("a+ b+ a- ");
	expect_text(&err, "+ of b");
	b.setup = 0;
	a.health = WEIR_EUSER - 2;
	ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0); /* it was stopped */
	ck_assert_int_eq(weir_service_health(&root, &svc, &err), WEIR_EUSER - 2);
	expect_text(&err, "? of a");
	b.close = WEIR_EUSER - 3;
	ck_assert_int_eq(weir_service_stop(&root, &svc, &err), WEIR_EUSER - 3);
	expect_told("a+ b+ a? b? b- a- ");
	expect_text(&err, "- of b");
	ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0); /* it is, all the same */
	a.reset = WEIR_EUSER - 4;
	ck_assert_int_eq(weir_service_reset(&root, &svc, NULL), WEIR_EUSER - 4);
	expect_told("a! b! ");
	weir_ctx_init(&ended, &root, WEIR_FOREVER);
	b.close = 0;
	ck_assert_int_eq(weir_service_start(&ended, &svc, NULL), 0);
	weir_ctx_cancel(&ended, "over");
	ck_assert_int_eq(weir_service_health(&ended, &svc, NULL), WEIR_ECANCELED);
	expect_told("a+ b+ ");
	ck_assert_int_eq(weir_service_stop(&ended, &svc, NULL), 0); /* under a shield */
	expect_told("b- a- ");
	ck_assert_int_eq(weir_service_start(&ended, &svc, NULL), WEIR_ECANCELED);
	ck_assert_int_eq(weir_service_reset(&ended, &svc, NULL), WEIR_ECANCELED);
	expect_told("");
	weir_ctx_fini(&ended);
	close_service();
}
END_TEST

START_TEST(what_is_wrong_with_a_service)
{
	weir_service other, zeroed = {0};
	weir_err err = {0};
	open_service(NULL);
	weir_service_init(&other, rt, NULL);
	expect_wrong(weir_service_stage(NULL, &other), "no stages");
	expect_wrong(weir_service_stage(part(&a), NULL), "needs a service of this runtime");
	expect_wrong(weir_service_stage(part(&a), &zeroed), "needs a service of this runtime");
	expect_wrong(weir_service_stage(part(&a), &svc), "has a stage already");
	ck_assert_int_eq(weir_service_start(&root, &other, &err), WEIR_EINVAL);
	expect_text(&err, "has no stage");
	ck_assert_int_eq(weir_service_stop(&root, &other, NULL), 0);
	ck_assert_int_eq(weir_service_reset(&root, &other, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_service_health(&root, &other, NULL), WEIR_EINVAL);
	weir_call_free(&call);
	expect_wrong(weir_service_stage(weir_then(part(&a), stage), &other), "another service is below it");
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_service_fini(&svc);
	weir_service_fini(&other);
	weir_service_fini(&zeroed);
	weir_service_fini(NULL);
}
END_TEST

/* ---- error functions ---- */

static int asked;

/* -2: a value; -3: as it was; -4: another; -5: something odd; -6: a part, of nothing; all else: a value of no sense. */
static int mend(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int n = *(const int *)in;
	ck_assert_ptr_eq(arg, &asked);
	ck_assert_int_eq(err->code, WEIR_EUSER + n);
	ck_assert_int_eq(weir_ctx_err(ctx), 0);
	asked++;
	*(int *)out = 77;
	return n == -2   ? 0
	       : n == -3 ? err->code
	       : n == -4 ? weir_fail(err, WEIR_EIO, "instead")
	       : n == -5 ? 3
			 : WEIR_EPARTIAL;
}

START_TEST(failures_are_asked_about)
{
	static const struct {
		int in, rc, asked;
		const char *text;
	} cases[] = {
		{1, 0, 0, ""},
		{-1, WEIR_EFILTERED, 0, "service: plus: WEIR_EFILTERED"}, /* an answer, not a failure */
		{-2, 0, 1, ""},
		{-3, WEIR_EUSER - 3, 1, "service: plus: user error -10003: no -3"},
		{-4, WEIR_EIO, 1, "service: WEIR_EIO: instead"},
		{-5, WEIR_EINVAL, 1, "on_error returned 3"},
		{-6, WEIR_EPARTIAL, 1, "no -6"},
	};
	weir_err err = {0};
	weir_ctx ended;
	struct part p = {.name = "plus"};
	int in = 1, out;
	weir_service_init(&svc, rt, &(struct weir_service_opts){.on_error = mend, .arg = &asked});
	told[0] = 0;
	open_stage(part(&p));
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_ENOTSTARTED);
	ck_assert_int_eq(asked, 0);
	ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0);
	weir_ctx_init(&ended, &root, WEIR_FOREVER);
	weir_ctx_cancel(&ended, "over");
	for (size_t i = 0; i < COUNT_OF(cases) * 2; i++) { /* with a detail, and without */
		size_t c = i / 2;
		int rc = c == 6 ? WEIR_EINCOMPLETE : cases[c].rc;
		asked = out = 0;
		ck_assert_int_eq(weir_call_process(&ended, call, &cases[c].in, &out, i % 2 ? NULL : &err), rc);
		ck_assert_int_eq(asked, cases[c].asked);
		ck_assert_int_eq(i % 2 ? 0 : err.code, i % 2 ? 0 : rc);
		if (rc == 0)
			ck_assert_int_eq(out, c ? 77 : 2);
		expect_text(&err, i % 2 ? "" : cases[c].text);
	}
	weir_ctx_fini(&ended);
	ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
	close_service();
}
END_TEST

/* Where the child takes, a value that is let pass has moved, whatever the function wrote. */
static int drop_odd(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	return *(const uint32_t *)in % 2 ? weir_fail(err, WEIR_EUSER, "odd") : 1;
}

static int let_three_pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	memset(out, 0x77, 4);
	return *(const uint32_t *)in == 3 ? 0 : err->code;
}

START_TEST(a_value_that_passes_all_the_same)
{
	weir_service_init(&svc, rt, &(struct weir_service_opts){.on_error = let_three_pass});
	open_stage(weir_filter(rt, &item_type, drop_odd, NULL));
	ck_assert(weir_stage_takes(stage));
	ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0);
	for (uint32_t in = 1; in < 5; in++) {
		uint32_t out = 0;
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), in == 1 ? WEIR_EUSER : 0);
		ck_assert(in == 1 || out == in);
	}
	ck_assert_uint_eq(drops_in_all(), 0);
	ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
	close_service();
}
END_TEST

/* A partial result is the function's to keep, and goes with any other code: the world counts the memory. */
static int partial_rc;

static int keep_part(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)arg;
	ck_assert_int_eq(err->code, WEIR_EPARTIAL);
	ck_assert_uint_eq(nums_len(out), 2);
	ck_assert_int_eq(*nums_at(out, 0), 2);
	return partial_rc;
}

START_TEST(a_partial_result)
{
	static const int codes[] = {0, WEIR_EPARTIAL, WEIR_EIO, 5}, values[] = {1, -3};
	struct part p = {.name = "plus"};
	nums_t in, out;
	weir_service_init(&svc, rt, &(struct weir_service_opts){.on_error = keep_part});
	open_stage(weir_map(part(&p), &(struct weir_map_opts){.concurrency = 1, .collect = true}));
	ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0);
	ck_assert_int_eq(nums_new(rt, 2, &in), 0);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(nums_put(&in, i, &values[i]), 0);
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		weir_err err = {0};
		partial_rc = codes[i];
		int rc = weir_call_process(&root, call, &in, &out, &err);
		ck_assert_int_eq(rc, codes[i] == 5 ? WEIR_EINVAL : codes[i]);
		ck_assert_int_eq(err.code, rc);
		if (rc == 0 || rc == WEIR_EPARTIAL) {
			ck_assert_int_eq(*nums_at(&out, 0), 2);
			nums_drop(&out);
		}
		weir_err_fini(&err);
	}
	nums_drop(&in);
	ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
	close_service();
}
END_TEST

/* ---- under load ---- */

enum { CALLERS = 3, STARTS = 300 };

static int resource; /* plain memory: whoever is inside reads it, setup and close write it */
static _Atomic int going;
static _Atomic unsigned long let_in;

static int set_resource(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	resource = arg == &resource;
	return 0;
}

static int clear_resource(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	resource = 0;
	return 0;
}

static int read_resource(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)err, (void)arg;
	*out = resource;
	return 0;
}
WEIR_HANDLER_DECLARE(read_resource, num, num);

static int call_all_the_time(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err;
	while (atomic_load(&going) && (rc == 0 || rc == WEIR_ENOTSTARTED)) {
		int in = 1, out = 0;
		rc = weir_call_process(ctx, arg, &in, &out, NULL);
		if (rc == 0 && out != 1)
			return WEIR_EUSER;
		atomic_fetch_add(&let_in, rc == 0);
		if (rc < 0)
			weir_rt_yield(rt);
	}
	return rc == WEIR_ENOTSTARTED ? 0 : rc;
}

START_TEST(started_and_stopped_under_load)
{
	weir_call *calls[CALLERS] = {NULL};
	weir_service_init(&svc, rt, NULL);
	stage = weir_service_stage(weir_stage_new(rt,
						  &(struct weir_stage_opts){.in = num_type(),
									    .out = num_type(),
									    .process = read_resource_handler,
									    .arg = &resource,
									    .lifecycle = {.setup = set_resource,
											  .close = clear_resource}}),
				   &svc);
	weir_scope_init(&scope, &root);
	atomic_store(&going, 1);
	for (size_t i = 0; i < CALLERS; i++) {
		ck_assert_int_eq(weir_call_new(&scope, stage, &calls[i]), 0);
		ck_assert_int_eq(weir_scope_spawn(&scope, "caller", call_all_the_time, calls[i]), 0);
	}
	for (int i = 0; i < STARTS; i++) {
		unsigned long before = atomic_load(&let_in);
		ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0);
		AWAIT(atomic_load(&let_in) != before);
		ck_assert_int_eq(weir_service_stop(&root, &svc, NULL), 0);
		ck_assert_int_eq(resource, 0);
	}
	atomic_store(&going, 0);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	for (size_t i = 0; i < CALLERS; i++)
		weir_call_free(&calls[i]);
	weir_stage_free(&stage);
	weir_service_fini(&svc);
}
END_TEST

/* ---- misuse ---- */

START_TEST(finishing_a_started_service_is_misuse)
{
	world_open();
	open_service(NULL);
	ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0);
	weir_service_fini(&svc);
}
END_TEST

START_TEST(finishing_before_the_stage_is_misuse)
{
	world_open();
	open_service(NULL);
	weir_service_fini(&svc);
}
END_TEST

START_TEST(freeing_a_started_stage_is_misuse)
{
	world_open();
	open_service(NULL);
	ck_assert_int_eq(weir_service_start(&root, &svc, NULL), 0);
	weir_call_free(&call);
	weir_stage_free(&stage);
}
END_TEST

START_TEST(a_negative_grace_is_misuse)
{
	world_open();
	open_service(&(struct weir_service_opts){.grace_ns = -1});
}
END_TEST

static Suite *service_suite(void)
{
	Suite *suite = suite_create("service");
	TCase *lifecycle = world_case(suite, "lifecycle"), *errors = world_case(suite, "errors"),
	      *load = world_case(suite, "load"), *misuse = bare_case(suite, "misuse");
	tcase_add_test(load, started_and_stopped_under_load);
	tcase_add_test(lifecycle, every_state);
	tcase_add_test(lifecycle, functions_that_fail);
	tcase_add_test(lifecycle, what_is_wrong_with_a_service);
	tcase_add_test(errors, failures_are_asked_about);
	tcase_add_test(errors, a_value_that_passes_all_the_same);
	tcase_add_test(errors, a_partial_result);
	tcase_add_test_raise_signal(misuse, finishing_a_started_service_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(misuse, finishing_before_the_stage_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(misuse, freeing_a_started_stage_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_negative_grace_is_misuse, SIGABRT);
	return suite;
}

int main(void)
{
	return run_suite(service_suite());
}
