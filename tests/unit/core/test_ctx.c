/* SPDX-License-Identifier: MIT
 *
 * Contexts: what include/weir/core/ctx.h promises, cell by cell of its table.
 *
 * The cases: `alone` (one node: alive, ended, finished), `tree` (who reaches whom: parents children, never the other
 * way), `deadlines` (the minimum along the chain, deadlines that have passed), `shields`, `values`, `parked` (cancel
 * wakes exactly the tasks below it) and `misuse`. Deadlines here have passed already or never will: that a deadline
 * ends a wait at the right moment is exact in the simulator. Cancel against fini is tested in tests/stress. */
#include <check.h>

#include "core/ctx.h"
#include "support.h"

static void assert_alive(weir_ctx *c)
{
	const char *why = "?";
	ck_assert_int_eq(weir_ctx_err(c), 0);
	ck_assert_int_eq(weir_ctx_cause(c, &why), WEIR_CAUSE_NONE);
	ck_assert_str_eq(why, "");
	ck_assert_int_eq(weir_ctx_cause(c, NULL), WEIR_CAUSE_NONE);
}

/* Asked twice: it stays so. */
static void assert_ended(weir_ctx *c, int code, enum weir_cause cause, const char *text)
{
	for (int i = 0; i < 2; i++) {
		const char *why = "?";
		ck_assert_int_eq(weir_ctx_err(c), code);
		ck_assert_int_eq(weir_ctx_cause(c, &why), cause);
		ck_assert_str_eq(why, text);
		ck_assert_int_eq(weir_ctx_cause(c, NULL), cause);
	}
}

static void assert_zero(const weir_ctx *c)
{
	static const weir_ctx zero;
	ck_assert_mem_eq(c, &zero, sizeof(zero));
}

/* ---- one node ---- */

START_TEST(a_new_context_is_alive)
{
	weir_ctx c;
	ck_assert_uint_eq(sizeof(c), 192);
	assert_alive(&root);
	ck_assert_ptr_eq(weir_ctx_rt(&root), rt);
	ck_assert_int_eq(weir_ctx_deadline(&root), WEIR_FOREVER);
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	assert_alive(&c);
	ck_assert_ptr_eq(weir_ctx_rt(&c), rt);
	ck_assert_int_eq(weir_ctx_deadline(&c), WEIR_FOREVER);
	weir_ctx_fini(&c);
	assert_zero(&c);
}
END_TEST

START_TEST(cancel_ends_it_with_a_text)
{
	weir_ctx c;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	weir_ctx_cancel(&c, "enough");
	assert_ended(&c, WEIR_ECANCELED, WEIR_CAUSE_USER, "enough");
	weir_ctx_fini(&c);
	weir_ctx_init(&c, &root, WEIR_FOREVER); /* the memory can be used again */
	assert_alive(&c);
	weir_ctx_cancel(&c, NULL);
	assert_ended(&c, WEIR_ECANCELED, WEIR_CAUSE_USER, "cancelled");
	weir_ctx_fini(&c);
}
END_TEST

START_TEST(cancel_as_records_the_cause)
{
	static const enum weir_cause causes[] = {WEIR_CAUSE_USER, WEIR_CAUSE_SIBLING, WEIR_CAUSE_CONSUMER,
						 WEIR_CAUSE_SHUTDOWN};
	for (size_t i = 0; i < COUNT_OF(causes); i++) {
		weir_ctx c;
		weir_ctx_init(&c, &root, WEIR_FOREVER);
		weir_ctx_cancel_as(&c, causes[i], "because");
		assert_ended(&c, WEIR_ECANCELED, causes[i], "because");
		weir_ctx_fini(&c);
	}
}
END_TEST

START_TEST(the_first_cause_stays)
{
	weir_ctx c;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	weir_ctx_cancel_as(&c, WEIR_CAUSE_SHUTDOWN, "first");
	weir_ctx_cancel(&c, "second");
	weir_ctx_cancel_as(&c, WEIR_CAUSE_SIBLING, "third");
	weir_ctx_cancel(&root, "parent");
	assert_ended(&c, WEIR_ECANCELED, WEIR_CAUSE_SHUTDOWN, "first");
	weir_ctx_fini(&c);
}
END_TEST

