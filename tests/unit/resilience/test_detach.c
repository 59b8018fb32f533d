/* SPDX-License-Identifier: MIT
 *
 * Detached timeouts on threads: what is refused when they are built, what they say about themselves, and a child that
 * ignores its context, which runs until the test lets it go. Times and orders are in tests/sim/test_detach.c. */
#include <check.h>
#include <stdio.h>
#include <weir/resilience.h>

#include "../stage/kit.h"

/* All that is refused here is an argument. */
#define expect_wrong(st, text) expect_wrong(st, WEIR_EINVAL, text)

WEIR_TYPE_PLAIN(num, int);

/* Negative numbers wait for the gate, and look at nothing else. */
static _Atomic int gate_open, waiting;

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0) {
		atomic_fetch_add(&waiting, 1);
		AWAIT(atomic_load(&gate_open));
	}
	if (*in == -2)
		return weir_fail(err, WEIR_EUSER, "%d is negative", *in);
	*out = *in + 1;
	return 0;
}
WEIR_STAGE_DECLARE(plus, num, num);

static weir_scope outer, inner;

static void scopes_open(void)
{
	atomic_store(&gate_open, 0);
	atomic_store(&waiting, 0);
	weir_scope_init(&outer, &root);
	weir_scope_init(&inner, &root);
}

static void scopes_close(void)
{
	ck_assert_int_eq(weir_scope_join(&root, &inner, 0, NULL), 0);
	ck_assert_int_eq(weir_scope_join(&root, &outer, 0, NULL), 0);
}

static weir_stage *child(void)
{
	return plus_stage(rt, NULL);
}

static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(uint32_t *)out = *(const uint32_t *)in;
	return 0;
}

static weir_stage *of_items(void)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.in = &item_type, .out = &item_type, .process = pass});
}

START_TEST(what_is_wrong)
{
	struct weir_timeout_detach_opts o = {.outer = &outer, .limit_ns = 1};
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	weir_ctx other_root;
	weir_scope elsewhere;
	scopes_open();
	weir_stage *taken = child(), *parent = weir_timeout(taken, 1);
	expect_wrong(weir_timeout_detach(NULL, &o), "made of no stages");
	expect_wrong(weir_timeout_detach(taken, &o), "part of another stage");
	expect_wrong(weir_timeout_detach(child(), NULL), "a limit is above 0");
	expect_wrong(weir_timeout_detach(child(), &(struct weir_timeout_detach_opts){.limit_ns = 1}), "no outer scope");
	o.limit_ns = -1;
	expect_wrong(weir_timeout_detach(child(), &o), "a limit is above 0");
	o.limit_ns = 1;
	o.max_abandoned = WEIR_DETACH_MAX + 1;
	expect_wrong(weir_timeout_detach(child(), &o), "at most 64");
	o.max_abandoned = WEIR_DETACH_MAX;
	expect_wrong(weir_timeout_detach(of_items(), &o), "item, which cannot be copied");
	weir_ctx_init_root(&other_root, other);
	weir_scope_init(&elsewhere, &other_root);
	o.outer = &elsewhere;
	expect_wrong(weir_timeout_detach(child(), &o), "of another runtime");
	ck_assert_int_eq(weir_scope_join(&other_root, &elsewhere, 0, NULL), 0);
	weir_ctx_fini(&other_root);
	weir_rt_free(&other);
	weir_stage_free(&parent);
	scopes_close();
}
END_TEST

