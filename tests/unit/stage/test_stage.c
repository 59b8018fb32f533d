/* SPDX-License-Identifier: MIT
 *
 * Stages, calls and chains: what include/weir/stage/{stage,chain,typed}.h promise.
 *
 * Values are items that count their drops by id (core's support.h); a stage that makes one adds ADDED to the id, so
 * that every value on its way through a chain is known by its number. All memory is counted: what a tree, a call or a
 * failed construction leaves behind fails the test that made it.
 *
 * The cases: `building`, `freeing` (and misuse), `lifecycle`, `calls`, `chains`. Concurrent combinators have their own
 * files; helpers under every interleaving are in tests/sim/test_stage.c. */
#include <check.h>

#include "kit.h"

enum { ADDED = 16 };

static const weir_type num_type = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int add_one(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in + 1;
	return 0;
}

static int count_in_scratch(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg, void *scratch)
{
	int *count = scratch;
	(void)ctx, (void)err, (void)arg;
	ck_assert_uint_eq((uintptr_t)scratch % _Alignof(max_align_t), 0);
	count[0] += *(const int *)in;
	*(int *)out = count[0];
	return 0;
}

/* What a stage of items does: makes the next, and fails where the id is *arg. */
static int next_item(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const uint32_t *id = in, *bad = arg;
	(void)ctx;
	ck_assert_uint_eq(drops_of(*id), 0); /* it lives while it is borrowed */
	if (bad && *bad == *id)
		return weir_fail(err, WEIR_EUSER - 1, "item %u is bad", *id);
	*(uint32_t *)out = *id + ADDED;
	return 0;
}

/* A stage that takes: the value moves, and it fails where the id is *arg. */
static int pass_item(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const uint32_t *id = in, *bad = arg;
	(void)ctx, (void)err;
	ck_assert_uint_eq(drops_of(*id), 0);
	if (bad && *bad == *id)
		return WEIR_EFILTERED;
	*(uint32_t *)out = *id;
	return 0;
}

static weir_stage *plus(void)
{
	return weir_stage_new(
		rt, &(struct weir_stage_opts){.name = "plus", .in = &num_type, .out = &num_type, .process = add_one});
}

static weir_stage *next(uint32_t *bad)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = "next",
							    .in = &item_type,
							    .out = &item_type,
							    .process = next_item,
							    .arg = bad});
}

static weir_stage *pass(uint32_t *bad)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = "pass",
							    .in = &item_type,
							    .out = &item_type,
							    .process = pass_item,
							    .arg = bad,
							    .takes = true});
}

static unsigned freed;

static void count_free(void *arg)
{
	ck_assert_ptr_eq(arg, &freed);
	freed++;
}

/* ---- building ---- */

START_TEST(a_stage_says_what_it_is)
{
	weir_stage *st = plus();
	ck_assert_int_eq(weir_stage_check(st, NULL), 0);
	ck_assert_str_eq(weir_stage_name(st), "plus");
	ck_assert(weir_type_equal(weir_stage_in(st), &num_type));
	ck_assert(weir_type_equal(weir_stage_out(st), &num_type));
	ck_assert(!weir_stage_takes(st));
	weir_stage_free(&st);
	ck_assert_ptr_null(st);
	st = pass(NULL);
	ck_assert(weir_stage_takes(st));
	weir_stage_free(&st);
	weir_stage_free(&st); /* NULL */
	weir_stage_free(NULL);
}
END_TEST

START_TEST(what_is_wrong_with_a_function)
{
	static const weir_type odd = {.name = "odd", .size = 6, .align = 3}, nameless = {.size = 4};
	struct weir_stage_opts good = {.name = "s", .in = &num_type, .out = &num_type, .process = add_one}, o;
	expect_wrong(weir_stage_new(rt, NULL), WEIR_EINVAL, "has no options");
	expect_wrong(weir_stage_new(NULL, NULL), WEIR_EINVAL, "without a runtime");
	expect_wrong(weir_stage_new(NULL, &good), WEIR_EINVAL, "without a runtime");
	o = good, o.process = NULL;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "needs one function");
	o = good, o.process_scratch = count_in_scratch;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "needs one function");
	o = good, o.in = NULL;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "has no type for \"in\"");
	o = good, o.out = &nameless;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "has no type for \"out\"");
	o = good, o.out = &odd;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "alignment of 3");
	o = good, o.takes = true, o.out = &item_type;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "makes item of num");
	o = good, o.scratch = 8;
	expect_wrong(weir_stage_new(rt, &o), WEIR_EINVAL, "has scratch");
}
END_TEST

