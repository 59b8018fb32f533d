/* SPDX-License-Identifier: MIT
 *
 * weir_bulkhead_fini: is for any exit label: twice is once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_bulkhead b;
	CHECK(weir_bulkhead_init(&b, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1}) == 0);
	CHECK(weir_bulkhead_enter(ctx, &b, NULL) == 0);
	weir_bulkhead_leave(&b);
	weir_bulkhead_fini(&b);
	weir_bulkhead_fini(&b);
	weir_bulkhead_fini(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
