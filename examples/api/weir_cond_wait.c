/* SPDX-License-Identifier: MIT
 *
 * weir_cond_wait: waits in a loop, under the mutex, for what it looks at; the end of a context ends it, with the mutex
 * held. */
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
	weir_ctx limit;
	(void)err, (void)arg;
	weir_mutex_init(&b.lock, weir_ctx_rt(ctx));
	weir_cond_init(&b.changed, weir_ctx_rt(ctx));
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	CHECK(wait_until_full(&limit, NULL, &b) == WEIR_EDEADLINE); /* nobody fills it */
	weir_ctx_fini(&limit);
	b.n = 3;
	CHECK(wait_until_full(ctx, NULL, &b) == 0); /* does not wait: it is so */
	CHECK(weir_mutex_try_lock(&b.lock) == 0);
	weir_mutex_unlock(&b.lock);
	weir_cond_fini(&b.changed);
	weir_mutex_fini(&b.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
