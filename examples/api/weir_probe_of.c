/* SPDX-License-Identifier: MIT
 *
 * weir_probe_of: what tells events asks for the probe when it is made, and keeps it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int events;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)event, (void)arg;
	events++;
}

struct cache {
	weir_probe *probe;
};

static void cache_init(struct cache *c, weir_rt *rt)
{
	c->probe = weir_probe_of(rt);
}

static void cache_miss(struct cache *c)
{
	if (c->probe) /* all it costs where there is none */
		weir_probe_emit(c->probe, &(struct weir_probe_event){.kind = WEIR_PROBE_CUSTOM, .name = "miss"});
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	struct cache before, after;
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	cache_init(&before, rt);
	CHECK(before.probe == NULL);
	CHECK(weir_probe_attach(rt, &probe) == 0);
	cache_init(&after, rt);
	cache_miss(&before);
	cache_miss(&after);
	CHECK(events == 1);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
