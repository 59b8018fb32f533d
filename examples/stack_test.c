/* SPDX-License-Identifier: MIT
 *
 * stack_test - is a bounded stack of one's own, used by several tasks, what a stack should be?
 *
 * Each task records what it calls and what comes back. At the end the simulator looks for an order of these operations
 * that a plain stack, the model, would have answered in the same way. Which operations the tasks make, and in which
 * order they get to run, are choices of the schedule: a thousand different ones.
 *
 * Built with -DBROKEN the lock is let go between the look at the stack and the taking of an item. The report shows the
 * history in columns, and the pop that no order explains. */
#include <stdio.h>
#include <string.h>
#include <weir/sim.h>

enum { ROOM = 2, NOTHING = 0, TASKS = 3, EACH = 3 };

/* ---- the stack, as a program would have it ---- */

static struct {
	weir_mutex mutex;
	int items[ROOM], n;
} stack;

static bool stack_push(weir_ctx *ctx, int item)
{
	weir_mutex_lock(ctx, &stack.mutex);
	bool room = stack.n < ROOM;
	if (room)
		stack.items[stack.n++] = item;
	weir_mutex_unlock(&stack.mutex);
	return room;
}

static int stack_pop(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &stack.mutex);
	int item = stack.n ? stack.items[stack.n - 1] : NOTHING;
#ifdef BROKEN
	weir_mutex_unlock(&stack.mutex);
	weir_mutex_lock(ctx, &stack.mutex);
#endif
	stack.n -= stack.n > 0;
	weir_mutex_unlock(&stack.mutex);
	return item;
}

/* ---- the model: the same for one task alone ---- */

enum { PUSH, POP };

struct model_state {
	int64_t items[ROOM], n;
};

/* What comes of op in this state, which it changes. */
static int64_t model_do(struct model_state *s, const struct weir_sim_op *op)
{
	if (op->op == PUSH) {
		bool room = s->n < ROOM;
		if (room)
			s->items[s->n++] = op->in.v[0];
		return room;
	}
	int64_t item = s->n ? s->items[--s->n] : NOTHING;
	s->items[s->n] = 0; /* states are compared byte by byte */
	return item;
}

static enum weir_sim_step model_step(void *state, struct weir_sim_point *p, void *arg)
{
	int64_t out = model_do(state, p->op);
	(void)arg;
	return !weir_sim_op_returned(p->op) || p->op->out.v[0] == out ? WEIR_SIM_DONE : WEIR_SIM_NO;
}

static void model_put_call(const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	(void)arg;
	(void)snprintf(text, cap, op->op == PUSH ? "push(%d)" : "pop()", (int)op->in.v[0]);
}

static void model_put_expected(const void *state, const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	struct model_state copy = *(const struct model_state *)state;
	(void)arg;
	(void)snprintf(text, cap, "%d, with %d on the stack", (int)model_do(&copy, op), (int)copy.n);
}

static const struct weir_sim_model model = {.name = "bounded stack",
					    .state_size = sizeof(struct model_state),
					    .step = model_step,
					    .put_call = model_put_call,
					    .put_expected = model_put_expected};

/* ---- the test ---- */

static struct weir_sim_op ops[TASKS * EACH];
static struct weir_sim_history history = {.ops = ops, .cap = TASKS * EACH};

static int use_stack(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 1; i <= EACH; i++) {
		int item = *(int *)arg * 10 + i;
		if (weir_sim_choose(2, "push or pop")) {
			uint32_t id = weir_sim_op_begin(&history, PUSH, WEIR_SIM_ARGS(item));
			weir_sim_op_end(&history, id, WEIR_SIM_ARGS(stack_push(ctx, item)));
		} else {
			uint32_t id = weir_sim_op_begin(&history, POP, WEIR_SIM_ARGS(0));
			weir_sim_op_end(&history, id, WEIR_SIM_ARGS(stack_pop(ctx)));
		}
	}
	return 0;
}

WEIR_SIM_TEST(the_stack_is_linearizable)
{
	int numbers[TASKS];
	weir_scope s;
	memset(&stack, 0, sizeof(stack));
	weir_sim_history_clear(&history);
	weir_mutex_init(&stack.mutex, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < TASKS; i++) {
		numbers[i] = i + 1;
		WEIR_SIM_EQ(weir_scope_spawn(&s, "user", use_stack, &numbers[i]), 0);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_mutex_fini(&stack.mutex);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&history, &model), 0);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
