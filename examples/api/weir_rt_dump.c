/* SPDX-License-Identifier: MIT
 *
 * weir_rt_dump: names every task and what it waits for, from inside a running program. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int sleeper(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_SEC(3600));
}

static void print_task(const struct weir_task_view *view, void *arg)
{
	printf("%s: %s\n", view->name, view->what[0] ? view->what : "runs");
	++*(int *)arg;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc, lines;
	weir_scope s;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "sleeper", sleeper, NULL) == 0);
	do {
		lines = 0;
		rc = weir_rt_dump(weir_ctx_rt(ctx), print_task, &lines);
		weir_rt_yield(weir_ctx_rt(ctx));
	} while (rc == 1);            /* the sleeper may not have begun yet */
	CHECK(rc == 2 && lines == 2); /* it, and this task, which owns the scope */
	CHECK(weir_rt_dump(weir_ctx_rt(ctx), NULL, NULL) == WEIR_EINVAL);
	weir_scope_cancel(&s, "seen");
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
