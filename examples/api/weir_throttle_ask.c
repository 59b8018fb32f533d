/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_ask: of a service that accepts nothing only a tenth is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_throttle t;
	int made = 0;
	CHECK(weir_throttle_init(&t, ctx, NULL) == 0);
	for (int i = 0; i < 1000; i++) {
		int rc = weir_throttle_ask(ctx, &t, NULL);
		CHECK(rc == 0 || rc == WEIR_EOVERLOAD);
		made += rc == 0;
	}
	CHECK(made > 0 && made < 500); /* most likely about 100 */
	weir_throttle_fini(&t);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
