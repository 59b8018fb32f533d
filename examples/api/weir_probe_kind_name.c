/* SPDX-License-Identifier: MIT
 *
 * weir_probe_kind_name: kinds of events as words: for logs, and names of metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static char line[64];

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	snprintf(line, sizeof(line), "%s %s", weir_probe_kind_name(event->kind), event->name);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	(void)err, (void)arg;
	CHECK(weir_probe_attach(weir_ctx_rt(ctx), &probe) == 0);
	weir_probe_emit(&probe, &(struct weir_probe_event){.kind = WEIR_PROBE_REJECTED, .name = "limiter"});
	CHECK(strcmp(line, "rejected limiter") == 0);
	CHECK(strcmp(weir_probe_kind_name(WEIR_PROBE_KINDS), "?") == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
