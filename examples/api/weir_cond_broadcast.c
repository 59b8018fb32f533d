/* SPDX-License-Identifier: MIT
 *
 * weir_cond_broadcast: wakes all that wait: for something that is true for all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct box {
	weir_mutex lock;
	weir_cond changed;
	int n;
};

static int wait_until_full(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct box *b = arg;
	int rc = 0;
	(void)err;
	weir_mutex_lock(ctx, &b->lock);
	while (b->n < 3 && rc == 0)
		rc = weir_cond_wait(ctx, &b->changed, &b->lock);
	weir_mutex_unlock(&b->lock); /* held in every case */
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct box b = {.n = 0};
	weir_scope s;
	(void)err, (void)arg;
	weir_mutex_init(&b.lock, weir_ctx_rt(ctx));
	weir_cond_init(&b.changed, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		CHECK(weir_scope_spawn(&s, "waiter", wait_until_full, &b) == 0);
	weir_mutex_lock(ctx, &b.lock);
	b.n = 3;
	weir_cond_broadcast(&b.changed); /* with the mutex or without */
	weir_mutex_unlock(&b.lock);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0); /* all three came through */
	weir_cond_fini(&b.changed);
	weir_mutex_fini(&b.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