START_TEST(the_first_thing_wrong_is_told)
{
	struct weir_stage_opts o = {.name = "inner", .in = &num_type, .out = &num_type};
	weir_stage *bad = weir_stage_new(rt, &o);
	weir_stage *st = weir_then(plus(), weir_then(bad, next(NULL)));
	expect_wrong(weir_then(st, NULL), WEIR_EINVAL, "inner: WEIR_EINVAL: needs one function");
}
END_TEST

/* The code is said once, and who asks for names finds them. */
START_TEST(what_is_wrong_is_told_as_any_failure)
{
	weir_err err = {0};
	char text[200];
	struct weir_err_info info;
	weir_stage *st = weir_stage_named(weir_stage_new(rt, NULL), NULL);
	ck_assert_int_eq(weir_fail(&err, WEIR_EIO, "an older one"), WEIR_EIO);
	ck_assert_int_eq(weir_stage_check(st, &err), WEIR_EINVAL);
	weir_err_format(&err, text, sizeof(text));
	ck_assert_str_eq(text, "stage: WEIR_EINVAL: has no options");
	ck_assert(weir_err_as(&err, WEIR_EINVAL, &info));
	ck_assert_str_eq(info.name, "stage");
	weir_err_fini(&err);
	weir_stage_free(&st);
}
END_TEST

START_TEST(an_owned_argument_is_freed_once)
{
	struct weir_stage_opts o = {
		.in = &num_type, .out = &num_type, .process = add_one, .arg = &freed, .arg_free = count_free};
	freed = 0;
	weir_stage *st = weir_stage_new(rt, &o);
	ck_assert_str_eq(weir_stage_name(st), "stage");
	weir_stage_free(&st);
	ck_assert_uint_eq(freed, 1);
	st = weir_stage_new(NULL, &o); /* nothing was built */
	ck_assert_uint_eq(freed, 2);
	weir_stage_free(&st);
	o.process = NULL;
	st = weir_stage_new(rt, &o);
	ck_assert_uint_eq(freed, 2);
	weir_stage_free(&st);
	ck_assert_uint_eq(freed, 3);
}
END_TEST

START_TEST(what_is_wrong_with_children)
{
	weir_stage *a = plus(), *b = plus(), *const twice[] = {a, b, a}, *const nulls[] = {NULL, NULL};
	expect_wrong(weir_chain(twice, 3), WEIR_EINVAL, "child 2, \"plus\", is part of another stage");
	expect_wrong(weir_chain(NULL, 0), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_chain(NULL, 2), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_chain(nulls, 2), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_then(plus(), NULL), WEIR_EINVAL, "child 1 is NULL");
	expect_wrong(weir_then(NULL, plus()), WEIR_EINVAL, "child 0 is NULL");
	expect_wrong(weir_then(plus(), weir_chain(NULL, 0)), WEIR_EINVAL, "child 1: a stage was made of no stages");
	expect_wrong(weir_then(plus(), next(NULL)), WEIR_ETYPE, "\"plus\" makes num, but \"next\" takes item");
}
END_TEST

START_TEST(a_child_of_another_tree_stays_there)
{
	weir_stage *mine = plus(), *tree = weir_then(mine, plus());
	expect_wrong(weir_then(plus(), mine), WEIR_EINVAL, "child 1, \"plus\", is part of another stage");
	ck_assert_int_eq(weir_stage_check(tree, NULL), 0);
	weir_stage_free(&tree);
}
END_TEST

START_TEST(runtimes_do_not_mix)
{
	weir_rt *here = rt, *there = runtime_of((struct weir_rt_opts){0});
	weir_stage *a = plus();
	weir_call *call = NULL;
	weir_scope s;
	rt = there;
	expect_wrong(weir_then(plus(), a), WEIR_EINVAL, "child 1, \"plus\", is of another runtime");
	weir_stage *b = plus();
	rt = here;
	weir_scope_init(&s, &root);
	ck_assert_int_eq(weir_call_new(&s, b, &call), WEIR_EINVAL);
	ck_assert_ptr_null(call);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	weir_stage_free(&b);
	weir_rt_free(&there);
}
END_TEST