START_TEST(nothing_may_be_cancelled_and_finished)
{
	weir_ctx zero = {0};
	weir_ctx_cancel(NULL, "x");
	weir_ctx_cancel_as(NULL, WEIR_CAUSE_USER, "x");
	weir_ctx_fini(NULL);
	weir_ctx_cancel(&zero, "x");
	weir_ctx_cancel_as(&zero, WEIR_CAUSE_USER, "x");
	assert_zero(&zero);
	weir_ctx_fini(&zero);
	weir_ctx_fini(&zero);
	assert_zero(&zero);
	weir_ctx_init(&zero, &root, WEIR_FOREVER);
	weir_ctx_fini(&zero);
	weir_ctx_fini(&zero); /* finished is zeroed */
}
END_TEST

START_TEST(causes_have_names)
{
	static const struct {
		enum weir_cause cause;
		const char *name;
	} names[] = {{WEIR_CAUSE_NONE, "none"},         {WEIR_CAUSE_USER, "user"},
		     {WEIR_CAUSE_DEADLINE, "deadline"}, {WEIR_CAUSE_PARENT, "parent"},
		     {WEIR_CAUSE_SIBLING, "sibling"},   {WEIR_CAUSE_CONSUMER, "consumer"},
		     {WEIR_CAUSE_SHUTDOWN, "shutdown"}};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert_str_eq(weir_cause_name(names[i].cause), names[i].name);
	ck_assert_str_eq(weir_cause_name((enum weir_cause)99), "unknown");
}
END_TEST

static void *foreign_thread(void *arg)
{
	static _Atomic int failed;
	weir_ctx own_root, child;
	weir_ctx_init_root(&own_root, arg);
	weir_ctx_init(&child, &own_root, WEIR_FOREVER);
	failed += weir_ctx_rt(&child) != arg || weir_ctx_err(&child) != 0;
	weir_ctx_cancel(&own_root, "x");
	failed += weir_ctx_err(&child) != WEIR_ECANCELED || weir_sleep(&child, 1) != WEIR_ECANCELED;
	weir_ctx_fini(&child);
	weir_ctx_fini(&own_root);
	return &failed;
}

START_TEST(a_foreign_thread_gets_a_root)
{
	pthread_t thread;
	void *failed;
	ck_assert_int_eq(pthread_create(&thread, NULL, foreign_thread, rt), 0);
	ck_assert_int_eq(pthread_join(thread, &failed), 0);
	ck_assert_int_eq(atomic_load((_Atomic int *)failed), 0);
	assert_alive(&root);
}
END_TEST

/* ---- the tree ---- */

START_TEST(a_parent_reaches_all_below_it)
{
	enum { DEPTH = 50 };
	weir_ctx c[DEPTH];
	weir_ctx_init(&c[0], &root, WEIR_FOREVER);
	for (size_t i = 1; i < DEPTH; i++)
		weir_ctx_init(&c[i], &c[i - 1], WEIR_FOREVER);
	weir_ctx_cancel(&c[20], "middle");
	for (size_t i = 0; i < 20; i++)
		assert_alive(&c[i]);
	assert_ended(&c[DEPTH - 1], WEIR_ECANCELED, WEIR_CAUSE_PARENT, "middle"); /* the deepest looks first */
	assert_ended(&c[20], WEIR_ECANCELED, WEIR_CAUSE_USER, "middle");
	for (size_t i = 21; i < DEPTH; i++)
		assert_ended(&c[i], WEIR_ECANCELED, WEIR_CAUSE_PARENT, "middle");
	assert_alive(&root);
	for (size_t i = DEPTH; i > 0; i--)
		weir_ctx_fini(&c[i - 1]);
}
END_TEST

START_TEST(a_child_reaches_neither_parent_nor_sibling)
{
	weir_ctx parent, a, b;
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	weir_ctx_init(&a, &parent, WEIR_FOREVER);
	weir_ctx_init(&b, &parent, WEIR_FOREVER);
	weir_ctx_cancel(&a, "only a");
	assert_ended(&a, WEIR_ECANCELED, WEIR_CAUSE_USER, "only a");
	assert_alive(&b);
	assert_alive(&parent);
	weir_ctx_fini(&a);
	assert_alive(&parent);
	weir_ctx_cancel(&parent, "all");
	assert_ended(&b, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "all");
	weir_ctx_fini(&b);
	weir_ctx_fini(&parent);
}
END_TEST

