/* SPDX-License-Identifier: MIT
 *
 * weir_rt_random: a die, and 64 random bits. In the simulator the numbers are part of the schedule, so a run can be
 * repeated. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	unsigned seen[6] = {0};
	(void)err, (void)arg;
	for (int i = 0; i < 1000; i++)
		seen[weir_rt_random(rt, 6)]++;
	for (int face = 0; face < 6; face++)
		CHECK(seen[face] > 0);
	CHECK(weir_rt_random(rt, 1) == 0);
	CHECK(weir_rt_random(rt, 0) != weir_rt_random(rt, 0)); /* but for once in 2^64 */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
