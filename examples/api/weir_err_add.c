/* SPDX-License-Identifier: MIT
 *
 * weir_err_add: several failures in one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_err one = {0};
	(void)arg;
	(void)weir_fail(err, WEIR_EPARTIAL, "2 of 10 files are missing");
	for (uint32_t i = 3; i <= 8; i += 5) {
		(void)weir_fail(&one, WEIR_EIO, "file %u", i);
		weir_err_add(err, weir_ctx_rt(ctx), i, &one);
		CHECK(one.code == 0); /* moved */
	}
	return 0;
}

int main(void)
{
	weir_rt *rt = NULL;
	weir_err err = {0};
	char text[200];
	CHECK(weir_rt_threads_new(NULL, &rt) == 0);
	CHECK(weir_rt_run(rt, app, NULL, &err) == 0);
	weir_err_format(&err, text, sizeof(text));
	puts(text);
	CHECK(strcmp(text, "WEIR_EPARTIAL: 2 of 10 files are missing [3] WEIR_EIO: file 3; [8] WEIR_EIO: file 8") == 0);
	CHECK(weir_err_is(&err, WEIR_EIO)); /* any member counts */
	weir_err_fini(&err);                /* before the runtime, whose memory it has */
	weir_rt_free(&rt);
	return 0;
}
