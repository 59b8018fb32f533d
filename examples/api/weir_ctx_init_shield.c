/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_init_shield: cleanup after a cancel: the shield does not see it, and has a limit of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx job, cleanup;
	(void)err, (void)arg;
	weir_ctx_init(&job, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&job, "the user left");
	CHECK(weir_sleep(&job, WEIR_US(10)) == WEIR_ECANCELED); /* no more work here */
	weir_ctx_init_shield(&cleanup, &job, WEIR_SEC(5));
	CHECK(weir_sleep(&cleanup, WEIR_US(10)) == 0); /* stands for telling a server, for instance */
	weir_ctx_fini(&cleanup);
	weir_ctx_init_shield(&cleanup, &job, WEIR_US(50));
	CHECK(weir_sleep(&cleanup, WEIR_SEC(3600)) == WEIR_EDEADLINE); /* it cannot hang */
	weir_ctx_fini(&cleanup);
	weir_ctx_fini(&job);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
