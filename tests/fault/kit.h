/* SPDX-License-Identifier: MIT
 *
 * The main of a fault test: each scenario is swept (opts.fault_sweep: every allocation fails once, then every spawn).
 * The sweep must have failed at least as many in turn as the scenario is known to make, or it did not reach what the
 * test is about. */
#ifndef WEIR_TESTS_FAULT_KIT_H
#define WEIR_TESTS_FAULT_KIT_H

#include <stdio.h>
#include <weir/sim.h>

struct fault_test {
	const char *name;
	weir_task_fn *fn;
	uint64_t faults; /* at least: allocations + spawns */
	bool no_decisions;
};

static bool fault_sweep(const struct fault_test *test, struct weir_sim_opts opts)
{
	struct weir_sim_result r;
	opts.name = test->name;
	opts.fault_sweep = true;
	opts.allow_no_decisions |= test->no_decisions;
	int rc = weir_sim_run(&opts, test->fn, NULL, &r);
	bool ok = rc == 0 && r.faults >= test->faults;
	printf("%-4s %-40s %llu faults, at least %llu wanted\n", ok ? "ok" : "FAIL", test->name,
	       (unsigned long long)r.faults, (unsigned long long)test->faults);
	return ok;
}

/* The exit status of main. */
static int fault_main(const struct fault_test *tests, size_t n, struct weir_sim_opts opts)
{
	size_t failed = 0;
	for (size_t i = 0; i < n; i++)
		failed += !fault_sweep(&tests[i], opts);
	printf("%zu passed, %zu failed\n", n - failed, failed);
	return failed ? 1 : 0;
}

/* All of an array, with fields of struct weir_sim_opts. */
#define FAULT_MAIN(tests, ...) \
	fault_main(tests, sizeof(tests) / sizeof((tests)[0]), (struct weir_sim_opts){__VA_ARGS__})

#endif
