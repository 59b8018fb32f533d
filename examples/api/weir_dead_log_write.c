/* SPDX-License-Identifier: MIT
 *
 * weir_dead_log_write: a line of JSON for each dead letter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/weir.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))
WEIR_TYPE_PLAIN(num, int);

static int fetch(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)out, (void)arg;
	return weir_fail(err, WEIR_EUSER, "no %d today", *in);
}
WEIR_STAGE_DECLARE(fetch, num, num);

/* A file would be written to and fsync'ed. */
static int write_line(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	CHECK(len < 500);
	memcpy(arg, line, len);
	return 0;
}

static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *dead_log)
{
	return dead->code == WEIR_EUSER ? weir_dead_log_write(ctx, dead, err, dead_log) : 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	int in = 21, out = 0;
	(void)arg;
	char line[500] = "";
	struct weir_dead_log dead_log = {.write = write_line, .arg = line};
	weir_stage *st = weir_dead_letter(fetch_stage(weir_ctx_rt(ctx), NULL), bury, &dead_log);
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	if (rc == 0)
		CHECK(weir_call_process(ctx, call, &in, &out, NULL) == WEIR_EUSER);
	CHECK(strstr(line, "\"stage\":\"fetch\"") != NULL);
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_stage_free(&st);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