/* A tree of three functions and two chains: each block refused in turn. */
START_TEST(no_memory_to_build)
{
	struct weir_stage_opts o = {.name = "owner",
				    .in = &num_type,
				    .out = &num_type,
				    .process = add_one,
				    .arg = &freed,
				    .arg_free = count_free};
	unsigned refused = 0;
	for (long n = 1;; n++) {
		freed = 0;
		memory_refuse(n);
		weir_stage *st = weir_then(weir_then(plus(), weir_stage_new(rt, &o)), plus());
		bool was = memory_was_refused();
		memory_refuse(0);
		if (!was) {
			ck_assert_int_eq(weir_stage_check(st, NULL), 0);
			weir_stage_free(&st);
			break;
		}
		refused++;
		expect_wrong(st, WEIR_ENOMEM, "no memory to build");
		ck_assert_uint_eq(freed, 1);
	}
	ck_assert_uint_eq(refused, 5);
}
END_TEST

/* The same child twice, and no memory for the parent: freed once. */
START_TEST(no_memory_and_a_child_twice)
{
	weir_stage *a = plus(), *const twice[] = {a, a};
	memory_refuse(1);
	weir_stage *st = weir_chain(twice, 2);
	memory_refuse(0);
	expect_wrong(st, WEIR_ENOMEM, "no memory");
}
END_TEST

/* ---- freeing ---- */

START_TEST(freeing_a_child_is_misuse)
{
	weir_stage *a = plus(), *tree = weir_then(a, plus());
	(void)tree;
	weir_stage_free(&a);
}
END_TEST

START_TEST(freeing_with_a_call_is_misuse)
{
	weir_stage *st;
	weir_call *call = NULL;
	weir_scope s;
	world_open();
	st = plus();
	weir_scope_init(&s, &root);
	ck_assert_int_eq(weir_call_new(&s, st, &call), 0);
	weir_stage_free(&st);
}
END_TEST

/* ---- lifecycle ---- */

/* What was called, as letters: the stage's upper case for setup, lower for close, digits for reset and health. */
static char told[64];

struct part {
	char name;
	int setup, close, health;
};

static int tell(char c)
{
	size_t n = strlen(told);
	told[n] = c;
	told[n + 1] = '\0';
	return 0;
}

static int part_setup(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx;
	tell(p->name);
	return p->setup ? weir_fail(err, p->setup, "%c cannot", p->name) : 0;
}

static int part_close(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx, (void)err;
	tell((char)(p->name - 'A' + 'a'));
	return p->close;
}

static int part_reset(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx, (void)err;
	return tell((char)(p->name - 'A' + '0'));
}

static int part_health(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct part *p = arg;
	(void)ctx, (void)err;
	return p->health;
}

static weir_stage *part(struct part *p)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = names[p->name - 'A'],
							    .in = &num_type,
							    .out = &num_type,
							    .process = add_one,
							    .arg = p,
							    .lifecycle = {part_setup, part_close, part_reset,
									  part_health}});
}

/* Construction: a b (chain) c (chain) d (chain); indices 0 1 2 3 4 5 6. */
static weir_stage *parts_of(struct part *p)
{
	told[0] = '\0';
	for (int i = 0; i < 4; i++)
		p[i].name = (char)('A' + i);
	return weir_then(weir_then(weir_then(part(&p[0]), part(&p[1])), part(&p[2])), part(&p[3]));
}

START_TEST(lifecycle_goes_through_the_tree)
{
	struct part p[4] = {{0}};
	weir_err err = {0};
	weir_stage *st = parts_of(p);
	ck_assert_int_eq(weir_stage_setup(&root, st, &err), 0);
	ck_assert_int_eq(weir_stage_reset(&root, st, &err), 0);
	ck_assert_int_eq(weir_stage_health(&root, st, &err), 0);
	ck_assert_int_eq(weir_stage_close(&root, st, &err), 0);
	ck_assert_str_eq(told, "ABCD0123dcba");
	ck_assert_int_eq(err.code, 0);
	weir_stage_free(&st);
}
END_TEST

