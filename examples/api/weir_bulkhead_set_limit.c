/* SPDX-License-Identifier: MIT
 *
 * weir_bulkhead_set_limit: fewer places than there are guests: nobody has to leave, and two go before one comes in. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_bulkhead b;
	CHECK(weir_bulkhead_init(&b, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 2}) == 0);
	CHECK(weir_bulkhead_enter(ctx, &b, err) == 0);
	CHECK(weir_bulkhead_enter(ctx, &b, err) == 0);
	CHECK(weir_bulkhead_set_limit(&b, 0) == WEIR_EINVAL);
	CHECK(weir_bulkhead_set_limit(&b, 1) == 0);
	weir_bulkhead_leave(&b);
	CHECK(weir_bulkhead_enter(ctx, &b, NULL) == WEIR_EOVERLOAD); /* one is inside still */
	weir_bulkhead_leave(&b);
	CHECK(weir_bulkhead_enter(ctx, &b, err) == 0);
	weir_bulkhead_leave(&b);
	weir_bulkhead_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
