/* SPDX-License-Identifier: MIT
 *
 * weir_rwlock_try_write_lock: an update that can wait for a better moment, when nobody reads. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct table {
	weir_rwlock lock;
	int price, copy; /* always equal */
};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table t = {.price = 7, .copy = 7};
	(void)err, (void)arg;
	weir_rwlock_init(&t.lock, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &t.lock);
	CHECK(weir_rwlock_try_write_lock(&t.lock) == WEIR_EAGAIN);
	weir_rwlock_read_unlock(&t.lock);
	CHECK(weir_rwlock_try_write_lock(&t.lock) == 0);
	t.price = t.copy = 8;
	CHECK(weir_rwlock_try_write_lock(&t.lock) == WEIR_EAGAIN); /* also for the one who holds it */
	weir_rwlock_write_unlock(&t.lock);
	weir_rwlock_fini(&t.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
