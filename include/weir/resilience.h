/* SPDX-License-Identifier: MIT
 *
 * weir/resilience.h - all of resilience: stages and objects that stand between a caller and what may fail. Programs
 * that include it are linked with libweir-ext (pkg-config weir-ext). */
#ifndef WEIR_RESILIENCE_H
#define WEIR_RESILIENCE_H

#include <weir/resilience/adaptive.h>
#include <weir/resilience/breaker.h>
#include <weir/resilience/breaker_state.h>
#include <weir/resilience/bulkhead.h>
#include <weir/resilience/dead_letter.h>
#include <weir/resilience/detach.h>
#include <weir/resilience/fallback.h>
#include <weir/resilience/hedge.h>
#include <weir/resilience/limiter.h>
#include <weir/resilience/policy.h>
#include <weir/resilience/retry.h>
#include <weir/resilience/throttle.h>
#include <weir/resilience/timeout.h>

#endif
