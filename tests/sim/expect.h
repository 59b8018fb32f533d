/* SPDX-License-Identifier: MIT
 *
 * For tests of the simulator itself, which have a main of their own: most are a search or two with a look at the
 * result. EXPECT says what did not hold, and the test goes on; report ends a test, and counts it as failed if anything
 * did not hold since the last one. */
#ifndef WEIR_TESTS_SIM_EXPECT_H
#define WEIR_TESTS_SIM_EXPECT_H

#include <stdio.h>
#include <weir/sim.h>

static int broken, passed, failed;

#define EXPECT(cond)                                                               \
	do {                                                                       \
		if (!(cond)) {                                                     \
			broken++;                                                  \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
		}                                                                  \
	} while (0)

#define SCENARIO(name) static int name(WEIR_UNUSED weir_ctx *ctx, WEIR_UNUSED weir_err *err, WEIR_UNUSED void *arg)

static void report(const char *name)
{
	printf("%-4s %s\n", broken ? "FAIL" : "ok", name);
	fflush(stdout);
	failed += broken > 0;
	passed += broken == 0;
	broken = 0;
}

/* One test: void test(void) */
#define RUN(test) (test(), report(#test))

/* The exit status of main. */
static int summary(void)
{
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}

#endif