START_TEST(a_child_of_an_ended_context_has_ended)
{
	weir_ctx parent, child, grandchild;
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	weir_ctx_cancel_as(&parent, WEIR_CAUSE_CONSUMER, "gone");
	weir_ctx_init(&child, &parent, WEIR_FOREVER);
	weir_ctx_init(&grandchild, &child, WEIR_FOREVER);
	assert_ended(&grandchild, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "gone");
	assert_ended(&child, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "gone");
	weir_ctx_cancel(&grandchild, "late");
	assert_ended(&grandchild, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "gone");
	weir_ctx_fini(&grandchild);
	weir_ctx_fini(&child);
	weir_ctx_fini(&parent);
}
END_TEST

/* ---- deadlines ---- */

START_TEST(the_earliest_deadline_counts)
{
	weir_ctx a, b, c, d;
	int64_t far = weir_time_add(weir_rt_now(rt), WEIR_SEC(3600));
	weir_ctx_init(&a, &root, far);
	weir_ctx_init(&b, &a, far + 1);
	weir_ctx_init(&c, &b, far - 1);
	weir_ctx_init(&d, &c, WEIR_FOREVER);
	ck_assert_int_eq(weir_ctx_deadline(&a), far);
	ck_assert_int_eq(weir_ctx_deadline(&b), far);
	ck_assert_int_eq(weir_ctx_deadline(&c), far - 1);
	ck_assert_int_eq(weir_ctx_deadline(&d), far - 1);
	assert_alive(&d);
	weir_ctx_fini(&d);
	weir_ctx_fini(&c);
	weir_ctx_fini(&b);
	weir_ctx_fini(&a);
}
END_TEST

START_TEST(a_deadline_in_the_past_has_ended_it)
{
	static const int64_t past[] = {0, 1, -1, INT64_MIN};
	for (size_t i = 0; i < COUNT_OF(past); i++) {
		weir_ctx c;
		weir_ctx_init(&c, &root, past[i]);
		assert_ended(&c, WEIR_EDEADLINE, WEIR_CAUSE_DEADLINE, "deadline passed");
		weir_ctx_fini(&c);
	}
	assert_alive(&root);
}
END_TEST

START_TEST(a_deadline_that_passed_wins_over_a_later_cancel)
{
	weir_ctx c;
	weir_ctx_init(&c, &root, 0);
	weir_ctx_cancel(&c, "late"); /* nobody had looked before */
	assert_ended(&c, WEIR_EDEADLINE, WEIR_CAUSE_DEADLINE, "deadline passed");
	weir_ctx_fini(&c);
}
END_TEST

START_TEST(a_cancel_stays_although_the_deadline_passes_later)
{
	weir_ctx parent, c;
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	weir_ctx_cancel(&parent, "first");
	weir_ctx_init(&c, &parent, 0); /* ended by its parent and by its deadline: the parent was first */
	assert_ended(&c, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "first");
	weir_ctx_fini(&c);
	weir_ctx_fini(&parent);
}
END_TEST

START_TEST(a_parents_deadline_is_the_parents)
{
	weir_ctx parent, child, own;
	for (int child_first = 0; child_first < 2; child_first++) {
		weir_ctx_init(&parent, &root, 5);
		weir_ctx_init(&child, &parent, WEIR_FOREVER);
		weir_ctx_init(&own, &parent, 4); /* its own is earlier */
		if (!child_first)
			ck_assert_int_eq(weir_ctx_err(&parent), WEIR_EDEADLINE);
		assert_ended(&child, WEIR_EDEADLINE, WEIR_CAUSE_PARENT, "deadline passed");
		ck_assert_int_eq(weir_ctx_err(&own), WEIR_EDEADLINE);
		assert_ended(&parent, WEIR_EDEADLINE, WEIR_CAUSE_DEADLINE, "deadline passed");
		weir_ctx_fini(&own);
		weir_ctx_fini(&child);
		weir_ctx_fini(&parent);
	}
}
END_TEST

/* ---- shields ---- */

