/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 27037. Class: Go-specific, anonymous function.
 *
 * A loop counts from 17 to 21 and starts a task for each number, but what the tasks get is the variable of the loop:
 * they print what it has become. Fix: pass the number itself. */
#include "bugs.h"

#define FIRST 17
#define LAST 21

struct loop {
	uint64_t i;
	weir_wg printers;
	weir_atomic printed[LAST + 2]; /* how often each number was; the loop ends at LAST + 1 */
};

struct printer {
	struct loop *loop;
	uint64_t number; /* 0: the variable of the loop */
};

static int print(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct printer *p = arg;
	uint64_t n = p->number ? p->number : WEIR_SIM_GET(p->loop->i);
	(void)ctx, (void)err;
	weir_atomic_add(&p->loop->printed[n], 1);
	weir_wg_done(&p->loop->printers);
	return 0;
}

static int print_all(weir_ctx *ctx, bool by_value)
{
	struct loop loop;
	struct printer printers[LAST + 1];
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	WEIR_SIM_SET(loop.i, FIRST);
	weir_wg_init(&loop.printers, rt);
	for (int n = 0; n < LAST + 2; n++)
		weir_atomic_init(&loop.printed[n], rt, 0);
	weir_scope_init(&s, ctx);
	for (uint64_t n = FIRST; n <= LAST; n++) {
		weir_wg_add(&loop.printers, 1);
		printers[n] = (struct printer){&loop, by_value ? n : 0};
		bug_spawn(&s, "printer", print, &printers[n]);
		WEIR_SIM_SET(loop.i, n + 1);
	}
	WEIR_SIM_EQ(weir_wg_wait(ctx, &loop.printers), 0);
	for (int n = FIRST; n <= LAST; n++)
		WEIR_SIM_EQ(weir_atomic_load(&loop.printed[n]), 1);
	bug_join(ctx, &s);
	for (int n = 0; n < LAST + 2; n++)
		weir_atomic_fini(&loop.printed[n]);
	weir_wg_fini(&loop.printers);
	return 0;
}

static int moby_27037_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return print_all(ctx, false);
}

static int moby_27037_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return print_all(ctx, true);
}

WEIR_BUG(moby_27037, "Go-specific: anonymous function", WEIR_SIM_RACE, false);
