/* SPDX-License-Identifier: MIT
 *
 * weir_rt_run: runs a function as the first task of a runtime, and brings back its code and the detail of a failure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int half(weir_ctx *ctx, weir_err *err, void *arg)
{
	int *n = arg;
	(void)ctx;
	if (*n % 2)
		return weir_fail(err, WEIR_EUSER - 1, "%d is odd", *n);
	*n /= 2;
	return 0;
}

int main(void)
{
	weir_rt *rt = NULL;
	weir_err err = {0};
	char text[80];
	int n = 6;
	CHECK(weir_rt_threads_new(NULL, &rt) == 0);
	CHECK(weir_rt_run(rt, half, &n, &err) == 0 && n == 3);
	CHECK(weir_rt_run(rt, half, &n, &err) == WEIR_EUSER - 1); /* one run after the other */
	weir_err_format(&err, text, sizeof(text));
	CHECK(strstr(text, "3 is odd"));
	weir_err_fini(&err);
	weir_rt_free(&rt);
	return 0;
}
