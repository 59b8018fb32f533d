/* SPDX-License-Identifier: MIT
 *
 * weir_rwlock_read_unlock: the last reader that leaves lets a writer in. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct table {
	weir_rwlock lock;
	int price, copy; /* always equal */
};

static int writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table *t = arg;
	(void)err;
	for (int i = 0; i < 100; i++) {
		weir_rwlock_write_lock(ctx, &t->lock);
		t->price++;
		t->copy++;
		weir_rwlock_write_unlock(&t->lock);
	}
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table t = {.price = 1, .copy = 1};
	weir_scope s;
	(void)err, (void)arg;
	weir_rwlock_init(&t.lock, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &t.lock);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "writer", writer, &t) == 0);
	CHECK(t.price == 1 && t.copy == 1); /* it is not in yet */
	weir_rwlock_read_unlock(&t.lock);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(t.price == 101 && t.copy == 101);
	weir_rwlock_fini(&t.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
