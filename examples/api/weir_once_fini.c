/* SPDX-License-Identifier: MIT
 *
 * weir_once_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_once o = {0}, never = {0};
	(void)err, (void)arg;
	weir_once_init(&o, weir_ctx_rt(ctx));
	CHECK(weir_once_do(ctx, &o, NULL, NULL, NULL) == WEIR_EINVAL); /* no function */
	weir_once_fini(&o);
	CHECK(memcmp(&o, &never, sizeof(o)) == 0); /* zeroed, */
	weir_once_fini(&o);                        /* so once more is nothing */
	weir_once_fini(&never);                    /* never made */
	weir_once_fini(NULL);
	weir_once_init(&o, weir_ctx_rt(ctx)); /* and it can be made anew */
	weir_once_fini(&o);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
