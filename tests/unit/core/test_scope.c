/* SPDX-License-Identifier: MIT
 *
 * Scopes: what include/weir/core/scope.h promises.
 *
 * The cases: `life` (empty scopes, zeroed ones, tasks that come and go), `errors` (whose error it is, and whose it is
 * not), `end` (cancel by the owner, by the parent, by the context of the join), `spawn` (spawns that fail, and what is
 * left behind), `inside` (what tasks may do with their own scope) and `misuse`. */
#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "support.h"

static weir_scope scope;

static void assert_joined(const weir_scope *s)
{
	static const weir_scope zero;
	ck_assert_mem_eq(s, &zero, sizeof(zero));
}

static int add_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

static int until_ended(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_FOREVER);
}

static int return_this(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	return *(int *)arg;
}

/* Waits for the end of its scope, then fails for a reason of its own. */
static int fail_late(weir_ctx *ctx, weir_err *err, void *arg)
{
	if (weir_sleep(ctx, WEIR_FOREVER) == 0)
		return 0;
	return weir_fail(err, *(int *)arg, "late");
}

static int fail_with_text(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	return weir_fail(err, WEIR_EIO, "tape is torn");
}

static void spawn(weir_task_fn *fn, void *arg)
{
	ck_assert_int_eq(weir_scope_spawn(&scope, "task", fn, arg), 0);
}

static const char *text_of(const weir_err *err)
{
	static char text[512];
	weir_err_format(err, text, sizeof(text));
	return text;
}

/* ---- life ---- */

START_TEST(an_empty_scope)
{
	weir_err err = {0}, untouched = {0};
	ck_assert_uint_eq(sizeof(scope), 768);
	weir_scope_init(&scope, &root);
	ck_assert_ptr_eq(weir_ctx_rt(weir_scope_ctx(&scope)), rt);
	ck_assert_int_eq(weir_ctx_err(weir_scope_ctx(&scope)), 0);
	ck_assert_ptr_eq(weir_scope_of(weir_scope_ctx(&scope)), &scope);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), 0);
	ck_assert_mem_eq(&err, &untouched, sizeof(err));
	assert_joined(&scope);
	weir_scope_init(&scope, &root); /* the memory can be used again */
	ck_assert_int_eq(weir_scope_join(&root, &scope, WEIR_EUSER, NULL), WEIR_EUSER);
	assert_joined(&scope);
}
END_TEST

START_TEST(zeroed_and_joined_scopes)
{
	weir_scope zero = {0};
	_Atomic int n = 0;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(weir_scope_spawn(&zero, "x", add_one, &n), WEIR_EINVAL);
		weir_scope_cancel(&zero, "x");
		weir_scope_cancel(NULL, "x");
		ck_assert_int_eq(weir_scope_join(&root, &zero, 0, NULL), 0);
		ck_assert_int_eq(weir_scope_join(&root, &zero, WEIR_EPIPE, NULL), WEIR_EPIPE);
		weir_scope_init(&zero, &root); /* and the same when it was one once */
		ck_assert_int_eq(weir_scope_join(&root, &zero, 0, NULL), 0);
	}
	ck_assert_int_eq(weir_scope_spawn(NULL, "x", add_one, &n), WEIR_EINVAL);
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_scope_spawn(&scope, "x", NULL, &n), WEIR_EINVAL);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&n), 0);
}
END_TEST

START_TEST(join_waits_for_all)
{
	_Atomic int n = 0;
	weir_scope_init(&scope, &root);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(weir_scope_spawn(&scope, i % 2 ? NULL : "a name that is longer than there is room for",
						  add_one, &n),
				 0);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&n), 20);
}
END_TEST

/* Many short tasks, one after the other: threads and records of those that are over are given back on the way. */
START_TEST(short_tasks_do_not_pile_up)
{
	_Atomic int n = 0;
	long before = atomic_load(&memory.live), most = 0;
	weir_scope_init(&scope, &root);
	for (int i = 0; i < 2000; i++) {
		spawn(add_one, &n);
		AWAIT(atomic_load(&n) == i + 1);
		long live = atomic_load(&memory.live) - before;
		most = live > most ? live : most;
	}
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_int_le(most, 64); /* two blocks for a task; some may not be through the door yet, not 2000 */
	ck_assert_int_eq(atomic_load(&memory.live), before);
}
END_TEST

struct found {
	weir_scope *of_task, *of_child, *of_nested;
};

