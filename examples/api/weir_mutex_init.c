/* SPDX-License-Identifier: MIT
 *
 * weir_mutex_init: a mutex lives beside what it protects, and is made on a runtime. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct account {
	weir_mutex lock;
	int balance;
};

static int deposit(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct account *a = arg;
	(void)err;
	for (int i = 0; i < 100; i++) {
		weir_mutex_lock(ctx, &a->lock);
		a->balance++;
		weir_mutex_unlock(&a->lock);
	}
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct account a = {.balance = 0};
	weir_scope s;
	(void)err, (void)arg;
	weir_mutex_init(&a.lock, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		CHECK(weir_scope_spawn(&s, "deposit", deposit, &a) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(a.balance == 300);
	weir_mutex_fini(&a.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
