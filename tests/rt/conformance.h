/* SPDX-License-Identifier: MIT
 *
 * tests/rt/conformance.h - what every runtime must pass. To test a runtime: fill in a struct rt_fixture, call
 * rt_scenario_run for each of rt_scenarios, and let your test framework count. A check that fails prints its place,
 * its text and the promise of weir/rt.h that it is about. Nothing here needs a test framework, real threads or real
 * time. */
#ifndef WEIR_TESTS_RT_CONFORMANCE_H
#define WEIR_TESTS_RT_CONFORMANCE_H

#include <weir/rt.h>

struct rt_fixture {
	const char *name;
	/* It has the system's descriptors. Else it must refuse them: WEIR_ENOSYS, or WEIR_EBADF if it has its own. */
	bool has_fd;
	/* An ordinary runtime. */
	int (*make)(weir_rt **out);
	/* One on which spawn fails while another spawned task is not joined. */
	int (*make_failing)(weir_rt **out);
	/* Makes a runtime, runs fn in it, catches the misuse that run reports and copies what it said into text (cap
	 * bytes); then calls tidy, outside of run, if the tasks that fn left must be joined by hand, and frees the
	 * runtime. Returns how many misuses were reported, or negative if there was no runtime to begin with. */
	int (*run_misused)(void (*fn)(weir_rt *rt), void (*tidy)(weir_rt *rt), char *text, size_t cap);
};

enum rt_setting {
	RT_PLAIN,   /* fn inside run of an ordinary runtime */
	RT_FAILING, /* ... of one made by make_failing */
	RT_MISUSE,  /* fn breaks a rule, which run must report */
	RT_FD,      /* RT_PLAIN where there are descriptors, else a check that there are none */
};

struct rt_scenario {
	const char *name;
	const char *promise; /* "R2" */
	enum rt_setting setting;
	void (*fn)(weir_rt *rt);
};

extern const struct rt_scenario rt_scenarios[];
extern const size_t rt_n_scenarios;

/* Runs one scenario on a fresh runtime: the number of failed checks. One at a time per process. */
int rt_scenario_run(const struct rt_fixture *fixture, const struct rt_scenario *scenario);

#endif
