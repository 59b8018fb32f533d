/* SPDX-License-Identifier: MIT
 *
 * weir_mutex_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_mutex m = {0}, never = {0};
	(void)err, (void)arg;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
	weir_mutex_lock(ctx, &m);
	weir_mutex_unlock(&m);
	weir_mutex_fini(&m);
	CHECK(memcmp(&m, &never, sizeof(m)) == 0); /* zeroed, */
	weir_mutex_fini(&m);                       /* so once more is nothing */
	weir_mutex_fini(&never);                   /* never made */
	weir_mutex_fini(NULL);
	weir_mutex_init(&m, weir_ctx_rt(ctx)); /* and it can be made anew */
	weir_mutex_fini(&m);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
