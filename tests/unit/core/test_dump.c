/* SPDX-License-Identifier: MIT
 *
 * The dump on threads: tasks that wait are listed with what they wait for, a task that runs as running, and a dump
 * taken while tasks come and go is harmless. */
#include <check.h>
#include <weir/core/dump.h>

#include "support.h"

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

struct seen {
	struct weir_task_view view; /* of the task looked for; its texts copied */
	char what[32], object[32];
	const char *name;
	int n, matches;
};

static void look(const struct weir_task_view *view, void *arg)
{
	struct seen *seen = arg;
	seen->n++;
	if (strcmp(view->name, seen->name) != 0)
		return;
	seen->matches++;
	seen->view = *view;
	snprintf(seen->what, sizeof(seen->what), "%s", view->what);
	snprintf(seen->object, sizeof(seen->object), "%s", view->object);
}

static struct seen dump_for(const char *name)
{
	struct seen seen = {.name = name};
	ck_assert_int_eq(weir_rt_dump(rt, look, &seen), seen.n);
	return seen;
}

static int receive(weir_ctx *ctx, weir_err *err, void *arg)
{
	int value, rc = weir_rx_recv(ctx, arg, &value);
	(void)err;
	return rc < 0 ? rc : 0;
}

static _Atomic int go;

static int run_until_told(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	while (!atomic_load(&go))
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

START_TEST(a_waiting_task_says_for_what)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	ck_assert_int_eq(weir_chan_new(rt, &number, 0, &tx, &rx), 0);
	int64_t before = weir_rt_now(rt);
	weir_scope_init(&s, &root);
	ck_assert_int_eq(weir_scope_spawn(&s, "reader", receive, rx), 0);
	AWAIT(strcmp(dump_for("reader").what, "receive") == 0);
	struct seen reader = dump_for("reader");
	ck_assert_int_eq(reader.matches, 1);
	ck_assert_str_eq(reader.object, "number");
	ck_assert_int_ge(reader.view.since_at, before);
	ck_assert_int_le(reader.view.since_at, weir_rt_now(rt));
	ck_assert_int_eq(reader.view.wakes_at, WEIR_FOREVER);
	ck_assert_ptr_nonnull(reader.view.scope);
	ck_assert_uint_eq(reader.view.n_contexts, 2); /* the scope's and the root */
	ck_assert_int_eq(reader.view.contexts[0].cause, WEIR_CAUSE_NONE);
	struct seen owner = dump_for("main");
	ck_assert_int_eq(owner.matches, 1);
	ck_assert_str_eq(owner.what, "");
	ck_assert_ptr_null(owner.view.scope);
	weir_tx_close(&tx);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	weir_rx_close(&rx);
	ck_assert_int_eq(dump_for("reader").n, 0); /* no scope is open */
}
END_TEST

START_TEST(a_running_task_is_listed_as_running)
{
	weir_scope s;
	char line[200];
	atomic_store(&go, 0);
	weir_scope_init(&s, &root);
	ck_assert_int_eq(weir_scope_spawn(&s, "busy", run_until_told, NULL), 0);
	AWAIT(dump_for("busy").matches == 1);
	struct seen busy = dump_for("busy");
	ck_assert_str_eq(busy.what, "");
	weir_scope_cancel(&s, "a reason");
	busy = dump_for("busy");
	ck_assert_int_eq(busy.view.contexts[0].cause, WEIR_CAUSE_USER);
	busy.view.name = "busy", busy.view.what = busy.what, busy.view.object = busy.object;
	size_t n = weir_task_view_format(&busy.view, weir_rt_now(rt), line, sizeof(line));
	ck_assert_uint_eq(n, strlen(line));
	ck_assert_str_eq(line, "busy: runs; context ended: user, a reason");
	ck_assert_uint_eq(weir_task_view_format(&busy.view, 0, line, 5), n);
	ck_assert_str_eq(line, "busy");
	atomic_store(&go, 1);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
}
END_TEST

static int come_and_go(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		weir_scope s;
		weir_scope_init(&s, &root);
		for (int k = 0; k < 3; k++)
			if (weir_scope_spawn(&s, "mayfly", run_until_told, NULL) < 0)
				return WEIR_EIO;
		if (weir_scope_join(&root, &s, 0, NULL) < 0)
			return WEIR_EIO;
	}
	return 0;
}

START_TEST(a_dump_may_be_taken_at_any_time)
{
	struct helper h;
	atomic_store(&go, 1);
	helper_start(&h, come_and_go, NULL);
	for (int i = 0; i < 500; i++) {
		struct seen seen = dump_for("mayfly");
		ck_assert_int_le(seen.matches, 3);
		weir_rt_yield(rt);
	}
	ck_assert_int_eq(helper_join(&h), 0);
}
END_TEST

START_TEST(bad_calls_and_no_memory)
{
	weir_scope s;
	struct seen seen = {.name = ""};
	ck_assert_int_eq(weir_rt_dump(NULL, look, &seen), WEIR_EINVAL);
	ck_assert_int_eq(weir_rt_dump(rt, NULL, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_rt_dump(rt, look, &seen), 0);
	weir_scope_init(&s, &root);
	memory_refuse(1);
	ck_assert_int_eq(weir_rt_dump(rt, look, &seen), WEIR_ENOMEM);
	ck_assert(memory_was_refused());
	memory_refuse(0);
	ck_assert_int_eq(weir_rt_dump(rt, look, &seen), 1);
	ck_assert_int_eq(seen.n, 1);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dump");
	TCase *tc = tcase_create("dump");
	tcase_add_checked_fixture(tc, world_open, world_close);
	tcase_add_test(tc, a_waiting_task_says_for_what);
	tcase_add_test(tc, a_running_task_is_listed_as_running);
	tcase_add_test(tc, a_dump_may_be_taken_at_any_time);
	tcase_add_test(tc, bad_calls_and_no_memory);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
