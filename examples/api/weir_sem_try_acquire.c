/* SPDX-License-Identifier: MIT
 *
 * weir_sem_try_acquire: serves a request if there is room for it now, or says at once that there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_sem room;
	int served = 0, refused = 0;
	(void)err, (void)arg;
	weir_sem_init(&room, weir_ctx_rt(ctx), 3);
	for (int i = 0; i < 5; i++) {
		int rc = weir_sem_try_acquire(&room, 1);
		CHECK(rc == 0 || rc == WEIR_EAGAIN);
		served += rc == 0;
		refused += rc == WEIR_EAGAIN;
	}
	CHECK(served == 3 && refused == 2);
	weir_sem_release(&room, 3);
	weir_sem_fini(&room);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
