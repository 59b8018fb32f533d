/* SPDX-License-Identifier: MIT
 *
 * weir_keyed_stats_read: how many clients have a place, and how many lost theirs too early. */
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
	struct weir_keyed_stats s;
	CHECK(weir_keyed_new(weir_ctx_rt(ctx),
			     &(struct weir_keyed_opts){.each = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 2},
						       .max_keys = 1},
			     &k) == 0);
	CHECK(weir_keyed_allow_n(k, key, strlen(key), 1) == 0);
	CHECK(weir_keyed_allow_n(k, "198.51.100.1", 12, 1) == 0);
	weir_keyed_stats_read(k, &s);
	CHECK(s.keys == 1 && s.allowed == 2 && s.forgotten == 1);
	weir_keyed_free(&k);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
