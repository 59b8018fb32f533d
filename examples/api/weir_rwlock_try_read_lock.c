/* SPDX-License-Identifier: MIT
 *
 * weir_rwlock_try_read_lock: an old value will do where the table is being written. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct table {
	weir_rwlock lock;
	int price, copy; /* always equal */
};

static int price_of(struct table *t, int last_known)
{
	if (weir_rwlock_try_read_lock(&t->lock) == WEIR_EAGAIN)
		return last_known;
	int price = t->price;
	weir_rwlock_read_unlock(&t->lock);
	return price;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table t = {.price = 7, .copy = 7};
	(void)err, (void)arg;
	weir_rwlock_init(&t.lock, weir_ctx_rt(ctx));
	CHECK(price_of(&t, 5) == 7);
	weir_rwlock_write_lock(ctx, &t.lock);
	CHECK(price_of(&t, 5) == 5);
	weir_rwlock_write_unlock(&t.lock);
	weir_rwlock_fini(&t.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
