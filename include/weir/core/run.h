/* SPDX-License-Identifier: MIT
 *
 * weir/core/run.h - where a program enters weir. */
#ifndef WEIR_CORE_RUN_H
#define WEIR_CORE_RUN_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* Runs fn as the first task of rt, under a root context, and returns what it returned when all is gone. The same fn is
 * a scenario of the simulator.
 * Owner: arg is the caller's; detail moves into err. Threads: one run per runtime at a time. Blocks: until fn has
 * returned. Fails: what fn returns, WEIR_EINVAL for a positive return. After cancel: nobody can cancel a root from
 * outside; fn decides. */
WEIR_API WEIR_MUST_CHECK int weir_rt_run(weir_rt *rt, weir_task_fn *fn, void *arg, weir_err *err);

/* A threads runtime, weir_rt_run, and the detail of a failure on stderr: all a main() needs. SIGPIPE is left alone.
 * Owner: arg is the caller's. Threads: main. Blocks: until fn has returned. Fails: returns an exit status: 0 for 0,
 * else 1. After cancel: as weir_rt_run. */
WEIR_API WEIR_MUST_CHECK int weir_main(weir_task_fn *fn, void *arg);

WEIR_EXTERN_C_END

#endif
