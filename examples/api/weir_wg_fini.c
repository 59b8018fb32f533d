/* SPDX-License-Identifier: MIT
 *
 * weir_wg_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_wg g = {0}, never = {0};
	(void)err, (void)arg;
	weir_wg_init(&g, weir_ctx_rt(ctx));
	weir_wg_add(&g, 1);
	weir_wg_done(&g); /* the count is 0 again: otherwise fini would be misuse */
	weir_wg_fini(&g);
	CHECK(memcmp(&g, &never, sizeof(g)) == 0); /* zeroed, */
	weir_wg_fini(&g);                          /* so once more is nothing */
	weir_wg_fini(&never);                      /* never made */
	weir_wg_fini(NULL);
	weir_wg_init(&g, weir_ctx_rt(ctx)); /* and it can be made anew */
	weir_wg_fini(&g);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
