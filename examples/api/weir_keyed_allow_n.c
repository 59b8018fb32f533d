/* SPDX-License-Identifier: MIT
 *
 * weir_keyed_allow_n: one client has had enough, another has not; and there is no room for a third. */
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
			     &(struct weir_keyed_opts){.each = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 2},
						       .max_keys = 2,
						       .refuse_new = true},
			     &k) == 0);
	CHECK(weir_keyed_allow_n(k, key, strlen(key), 2) == 0);
	CHECK(weir_keyed_allow_n(k, key, strlen(key), 2) == WEIR_ELIMITED);
	CHECK(weir_keyed_allow_n(k, "198.51.100.1", 12, 1) == 0);
	CHECK(weir_keyed_allow_n(k, "203.0.113.9", 11, 1) == WEIR_EOVERLOAD);
	weir_keyed_free(&k);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
