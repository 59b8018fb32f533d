/* SPDX-License-Identifier: MIT
 *
 * The inside of a shared breaker, for breaker.c and guard.c. */
#ifndef WEIR_SRC_RESILIENCE_BREAKER_H
#define WEIR_SRC_RESILIENCE_BREAKER_H

#include <weir/resilience/breaker.h>

#include "../limit/guard.h"
#include "breaker_state.h"

struct __attribute__((may_alias)) weir__breaker {
	struct weir__guard guard; /* its rt is NULL: not made */
	weir__a64 word;
	int64_t seen; /* the latest time; with state under the lock */
	struct weir_breaker_state state;
};

static inline struct weir__breaker *weir__breaker(weir_breaker *b)
{
	return (struct weir__breaker *)b;
}

#endif