START_TEST(a_shield_is_not_reached_by_cancel)
{
	weir_ctx parent, shield, below;
	int64_t before = weir_rt_now(rt);
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	weir_ctx_init_shield(&shield, &parent, WEIR_SEC(3600));
	weir_ctx_init(&below, &shield, WEIR_FOREVER);
	ck_assert_int_ge(weir_ctx_deadline(&shield), before + WEIR_SEC(3600));
	ck_assert_int_le(weir_ctx_deadline(&shield), weir_rt_now(rt) + WEIR_SEC(3600));
	ck_assert_int_eq(weir_ctx_deadline(&below), weir_ctx_deadline(&shield));
	weir_ctx_cancel(&root, "all");
	assert_ended(&parent, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "all");
	assert_alive(&shield);
	assert_alive(&below);
	weir_ctx_cancel(&shield, "shield");
	assert_ended(&below, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "shield");
	assert_ended(&shield, WEIR_ECANCELED, WEIR_CAUSE_USER, "shield");
	weir_ctx_fini(&below);
	weir_ctx_fini(&shield);
	weir_ctx_fini(&parent);
}
END_TEST

START_TEST(a_shield_is_not_reached_by_deadlines)
{
	weir_ctx parent, shield;
	weir_ctx_init(&parent, &root, 0);
	weir_ctx_init_shield(&shield, &parent, WEIR_SEC(3600)); /* of one that has ended */
	ck_assert_int_eq(weir_ctx_err(&parent), WEIR_EDEADLINE);
	assert_alive(&shield);
	ck_assert_int_gt(weir_ctx_deadline(&shield), weir_ctx_deadline(&parent));
	weir_ctx_fini(&shield);
	weir_ctx_fini(&parent);
}
END_TEST

START_TEST(a_shield_without_grace_has_ended)
{
	weir_ctx shield;
	weir_ctx_init_shield(&shield, &root, 0);
	assert_ended(&shield, WEIR_EDEADLINE, WEIR_CAUSE_DEADLINE, "deadline passed");
	weir_ctx_fini(&shield);
	weir_ctx_init_shield(&shield, &root, WEIR_FOREVER - 1);
	assert_alive(&shield);
	weir_ctx_fini(&shield);
}
END_TEST

/* ---- values ---- */

START_TEST(the_nearest_value_is_found)
{
	static char key, other, unused;
	int one, two, three;
	weir_ctx a, b, c, shield, leaf;
	weir_ctx_init_value(&a, &root, &key, &one);
	weir_ctx_init_value(&b, &a, &other, &two);
	weir_ctx_init_shield(&shield, &b, WEIR_SEC(60));
	weir_ctx_init_value(&c, &shield, &key, &three);
	weir_ctx_init(&leaf, &c, 0);
	ck_assert_ptr_null(weir_ctx_value(&root, &key));
	ck_assert_ptr_eq(weir_ctx_value(&a, &key), &one);
	ck_assert_ptr_null(weir_ctx_value(&a, &other));
	ck_assert_ptr_eq(weir_ctx_value(&b, &key), &one);
	ck_assert_ptr_eq(weir_ctx_value(&shield, &key), &one);
	ck_assert_ptr_eq(weir_ctx_value(&shield, &other), &two);
	ck_assert_ptr_eq(weir_ctx_value(&leaf, &key), &three);
	ck_assert_ptr_eq(weir_ctx_value(&leaf, &other), &two); /* through the shield */
	ck_assert_ptr_null(weir_ctx_value(&leaf, &unused));
	ck_assert_ptr_null(weir_ctx_value(&leaf, NULL));
	weir_ctx_fini(&leaf);
	weir_ctx_fini(&c);
	weir_ctx_fini(&shield);
	weir_ctx_fini(&b);
	weir_ctx_fini(&a);
}
END_TEST

START_TEST(a_node_with_a_value_is_an_ordinary_child)
{
	static char key;
	weir_ctx parent, c, hidden;
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	weir_ctx_init_value(&c, &parent, &key, &parent);
	weir_ctx_init_value(&hidden, &c, &key, NULL); /* NULL is a value: it hides the one above */
	ck_assert_ptr_null(weir_ctx_value(&hidden, &key));
	assert_alive(&c);
	weir_ctx_cancel(&parent, "up there");
	assert_ended(&c, WEIR_ECANCELED, WEIR_CAUSE_PARENT, "up there");
	ck_assert_ptr_eq(weir_ctx_value(&c, &key), &parent); /* also when it has ended */
	weir_ctx_fini(&hidden);
	weir_ctx_fini(&c);
	weir_ctx_fini(&parent);
}
END_TEST

/* ---- parked tasks ---- */

