/* SPDX-License-Identifier: MIT
 *
 * WEIR_TASK_DECLARE: a task from a function that takes what it really takes; the task has the name of the function. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct range {
	int from, to, sum;
};

static int add_up(weir_ctx *ctx, weir_err *err, struct range *r)
{
	(void)err;
	for (int i = r->from; i < r->to; i++)
		r->sum += i;
	return weir_ctx_err(ctx);
}
WEIR_TASK_DECLARE(add_up, struct range);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct range left = {.to = 50}, right = {.from = 50, .to = 100};
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	CHECK(add_up_spawn(&s, &left) == 0);
	CHECK(weir_scope_spawn(&s, "the other half", add_up_task, &right) == 0); /* the same, with a name */
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	CHECK(left.sum + right.sum == 4950);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
