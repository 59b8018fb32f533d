/* SPDX-License-Identifier: MIT
 *
 * weir_dead_replay: runs the values of a log once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/weir.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))
WEIR_TYPE_PLAIN(num, int);

static int fetch(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in * 2;
	return 0;
}
WEIR_STAGE_DECLARE(fetch, num, num);

static int next(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg)
{
	static const char letter[] = "{\"stage\":\"fetch\",\"item\":\"21\"}\n";
	int *read = arg;
	(void)ctx, (void)err, (void)cap;
	*len = strlen(letter);
	memcpy(line, letter, *len); /* cap is more */
	return (*read)++ == 0;      /* one line, then the end */
}

static int decode(const char *text, size_t len, void *item, void *arg)
{
	(void)arg, (void)len;
	*(int *)item = (text[0] - '0') * 10 + text[1] - '0';
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	(void)arg;
	int read = 0;
	const struct weir_dead_replay_opts replay = {.next = next, .decode = decode, .arg = &read};
	struct weir_dead_report report;
	weir_stage *st = fetch_stage(weir_ctx_rt(ctx), NULL);
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	if (rc == 0)
		rc = weir_dead_replay(ctx, call, st, &replay, &report, err);
	CHECK(rc != 0 || (report.done == 1 && report.failed == 0 && report.unreadable == 0));
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_stage_free(&st);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