static int look_for_scopes(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct found *found = arg;
	weir_scope nested;
	weir_ctx child;
	found->of_task = weir_scope_of(ctx);
	weir_ctx_init_shield(&child, ctx, WEIR_SEC(60));
	found->of_child = weir_scope_of(&child);
	weir_scope_init(&nested, &child);
	found->of_nested = weir_scope_of(weir_scope_ctx(&nested)) == &nested ? weir_scope_of(&child) : NULL;
	int rc = weir_scope_join(&child, &nested, 0, err);
	weir_ctx_fini(&child);
	return rc;
}

START_TEST(scope_of_is_the_nearest)
{
	struct found found = {0};
	ck_assert_ptr_null(weir_scope_of(&root));
	weir_scope_init(&scope, &root);
	spawn(look_for_scopes, &found);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_ptr_eq(found.of_task, &scope);
	ck_assert_ptr_eq(found.of_child, &scope); /* also from under a shield */
	ck_assert_ptr_eq(found.of_nested, &scope);
}
END_TEST

/* ---- errors ---- */

START_TEST(the_first_error_ends_the_others)
{
	weir_err err = {0};
	int code = WEIR_EUSER - 1;
	const char *why;
	weir_scope_init(&scope, &root);
	for (int i = 0; i < 5; i++)
		spawn(until_ended, NULL);
	spawn(return_this, &code);
	AWAIT(weir_ctx_err(weir_scope_ctx(&scope)) < 0);
	ck_assert_int_eq(weir_ctx_cause(weir_scope_ctx(&scope), &why), WEIR_CAUSE_SIBLING);
	ck_assert_str_eq(why, "a task of the scope failed");
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), code);
	ck_assert_int_eq(err.code, code);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "\"task\" failed"));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_ctx_err(&root), 0);
}
END_TEST

START_TEST(the_detail_of_the_first_error_is_moved_out)
{
	weir_err err = {0};
	int late = WEIR_EUSER - 7;
	weir_scope_init(&scope, &root);
	spawn(fail_late, &late); /* second, with a reason of its own: not reported */
	spawn(fail_with_text, NULL);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), WEIR_EIO);
	ck_assert_int_eq(err.code, WEIR_EIO);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "tape is torn"));
	weir_err_fini(&err);
	weir_scope_init(&scope, &root);
	spawn(fail_with_text, NULL);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), WEIR_EIO);
}
END_TEST

static int fail_in_parts(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_err part = {0};
	AWAIT(atomic_load((_Atomic bool *)arg)); /* until both are there */
	weir_fail(&part, WEIR_EIO, "a part");
	weir_fail(err, WEIR_EIO, "all of it");
	weir_err_add(err, weir_ctx_rt(ctx), 0, &part);
	return WEIR_EIO;
}

/* The first error goes to whoever joins, if it is wanted; the second is nobody's. The world counts what is left. */
START_TEST(members_of_errors_are_given_back)
{
	weir_scope s;
	weir_err err = {0};
	weir_scope_init(&s, &root);
	_Atomic bool both = false;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(weir_scope_spawn(&s, "parts", fail_in_parts, &both), 0);
	atomic_store(&both, true);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, _i ? &err : NULL), WEIR_EIO);
	ck_assert_int_eq(weir_err_member(&err, 0, NULL) != NULL, _i);
	weir_err_fini(&err);
}
END_TEST

START_TEST(the_blocks_own_outcome_wins)
{
	weir_err err = {0};
	weir_scope_init(&scope, &root);
	spawn(fail_with_text, NULL);
	AWAIT(weir_ctx_err(weir_scope_ctx(&scope)) < 0);
	weir_fail(&err, WEIR_EIO, "the block's");
	ck_assert_int_eq(weir_scope_join(&root, &scope, WEIR_EIO, &err), WEIR_EIO);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "the block's"));
	weir_err_fini(&err);
}
END_TEST

START_TEST(a_block_that_fails_ends_its_tasks)
{
	weir_scope_init(&scope, &root);
	spawn(until_ended, NULL);
	spawn(until_ended, NULL);
	ck_assert_int_eq(weir_scope_join(&root, &scope, WEIR_EUSER, NULL), WEIR_EUSER);
}
END_TEST

START_TEST(codes_of_the_end_made_up_are_errors)
{
	int codes[] = {WEIR_ECANCELED, WEIR_EDEADLINE};
	for (size_t i = 0; i < COUNT_OF(codes); i++) { /* nothing had ended */
		weir_err err = {0};
		weir_scope_init(&scope, &root);
		spawn(return_this, &codes[i]);
		ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), codes[i]);
		ck_assert_int_eq(err.code, codes[i]);
		weir_err_fini(&err);
	}
}
END_TEST