START_TEST(what_it_says_of_itself)
{
	struct weir_timeout_detach_stats stats = {.abandoned = 7};
	struct weir_timeout_stats other;
	scopes_open();
	const struct weir_timeout_detach_opts o = {.outer = &outer, .limit_ns = WEIR_FOREVER, .name = "asked"};
	weir_stage *st = weir_timeout_detach(child(), &o), *timeout = weir_timeout(child(), 1);
	ck_assert_int_eq(weir_stage_check(st, NULL), 0);
	ck_assert_str_eq(weir_stage_name(st), "asked");
	ck_assert(weir_type_equal(weir_stage_in(st), num_type()) && weir_type_equal(weir_stage_out(st), num_type()));
	ck_assert_int_eq(weir_timeout_detach_stats_read(&root, NULL, &stats), WEIR_EINVAL);
	ck_assert_int_eq(weir_timeout_detach_stats_read(&root, st, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_timeout_detach_stats_read(&root, timeout, &stats), WEIR_EINVAL);
	ck_assert_int_eq(weir_timeout_stats_read(&root, st, &other), WEIR_EINVAL);
	ck_assert_uint_eq(stats.abandoned, 7);
	ck_assert_int_eq(weir_timeout_detach_stats_read(&root, st, &stats), 0);
	ck_assert(stats.abandoned == 0 && stats.abandoned_all == 0 && stats.refused == 0);
	weir_stage_free(&st);
	weir_stage_free(&timeout);
	scopes_close();
}
END_TEST

START_TEST(no_call_in_an_outer_scope_that_has_ended)
{
	weir_call *call = NULL;
	scopes_open();
	weir_stage *st = weir_timeout_detach(child(),
					     &(struct weir_timeout_detach_opts){.outer = &outer, .limit_ns = 1});
	weir_scope_cancel(&outer, "early");
	ck_assert_int_eq(weir_call_new(&inner, st, &call), WEIR_ECANCELED);
	ck_assert_ptr_null(call);
	weir_stage_free(&st);
	scopes_close();
}
END_TEST

START_TEST(success_allocates_nothing)
{
	weir_call *call = NULL;
	int out = 0;
	scopes_open();
	weir_stage *st = weir_timeout_detach(child(), &(struct weir_timeout_detach_opts){.outer = &outer,
											 .limit_ns = WEIR_FOREVER});
	ck_assert_int_eq(weir_call_new(&inner, st, &call), 0);
	memory_refuse(1);
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(weir_call_process(&root, call, &i, &out, NULL), 0);
		ck_assert_int_eq(out, i + 1);
	}
	ck_assert(!memory_was_refused());
	memory_refuse(0);
	weir_call_free(&call);
	weir_stage_free(&st); /* nothing was abandoned: outer need not be joined before */
	scopes_close();
}
END_TEST

struct canceller {
	weir_ctx own;
	int when; /* so many children wait */
};

static int cancel_when(void *arg)
{
	struct canceller *c = arg;
	AWAIT(atomic_load(&waiting) == c->when);
	weir_ctx_cancel(&c->own, "the child does not listen");
	return 0;
}

/* Two children hang, their callers go, the third value is refused; the call is freed, and the children end when the
 * test lets them. */
START_TEST(a_child_that_ignores_its_context)
{
	struct weir_timeout_detach_stats stats;
	weir_call *call = NULL;
	int out = 0;
	scopes_open();
	weir_stage *st = weir_timeout_detach(child(), &(struct weir_timeout_detach_opts){.outer = &outer,
											 .limit_ns = WEIR_FOREVER,
											 .max_abandoned = 2});
	ck_assert_int_eq(weir_call_new(&inner, st, &call), 0);
	for (int i = 1; i <= 2; i++) {
		struct canceller c = {.when = i};
		struct helper h;
		int in = -i;
		weir_ctx_init(&c.own, &root, WEIR_FOREVER);
		helper_start(&h, cancel_when, &c);
		ck_assert_int_eq(weir_call_process(&c.own, call, &in, &out, NULL), WEIR_ECANCELED);
		ck_assert_int_eq(helper_join(&h), 0);
		weir_ctx_fini(&c.own);
	}
	ck_assert_int_eq(weir_call_process(&root, call, &out, &out, NULL), WEIR_EOVERLOAD);
	weir_call_free(&call);
	ck_assert_int_eq(weir_timeout_detach_stats_read(&root, st, &stats), 0);
	ck_assert(stats.abandoned == 2 && stats.abandoned_all == 2 && stats.refused == 1);
	atomic_store(&gate_open, 1);
	scopes_close();
	ck_assert_int_eq(weir_timeout_detach_stats_read(&root, st, &stats), 0);
	ck_assert(stats.abandoned == 0 && stats.late_ok == 1 && stats.late_failed == 1);
	weir_stage_free(&st);
}
END_TEST

/* The limit itself, in real time: however long the test takes, the child has not returned before it is let go. */
START_TEST(the_limit_ends_the_wait)
{
	weir_call *call = NULL;
	int in = -1, out = 0;
	scopes_open();
	weir_stage *st = weir_timeout_detach(child(), &(struct weir_timeout_detach_opts){.outer = &outer,
											 .limit_ns = 1,
											 .max_abandoned = 1});
	ck_assert_int_eq(weir_call_new(&inner, st, &call), 0);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_ETIMEOUT);
	weir_call_free(&call);
	atomic_store(&gate_open, 1);
	scopes_close();
	weir_stage_free(&st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("detach");
	TCase *building = world_case(suite, "building");
	tcase_add_test(building, what_is_wrong);
	tcase_add_test(building, what_it_says_of_itself);
	tcase_add_test(building, no_call_in_an_outer_scope_that_has_ended);
	TCase *running = world_case(suite, "running");
	tcase_add_test(running, success_allocates_nothing);
	tcase_add_test(running, a_child_that_ignores_its_context);
	tcase_add_test(running, the_limit_ends_the_wait);
	return run_suite(suite);
}
