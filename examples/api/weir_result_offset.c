/* SPDX-License-Identifier: MIT
 *
 * weir_result_offset: where the value lies in a result: for code that handles results of any type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type real = {.name = "real", .size = sizeof(double), .align = _Alignof(double)};

struct result {
	struct weir_result_head head;
	double value;
};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct result r = {.head = {.id = 1, .rc = 0}, .value = 2.5};
	double value;
	(void)err, (void)arg;
	CHECK(weir_result_offset(&real) == offsetof(struct result, value)); /* as in a struct of the two */
	memcpy(&value, (const char *)&r + weir_result_offset(&real), real.size);
	CHECK(value > 2.4 && value < 2.6);
	CHECK(weir_ctx_err(ctx) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
