/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_new: blocks of 64 bytes, of which at most 100 are kept for reuse. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64, .keep = 100}, &r) == 0);
	CHECK(r != NULL);
	weir_recycler_free(&r);
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), NULL, &r) == WEIR_EINVAL); /* there is no size by default */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
