/* SPDX-License-Identifier: MIT
 *
 * weir_rwlock_read_lock: readers are in together; no writer is with them. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct table {
	weir_rwlock lock;
	int price, copy; /* always equal */
};

static int reader(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table *t = arg;
	int rc = 0;
	for (int i = 0; i < 100 && rc == 0; i++) {
		weir_rwlock_read_lock(ctx, &t->lock);
		if (t->price != t->copy)
			rc = weir_fail(err, WEIR_EUSER, "%d is not %d", t->price, t->copy);
		weir_rwlock_read_unlock(&t->lock);
	}
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table t = {.price = 1, .copy = 1};
	weir_scope s;
	(void)arg;
	weir_rwlock_init(&t.lock, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &t.lock);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "reader", reader, &t) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0); /* it came and went while we were in */
	CHECK(weir_rwlock_try_write_lock(&t.lock) == WEIR_EAGAIN);
	weir_rwlock_read_unlock(&t.lock);
	weir_rwlock_fini(&t.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
