/* SPDX-License-Identifier: MIT
 *
 * Helpers of calls on real threads (src/stage/crew.h). The simulator runs every order of a batch that is open from the
 * beginning; one that is kept, since those before it were short, is opened later only here: by an item that waits, or
 * because it lasts. Were it not opened, the cases would hang. Each item counts itself in plain memory of its own, so
 * that ThreadSanitizer sees two that do the same one, or an owner that does not wait for all. */
#include "stress.h"

#include <weir/stage.h>

enum { ITEMS = 5, CALM = 40 };

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

enum mode { QUIET, WAITS, YIELDS, LASTS, FAILS, DAWDLES };

static struct {
	enum mode mode; /* of the call, as is `third`: written while nobody is in it */
	weir_sem sem;
	_Atomic int third;
	long done[ITEMS];
	uint64_t random[ITEMS];
} shared;

static int item(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	ptrdiff_t i = (long *)arg - shared.done;
	int64_t from = shared.mode == LASTS && i == 0 ? weir_rt_now(rt) : INT64_MAX;
	int rc = 0;
	if (i == 2)
		atomic_store(&shared.third, 1);
	if (shared.mode == WAITS && i == 0)
		rc = weir_sem_acquire(ctx, &shared.sem, 1);
	if (shared.mode == WAITS && i == 1)
		weir_sem_release(&shared.sem, 1);
	while (shared.mode == YIELDS && i == 0 && !atomic_load(&shared.third))
		weir_rt_yield(rt);
	while (from != INT64_MAX && weir_rt_now(rt) - from < WEIR_US(50))
		;
	while (shared.mode == LASTS && i == 1 && !atomic_load(&shared.third)) /* and weir does not know */
		weir_rt_yield(rt);
	if (shared.mode == DAWDLES)
		dawdle(&shared.random[i]);
	if (shared.mode == FAILS && i == 3)
		rc = weir_fail(err, WEIR_EUSER, "item %d", 3);
	++*(long *)arg;
	*(int *)out = *(const int *)in + (int)i;
	return rc;
}

static weir_stage *one_item(int i)
{
	shared.done[i] = 0;
	shared.random[i] = seed_of((uint64_t)i);
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = "item",
							    .in = &number,
							    .out = &number,
							    .process = item,
							    .arg = &shared.done[i]});
}

static weir_stage *items(void)
{
	weir_stage *children[ITEMS];
	for (int i = 0; i < ITEMS; i++)
		children[i] = one_item(i);
	return weir_fan_out(children, ITEMS, 0);
}

static void call_once(weir_ctx *ctx, weir_call *call, enum mode mode)
{
	weir_array out;
	long before[ITEMS];
	memcpy(before, shared.done, sizeof(before));
	shared.mode = mode;
	atomic_store(&shared.third, 0);
	int rc = weir_call_process(ctx, call, &(int){7}, &out, NULL);
	EXPECT(rc == (mode == FAILS ? WEIR_EUSER : 0));
	if (rc < 0)
		return;
	for (int i = 0; i < ITEMS; i++) {
		EXPECT(*(int *)weir_array_at(&out, (size_t)i) == 7 + i);
		EXPECT(shared.done[i] == before[i] + 1);
	}
	weir_array_drop(&out);
}

/* Short ones, until the next is kept; then one of another kind. */
static int after_short_ones(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = items();
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	weir_sem_init(&shared.sem, rt, 0);
	int rc = weir_call_new(&s, st, &call);
	for (int round = 0; rc == 0 && round < ROUNDS(300); round++) {
		for (int i = 0; i < CALM; i++)
			call_once(ctx, call, QUIET);
		call_once(ctx, call, *(enum mode *)arg);
	}
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_sem_fini(&shared.sem);
	weir_stage_free(&st);
	return rc;
}

static int process_other(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	weir_array values;
	int rc = weir_call_process(ctx, *(weir_call **)arg, in, &values, err);
	if (rc == 0) {
		*(int *)out = *(int *)weir_array_at(&values, 0);
		weir_array_drop(&values);
	}
	return rc;
}

/* Short ones of a tree in which the item that waits and the one that it waits for are in different batches. */
static int within_one_another(weir_ctx *ctx, weir_scope *s, weir_stage *st)
{
	weir_call *call = NULL;
	int rc = weir_call_new(s, st, &call);
	for (int i = 0; rc == 0 && i < ROUNDS(300) * (CALM + 1); i++) {
		weir_array out;
		shared.mode = i % (CALM + 1) == CALM ? WAITS : QUIET;
		rc = weir_call_process(ctx, call, &(int){7}, &out, NULL);
		if (rc < 0)
			break;
		weir_array_drop(&out);
		for (int k = 0; k < 4; k++)
			EXPECT(shared.done[k] == i + 1);
	}
	weir_call_free(&call);
	return rc;
}

static int a_batch_in_a_batch(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *inner = weir_fan_out((weir_stage *[]){one_item(0), one_item(2)}, 2, 0);
	weir_stage *other = weir_fan_out((weir_stage *[]){one_item(3), one_item(1)}, 2, 1);
	weir_stage *root = weir_fan_out((weir_stage *[]){inner, other}, 2, 0);
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	weir_sem_init(&shared.sem, rt, 0);
	int rc = weir_scope_join(ctx, &s, within_one_another(ctx, &s, root), err);
	weir_sem_fini(&shared.sem);
	weir_stage_free(&root);
	return rc;
}

static int a_call_in_a_batch(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_call *inner = NULL;
	weir_stage *other = weir_fan_out((weir_stage *[]){one_item(0), one_item(2)}, 2, 0);
	weir_stage *calls = weir_stage_new(rt, &(struct weir_stage_opts){.name = "calls",
									 .in = &number,
									 .out = &number,
									 .process = process_other,
									 .arg = &inner});
	weir_stage *root = weir_fan_out((weir_stage *[]){calls, one_item(3), one_item(1)}, 3, 0);
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	weir_sem_init(&shared.sem, rt, 0);
	int rc = weir_call_new(&s, other, &inner);
	if (rc == 0)
		rc = within_one_another(ctx, &s, root);
	weir_call_free(&inner);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_sem_fini(&shared.sem);
	weir_stage_free(&root);
	weir_stage_free(&other);
	return rc;
}

static int one_after_the_other(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = items();
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	for (int i = 0; rc == 0 && i < ROUNDS(3000); i++)
		call_once(ctx, call, *(enum mode *)arg);
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_stage_free(&st);
	return rc;
}

int main(void)
{
	stress_case("a batch that is kept opens before an item waits", after_short_ones, &(enum mode){WAITS});
	stress_case("a batch that is kept opens before an item yields", after_short_ones, &(enum mode){YIELDS});
	stress_case("a batch that is kept opens when it lasts", after_short_ones, &(enum mode){LASTS});
	stress_case("a batch that is kept stops at a failure", after_short_ones, &(enum mode){FAILS});
	stress_case("batches that are kept within one another open all", a_batch_in_a_batch, NULL);
	stress_case("the same, where an item has a call of its own", a_call_in_a_batch, NULL);
	stress_case("short batches", one_after_the_other, &(enum mode){QUIET});
	stress_case("items that give their core away", one_after_the_other, &(enum mode){DAWDLES});
	return stress_end();
}
