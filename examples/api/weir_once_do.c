/* SPDX-License-Identifier: MIT
 *
 * weir_once_do: the first call runs the function; its code is what all get, an error too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int connect_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx;
	++*(int *)arg;
	return weir_fail(err, -ECONNREFUSED, "nobody is there");
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_once once;
	weir_err detail = {0};
	int calls = 0;
	(void)err, (void)arg;
	weir_once_init(&once, weir_ctx_rt(ctx));
	CHECK(weir_once_do(ctx, &once, connect_once, &calls, &detail) == -ECONNREFUSED);
	CHECK(weir_err_is(&detail, -ECONNREFUSED)); /* who ran it gets the detail */
	weir_err_fini(&detail);
	CHECK(weir_once_do(ctx, &once, connect_once, &calls, NULL) == -ECONNREFUSED);
	CHECK(calls == 1);
	weir_once_fini(&once);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