/* A channel of its own with a helper that waits to receive from it under a context. */
struct sleeper {
	weir_tx *tx;
	weir_rx *rx;
	uint32_t out;
	struct op op;
	struct helper helper;
};

static bool is_linked(weir_ctx *c)
{
	struct weir__ctx *node = weir__ctx(c);
	uint32_t rank = weir__lock(&node->root->lock, WEIR__RANK_TREE);
	bool linked = node->waiters.first != NULL;
	weir__unlock(&node->root->lock, rank);
	return linked;
}

static void sleeper_start(struct sleeper *s, weir_ctx *ctx)
{
	s->out = 77;
	ck_assert_int_eq(weir_chan_new(rt, &item_type, 0, &s->tx, &s->rx), 0);
	s->op = (struct op){.ctx = ctx, .rx = s->rx, .item = &s->out};
	helper_start(&s->helper, op_run, &s->op);
	AWAIT(account_of(s->tx, NULL).receivers_waiting == 1 && is_linked(ctx));
}

static void sleeper_end(struct sleeper *s, int rc)
{
	ck_assert_int_eq(helper_join(&s->helper), rc);
	ck_assert_uint_eq(s->out, rc == 1 ? 5 : 77);
	weir_tx_close(&s->tx);
	weir_rx_close(&s->rx);
}

/* root - a - b - shield - s, and root - c: one task on each but root. Cancel a: a and b wake. */
START_TEST(cancel_wakes_who_is_parked_below)
{
	uint32_t item = 5;
	weir_ctx ctx[4];
	struct sleeper on[4];
	enum { A, B, SHIELD, C };
	weir_ctx_init(&ctx[A], &root, WEIR_FOREVER);
	weir_ctx_init(&ctx[B], &ctx[A], WEIR_FOREVER);
	weir_ctx_init_shield(&ctx[SHIELD], &ctx[B], WEIR_SEC(3600));
	weir_ctx_init(&ctx[C], &root, WEIR_FOREVER);
	for (int i = 0; i < 4; i++)
		sleeper_start(&on[i], &ctx[i]);
	weir_ctx_cancel(&ctx[A], "wake");
	sleeper_end(&on[A], WEIR_ECANCELED);
	sleeper_end(&on[B], WEIR_ECANCELED);
	ck_assert_uint_eq(account_of(on[SHIELD].tx, NULL).receivers_waiting, 1);
	ck_assert_uint_eq(account_of(on[C].tx, NULL).receivers_waiting, 1);
	ck_assert_int_eq(weir_tx_send(&root, on[SHIELD].tx, &item), 0);
	sleeper_end(&on[SHIELD], 1);
	weir_ctx_cancel(&root, "all");
	sleeper_end(&on[C], WEIR_ECANCELED);
	for (int i = 3; i >= 0; i--)
		weir_ctx_fini(&ctx[i]);
}
END_TEST

/* Many tasks on one node, and on many nodes of one parent. */
START_TEST(cancel_wakes_all_of_them)
{
	enum { N = 12 };
	static struct sleeper on[2 * N];
	static weir_ctx child[N];
	weir_ctx c;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	for (size_t i = 0; i < N; i++) {
		weir_ctx_init(&child[i], &c, WEIR_FOREVER);
		sleeper_start(&on[i], &child[i]);
		sleeper_start(&on[N + i], &c);
	}
	weir_ctx_cancel(&c, "all");
	for (size_t i = 0; i < 2 * N; i++)
		sleeper_end(&on[i], WEIR_ECANCELED);
	for (size_t i = 0; i < N; i++)
		weir_ctx_fini(&child[i]);
	weir_ctx_fini(&c);
}
END_TEST

/* Sleepers come and go on the nodes of one chain: the links must be right after any order of leaving. */
START_TEST(parked_tasks_leave_in_any_order)
{
	static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
	uint32_t item = 5;
	for (size_t o = 0; o < COUNT_OF(orders); o++) {
		weir_ctx top, ctx[4];
		struct sleeper on[4];
		weir_ctx_init(&top, &root, WEIR_FOREVER);
		weir_ctx_init(&ctx[0], &top, WEIR_FOREVER);
		weir_ctx_init(&ctx[1], &ctx[0], WEIR_FOREVER);
		weir_ctx_init(&ctx[2], &ctx[0], WEIR_FOREVER);
		weir_ctx_init(&ctx[3], &top, WEIR_FOREVER);
		for (int i = 0; i < 4; i++)
			sleeper_start(&on[i], &ctx[i]);
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(weir_tx_send(&root, on[orders[o][i]].tx, &item), 0);
			sleeper_end(&on[orders[o][i]], 1);
		}
		weir_ctx_cancel(&top, "the last");
		sleeper_end(&on[orders[o][3]], WEIR_ECANCELED);
		for (int i = 3; i >= 0; i--)
			weir_ctx_fini(&ctx[i]);
		weir_ctx_fini(&top);
	}
}
END_TEST

