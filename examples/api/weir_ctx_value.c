/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_value: the value of a key nearest up the chain; NULL where there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const char user, colour; /* keys are addresses */

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx outer, inner, cleanup;
	char guest[] = "guest", ann[] = "ann";
	(void)err, (void)arg;
	weir_ctx_init_value(&outer, ctx, &user, guest);
	weir_ctx_init_value(&inner, &outer, &user, ann);
	weir_ctx_init_shield(&cleanup, &inner, WEIR_SEC(1));
	CHECK(weir_ctx_value(&outer, &user) == guest);
	CHECK(weir_ctx_value(&inner, &user) == ann);   /* the nearest */
	CHECK(weir_ctx_value(&cleanup, &user) == ann); /* through a shield too */
	CHECK(weir_ctx_value(&inner, &colour) == NULL);
	weir_ctx_fini(&cleanup);
	weir_ctx_fini(&inner);
	weir_ctx_fini(&outer);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
