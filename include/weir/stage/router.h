/* SPDX-License-Identifier: MIT
 *
 * weir/stage/router.h - a value given to some of several stages.
 *
 * A ROUTER asks its selector which of its routes a value shall take: none, one, or several, one of them several times
 * too. They are run at the same time, and what they make is put together in an array, in the order of the selection.
 * None is a failure, WEIR_ENOROUTE; an index beyond the routes is WEIR_EINVAL. All else is as in a fan-out
 * (stage/fan_out.h): the value stays the caller's, the first failure wins and cancels the others, an ended context is
 * its own code. In err the frame of a failure has the index of the route, and members have the position in the
 * selection. A router without a selector is refused: it would drop every value. */
#ifndef WEIR_STAGE_ROUTER_H
#define WEIR_STAGE_ROUTER_H

#include <weir/stage/array.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* Writes at most cap indices of routes into picks, and returns how many; a negative code is a failure. Several tasks
 * may be in it at the same time. */
typedef int weir_selector_fn(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg);

struct weir_router_opts {
	weir_selector_fn *selector;
	void *arg;          /* borrowed */
	size_t max;         /* how many can be selected at once; 0: as many as there are routes */
	size_t concurrency; /* how many are run at a time; 0: all */
};

/* The routes are copied out of the array. A call has its memory for all of them, times the concurrency.
 * Owner: takes the routes, also where it fails; the array stays the caller's. Threads: any. Blocks: no. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (no routes, no selector, a NULL, one that is part of another stage, one that
 * takes what cannot be copied, a concurrency over 65536), WEIR_ETYPE (they do not take, or make, the same),
 * WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_router(weir_stage *const *routes, size_t n,
						 const struct weir_router_opts *opts);

WEIR_EXTERN_C_END

#endif
