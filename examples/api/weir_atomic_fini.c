/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic a = {0}, never = {0};
	(void)err, (void)arg;
	weir_atomic_init(&a, weir_ctx_rt(ctx), 5);
	CHECK(weir_atomic_load(&a) == 5);
	weir_atomic_fini(&a);
	CHECK(memcmp(&a, &never, sizeof(a)) == 0); /* zeroed, */
	weir_atomic_fini(&a);                      /* so once more is nothing */
	weir_atomic_fini(&never);                  /* never made */
	weir_atomic_fini(NULL);
	weir_atomic_init(&a, weir_ctx_rt(ctx), 5); /* and it can be made anew */
	weir_atomic_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