START_TEST(setup_that_fails_closes_what_was_set_up)
{
	static const char *const after[] = {"A", "ABa", "ABCba", "ABCDcba"};
	for (int i = 0; i < 4; i++) {
		struct part p[4] = {{0}};
		weir_err err = {0};
		char text[200], want[40];
		p[i].setup = WEIR_EUSER - i;
		p[0].close = WEIR_EIO; /* says less than what went wrong before */
		weir_stage *st = parts_of(p);
		ck_assert_int_eq(weir_stage_setup(&root, st, &err), WEIR_EUSER - i);
		ck_assert_str_eq(told, after[i]);
		weir_err_format(&err, text, sizeof(text));
		snprintf(want, sizeof(want), "%c cannot", 'A' + i);
		ck_assert_ptr_nonnull(strstr(text, want));
		ck_assert(!weir_err_is(&err, WEIR_EIO));
		weir_err_fini(&err);
		weir_stage_free(&st);
	}
}
END_TEST

START_TEST(close_and_health_tell_all_failures)
{
	struct part p[4] = {{.close = WEIR_EIO}, {.health = WEIR_EPIPE}, {.close = WEIR_EUSER}, {.health = 7}};
	weir_err err = {0};
	uint32_t index = 0;
	weir_stage *st = parts_of(p);
	ck_assert_int_eq(weir_stage_close(&root, st, &err), WEIR_EUSER); /* c is closed before a */
	ck_assert_str_eq(told, "dcba");
	ck_assert_int_eq(weir_err_member(&err, 0, &index)->code, WEIR_EUSER);
	ck_assert_uint_eq(index, 3);
	ck_assert_int_eq(weir_err_member(&err, 1, &index)->code, WEIR_EIO);
	ck_assert_uint_eq(index, 0);
	ck_assert_ptr_null(weir_err_member(&err, 2, NULL));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_stage_health(&root, st, &err), WEIR_EPIPE);
	ck_assert(weir_err_is(&err, WEIR_EINVAL)); /* a positive number */
	weir_err_fini(&err);
	ck_assert_int_eq(weir_stage_health(&root, st, NULL), WEIR_EPIPE);
	weir_stage_free(&st);
}
END_TEST

/* ---- calls ---- */

static int misbehave(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)out, (void)arg;
	switch (*(const int *)in) {
	case 0:
		(void)weir_fail(err, WEIR_EIO, "told, and not returned");
		return 0;
	case 1:
		return 1;
	case 2:
		(void)weir_fail(err, WEIR_EIO, "another code");
		return WEIR_EPIPE;
	default:
		return WEIR_EUSER;
	}
}

START_TEST(what_is_returned_is_what_counts)
{
	weir_stage *st = weir_stage_new(
		rt, &(struct weir_stage_opts){.name = "odd", .in = &num_type, .out = &num_type, .process = misbehave});
	weir_call *call = call_of(st);
	weir_err err = {0};
	struct weir_err_info info;
	int out;
	ck_assert_int_eq(weir_call_process(&root, call, &(int){0}, &out, &err), 0);
	ck_assert_int_eq(err.code, 0);
	ck_assert_int_eq(weir_call_process(&root, call, &(int){1}, &out, &err), WEIR_EINVAL);
	ck_assert_int_eq(err.code, WEIR_EINVAL);
	weir_err_fini(&err);
	ck_assert_int_eq(weir_call_process(&root, call, &(int){2}, &out, &err), WEIR_EPIPE);
	ck_assert_int_eq(err.code, WEIR_EPIPE);
	ck_assert(weir_err_is(&err, WEIR_EIO));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_call_process(&root, call, &(int){3}, &out, &err), WEIR_EUSER);
	ck_assert(weir_err_as(&err, WEIR_EUSER, &info));
	ck_assert_str_eq(info.name, "odd");
	ck_assert_uint_eq(info.index, UINT32_MAX);
	weir_err_fini(&err);
	for (int i = 1; i < 4; i++)
		ck_assert_int_lt(weir_call_process(&root, call, &i, &out, NULL), 0);
	ck_assert_int_eq(weir_call_process(&root, NULL, &(int){3}, &out, &err), WEIR_EBADF);
	weir_err_fini(&err);
	done_with(&call, &st);
}
END_TEST