/* ---- misuse ---- */

START_TEST(asking_a_zeroed_context_aborts)
{
	weir_ctx zero = {0};
	ck_assert_int_eq(weir_ctx_err(&zero), 0);
}
END_TEST

START_TEST(a_child_of_a_finished_context_aborts)
{
	weir_ctx parent, child;
	weir_ctx_init(&parent, &root, WEIR_FOREVER);
	weir_ctx_fini(&parent);
	weir_ctx_init(&child, &parent, WEIR_FOREVER);
}
END_TEST

START_TEST(a_shield_with_negative_grace_aborts)
{
	weir_ctx c;
	weir_ctx_init_shield(&c, &root, -1);
}
END_TEST

START_TEST(a_shield_for_ever_aborts)
{
	weir_ctx c;
	weir_ctx_init_shield(&c, &root, WEIR_FOREVER);
}
END_TEST

START_TEST(fini_under_a_parked_task_aborts)
{
	weir_ctx c;
	struct sleeper s;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	sleeper_start(&s, &c);
	weir_ctx_fini(&c);
}
END_TEST

START_TEST(fini_above_a_parked_task_aborts)
{
	weir_ctx c, child;
	struct sleeper s;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	weir_ctx_init(&child, &c, WEIR_FOREVER);
	sleeper_start(&s, &child);
	weir_ctx_fini(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctx");
	TCase *alone = world_case(suite, "alone");
	tcase_add_test(alone, a_new_context_is_alive);
	tcase_add_test(alone, cancel_ends_it_with_a_text);
	tcase_add_test(alone, cancel_as_records_the_cause);
	tcase_add_test(alone, the_first_cause_stays);
	tcase_add_test(alone, nothing_may_be_cancelled_and_finished);
	tcase_add_test(alone, causes_have_names);
	tcase_add_test(alone, a_foreign_thread_gets_a_root);
	TCase *tree = world_case(suite, "tree");
	tcase_add_test(tree, a_parent_reaches_all_below_it);
	tcase_add_test(tree, a_child_reaches_neither_parent_nor_sibling);
	tcase_add_test(tree, a_child_of_an_ended_context_has_ended);
	TCase *deadlines = world_case(suite, "deadlines");
	tcase_add_test(deadlines, the_earliest_deadline_counts);
	tcase_add_test(deadlines, a_deadline_in_the_past_has_ended_it);
	tcase_add_test(deadlines, a_deadline_that_passed_wins_over_a_later_cancel);
	tcase_add_test(deadlines, a_cancel_stays_although_the_deadline_passes_later);
	tcase_add_test(deadlines, a_parents_deadline_is_the_parents);
	TCase *shields = world_case(suite, "shields");
	tcase_add_test(shields, a_shield_is_not_reached_by_cancel);
	tcase_add_test(shields, a_shield_is_not_reached_by_deadlines);
	tcase_add_test(shields, a_shield_without_grace_has_ended);
	TCase *values = world_case(suite, "values");
	tcase_add_test(values, the_nearest_value_is_found);
	tcase_add_test(values, a_node_with_a_value_is_an_ordinary_child);
	TCase *parked = world_case(suite, "parked");
	tcase_add_test(parked, cancel_wakes_who_is_parked_below);
	tcase_add_test(parked, cancel_wakes_all_of_them);
	tcase_add_test(parked, parked_tasks_leave_in_any_order);
	TCase *misuse = world_case(suite, "misuse");
	tcase_add_test_raise_signal(misuse, asking_a_zeroed_context_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_child_of_a_finished_context_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_shield_with_negative_grace_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_shield_for_ever_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, fini_under_a_parked_task_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, fini_above_a_parked_task_aborts, SIGABRT);
	return run_suite(suite);
}
