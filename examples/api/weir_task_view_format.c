/* SPDX-License-Identifier: MIT
 *
 * weir_task_view_format: one line about a task, for whoever operates the process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static void print_task(const struct weir_task_view *view, void *arg)
{
	weir_task_view_format(view, view->since_at, arg, 120);
	puts(arg);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	char line[120] = "";
	weir_scope s;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_rt_dump(weir_ctx_rt(ctx), print_task, line) >= 1);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(strlen(line) > 0);
	struct weir_task_view view = {.name = "worker", .what = "send", .object = "num", .wakes_at = WEIR_FOREVER};
	view.since_at = WEIR_MS(10);
	size_t length = weir_task_view_format(&view, WEIR_MS(130), line, sizeof(line));
	CHECK(strstr(line, "worker: send \"num\"") == line && strstr(line, "120 ms"));
	char few[8];
	CHECK(weir_task_view_format(&view, WEIR_MS(130), few, sizeof(few)) == length); /* cut, and terminated */
	CHECK(strcmp(few, "worker:") == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
