/* SPDX-License-Identifier: MIT
 *
 * weir_keyed_view: what a client has left, and when there is more: as an answer would say it. */
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
	struct weir_bucket_view v;
	CHECK(weir_keyed_new(weir_ctx_rt(ctx),
			     &(struct weir_keyed_opts){.each = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 2}},
			     &k) == 0);
	weir_keyed_view(k, key, strlen(key), 1, &v);
	CHECK(v.available == 2); /* nobody has heard of it */
	CHECK(weir_keyed_allow_n(k, key, strlen(key), 2) == 0);
	weir_keyed_view(k, key, strlen(key), 1, &v);
	CHECK(v.available == 0 && v.retry_ns > 0 && v.retry_ns <= WEIR_SEC(3600));
	weir_keyed_free(&k);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
