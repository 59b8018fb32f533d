/* SPDX-License-Identifier: MIT
 *
 * weir_rt_free: the last call on a runtime; one exit path cleans up whether there is a runtime or not. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	*(int *)arg = 1;
	return weir_ctx_err(ctx);
}

int main(void)
{
	weir_rt *rt = NULL;
	int ran = 0;
	int rc = weir_rt_threads_new(NULL, &rt);
	if (rc == 0)
		rc = weir_rt_run(rt, app, &ran, NULL);
	weir_rt_free(&rt);
	CHECK(rc == 0 && ran);
	CHECK(rt == NULL);
	weir_rt_free(&rt); /* nothing left: allowed */
	weir_rt_free(NULL);
	return 0;
}
