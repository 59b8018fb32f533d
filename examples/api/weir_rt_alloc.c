/* SPDX-License-Identifier: MIT
 *
 * weir_rt_alloc: memory from where the runtime takes its own, so that a limit or a leak check sees it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)arg;
	long *squares = weir_rt_alloc(rt, 100 * sizeof(*squares));
	if (!squares)
		return weir_fail(err, WEIR_ENOMEM, "no room for 100 squares");
	for (long i = 0; i < 100; i++)
		squares[i] = i * i;
	CHECK(squares[99] == 9801);
	weir_rt_release(rt, squares);
	CHECK(weir_rt_alloc(rt, SIZE_MAX / 2) == NULL); /* refused, not fatal */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
