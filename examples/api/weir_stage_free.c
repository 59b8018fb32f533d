/* SPDX-License-Identifier: MIT
 *
 * weir_stage_free: frees a stage with everything it was built of, and what it owns. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int freed;

static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	*(int *)out = *(const int *)in + *(int *)arg;
	return 0;
}

static void arg_free(void *arg)
{
	freed++;
	free(arg);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st[2];
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++) {
		int *offset = malloc(sizeof(*offset));
		CHECK(offset != NULL);
		*offset = i;
		st[i] = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.in = num_type(),
										   .out = num_type(),
										   .process = pass,
										   .arg = offset,
										   .arg_free = arg_free});
	}
	weir_stage *both = weir_chain(st, 2); /* it has taken them */
	weir_stage_free(&both);
	CHECK(both == NULL && freed == 2);
	weir_stage_free(&both);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
