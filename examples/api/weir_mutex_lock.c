/* SPDX-License-Identifier: MIT
 *
 * weir_mutex_lock: a short section that nobody else is in; nothing in it waits for anything else. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct account {
	weir_mutex lock;
	int balance;
};

static int withdraw(weir_ctx *ctx, struct account *a, int n)
{
	weir_mutex_lock(ctx, &a->lock);
	int rc = a->balance < n ? WEIR_EUSER : 0;
	if (rc == 0)
		a->balance -= n; /* still as we saw it */
	weir_mutex_unlock(&a->lock);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct account a = {.balance = 500};
	weir_ctx ended;
	(void)err, (void)arg;
	weir_mutex_init(&a.lock, weir_ctx_rt(ctx));
	CHECK(withdraw(ctx, &a, 300) == 0);
	CHECK(withdraw(ctx, &a, 300) == WEIR_EUSER && a.balance == 200);
	weir_ctx_init(&ended, ctx, 0);
	CHECK(withdraw(&ended, &a, 100) == 0); /* a lock ignores the end of a context */
	weir_ctx_fini(&ended);
	weir_mutex_fini(&a.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