START_TEST(an_own_error_after_the_end_is_one)
{
	int late = WEIR_EUSER - 7;
	weir_err err = {0};
	weir_scope_init(&scope, &root);
	spawn(fail_late, &late);
	spawn(until_ended, NULL);
	weir_scope_cancel(&scope, "enough");
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), late);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "late"));
	weir_err_fini(&err);
}
END_TEST

START_TEST(positive_returns_are_errors)
{
	int one = 1;
	weir_err err = {0};
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_scope_spawn(&scope, "counter", return_this, &one), 0);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), WEIR_EINVAL);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "counter"));
	weir_err_fini(&err);
}
END_TEST

static int until_received(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint32_t item;
	(void)err;
	int rc = weir_rx_recv(ctx, arg, &item);
	return rc == 1 && item == 5 ? 0 : rc;
}

/* The 1 of a last receive is no failure: nobody is cancelled. */
START_TEST(a_block_that_ends_with_an_item_has_succeeded)
{
	weir_err err = {0};
	weir_tx *tx;
	weir_rx *rx;
	uint32_t item = 5;
	ck_assert_int_eq(weir_chan_new(rt, &item_type, 1, &tx, &rx), 0);
	weir_scope_init(&scope, &root);
	spawn(until_received, rx);
	ck_assert_int_eq(weir_tx_send(&root, tx, &item), 0);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 1, &err), 0);
	ck_assert_int_eq(err.code, 0);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
}
END_TEST

/* A block that only passes on what the end of the scope told it does not hide whose error that was. */
START_TEST(a_consequence_gives_way_to_its_cause)
{
	int codes[] = {WEIR_ECANCELED, WEIR_EDEADLINE};
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		weir_err err = {0};
		weir_scope_init(&scope, &root);
		spawn(fail_with_text, NULL);
		ck_assert_int_eq(weir_sleep(weir_scope_ctx(&scope), WEIR_FOREVER), WEIR_ECANCELED);
		ck_assert_int_eq(weir_scope_join(&root, &scope, codes[i], &err), WEIR_EIO);
		ck_assert_ptr_nonnull(strstr(text_of(&err), "tape is torn"));
		weir_err_fini(&err);
		weir_scope_init(&scope, &root);
		spawn(until_ended, NULL); /* without such an error it is the block's own */
		ck_assert_int_eq(weir_scope_join(&root, &scope, codes[i], &err), codes[i]);
	}
}
END_TEST

static int say_and_succeed(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	weir_fail(err, WEIR_EIO, "forgotten");
	return 0;
}

START_TEST(a_detail_without_a_code_is_forgotten)
{
	weir_err err = {0}, untouched = {0};
	weir_scope_init(&scope, &root);
	spawn(say_and_succeed, NULL);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, &err), 0);
	ck_assert_mem_eq(&err, &untouched, sizeof(err));
}
END_TEST

/* ---- the end ---- */

START_TEST(cancelled_by_its_owner_is_no_error)
{
	const char *why;
	weir_scope_init(&scope, &root);
	spawn(until_ended, NULL);
	weir_scope_cancel(&scope, "enough");
	weir_scope_cancel(&scope, "again");
	ck_assert_int_eq(weir_ctx_err(weir_scope_ctx(&scope)), WEIR_ECANCELED);
	ck_assert_int_eq(weir_ctx_cause(weir_scope_ctx(&scope), &why), WEIR_CAUSE_USER);
	ck_assert_str_eq(why, "enough");
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
}
END_TEST

START_TEST(an_ended_scope_starts_nothing)
{
	_Atomic int n = 0;
	weir_ctx late;
	weir_scope_init(&scope, &root);
	weir_scope_cancel(&scope, "enough");
	ck_assert_int_eq(weir_scope_spawn(&scope, "x", add_one, &n), WEIR_ECANCELED);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_ctx_init(&late, &root, 0);
	weir_scope_init(&scope, &late);
	ck_assert_int_eq(weir_scope_spawn(&scope, "x", add_one, &n), WEIR_EDEADLINE);
	ck_assert_int_eq(weir_scope_join(&late, &scope, 0, NULL), WEIR_EDEADLINE);
	weir_ctx_fini(&late);
	ck_assert_int_eq(atomic_load(&n), 0);
}
END_TEST

