/* SPDX-License-Identifier: MIT
 *
 * weir_cond_signal: wakes one of those that wait: for something that only one of them can have. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct box {
	weir_mutex lock;
	weir_cond changed;
	int n;
};

static int take_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct box *b = arg;
	int rc = 0;
	(void)err;
	weir_mutex_lock(ctx, &b->lock);
	while (b->n == 0 && rc == 0)
		rc = weir_cond_wait(ctx, &b->changed, &b->lock);
	b->n -= rc == 0;
	weir_mutex_unlock(&b->lock);
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
	for (int i = 0; i < 2; i++)
		CHECK(weir_scope_spawn(&s, "taker", take_one, &b) == 0);
	for (int i = 0; i < 2; i++) {
		weir_mutex_lock(ctx, &b.lock);
		b.n++;
		weir_mutex_unlock(&b.lock);
		weir_cond_signal(&b.changed); /* one came in, so one may go on */
	}
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(b.n == 0);
	weir_cond_fini(&b.changed);
	weir_mutex_fini(&b.lock);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
