/* SPDX-License-Identifier: MIT
 *
 * weir_sem_fini: the object is plain memory again; zeroed memory and NULL are fine, so that one exit path does for
 * all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_sem s = {0}, never = {0};
	(void)err, (void)arg;
	weir_sem_init(&s, weir_ctx_rt(ctx), 1);
	CHECK(weir_sem_acquire(ctx, &s, 1) == 0);
	weir_sem_fini(&s);
	CHECK(memcmp(&s, &never, sizeof(s)) == 0); /* zeroed, */
	weir_sem_fini(&s);                         /* so once more is nothing */
	weir_sem_fini(&never);                     /* never made */
	weir_sem_fini(NULL);
	weir_sem_init(&s, weir_ctx_rt(ctx), 1); /* and it can be made anew */
	weir_sem_fini(&s);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