START_TEST(an_ended_parent_gives_its_code)
{
	weir_ctx parent;
	int late = WEIR_EUSER;
	for (int i = 0; i < 3; i++) {
		weir_ctx_init(&parent, &root, WEIR_FOREVER);
		weir_scope_init(&scope, &parent);
		if (i > 0)
			spawn(i == 1 ? until_ended : fail_late, &late);
		weir_ctx_cancel(&parent, "from above");
		ck_assert_int_eq(weir_scope_join(&parent, &scope, 0, NULL), i == 2 ? WEIR_EUSER : WEIR_ECANCELED);
		weir_ctx_fini(&parent);
	}
}
END_TEST

/* The join's own context, which is not the scope's parent, ends: the scope is cancelled and waited for. */
START_TEST(the_context_of_the_join_ends_the_scope)
{
	weir_ctx own;
	for (int ended_before = 0; ended_before < 2; ended_before++) {
		weir_ctx_init(&own, &root, ended_before ? 0 : weir_time_add(weir_rt_now(rt), WEIR_US(300)));
		weir_scope_init(&scope, &root);
		spawn(until_ended, NULL);
		ck_assert_int_eq(weir_scope_join(&own, &scope, 0, NULL), 0);
		assert_joined(&scope);
		weir_ctx_fini(&own);
	}
}
END_TEST

struct gate {
	_Atomic bool open;
	_Atomic int left;
};

/* Stands for a task that does not look at its context until it is allowed to. */
static int stubborn(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct gate *gate = arg;
	(void)err;
	while (!atomic_load(&gate->open))
		weir_rt_yield(weir_ctx_rt(ctx));
	atomic_fetch_add(&gate->left, 1);
	return weir_ctx_err(ctx);
}

struct joining {
	weir_ctx *ctx;
	_Atomic int rc;
};

static int join_it(void *arg)
{
	struct joining *j = arg;
	int rc = weir_scope_join(j->ctx, &scope, 0, NULL);
	atomic_store(&j->rc, rc);
	return rc;
}

START_TEST(join_waits_although_its_context_has_ended)
{
	struct gate gate = {false, 0};
	struct helper h;
	weir_ctx parent;
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	struct joining j = {.ctx = &parent, .rc = 1000};
	weir_scope_init(&scope, &parent);
	weir_ctx *inner = weir_scope_ctx(&scope);
	spawn(stubborn, &gate);
	helper_start(&h, join_it, &j);
	weir_ctx_cancel(&parent, "from above");
	ck_assert_int_eq(weir_ctx_err(inner), WEIR_ECANCELED);
	for (int i = 0; i < 1000; i++)
		weir_rt_yield(rt);
	ck_assert_int_eq(atomic_load(&j.rc), 1000);
	atomic_store(&gate.open, true);
	ck_assert_int_eq(helper_join(&h), WEIR_ECANCELED);
	ck_assert_int_eq(atomic_load(&gate.left), 1);
	weir_ctx_fini(&parent);
}
END_TEST

/* ---- spawns that fail ---- */

START_TEST(no_more_tasks)
{
	weir_rt *few = runtime_of((struct weir_rt_opts){.max_tasks = 3});
	weir_ctx own;
	_Atomic int n = 0;
	weir_ctx_init_root(&own, few);
	weir_scope_init(&scope, &own);
	long live = atomic_load(&memory.live);
	for (int i = 0; i < 3; i++)
		spawn(until_ended, NULL);
	long full = atomic_load(&memory.live);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(weir_scope_spawn(&scope, "x", add_one, &n), WEIR_EAGAIN);
		ck_assert_int_eq(atomic_load(&memory.live), full);
	}
	weir_scope_cancel(&scope, "enough");
	ck_assert_int_eq(weir_scope_join(&own, &scope, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&memory.live), live);
	weir_scope_init(&scope, &own); /* there is room again */
	spawn(add_one, &n);
	ck_assert_int_eq(weir_scope_join(&own, &scope, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&n), 1);
	weir_ctx_fini(&own);
	weir_rt_free(&few);
}
END_TEST

START_TEST(every_allocation_of_a_spawn_may_fail)
{
	_Atomic int n = 0;
	long refused = 0;
	int rc = WEIR_ENOMEM;
	weir_scope_init(&scope, &root);
	long live = atomic_load(&memory.live);
	while (rc != 0) {
		memory_refuse(++refused);
		rc = weir_scope_spawn(&scope, "x", add_one, &n);
		ck_assert(rc == 0 || (rc == WEIR_ENOMEM && memory_was_refused()));
		if (rc != 0)
			ck_assert_int_eq(atomic_load(&memory.live), live);
		ck_assert_int_eq(weir_ctx_err(weir_scope_ctx(&scope)), 0); /* that is the caller's to decide */
	}
	memory_refuse(0);
	ck_assert_int_ge(refused, 3); /* the scope's record, and the runtime's */
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&n), 1);
}
END_TEST

