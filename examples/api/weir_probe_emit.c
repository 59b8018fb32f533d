/* SPDX-License-Identifier: MIT
 *
 * weir_probe_emit: an event of one's own. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int events;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	CHECK(event->at > 0);
	events++;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	(void)err, (void)arg;
	CHECK(weir_probe_attach(weir_ctx_rt(ctx), &probe) == 0);
	struct weir_probe_event event = {.kind = WEIR_PROBE_CUSTOM,
					 .name = "cache_size",
					 .parent = weir_probe_current(ctx),
					 .value = 12,
					 .index = WEIR_PROBE_NO_INDEX};
	weir_probe_emit(&probe, &event); /* the time is filled in */
	weir_probe_emit(NULL, &event);   /* told nobody */
	CHECK(events == 1);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
