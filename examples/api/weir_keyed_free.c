/* SPDX-License-Identifier: MIT
 *
 * weir_keyed_free: and the pointer is NULL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_keyed *k = NULL;
	static const char key[] = "192.0.2.7";
	CHECK(weir_keyed_new(weir_ctx_rt(ctx),
			     &(struct weir_keyed_opts){.each = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 2}},
			     &k) == 0);
	CHECK(weir_keyed_allow_n(k, key, strlen(key), 3) == WEIR_EOVERFLOW);
	weir_keyed_free(&k);
	CHECK(k == NULL);
	weir_keyed_free(&k);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
