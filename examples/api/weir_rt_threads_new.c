/* SPDX-License-Identifier: MIT
 *
 * weir_rt_threads_new: a runtime with options: no more than three tasks, with small stacks. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int idle(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_FOREVER);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int started = 0;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	while (started < 100 && weir_scope_spawn(&s, "idle", idle, NULL) == 0)
		started++;
	CHECK(started == 3 && weir_scope_spawn(&s, "idle", idle, NULL) == WEIR_EAGAIN);
	weir_scope_cancel(&s, "that was all");
	return weir_scope_join(ctx, &s, 0, err);
}

static void *take(size_t bytes, void *arg)
{
	(void)arg;
	return malloc(bytes);
}

int main(void)
{
	weir_rt *rt = NULL;
	CHECK(weir_rt_threads_new(&(struct weir_rt_opts){.alloc = take}, &rt) == WEIR_EINVAL); /* and no release */
	CHECK(!rt);
	CHECK(weir_rt_threads_new(&(struct weir_rt_opts){.max_tasks = 3, .stack_bytes = 256 * 1024}, &rt) == 0);
	CHECK(weir_rt_run(rt, app, NULL, NULL) == 0);
	weir_rt_free(&rt);
	return 0;
}
