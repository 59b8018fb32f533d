/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_err: a long computation looks, now and then, whether anybody still wants it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int add_up(weir_ctx *ctx, unsigned long n, unsigned long *out)
{
	unsigned long sum = 0;
	for (unsigned long i = 0; i < n; i++) {
		int rc = i % 1024 ? 0 : weir_ctx_err(ctx);
		if (rc < 0)
			return rc;
		sum += i;
	}
	*out = sum;
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx limit;
	unsigned long sum = 0;
	(void)err, (void)arg;
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_SEC(60)));
	CHECK(add_up(&limit, 100000, &sum) == 0 && sum == 4999950000);
	weir_ctx_cancel(&limit, "not needed any more");
	CHECK(add_up(&limit, 100000, &sum) == WEIR_ECANCELED);
	weir_ctx_fini(&limit);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