START_TEST(scratch_is_each_call_s_own)
{
	weir_stage *st = weir_stage_new(rt, &(struct weir_stage_opts){.in = &num_type,
								      .out = &num_type,
								      .process_scratch = count_in_scratch,
								      .scratch = sizeof(int)});
	weir_call *a = call_of(st), *b = NULL;
	int out;
	ck_assert_int_eq(weir_call_new(&scope, st, &b), 0);
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(weir_call_process(&root, a, &(int){1}, &out, NULL), 0);
		ck_assert_int_eq(out, i);
		ck_assert_int_eq(weir_call_process(&root, b, &(int){10}, &out, NULL), 0);
		ck_assert_int_eq(out, 10 * i);
	}
	weir_call_free(&b);
	weir_call_free(&b);
	weir_call_free(NULL);
	done_with(&a, &st);
}
END_TEST

START_TEST(a_call_that_cannot_be_made)
{
	weir_stage *st = plus();
	weir_call *call = NULL;
	weir_scope_init(&scope, &root);
	memory_refuse(1);
	ck_assert_int_eq(weir_call_new(&scope, st, &call), WEIR_ENOMEM);
	memory_refuse(0);
	ck_assert_int_eq(weir_call_new(NULL, st, &call), WEIR_EINVAL);
	ck_assert_int_eq(weir_call_new(&scope, NULL, &call), WEIR_EINVAL);
	ck_assert_int_eq(weir_call_new(&scope, st, NULL), WEIR_EINVAL);
	weir_scope_cancel(&scope, "over");
	ck_assert_int_eq(weir_call_new(&scope, st, &call), WEIR_ECANCELED);
	ck_assert_ptr_null(call);
	weir_stage_free(&st); /* no call is left of those that failed */
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
}
END_TEST

START_TEST(a_call_without_helpers_outlives_its_scope)
{
	weir_stage *st = plus();
	weir_call *call = call_of(st);
	int out = 0;
	weir_scope_cancel(&scope, "over");
	ck_assert_int_eq(weir_call_process(&root, call, &(int){1}, &out, NULL), 0);
	ck_assert_int_eq(out, 2);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_call_free(&call);
	weir_stage_free(&st);
}
END_TEST

/* ---- chains ---- */

START_TEST(chains_of_every_depth)
{
	for (int depth = 1; depth <= 50; depth++) {
		weir_stage *children[50];
		int out = -1;
		for (int i = 0; i < depth; i++)
			children[i] = plus();
		weir_stage *st = weir_chain(children, (size_t)depth);
		weir_call *call = call_of(st);
		ck_assert_int_eq(weir_call_process(&root, call, &(int){1000}, &out, NULL), 0);
		ck_assert_int_eq(out, 1000 + depth);
		done_with(&call, &st);
	}
}
END_TEST

START_TEST(chains_of_chains)
{
	weir_stage *st = plus();
	int out = 0;
	for (int i = 0; i < 50; i++)
		st = i % 2 ? weir_then(st, plus()) : weir_then(plus(), st);
	weir_call *call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &(int){0}, &out, NULL), 0);
	ck_assert_int_eq(out, 51);
	done_with(&call, &st);
}
END_TEST

/* Sizes and alignments that do not fit each other: each buffer must be where its type wants it. */
struct big {
	_Alignas(64) char bytes[192];
};

static const weir_type types[] = {{.name = "t1", .size = 1, .align = 1},
				  {.name = "t64", .size = sizeof(struct big), .align = 64},
				  {.name = "t0", .size = 0},
				  {.name = "t3", .size = 3, .align = 1},
				  {.name = "t16", .size = 48}};

static int touch(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const weir_type *const *t = arg;
	const unsigned char *from = in;
	(void)ctx, (void)err;
	for (size_t i = 0; i < t[0]->size; i++)
		ck_assert_uint_eq(from[i], 7);
	ck_assert_uint_eq((uintptr_t)out % (t[1]->align ? t[1]->align : 1), 0);
	memset(out, 7, t[1]->size);
	return 0;
}

