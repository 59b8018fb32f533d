/* SPDX-License-Identifier: MIT
 *
 * Values for the stress tests of stages and resilience whose lives are written down: each token that is made has a
 * number of its own, and a book says whether it lives. A token that is dropped twice, or was never made, is seen at
 * once; one that is never dropped, or lost on its way, when the books are closed at the end of a round.
 *
 * A token says what a stage shall do with it (kind), so that what comes out can be checked without asking anybody: one
 * that FAILS or WAITS is in no success. WAITS waits for the end of its context and for nothing else. `inside` counts
 * who is at work for each caller: 0 when a call has returned. */
#ifndef WEIR_TESTS_STRESS_TOKEN_H
#define WEIR_TESTS_STRESS_TOKEN_H

#include <weir/stage.h>

#include "stress.h"

enum { CALLERS_MAX = 8, LEDGER = 1 << 18 };
enum kind { PLAIN, YIELDS, FAILS, WAITS };

#define REFUSED (WEIR_EUSER - 7)

struct token {
	uint32_t serial;
	uint8_t caller, kind;
	uint16_t n;
};

static _Atomic uint8_t token_book[LEDGER]; /* 1: lives; 2: was dropped */
static _Atomic uint32_t tokens_made;
static _Atomic long tokens_alive;
static _Atomic uint32_t inside[CALLERS_MAX];

static WEIR_UNUSED struct token token_make(size_t caller, enum kind kind, uint32_t n)
{
	struct token t = {.caller = (uint8_t)caller,
			  .kind = (uint8_t)kind,
			  .n = (uint16_t)n,
			  .serial = tokens_made++ % LEDGER};
	EXPECT(atomic_exchange(&token_book[t.serial], 1) != 1);
	atomic_fetch_add(&tokens_alive, 1);
	return t;
}

static WEIR_UNUSED void token_drop(void *item, void *arg)
{
	struct token *t = item;
	(void)arg;
	EXPECT(t->serial < LEDGER && atomic_exchange(&token_book[t->serial % LEDGER], 2) == 1);
	atomic_fetch_sub(&tokens_alive, 1);
	memset(t, 0xee, sizeof(*t));
}

static WEIR_UNUSED int token_copy(const void *from, void *to, void *arg)
{
	const struct token *t = from;
	(void)arg;
	*(struct token *)to = token_make(t->caller, (enum kind)t->kind, t->n);
	return 0;
}

static WEIR_UNUSED const weir_type token_type = {.name = "token",
						 .size = sizeof(struct token),
						 .align = _Alignof(struct token),
						 .drop = token_drop,
						 .copy = token_copy};

/* What a stage does for a token before it makes anything; `most`: how many may be at work for one caller. */
static WEIR_UNUSED int token_work(weir_ctx *ctx, size_t caller, enum kind kind, uint32_t most, weir_err *err)
{
	uint32_t others = atomic_fetch_add(&inside[caller], 1);
	int rc = 0;
	EXPECT(others < most);
	if (kind == YIELDS)
		weir_rt_yield(rt);
	if (kind == FAILS)
		rc = weir_fail(err, REFUSED, "this one");
	if (kind == WAITS) {
		rc = weir_sleep(ctx, WEIR_FOREVER);
		EXPECT(rc < 0 && rc == weir_ctx_err(ctx));
	}
	atomic_fetch_sub(&inside[caller], 1);
	return rc;
}

/* Mostly plain; every `rare`th or so fails, and as many wait. */
static WEIR_UNUSED enum kind token_kind(uint64_t *seed, uint32_t rare)
{
	uint32_t p = pick(seed, 2 * rare);
	return p == 0 ? FAILS : p == 1 ? WAITS : p % 3 ? PLAIN : YIELDS;
}

/* A context that another task may cancel: it looks under the lock whether it is there. */
struct target {
	weir_mutex lock;
	weir_ctx *now;
};

static WEIR_UNUSED void target_set(weir_ctx *ctx, struct target *t, weir_ctx *now)
{
	weir_mutex_lock(ctx, &t->lock);
	t->now = now;
	weir_mutex_unlock(&t->lock);
}

static WEIR_UNUSED void target_cancel(weir_ctx *ctx, struct target *t)
{
	weir_mutex_lock(ctx, &t->lock);
	if (t->now)
		weir_ctx_cancel(t->now, "from elsewhere");
	weir_mutex_unlock(&t->lock);
}

/* A call must not only be right, it must be so for some of each kind. */
static WEIR_UNUSED bool expect_some(const char *what, uint64_t n)
{
	if (n == 0)
		(void)fprintf(stderr, "there was no %s\n", what);
	return n > 0;
}

#endif
