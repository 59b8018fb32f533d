/* SPDX-License-Identifier: MIT
 *
 * weir_scope_init: opens a block of tasks; init and join stand in one function, and nothing outlives the join. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int fill(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	*(int *)arg = 1; /* on the stack of the one who joins */
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	int parts[3] = {0};
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = weir_scope_spawn(&s, "part", fill, &parts[i]);
	rc = weir_scope_join(ctx, &s, rc, err); /* also where a spawn failed */
	CHECK(rc == 0);
	CHECK(parts[0] + parts[1] + parts[2] == 3); /* no lock: the join comes after all of them */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
