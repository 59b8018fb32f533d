/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_cancel: ends a task that waits, and everything else under the context, at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int sleeper(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_SEC(3600));
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx job;
	weir_scope s;
	const char *why = NULL;
	(void)err, (void)arg;
	weir_ctx_init(&job, ctx, WEIR_FOREVER);
	weir_scope_init(&s, &job);
	CHECK(weir_scope_spawn(&s, "sleeper", sleeper, NULL) == 0);
	weir_ctx_cancel(&job, "closing time"); /* before it sleeps or while it does: both end it */
	weir_ctx_cancel(&job, "too late: the first cause stays");
	CHECK(weir_scope_join(&job, &s, 0, NULL) == WEIR_ECANCELED);
	CHECK(weir_ctx_cause(&job, &why) == WEIR_CAUSE_USER && strcmp(why, "closing time") == 0);
	weir_ctx_fini(&job);
	weir_ctx_cancel(NULL, "nobody"); /* allowed */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
