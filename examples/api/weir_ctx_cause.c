/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_cause: why something ended: the code says that, this says what it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx job;
	const char *why = NULL;
	(void)err, (void)arg;
	weir_ctx_init(&job, ctx, weir_rt_now(weir_ctx_rt(ctx))); /* its time is over */
	CHECK(weir_ctx_cause(ctx, &why) == WEIR_CAUSE_NONE && strcmp(why, "") == 0);
	CHECK(weir_ctx_err(&job) == WEIR_EDEADLINE);
	CHECK(weir_ctx_cause(&job, &why) == WEIR_CAUSE_DEADLINE);
	printf("ended by %s: %s\n", weir_cause_name(weir_ctx_cause(&job, NULL)), why);
	weir_ctx_fini(&job);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
