/* SPDX-License-Identifier: MIT
 *
 * What an exhaustive suite is: rows of a scenario, its parameter, and the bounds it is searched to the end of.
 *
 *  U1  A row is searched until there is no schedule left within its bound, or it fails. One that has not come to that
 *      end after EXHAUST_QUICK_MOST or EXHAUST_DEEP_MOST schedules fails: a bound that is not reached proves nothing.
 *  U2  A scenario says with exhaust_saw which outcomes of a race it has met. After the search they must be exactly the
 *      row's: so a search that never came to the race fails, and so does an outcome that nobody thought of.
 *  U3  A scenario is a function of its parameter and the schedule; what it keeps in statics it sets at its beginning.
 *
 * A row that a reduced search ("dpor") does quickly has all of it in quick, and in deep a bound of the plain one, which
 * knows nothing of dependence: so the reduction is looked at too.
 *
 * The strategy is text, as in weir/sim.h: what it means that it is exhausted is printed. */
#ifndef WEIR_TESTS_EXHAUST_H
#define WEIR_TESTS_EXHAUST_H

#include <weir/sim.h>

#define EXHAUST_QUICK_MOST UINT64_C(2000000)
#define EXHAUST_DEEP_MOST UINT64_C(100000000)

struct exhaust_bound {
	const char *strategy;
	unsigned early; /* how often a timer may fire although tasks can run */
};

#define WITHIN(strategy_, early_)                          \
	{                                                  \
		.strategy = (strategy_), .early = (early_) \
	}
#define SAMPLED NULL                 /* as an inner bound: too large for any */
#define QUICK_IS_ALL WITHIN(NULL, 0) /* as a deep bound */

struct exhaust_row {
	const char *name;
	void (*fn)(weir_ctx *ctx, const void *arg);
	const void *arg;
	uint32_t outcomes;              /* U2: bits */
	struct exhaust_bound quick;     /* in every test run */
	struct exhaust_bound deep;      /* when there is time; QUICK_IS_ALL: the quick one does it */
	const char *inner, *inner_deep; /* strategies where operations are explored inside; early timers are quick's */
};

extern const struct exhaust_row exhaust_chan[], exhaust_select[], exhaust_ctx[], exhaust_scope[], exhaust_sync[],
	exhaust_pipeline[], exhaust_crew[];
extern const size_t exhaust_n_chan, exhaust_n_select, exhaust_n_ctx, exhaust_n_scope, exhaust_n_sync,
	exhaust_n_pipeline, exhaust_n_crew;

/* U2: of the row that is being searched; bit is below 32. */
void exhaust_saw(unsigned bit);

/* ---- what scenarios share ---- */

#define EXHAUST_IDS 8

/* Where each item is: at the end in exactly one place. */
struct exhaust_ledger {
	int got[EXHAUST_IDS], dropped[EXHAUST_IDS], kept[EXHAUST_IDS];
	int order[EXHAUST_IDS], n_order; /* as received */
};

extern struct exhaust_ledger exhaust_led;
extern const weir_type exhaust_id; /* an int below EXHAUST_IDS; its drop counts in the ledger */

/* A new ledger, and a channel of ids. */
void exhaust_open(weir_ctx *ctx, size_t capacity, weir_tx **tx, weir_rx **rx);

/* Send and receive with the ledger; *id is -1 where nothing was received. */
int exhaust_send(weir_ctx *ctx, weir_tx *tx, int id);
int exhaust_recv(weir_ctx *ctx, weir_rx *rx, int *id);

/* What a select has sent (rc of its case) or received goes into the ledger here. */
void exhaust_sent(int id, int rc);
void exhaust_got(int id);

/* Every id below n is in exactly one place. */
void exhaust_settle(int n);
int exhaust_sum(const int *counts); /* over all ids */

void exhaust_start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg);
void exhaust_join(weir_ctx *ctx, weir_scope *s);

#endif