/* The only task's spawn fails while the owner is already in join, in a task of the scope. */
static int spawn_until_refused(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc;
	(void)err;
	do
		rc = weir_scope_spawn(weir_scope_of(ctx), "child", until_ended, NULL);
	while (rc == 0);
	*(int *)arg = rc;
	weir_scope_cancel(weir_scope_of(ctx), "full");
	return 0;
}

START_TEST(a_spawn_of_a_task_may_fail)
{
	weir_rt *few = runtime_of((struct weir_rt_opts){.max_tasks = 4});
	weir_ctx own;
	int rc = 0;
	weir_ctx_init_root(&own, few);
	weir_scope_init(&scope, &own);
	spawn(spawn_until_refused, &rc);
	ck_assert_int_eq(weir_scope_join(&own, &scope, 0, NULL), 0);
	ck_assert_int_eq(rc, WEIR_EAGAIN);
	weir_ctx_fini(&own);
	weir_rt_free(&few);
}
END_TEST

/* ---- inside ---- */

struct level {
	const struct level *below; /* NULL: the lowest */
	_Atomic int *n;
};

/* Spawns two more into the same scope, level by level, while the owner waits in join. */
static int grow(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct level *level = arg;
	int rc = 0;
	(void)err;
	atomic_fetch_add(level->n, 1);
	for (int i = 0; level->below && i < 2 && rc == 0; i++)
		rc = weir_scope_spawn(weir_scope_of(ctx), "branch", grow, (void *)(uintptr_t)level->below);
	return rc;
}

START_TEST(tasks_spawn_while_the_owner_joins)
{
	enum { LEVELS = 6 };
	_Atomic int n = 0;
	struct level levels[LEVELS];
	for (size_t i = 0; i < LEVELS; i++)
		levels[i] = (struct level){i ? &levels[i - 1] : NULL, &n};
	weir_scope_init(&scope, &root);
	spawn(grow, &levels[LEVELS - 1]);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&n), (1 << LEVELS) - 1);
}
END_TEST

static int join_own_scope(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	*(int *)arg = weir_scope_join(ctx, weir_scope_of(ctx), 0, NULL);
	return 0;
}

START_TEST(a_task_cannot_join_its_own_scope)
{
	int rc = 0;
	weir_scope_init(&scope, &root);
	spawn(join_own_scope, &rc);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	ck_assert_int_eq(rc, WEIR_EDEADLK);
}
END_TEST

static int body_fails(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	int rc = weir_scope_spawn(weir_scope_of(ctx), "child", until_ended, NULL);
	return rc < 0 ? rc : weir_fail(err, WEIR_EUSER, "body");
}

static int body_spawns(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = weir_scope_spawn(weir_scope_of(ctx), "child", arg ? fail_with_text : until_ended, NULL);
	if (!arg)
		weir_scope_cancel(weir_scope_of(ctx), "enough");
	return arg && rc == WEIR_ECANCELED ? 0 : rc;
}

static int body_returns(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return weir_ctx_err(ctx) == 0 ? *(int *)arg : weir_ctx_err(ctx);
}

START_TEST(scope_run_pairs_init_and_join)
{
	weir_err err = {0};
	int rc = 0;
	weir_ctx ended;
	ck_assert_int_eq(weir_scope_run(&root, body_returns, &rc, &err), 0);
	ck_assert_int_eq(err.code, 0);
	ck_assert_int_eq(weir_scope_run(&root, body_spawns, NULL, &err), 0);
	ck_assert_int_eq(weir_scope_run(&root, body_fails, NULL, &err), WEIR_EUSER);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "body"));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_scope_run(&root, body_spawns, &rc, &err), WEIR_EIO);
	ck_assert_ptr_nonnull(strstr(text_of(&err), "tape is torn"));
	weir_err_fini(&err);
	weir_ctx_init(&ended, &root, 0);
	ck_assert_int_eq(weir_scope_run(&ended, body_returns, &rc, NULL), WEIR_EDEADLINE);
	weir_ctx_fini(&ended);
}
END_TEST

