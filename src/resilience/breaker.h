/* SPDX-License-Identifier: MIT
 *
 * The inside of a shared breaker, for breaker.c and guard.c. */
#ifndef WEIR_SRC_RESILIENCE_BREAKER_H
#define WEIR_SRC_RESILIENCE_BREAKER_H

#include <weir/resilience/breaker.h>

#include "breaker_state.h"

struct __attribute__((may_alias)) weir__breaker {
	weir_rt *rt; /* NULL: not made */
	weir_atomic word;
	weir_mutex lock;
	struct weir_breaker_state state;
};

static inline struct weir__breaker *weir__breaker(weir_breaker *b)
{
	return (struct weir__breaker *)b;
}

#endif
