/* SPDX-License-Identifier: MIT
 *
 * weir_sem_init: at most two at a time, of however many there are. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct gate {
	weir_sem slots;
	weir_atomic inside, most;
};

static int download(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct gate *g = arg;
	int rc = weir_sem_acquire(ctx, &g->slots, 1);
	(void)err;
	if (rc < 0)
		return rc;
	uint64_t inside = weir_atomic_add(&g->inside, 1) + 1, most = weir_atomic_load(&g->most);
	while (inside > most && !weir_atomic_cas(&g->most, &most, inside))
		;
	weir_atomic_add(&g->inside, UINT64_MAX); /* one less */
	weir_sem_release(&g->slots, 1);
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct gate g;
	weir_scope s;
	(void)err, (void)arg;
	weir_sem_init(&g.slots, weir_ctx_rt(ctx), 2);
	weir_atomic_init(&g.inside, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&g.most, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 6; i++)
		CHECK(weir_scope_spawn(&s, "download", download, &g) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&g.most) >= 1 && weir_atomic_load(&g.most) <= 2);
	weir_atomic_fini(&g.most);
	weir_atomic_fini(&g.inside);
	weir_sem_fini(&g.slots);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