START_TEST(buffers_fit_every_type)
{
	const weir_type *pairs[64][2];
	for (size_t a = 0; a < 5; a++) {
		for (size_t b = 0; b < 5; b++) {
			weir_stage *children[4];
			_Alignas(64) unsigned char in[192], out[192];
			size_t at[] = {0, a, b, a, 1};
			for (size_t i = 0; i < 4; i++) {
				pairs[i][0] = &types[at[i]];
				pairs[i][1] = &types[at[i + 1]];
				children[i] = weir_stage_new(rt, &(struct weir_stage_opts){.in = pairs[i][0],
											   .out = pairs[i][1],
											   .process = touch,
											   .arg = pairs[i]});
			}
			weir_stage *st = weir_chain(children, 4);
			weir_call *call = call_of(st);
			memset(in, 7, sizeof(in));
			ck_assert_int_eq(weir_call_process(&root, call, in, out, NULL), 0);
			done_with(&call, &st);
		}
	}
}
END_TEST

/* Runs item 1 through st, drops what comes out, and checks that each of the ids up to `n` steps was dropped as said. */
static int run_item(weir_stage *st, weir_err *err)
{
	weir_call *call = call_of(st);
	uint32_t in = 1, out = 0;
	int rc = weir_call_process(&root, call, &in, &out, err);
	if (rc == 0)
		item_drop(&out, NULL);
	if (rc < 0 || !weir_stage_takes(st)) {
		ck_assert_uint_eq(drops_of(1), 0); /* still the caller's */
		item_drop(&in, NULL);
	}
	done_with(&call, &st);
	return rc;
}

START_TEST(values_between_are_dropped_once)
{
	weir_stage *const all[] = {next(NULL), next(NULL), next(NULL), next(NULL)};
	ck_assert_int_eq(run_item(weir_chain(all, 4), NULL), 0);
	for (uint32_t i = 0; i <= 4; i++)
		ck_assert_uint_eq(drops_of(1 + i * ADDED), 1);
	ck_assert_uint_eq(drops_in_all(), 5);
}
END_TEST

START_TEST(a_failure_drops_what_was_made_and_says_where)
{
	for (uint32_t at = 0; at < 4; at++) {
		uint32_t bad = 1 + at * ADDED;
		weir_stage *const all[] = {next(&bad), next(&bad), next(&bad), next(&bad)};
		weir_err err = {0};
		struct weir_err_info info;
		char text[200];
		memset(drops, 0, sizeof(drops));
		ck_assert_int_eq(run_item(weir_chain(all, 4), &err), WEIR_EUSER - 1);
		ck_assert(weir_err_as(&err, WEIR_EUSER - 1, &info));
		ck_assert_str_eq(info.name, "next");
		ck_assert_uint_eq(info.index, at);
		weir_err_format(&err, text, sizeof(text));
		ck_assert_msg(strncmp(text, "chain: next[", 12) == 0, "%s", text);
		weir_err_fini(&err);
		for (uint32_t i = 0; i <= at; i++)
			ck_assert_uint_eq(drops_of(1 + i * ADDED), 1);
		ck_assert_uint_eq(drops_in_all(), at + 1);
	}
}
END_TEST

/* Every chain of up to 4 stages that take (1) or do not (0), failing at every place and nowhere; nested and flat. */
START_TEST(taking_prefixes_and_suffixes)
{
	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned mask = 0; mask < 1u << n; mask++) {
			for (unsigned fail = 0; fail <= n; fail++) {
				weir_stage *all[4];
				uint32_t bad = 1, none = 0, made = 1;
				memset(drops, 0, sizeof(drops));
				for (unsigned i = 0; i < n; i++) {
					bool takes = mask >> i & 1;
					all[i] = takes ? pass(i == fail ? &bad : &none)
						       : next(i == fail ? &bad : &none);
					if (i < fail && !takes)
						bad += ADDED, made++;
				}
				weir_stage *st = n > 2 ? weir_then(weir_chain(all, 2), weir_chain(all + 2, n - 2))
						       : weir_chain(all, n);
				ck_assert_int_eq(weir_stage_takes(st), mask + 1 == 1u << n);
				ck_assert_int_eq(run_item(st, NULL) == 0, fail == n);
				ck_assert_uint_eq(drops_in_all(), made);
				for (uint32_t i = 0; i < made; i++)
					ck_assert_uint_eq(drops_of(1 + i * ADDED), 1);
			}
		}
	}
}
END_TEST

static int half(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	*(uint32_t *)out = *(const uint32_t *)in + ADDED;
	return weir_fail(err, WEIR_EPARTIAL, "half of it");
}

