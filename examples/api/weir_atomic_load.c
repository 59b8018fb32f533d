/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_load: what another task stored, and everything it had written before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct message {
	weir_atomic ready;
	char text[8];
};

static int writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct message *m = arg;
	(void)ctx, (void)err;
	strcpy(m->text, "hello");
	weir_atomic_store(&m->ready, 1);
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct message m = {.text = ""};
	weir_scope s;
	(void)err, (void)arg;
	weir_atomic_init(&m.ready, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "writer", writer, &m) == 0);
	while (weir_atomic_load(&m.ready) == 0)
		weir_rt_yield(weir_ctx_rt(ctx));
	CHECK(strcmp(m.text, "hello") == 0); /* not before ready is 1 */
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_atomic_fini(&m.ready);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
