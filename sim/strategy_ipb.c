/* SPDX-License-Identifier: MIT
 *
 * Iterative context bounding (Musuvathi and Qadeer, PLDI 2007): depth-first search within a bound that is raised by
 * itself, because most bugs need few preemptions and there are few schedules that have few. Here there are two bounds,
 * as a timer that fires early is a deviation of its own: pairs (p, e) of preemptions and early timers, in the order of
 * their sum, and of equal sums more preemptions first: 0/0, 1/0, 0/1, 2/0, 1/1, 0/2, ...
 *
 *  I1  A pair is a search of all schedules with at most p and at most e (strategy_dfs.c). Those that cost exactly p and
 *      e are new; all others were within a pair before it, and are run again: `repeated`. That is cheap, since raising
 *      a bound by one multiplies the schedules by about the number of steps.
 *  I2  A pair is left out if nothing in it is new: the search of (p-1, e) was not kept from a preemption, or that of
 *      (p, e-1) not from an early timer. It is then the same set as its neighbour, whose cuts it takes over.
 *  I3  A schedule of cost (p, e) has prefixes of every cost on one way from (0, 0), and each of them ends within its
 *      cost if nothing else is done but the default. So where all pairs of one sum are left out, all schedules were
 *      run. */
#include <stdlib.h>

#include "strategy.h"

#define MOST 256u /* the highest sum */

struct cuts {
	bool preemption, early;
};

struct ipb {
	struct sim_strategy base;
	struct sim_strategy *dfs;
	uint32_t most_early; /* no more than so many are asked for */
	uint32_t sum;        /* of the pair that runs, which is (sum - early, early) */
	uint32_t early;
	struct cuts before[MOST + 2], now[MOST + 2]; /* by early: of sum - 1 and of sum */
	bool ran;                                    /* a pair of this sum */
	bool capped;                                 /* more early timers could have been tried */
	bool any;                                    /* `done` is one */
	struct sim_dfs_bound done;                   /* the last pair that was searched to its end */
};

static void ipb_begin(struct sim_strategy *st, uint64_t seed)
{
	struct ipb *p = (struct ipb *)st;
	p->dfs->begin(p->dfs, seed);
}

static uint32_t ipb_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct ipb *p = (struct ipb *)st;
	return p->dfs->pick(p->dfs, view);
}

static uint32_t ipb_value(struct sim_strategy *st, uint32_t n)
{
	struct ipb *p = (struct ipb *)st;
	return p->dfs->value(p->dfs, n);
}

static uint32_t ipb_fault(struct sim_strategy *st, enum sim_fault kind, uint64_t at, uint32_t n)
{
	struct ipb *p = (struct ipb *)st;
	return p->dfs->fault(p->dfs, kind, at, n);
}

/* I2. Whether the pair (sum - early, early) has anything new; if not, its cuts are set. */
static bool wanted(struct ipb *p)
{
	uint32_t e = p->early, preemptions = p->sum - e;
	struct cuts left = p->before[e], below = e ? p->before[e - 1] : (struct cuts){0};
	p->capped |= e > p->most_early && below.early;
	if (e > p->most_early || (e > 0 && !below.early)) {
		p->now[e] = (struct cuts){.preemption = below.preemption, .early = false};
		return false;
	}
	if (preemptions > 0 && !left.preemption) {
		p->now[e] = (struct cuts){.preemption = false, .early = left.early};
		return false;
	}
	return true;
}

/* To the next pair that is wanted; false: there is none. */
static bool next_pair(struct ipb *p)
{
	for (;;) {
		if (++p->early > p->sum) {
			if (!p->ran || p->sum == MOST) /* I3 */
				return false;
			for (uint32_t e = 0; e <= p->sum; e++)
				p->before[e] = p->now[e];
			p->before[++p->sum] = (struct cuts){0};
			p->early = 0;
			p->ran = false;
		}
		if (wanted(p))
			return true;
	}
}

static bool ipb_end(struct sim_strategy *st, const struct sim *s)
{
	struct ipb *p = (struct ipb *)st;
	struct sim_dfs_bound cost = weir__sim_dfs_cost(p->dfs), pair = {p->sum - p->early, p->early};
	bool more = p->dfs->end(p->dfs, s);
	st->repeated = cost.preemptions != pair.preemptions || cost.early != pair.early; /* I1 */
	if (more || s->failure.kind)
		return more;
	weir__sim_dfs_cuts(p->dfs, &p->now[p->early].preemption, &p->now[p->early].early);
	p->ran = p->any = true;
	p->done = pair;
	if (!next_pair(p))
		return false;
	weir__sim_dfs_restart(p->dfs, (struct sim_dfs_bound){.preemptions = p->sum - p->early, .early = p->early});
	return true;
}

/* I3: no bound is left if all were run, but for what is not asked for. */
static void ipb_tell(const struct sim_strategy *st, bool exhausted, struct weir_sim_explored *out)
{
	const struct ipb *p = (const struct ipb *)st;
	p->dfs->tell(p->dfs, false, out);
	out->bounded = exhausted || p->any;
	out->bound_preemptions = p->done.preemptions;
	out->bound_early = p->done.early;
	if (exhausted) {
		out->estimate = 0;
		out->bound_preemptions = p->ran ? MOST : WEIR_SIM_NO_BOUND; /* p->ran: the highest sum was reached */
		out->bound_early = p->capped ? p->most_early : p->ran ? MOST : WEIR_SIM_NO_BOUND;
	}
}

static void ipb_free(struct sim_strategy *st)
{
	struct ipb *p = (struct ipb *)st;
	p->dfs->free(p->dfs);
	free(p);
}

struct sim_strategy *weir__sim_ipb_new(uint32_t early)
{
	struct ipb *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->dfs = weir__sim_dfs_new(0);
	if (!p->dfs) {
		free(p);
		return NULL;
	}
	weir__sim_dfs_restart(p->dfs, (struct sim_dfs_bound){0});
	p->most_early = early;
	p->base = (struct sim_strategy){.name = "ipb",
					.systematic = true,
					.begin = ipb_begin,
					.pick = ipb_pick,
					.value = ipb_value,
					.fault = ipb_fault,
					.end = ipb_end,
					.tell = ipb_tell,
					.free = ipb_free};
	return &p->base;
}
