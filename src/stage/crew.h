/* SPDX-License-Identifier: MIT
 *
 * The helper tasks of a call: how a stage does several things at once without making a task.
 *
 * A batch is n items and a function that does one of them. The task that brings it does items itself, and helpers that
 * have nothing to do join in, up to the batch's number of lanes; the one who brings it returns when all items are done
 * and no helper is in it any more. So a batch is done even if every helper is busy, or has left; and a batch that is
 * brought while another one is being done (a fan-out within a fan-out) cannot deadlock.
 *
 *  H1  An item is done by exactly one task: it is claimed with one atomic add.
 *  H2  Whoever is in a batch has a lane of its own, 0 for the one who brought it: what two lanes must not share is kept
 *      once per lane.
 *  H3  A batch lies in the memory of the one who brought it. It is in the list while it may be joined; it may be joined
 *      only under the lock; and its owner leaves only when it is out of the list and nobody is in it.
 *  H4  Who is asleep holds nothing: a helper is in a batch only from when it runs and has joined by itself, so nobody
 *      waits for one that is being woken. One that wakes up too late finds nothing and sleeps again.
 *  H5  `idle` is the number of helpers that sleep, or are about to, and that nobody has decided to wake: whoever takes
 *      one off owes `work` a permit. Each one that joins wakes the next, while there is work: the one who brings a
 *      batch pays for one wake, and cheap items are done before many are awake.
 *
 *  H6  To wake a helper takes longer than many a batch. Where the last CALM_AFTER batches of a place were done within
 *      CREW_SHORT_NS each, the next one is kept: its owner does the items by itself, and opens it to helpers as soon
 *      as one of these comes: it has taken longer than that, which is looked at after the 1st, the 5th, the 21st item
 *      and so on; or an item waits for something in weir, or yields (src/rt/duty.h). So a place whose items wait, or
 *      are long, is shared from the beginning, and one whose items were not loses, the first time, what a few items
 *      take. Under hooks nothing is kept: that helpers come late is among the schedules anyway, and there is no time
 *      to measure.
 *
 * LOCK: the internal one (src/rt/lock.h), for a few instructions; nothing foreign happens under it, wakes neither. Not
 * a weir_mutex: that is handed over to the first who waits, asleep or not, and then all wait until that one has woken
 * up, which takes as long as hundreds of small items. To hooks the crew is an atomic (core/sync.h), and each section
 * one exchange of it; items are claimed with a visible atomic. */
#ifndef WEIR_SRC_STAGE_CREW_H
#define WEIR_SRC_STAGE_CREW_H

#include <weir/core.h>
#include <weir/rt.h>

#include "../rt/atomic.h"
#include "../rt/duty.h"
#include "../rt/lock.h"

struct weir__batch {
	void (*item)(weir_ctx *ctx, void *arg, uint32_t lane, size_t index);
	void *arg;
	weir_ctx *ctx; /* the items' */
	size_t n;
	uint32_t lanes; /* at least 1 */
	bool at_once;   /* never kept: what items wait for is that others run */
	/* The owner's own: */
	struct weir__crew *crew;
	bool is_open;
	size_t begun;  /* items, while it is not open */
	uint32_t calm; /* H6: how many in a row were short; from one batch to the next */
	struct weir__duty duty;
	weir_atomic next; /* H1: while it is open */
	weir_sem left;    /* made by an owner that has to wait */
	/* Under the lock: */
	uint32_t joined, inside;
	bool awaited; /* its owner sleeps until the last helper leaves */
	struct weir__batch *following;
};

struct weir__crew {
	struct weir_obj obj;
	weir_rt *rt;
	weir__a64 changes; /* up to here: as an atomic */
	struct weir__lock lock;
	weir_sem work;
	weir_ctx forever;            /* waits for helpers that are in a batch must not end before they leave */
	struct weir__batch *batches; /* from here on: under the lock */
	uint32_t idle;               /* H5 */
	uint32_t refs;               /* helpers, and the one who has the call */
	bool over;
	uint32_t helpers;                      /* as they were started: some may have left */
	void (*gone)(struct weir__crew *crew); /* when the last of them has left */
};

/* Starts the helpers in s; on failure those that were started leave. The crew has one reference more than helpers. */
int weir__crew_start(struct weir__crew *crew, weir_scope *s, uint32_t helpers, void (*gone)(struct weir__crew *crew));

/* Does the items 0 .. n - 1 of b, of which item, arg, n, lanes, at_once are set and which was zeroed before its first
 * time, under ctx; returns when all are done. */
WEIR__SHARED void weir__crew_do(weir_ctx *ctx, struct weir__crew *crew, struct weir__batch *b);

/* Lets the helpers leave, and drops the reference. */
void weir__crew_end(struct weir__crew *crew);

#endif
