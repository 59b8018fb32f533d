/* SPDX-License-Identifier: MIT
 *
 * weir_probe_span: a number for something with a beginning and an end. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static uint64_t last;
static int64_t took;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	last = event->span;
	took = event->value;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	CHECK(weir_probe_span(NULL) == 0);
	CHECK(weir_probe_attach(rt, &probe) == 0);
	struct weir_probe_event event = {.kind = WEIR_PROBE_CUSTOM, .name = "load", .span = weir_probe_span(&probe)};
	int64_t from = weir_rt_now(rt);
	weir_probe_emit(&probe, &event);
	int rc = weir_sleep(ctx, WEIR_MS(1));
	event.value = weir_rt_now(rt) - from;
	weir_probe_emit(&probe, &event);
	CHECK(rc == 0 && last == event.span && took >= WEIR_MS(1));
	CHECK(weir_probe_span(&probe) != event.span);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
