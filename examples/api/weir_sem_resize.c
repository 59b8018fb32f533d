/* SPDX-License-Identifier: MIT
 *
 * weir_sem_resize: fewer permits than are taken: nobody loses one, and the next is free when enough came back. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_sem places;
	(void)err, (void)arg;
	weir_sem_init_bounded(&places, weir_ctx_rt(ctx), 3, 3);
	CHECK(weir_sem_acquire(ctx, &places, 3) == 0);
	weir_sem_resize(&places, 1);
	CHECK(weir_sem_acquire(ctx, &places, 2) == WEIR_EINVAL); /* more than there can be */
	weir_sem_release(&places, 2);
	CHECK(weir_sem_try_acquire(&places, 1) == WEIR_EAGAIN);
	weir_sem_release(&places, 1);
	CHECK(weir_sem_try_acquire(&places, 1) == 0);
	weir_sem_resize(&places, 2);
	CHECK(weir_sem_try_acquire(&places, 1) == 0);
	weir_sem_fini(&places);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
