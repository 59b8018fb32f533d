/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_init_value: something of a request that everything below it can look up, without a parameter for it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const char request_id; /* its address is the key */

static unsigned handle(weir_ctx *ctx)
{
	weir_ctx limit;
	weir_ctx_init(&limit, ctx, WEIR_FOREVER);
	const unsigned *id = weir_ctx_value(&limit, &request_id); /* from further up */
	weir_ctx_fini(&limit);
	return id ? *id : 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx request;
	unsigned id = 17;
	(void)err, (void)arg;
	weir_ctx_init_value(&request, ctx, &request_id, &id);
	CHECK(handle(&request) == 17);
	weir_ctx_fini(&request);
	CHECK(handle(ctx) == 0); /* above it: not known */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
