/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_cancel_as: a cancel that says what it was for, so that a handler can tell shutdown from the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx service, request;
	const char *why = NULL;
	(void)err, (void)arg;
	weir_ctx_init(&service, ctx, WEIR_FOREVER);
	weir_ctx_init(&request, &service, WEIR_FOREVER);
	weir_ctx_cancel_as(&service, WEIR_CAUSE_SHUTDOWN, "SIGTERM");
	CHECK(weir_ctx_err(&request) == WEIR_ECANCELED);
	CHECK(weir_ctx_cause(&service, NULL) == WEIR_CAUSE_SHUTDOWN);
	CHECK(weir_ctx_cause(&request, &why) == WEIR_CAUSE_PARENT); /* with the text of the one that ended */
	CHECK(strcmp(why, "SIGTERM") == 0);
	weir_ctx_fini(&request);
	weir_ctx_fini(&service);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
