/* SPDX-License-Identifier: MIT
 *
 * weir/limit.h - all of limit: how often, how many, and when again. */
#ifndef WEIR_LIMIT_H
#define WEIR_LIMIT_H

#include <weir/limit/adaptive.h>
#include <weir/limit/backoff.h>
#include <weir/limit/bands.h>
#include <weir/limit/bucket.h>
#include <weir/limit/budget.h>
#include <weir/limit/keyed.h>
#include <weir/limit/latency.h>
#include <weir/limit/throttle.h>

#endif
