/* SPDX-License-Identifier: MIT
 *
 * weir_ticker_init: something to do every so often; a tick that nobody came for is counted, not made up for. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	struct weir_ticker t;
	int64_t begin = weir_rt_now(rt), ticks = 0;
	(void)err, (void)arg;
	weir_ticker_init(&t, rt, weir_time_add(begin, WEIR_US(50)), WEIR_US(50));
	while (ticks < 4) {
		weir_case wait = weir_case_ticker(&t);
		CHECK(weir_select(ctx, &wait, 1) == 0);
		CHECK(wait.rc >= 1); /* more than 1: the machine was slow */
		ticks += wait.rc;
	}
	CHECK(weir_rt_now(rt) - begin >= WEIR_US(200));
	CHECK((t.next_at - begin) % WEIR_US(50) == 0); /* it does not drift */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
