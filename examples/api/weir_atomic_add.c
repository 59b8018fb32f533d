/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_add: tickets: each caller gets a number of its own, the one before. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic next;
	(void)err, (void)arg;
	weir_atomic_init(&next, weir_ctx_rt(ctx), 0);
	CHECK(weir_atomic_add(&next, 1) == 0);
	CHECK(weir_atomic_add(&next, 1) == 1);
	CHECK(weir_atomic_add(&next, 10) == 2);
	CHECK(weir_atomic_load(&next) == 12);
	CHECK(weir_atomic_add(&next, UINT64_MAX) == 12); /* it wraps: one less */
	CHECK(weir_atomic_load(&next) == 11);
	weir_atomic_fini(&next);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