/* ---- who is stuck ---- */

START_TEST(a_join_that_waits_long_names_who_is_stuck)
{
	weir_rt *watched = runtime_of((struct weir_rt_opts){.stuck_after_ns = 1});
	struct gate gate = {false, 0};
	weir_ctx own, ended;
	FILE *said = tmpfile();
	char text[512] = "";
	struct helper h;
	ck_assert_ptr_nonnull(said);
	ck_assert_int_ge(dup2(fileno(said), STDERR_FILENO), 0);
	weir_ctx_init_root(&own, watched);
	weir_ctx_init(&ended, &own, 0);
	weir_scope_init(&scope, &own);
	ck_assert_int_eq(weir_scope_spawn(&scope, "mule", stubborn, &gate), 0);
	struct joining j = {.ctx = &ended, .rc = 1000};
	rt = watched;
	helper_start(&h, join_it, &j);
	AWAIT(lseek(fileno(said), 0, SEEK_END) > 0);
	ck_assert_int_eq(atomic_load(&j.rc), 1000); /* it says so, and goes on waiting */
	atomic_store(&gate.open, true);
	ck_assert_int_eq(helper_join(&h), 0);
	rewind(said);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, said), 0);
	ck_assert_ptr_nonnull(strstr(text, "mule"));
	weir_ctx_fini(&ended);
	weir_ctx_fini(&own);
	weir_rt_free(&watched);
	ck_assert_int_eq(atomic_load(&memory.live), 0);
}
END_TEST

START_TEST(a_runtime_freed_under_a_task_aborts)
{
	weir_rt *own = runtime_of((struct weir_rt_opts){0});
	weir_ctx ctx;
	weir_ctx_init_root(&ctx, own);
	weir_scope_init(&scope, &ctx);
	spawn(until_ended, NULL);
	weir_rt_free(&own); /* a forgotten join */
}
END_TEST

static void add_errors(Suite *suite)
{
	TCase *errors = world_case(suite, "errors");
	tcase_add_test(errors, the_first_error_ends_the_others);
	tcase_add_test(errors, the_detail_of_the_first_error_is_moved_out);
	tcase_add_loop_test(errors, members_of_errors_are_given_back, 0, 2);
	tcase_add_test(errors, the_blocks_own_outcome_wins);
	tcase_add_test(errors, a_block_that_fails_ends_its_tasks);
	tcase_add_test(errors, codes_of_the_end_made_up_are_errors);
	tcase_add_test(errors, an_own_error_after_the_end_is_one);
	tcase_add_test(errors, positive_returns_are_errors);
	tcase_add_test(errors, a_block_that_ends_with_an_item_has_succeeded);
	tcase_add_test(errors, a_consequence_gives_way_to_its_cause);
	tcase_add_test(errors, a_detail_without_a_code_is_forgotten);
}

int main(void)
{
	Suite *suite = suite_create("scope");
	TCase *life = world_case(suite, "life");
	tcase_add_test(life, an_empty_scope);
	tcase_add_test(life, zeroed_and_joined_scopes);
	tcase_add_test(life, join_waits_for_all);
	tcase_add_test(life, short_tasks_do_not_pile_up);
	tcase_add_test(life, scope_of_is_the_nearest);
	add_errors(suite);
	TCase *end = world_case(suite, "end");
	tcase_add_test(end, cancelled_by_its_owner_is_no_error);
	tcase_add_test(end, an_ended_scope_starts_nothing);
	tcase_add_test(end, an_ended_parent_gives_its_code);
	tcase_add_test(end, the_context_of_the_join_ends_the_scope);
	tcase_add_test(end, join_waits_although_its_context_has_ended);
	TCase *spawns = world_case(suite, "spawn");
	tcase_add_test(spawns, no_more_tasks);
	tcase_add_test(spawns, every_allocation_of_a_spawn_may_fail);
	tcase_add_test(spawns, a_spawn_of_a_task_may_fail);
	TCase *inside = world_case(suite, "inside");
	tcase_add_test(inside, tasks_spawn_while_the_owner_joins);
	tcase_add_test(inside, a_task_cannot_join_its_own_scope);
	tcase_add_test(inside, scope_run_pairs_init_and_join);
	TCase *misuse = bare_case(suite, "misuse");
	tcase_add_test(misuse, a_join_that_waits_long_names_who_is_stuck);
	tcase_add_test_raise_signal(misuse, a_runtime_freed_under_a_task_aborts, SIGABRT);
	return run_suite(suite);
}
