/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_accepted: while what is asked for is accepted, nothing is held back. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_throttle t;
	CHECK(weir_throttle_init(&t, ctx, NULL) == 0);
	for (int i = 0; i < 1000; i++) {
		CHECK(weir_throttle_ask(ctx, &t, err) == 0);
		weir_throttle_accepted(ctx, &t); /* done, or failed: the service took it on */
	}
	weir_throttle_fini(&t);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
