/* SPDX-License-Identifier: MIT
 *
 * weir_once_init: something that is made when it is first needed, by whoever needs it first. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct config {
	weir_once loaded;
	int loads, limit;
};

static int load(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct config *c = arg;
	(void)ctx, (void)err;
	c->loads++;
	c->limit = 100;
	return 0;
}

static int use(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct config *c = arg;
	int rc = weir_once_do(ctx, &c->loaded, load, c, err);
	if (rc == 0 && c->limit != 100)
		rc = weir_fail(err, WEIR_EUSER, "not loaded");
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct config c = {.loads = 0};
	weir_scope s;
	(void)arg;
	weir_once_init(&c.loaded, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		CHECK(weir_scope_spawn(&s, "user", use, &c) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	CHECK(c.loads == 1);
	weir_once_fini(&c.loaded);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
