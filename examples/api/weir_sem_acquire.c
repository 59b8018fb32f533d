/* SPDX-License-Identifier: MIT
 *
 * weir_sem_acquire: takes as many permits as the work needs, and waits for its turn; not longer than its context. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_sem memory; /* in megabytes, say */
	weir_ctx limit;
	(void)err, (void)arg;
	weir_sem_init(&memory, weir_ctx_rt(ctx), 8);
	CHECK(weir_sem_acquire(ctx, &memory, 6) == 0);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	CHECK(weir_sem_acquire(&limit, &memory, 3) == WEIR_EDEADLINE); /* and has taken none */
	weir_ctx_fini(&limit);
	CHECK(weir_sem_acquire(ctx, &memory, 2) == 0);
	weir_sem_release(&memory, 8);
	weir_sem_fini(&memory);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
