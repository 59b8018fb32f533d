/* SPDX-License-Identifier: MIT
 *
 * weir_mutex_unlock: one lock, one unlock, on every path out of the section. */
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
	weir_mutex_lock(ctx, &a.lock); /* they wait for us, if they are fast */
	for (int i = 0; i < 2; i++)
		CHECK(weir_scope_spawn(&s, "deposit", deposit, &a) == 0);
	CHECK(a.balance == 0);
	weir_mutex_unlock(&a.lock);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(a.balance == 200 && weir_mutex_try_lock(&a.lock) == 0); /* it was given back each time */
	weir_mutex_unlock(&a.lock);
	weir_mutex_fini(&a.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
