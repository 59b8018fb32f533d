/* SPDX-License-Identifier: MIT
 *
 * Entering weir: weir_rt_run and weir_main, as include/weir/core/run.h promises them.
 *
 * What weir_main prints is read back from a file that stands in for stderr: each test is a process of its own, so the
 * test may point its stderr elsewhere. */
#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "support.h"

struct call {
	weir_rt *seen;
	int rc;
	const char *text; /* of the detail; NULL: none */
	unsigned calls;
	bool spawn;
};

static int nothing(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_ctx_err(ctx);
}

static int first_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct call *call = arg;
	call->seen = weir_ctx_rt(ctx);
	call->calls++;
	if (weir_ctx_err(ctx) != 0 || weir_ctx_deadline(ctx) != WEIR_FOREVER || weir_scope_of(ctx))
		return WEIR_EINVAL;
	if (call->spawn) {
		weir_scope s;
		weir_scope_init(&s, ctx);
		int rc = weir_scope_spawn(&s, "child", nothing, NULL);
		rc = weir_scope_join(ctx, &s, rc, err);
		if (rc < 0)
			return rc;
	}
	if (call->text)
		return weir_fail(err, call->rc, "%s", call->text);
	return call->rc;
}

/* ---- weir_rt_run ---- */

START_TEST(run_returns_what_the_task_returned)
{
	struct call call = {.spawn = true};
	weir_err err = {0};
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, &err), 0);
	ck_assert_ptr_eq(call.seen, rt);
	ck_assert_uint_eq(call.calls, 1);
	ck_assert_int_eq(err.code, 0);
	call.rc = WEIR_EUSER - 3;
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, &err), WEIR_EUSER - 3);
	ck_assert_uint_eq(call.calls, 2); /* a runtime can be run again */
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, NULL), WEIR_EUSER - 3);
}
END_TEST

START_TEST(run_hands_the_detail_out)
{
	struct call call = {.rc = WEIR_EIO, .text = "disk is gone"};
	weir_err err = {0};
	char text[128];
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, &err), WEIR_EIO);
	weir_err_format(&err, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "disk is gone"));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, NULL), WEIR_EIO);
}
END_TEST

START_TEST(a_positive_return_is_a_failure)
{
	struct call call = {.rc = 1};
	weir_err err = {0};
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, &err), WEIR_EINVAL);
	ck_assert_int_eq(err.code, WEIR_EINVAL);
	weir_err_fini(&err);
	ck_assert_int_eq(weir_rt_run(rt, first_task, &call, NULL), WEIR_EINVAL);
}
END_TEST

START_TEST(run_needs_a_runtime_and_a_task)
{
	struct call call = {0};
	ck_assert_int_eq(weir_rt_run(NULL, first_task, &call, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_rt_run(rt, NULL, &call, NULL), WEIR_EINVAL);
	ck_assert_uint_eq(call.calls, 0);
}
END_TEST

/* ---- weir_main ---- */

static FILE *said;

static void catch_stderr(void)
{
	said = tmpfile();
	ck_assert_ptr_nonnull(said);
	ck_assert_int_ge(dup2(fileno(said), STDERR_FILENO), 0);
}

static const char *what_was_said(void)
{
	static char text[2048];
	fflush(stderr);
	rewind(said);
	text[fread(text, 1, sizeof(text) - 1, said)] = '\0';
	return text;
}

START_TEST(main_is_silent_on_success)
{
	struct call call = {.spawn = true};
	catch_stderr();
	ck_assert_int_eq(weir_main(first_task, &call), 0);
	ck_assert_uint_eq(call.calls, 1);
	ck_assert_str_eq(what_was_said(), "");
}
END_TEST

START_TEST(main_says_what_failed)
{
	struct call call = {.rc = WEIR_EIO, .text = "disk is gone"};
	catch_stderr();
	ck_assert_int_eq(weir_main(first_task, &call), 1);
	ck_assert_str_eq(what_was_said(), "weir: WEIR_EIO: disk is gone\n");
}
END_TEST

START_TEST(main_knows_the_code_without_a_detail)
{
	struct call call = {.rc = WEIR_EPIPE};
	catch_stderr();
	ck_assert_int_eq(weir_main(first_task, &call), 1);
	ck_assert_str_eq(what_was_said(), "weir: WEIR_EPIPE: nobody will receive any more\n");
}
END_TEST

START_TEST(main_cuts_a_long_text)
{
	char longer[1000];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	struct call call = {.rc = WEIR_EUSER, .text = longer};
	catch_stderr();
	ck_assert_int_eq(weir_main(first_task, &call), 1);
	const char *text = what_was_said();
	ck_assert_uint_gt(strlen(text), 100);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

START_TEST(main_takes_a_positive_return_as_failure)
{
	struct call call = {.rc = 5};
	catch_stderr();
	ck_assert_int_eq(weir_main(first_task, &call), 1);
	ck_assert_ptr_nonnull(strstr(what_was_said(), "returned 5"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run");
	TCase *run = world_case(suite, "weir_rt_run"), *mains = bare_case(suite, "weir_main");
	tcase_add_test(run, run_returns_what_the_task_returned);
	tcase_add_test(run, run_hands_the_detail_out);
	tcase_add_test(run, a_positive_return_is_a_failure);
	tcase_add_test(run, run_needs_a_runtime_and_a_task);
	tcase_add_test(mains, main_is_silent_on_success);
	tcase_add_test(mains, main_says_what_failed);
	tcase_add_test(mains, main_knows_the_code_without_a_detail);
	tcase_add_test(mains, main_cuts_a_long_text);
	tcase_add_test(mains, main_takes_a_positive_return_as_failure);
	return run_suite(suite);
}
