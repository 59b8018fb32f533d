/* SPDX-License-Identifier: MIT
 *
 * weir_stage_free: frees a tree: the stages, and what they own. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int freed;

static void count(void *arg)
{
	(void)arg;
	freed++;
}

static int process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*(int *)out = *(const int *)in;
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_stage_opts opts = {.in = &num, .out = &num, .process = process, .arg_free = count};
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	weir_stage *st = weir_then(weir_stage_new(rt, &opts), weir_stage_new(rt, &opts));
	CHECK(weir_stage_check(st, NULL) == 0 && freed == 0);
	weir_stage_free(&st);
	CHECK(st == NULL && freed == 2);
	weir_stage_free(&st); /* does nothing */
	weir_stage_free(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
