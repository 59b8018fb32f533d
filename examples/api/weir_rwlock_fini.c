/* SPDX-License-Identifier: MIT
 *
 * weir_rwlock_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rwlock l = {0}, never = {0};
	(void)err, (void)arg;
	weir_rwlock_init(&l, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &l);
	weir_rwlock_read_unlock(&l);
	weir_rwlock_fini(&l);
	CHECK(memcmp(&l, &never, sizeof(l)) == 0); /* zeroed, */
	weir_rwlock_fini(&l);                      /* so once more is nothing */
	weir_rwlock_fini(&never);                  /* never made */
	weir_rwlock_fini(NULL);
	weir_rwlock_init(&l, weir_ctx_rt(ctx)); /* and it can be made anew */
	weir_rwlock_fini(&l);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
