/* SPDX-License-Identifier: MIT
 *
 * What the limits cost: ns per operation on one thread, the clock of the runtime apart, because allow reads it once.
 * Output: one line for each: the clock; allow of a bucket that has tokens, one that does not count, one that is empty
 * and one without limit; a reservation and its return; a retry budget's call. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define LOOPS 5000000

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *what, double since, double clock_ns)
{
	double ns = (seconds() - since) * 1e9 / LOOPS;
	printf("%-28s %6.1f ns, without the clock %6.1f\n", what, ns, ns - clock_ns);
}

static long allow_all(weir_bucket *b)
{
	long allowed = 0;
	for (long i = 0; i < LOOPS; i++)
		allowed += weir_bucket_allow(b) == 0;
	return allowed;
}

static int measure(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const struct weir_bucket_opts kinds[] = {{.tokens = 1000, .burst = UINT64_C(1) << 32},
							{.tokens = 1000, .burst = UINT64_C(1) << 32, .uncounted = true},
							{.tokens = 1, .period_ns = WEIR_SEC(86400)},
							{.unlimited = true}};
	static const char *const names[] = {"allow: granted", "allow: granted, uncounted", "allow: refused",
					    "allow: unlimited"};
	static const long wanted[] = {LOOPS, LOOPS, 1, LOOPS};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_bucket b;
	weir_budget budget;
	(void)arg;
	double at = seconds();
	for (long i = 0; i < LOOPS; i++)
		if (weir_rt_now(rt) < 0)
			return weir_fail(err, WEIR_EIO, "the clock is before its beginning");
	double clock_ns = (seconds() - at) * 1e9 / LOOPS;
	printf("%-28s %6.1f ns\n", "clock", clock_ns);
	for (int i = 0; i < 4; i++) {
		int rc = weir_bucket_init(&b, rt, &kinds[i]);
		if (rc < 0)
			return rc;
		at = seconds();
		long allowed = allow_all(&b);
		say(names[i], at, clock_ns);
		weir_bucket_fini(&b);
		if (allowed != wanted[i])
			return weir_fail(err, WEIR_EIO, "%ld were allowed", allowed);
	}
	int rc = weir_bucket_init(&b, rt, &kinds[0]);
	at = seconds();
	for (long i = 0; rc == 0 && i < LOOPS; i++) {
		struct weir_bucket_grant grant;
		rc = weir_bucket_reserve(&b, 1, 0, &grant);
		weir_bucket_cancel(&b, &grant);
	}
	say("reserve + cancel (2 clocks)", at, 2 * clock_ns);
	weir_bucket_fini(&b);
	if (rc == 0)
		rc = weir_budget_init(&budget, rt, NULL);
	if (rc < 0)
		return rc;
	at = seconds();
	for (long i = 0; i < LOOPS; i++)
		weir_budget_call(&budget);
	say("retry budget: call", at, clock_ns);
	weir_budget_fini(&budget);
	return 0;
}

int main(void)
{
	return weir_main(measure, NULL);
}