/* A part of a value: the last stage passes it on; from any other it is dropped, and the code says so. */
START_TEST(a_part_of_a_value)
{
	struct weir_stage_opts o = {.name = "half", .in = &item_type, .out = &item_type, .process = half};
	weir_err err = {0};
	uint32_t in = 1, out = 0;
	weir_stage *st = weir_then(next(NULL), weir_stage_new(rt, &o));
	weir_call *call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EPARTIAL);
	ck_assert_uint_eq(out, 1 + 2 * ADDED);
	ck_assert_uint_eq(drops_of(out), 0);
	weir_err_fini(&err);
	done_with(&call, &st);
	memset(drops, 0, sizeof(drops));
	st = weir_then(weir_stage_new(rt, &o), next(NULL));
	call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EINCOMPLETE);
	ck_assert(weir_err_is(&err, WEIR_EPARTIAL));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_EINCOMPLETE);
	ck_assert_uint_eq(drops_of(1 + ADDED), 2);
	ck_assert_uint_eq(drops_in_all(), 2);
	done_with(&call, &st);
	o.in = o.out = &num_type; /* nothing to drop: the code all the same */
	st = weir_then(weir_stage_new(rt, &o), plus());
	call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_EINCOMPLETE);
	done_with(&call, &st);
}
END_TEST

/* ---- typed ---- */

WEIR_TYPE_PLAIN(whole, int);

static int twice(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	*out = *in * *(const int *)arg;
	return 0;
}
WEIR_STAGE_DECLARE(twice, whole, whole);

START_TEST(typed_stages)
{
	weir_stage *st = weir_then(twice_stage(rt, &(int){2}), twice_stage(rt, &(int){5}));
	weir_call *call = call_of(st);
	int out = 0;
	ck_assert_int_eq(weir_call_process(&root, call, &(int){3}, &out, NULL), 0);
	ck_assert_int_eq(out, 30);
	done_with(&call, &st);
}
END_TEST

static Suite *stage_suite(void)
{
	Suite *suite = suite_create("stage");
	TCase *building = world_case(suite, "building"), *freeing = world_case(suite, "freeing"),
	      *bare = bare_case(suite, "misuse"), *lifecycle = world_case(suite, "lifecycle"),
	      *calls = world_case(suite, "calls"), *chains = world_case(suite, "chains");
	tcase_add_test(building, a_stage_says_what_it_is);
	tcase_add_test(building, what_is_wrong_with_a_function);
	tcase_add_test(building, the_first_thing_wrong_is_told);
	tcase_add_test(building, what_is_wrong_is_told_as_any_failure);
	tcase_add_test(building, an_owned_argument_is_freed_once);
	tcase_add_test(building, what_is_wrong_with_children);
	tcase_add_test(building, a_child_of_another_tree_stays_there);
	tcase_add_test(building, runtimes_do_not_mix);
	tcase_add_test(building, no_memory_to_build);
	tcase_add_test(building, no_memory_and_a_child_twice);
	tcase_add_test_raise_signal(freeing, freeing_a_child_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(bare, freeing_with_a_call_is_misuse, SIGABRT);
	tcase_add_test(lifecycle, lifecycle_goes_through_the_tree);
	tcase_add_test(lifecycle, setup_that_fails_closes_what_was_set_up);
	tcase_add_test(lifecycle, close_and_health_tell_all_failures);
	tcase_add_test(calls, what_is_returned_is_what_counts);
	tcase_add_test(calls, scratch_is_each_call_s_own);
	tcase_add_test(calls, a_call_that_cannot_be_made);
	tcase_add_test(calls, a_call_without_helpers_outlives_its_scope);
	tcase_add_test(calls, typed_stages);
	tcase_add_test(chains, chains_of_every_depth);
	tcase_add_test(chains, chains_of_chains);
	tcase_add_test(chains, buffers_fit_every_type);
	tcase_add_test(chains, values_between_are_dropped_once);
	tcase_add_test(chains, a_failure_drops_what_was_made_and_says_where);
	tcase_add_test(chains, taking_prefixes_and_suffixes);
	tcase_add_test(chains, a_part_of_a_value);
	return suite;
}

int main(void)
{
	return run_suite(stage_suite());
}
