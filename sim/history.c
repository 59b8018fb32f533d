/* SPDX-License-Identifier: MIT
 *
 * Histories of a scenario: recording, and the check that fails the schedule.
 *
 *  Y1  Stamps are counted, not steps: one step may hold a return and the next call of a task, and their order is known
 *      because one thread runs all tasks. Steps are kept for the reader.
 *  Y2  While the check runs, the model's functions are the simulator's, not a task's: what they allocate is neither a
 *      leak nor a place for a fault.
 *  Y3  The explanation is made in the run that is traced, and kept for the report until the next schedule. */
#include <weir/sim/history.h>

#include <assert.h>
#include <stdio.h>

#include "engine.h"
#include "linear.h"

/* The clock that notices hangs ticks meanwhile, and to find the culprit takes as much again, twice. */
#define STATES 250000

#define EXPLANATION ((size_t)16 << 10)

static struct sim *active(void)
{
	return weir__sim && weir__sim->inside ? weir__sim : NULL;
}

void weir_sim_history_clear(struct weir_sim_history *h)
{
	h->n = h->lost = 0;
	h->clock = 0;
}

uint32_t weir_sim_op_begin(struct weir_sim_history *h, uint32_t op, struct weir_sim_args in)
{
	struct sim *s = active();
	if (h->n == h->cap) {
		h->lost++;
		return WEIR_SIM_NO_OP;
	}
	h->ops[h->n] = (struct weir_sim_op){.op = op, .in = in, .called = ++h->clock, .returned = WEIR_SIM_NEVER};
	if (s) {
		h->ops[h->n].task = s->current;
		h->ops[h->n].who = weir__sim_current(s)->pub.name;
		h->ops[h->n].from_step = s->step;
	}
	return h->n++;
}

void weir_sim_op_end(struct weir_sim_history *h, uint32_t id, struct weir_sim_args out)
{
	struct sim *s = active();
	if (id == WEIR_SIM_NO_OP)
		return;
	assert(id < h->n && h->ops[id].returned == WEIR_SIM_NEVER);
	h->ops[id].out = out;
	h->ops[id].returned = ++h->clock;
	h->ops[id].to_step = s ? s->step : 0;
}

/* Ends the schedule. */
static void fail_history(struct sim *s, const struct weir_sim_history *h, const struct weir_sim_model *model,
			 const struct weir_sim_verdict *verdict, const void *site)
{
	const struct weir_sim_op *op = &h->ops[verdict->culprit];
	char call[64], result[64];
	weir__linear_put_call(model, op, call, sizeof(call));
	weir__linear_put_result(model, op, result, sizeof(result));
	s->failure.site = site;
	weir__sim_fail(s, WEIR_SIM_LINEARIZABILITY,
		       "no order of %u operations explains %s -> %s of T%u%s%.20s%s%.40s%s", h->n, call, result,
		       op->task, op->who && op->who[0] ? " " : "", op->who ? op->who : "", model->name ? " (" : "",
		       model->name ? model->name : "", model->name ? ")" : "");
}

int weir_sim_check_linearizable(const struct weir_sim_history *h, const struct weir_sim_model *model)
{
	struct sim *s = active();
	struct weir_sim_verdict verdict;
	struct weir_sim_check_opts opts = {.states = STATES};
	const void *site = __builtin_return_address(0);
	if (h->lost > 0)
		return WEIR_EOVERFLOW;
	weir__sim_heap_task(NULL); /* Y2 */
	if (!s || s->trace) {      /* Y3 */
		opts.text = weir__own_calloc(EXPLANATION);
		opts.text_cap = opts.text ? EXPLANATION : 0;
	}
	int rc = weir_sim_history_check(model, h->ops, h->n, &opts, &verdict);
	if (!s && rc == 1 && opts.text)
		fputs(opts.text, stderr);
	if (s && rc == 1) {
		weir__own_free(s->explanation);
		s->explanation = opts.text;
		opts.text = NULL;
	}
	weir__own_free(opts.text);
	weir__sim_heap_task(s);
	if (s && rc == 1)
		fail_history(s, h, model, &verdict, site);
	return rc;
}
