/* SPDX-License-Identifier: MIT
 *
 * The inside of a shared breaker, for breaker.c and guard.c. */
#ifndef WEIR_SRC_RESILIENCE_BREAKER_H
#define WEIR_SRC_RESILIENCE_BREAKER_H

#include <weir/core/probe.h>
#include <weir/resilience/breaker.h>

#include "breaker_state.h"

struct __attribute__((may_alias)) weir__breaker {
	weir_rt *rt; /* NULL: not made */
	weir_atomic word;
	weir_mutex lock;
	struct weir_breaker_state state;
	const char *name; /* these three are read without the lock */
	enum weir_outcome (*classify)(int rc, const weir_err *err, void *arg);
	void *classify_arg;
	weir_probe *probe; /* that was attached when it was made */
};

static inline struct weir__breaker *weir__breaker(weir_breaker *b)
{
	return (struct weir__breaker *)b;
}

/* The functions without the underscores, but that they leave it to the caller to tell a probe who was refused, and what
 * was counted: IGNORED is nothing. */
int weir__breaker_acquire(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *out, int64_t *try_again_ns);
enum weir_outcome weir__breaker_report(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *permit,
				       enum weir_outcome outcome);

#endif
