/* SPDX-License-Identifier: MIT
 *
 * Sleep on a word: the one primitive that the internal lock and the park of rt/threads are made of. Two
 * implementations behind it, in futex.c: the Linux futex, and with -DWEIR_NO_FUTEX a table of mutex and condition
 * variable pairs hashed by address. */
#ifndef WEIR_SRC_RT_FUTEX_H
#define WEIR_SRC_RT_FUTEX_H

#include "atomic.h"

/* Sleeps while *word == value, until woken or until the absolute CLOCK_MONOTONIC time deadline_at (INT64_MAX: never;
 * zero and negative: in the past). May return early for no reason. false: the deadline has passed. */
bool weir__futex_wait(weir__a32 *word, uint32_t value, int64_t deadline_at);

/* Wakes up to n sleepers (INT32_MAX: all). Does not read *word: the memory may be gone by the time it runs. */
void weir__futex_wake(weir__a32 *word, int n);

#endif
