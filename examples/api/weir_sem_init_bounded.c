/* SPDX-License-Identifier: MIT
 *
 * weir_sem_init_bounded: a pool that never holds more than it was made for: giving back twice is noticed, asking for
 * too much refused. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_sem pool;
	(void)err, (void)arg;
	weir_sem_init_bounded(&pool, weir_ctx_rt(ctx), 4, 4);
	CHECK(weir_sem_acquire(ctx, &pool, 5) == WEIR_EINVAL); /* there will never be 5 */
	CHECK(weir_sem_acquire(ctx, &pool, 3) == 0);
	CHECK(weir_sem_try_acquire(&pool, 2) == WEIR_EAGAIN);
	weir_sem_release(&pool, 3); /* one more would be misuse */
	CHECK(weir_sem_try_acquire(&pool, 4) == 0);
	weir_sem_release(&pool, 4);
	weir_sem_fini(&pool);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
