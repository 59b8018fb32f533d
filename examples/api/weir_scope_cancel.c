/* SPDX-License-Identifier: MIT
 *
 * weir_scope_cancel: asks the tasks to end. They are asked, not killed: their next wait says so. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int sleeper(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_SEC(3600));
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "sleeper", sleeper, NULL) == 0);
	weir_scope_cancel(&s, "that is enough");
	weir_scope_cancel(&s, "again");                /* does nothing */
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0); /* what the owner asked for is no error */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
