/* SPDX-License-Identifier: MIT
 *
 * weir_rwlock_write_unlock: one lock, one unlock of the same kind, on every path out. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct table {
	weir_rwlock lock;
	int price, copy; /* always equal */
};

static int set_price(weir_ctx *ctx, struct table *t, int price)
{
	int rc = price < 0 ? WEIR_EINVAL : 0;
	weir_rwlock_write_lock(ctx, &t->lock);
	if (rc == 0)
		t->price = t->copy = price;
	weir_rwlock_write_unlock(&t->lock);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table t = {.price = 1, .copy = 1};
	(void)err, (void)arg;
	weir_rwlock_init(&t.lock, weir_ctx_rt(ctx));
	CHECK(set_price(ctx, &t, -1) == WEIR_EINVAL);
	CHECK(set_price(ctx, &t, 12) == 0);
	CHECK(weir_rwlock_try_read_lock(&t.lock) == 0); /* it was given back both times */
	CHECK(t.price == 12 && t.copy == 12);
	weir_rwlock_read_unlock(&t.lock);
	weir_rwlock_fini(&t.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
