/* SPDX-License-Identifier: MIT
 *
 * What the unit tests of stages and of resilience share, in the world of core's support.h: a stage with a call of it,
 * what a stage that could not be built says, and what an error says. A stage is run in `scope`, one at a time. */
#ifndef WEIR_TESTS_UNIT_STAGE_KIT_H
#define WEIR_TESTS_UNIT_STAGE_KIT_H

#include <weir/stage.h>

#include "../core/support.h"

static weir_scope scope;

/* Opens the scope; done_with joins it. */
static WEIR_UNUSED weir_call *call_of(weir_stage *st)
{
	weir_err err = {0};
	weir_call *call = NULL;
	char buf[300];
	int rc = weir_stage_check(st, &err);
	weir_err_format(&err, buf, sizeof(buf));
	ck_assert_msg(rc == 0, "%s", buf);
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_call_new(&scope, st, &call), 0);
	return call;
}

static WEIR_UNUSED void done_with(weir_call **call, weir_stage **st)
{
	weir_call_free(call);
	ck_assert_ptr_null(*call);
	weir_stage_free(st); /* at once: a helper needs no stage */
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
}

/* What err says; err is empty afterwards. */
static WEIR_UNUSED void expect_text(weir_err *err, const char *text)
{
	char buf[300];
	weir_err_format(err, buf, sizeof(buf));
	ck_assert_msg(strstr(buf, text) != NULL, "\"%s\" is not in: %s", text, buf);
	weir_err_fini(err);
}

/* Checks that st could not be built, for this reason, frees it, and says that no call can be made of it. */
static WEIR_UNUSED void expect_wrong(weir_stage *st, int code, const char *text)
{
	weir_err err = {0};
	weir_call *call = NULL;
	weir_scope s;
	ck_assert_ptr_nonnull(st);
	for (int i = 0; i < 2; i++) { /* asking changes nothing */
		ck_assert_int_eq(weir_stage_check(st, &err), code);
		expect_text(&err, text);
	}
	ck_assert_ptr_nonnull(weir_stage_name(st));
	ck_assert_ptr_null(weir_stage_in(st));
	ck_assert_ptr_null(weir_stage_out(st));
	weir_scope_init(&s, &root);
	ck_assert_int_eq(weir_call_new(&s, st, &call), code);
	ck_assert_ptr_null(call);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(weir_stage_setup(&root, st, &err), code);
	weir_err_fini(&err);
	weir_stage_free(&st);
	ck_assert_ptr_null(st);
}

#endif
