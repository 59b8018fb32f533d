/* SPDX-License-Identifier: MIT
 *
 * weir_cond_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_cond c = {0}, never = {0};
	(void)err, (void)arg;
	weir_cond_init(&c, weir_ctx_rt(ctx));
	weir_cond_signal(&c); /* nobody waits: lost */
	weir_cond_fini(&c);
	CHECK(memcmp(&c, &never, sizeof(c)) == 0); /* zeroed, */
	weir_cond_fini(&c);                        /* so once more is nothing */
	weir_cond_fini(&never);                    /* never made */
	weir_cond_fini(NULL);
	weir_cond_init(&c, weir_ctx_rt(ctx)); /* and it can be made anew */
	weir_cond_fini(&c);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
