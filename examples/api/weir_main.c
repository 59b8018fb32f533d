/* SPDX-License-Identifier: MIT
 *
 * weir_main: all a main() needs: a runtime, the first task, the detail of a failure on stderr, an exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct options {
	int n;
};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct options *options = arg;
	if (options->n < 0)
		return weir_fail(err, WEIR_EINVAL, "%d is negative", options->n);
	return weir_ctx_err(ctx);
}

int main(void)
{
	CHECK(weir_main(app, &(struct options){.n = -1}) == 1); /* and says so on stderr */
	return weir_main(app, &(struct options){.n = 1});
}
