/* SPDX-License-Identifier: MIT
 *
 * The dump in the simulator: exact times, each kind of wait by its name, under every schedule at the stated bound. */
#include <string.h>
#include <weir/core/dump.h>
#include <weir/sim.h>

WEIR_TYPE_PLAIN(num, int);
WEIR_CHAN_DECLARE(num);

#define TASKS 5

static const char *const waits[TASKS] = {"send", "receive", "select", "sleep", "acquire"};

struct world {
	num_tx full_tx, tx;
	num_rx full_rx, rx, select_rx;
	weir_sem sem;
};

static int wait_somehow(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	weir_ctx limited;
	int value = 0, rc = 0;
	weir_task *self = weir_ctx_rt(ctx)->vt->self(weir_ctx_rt(ctx));
	weir_case cases[] = {num_rx_case(w->select_rx, &value)};
	(void)err;
	weir_ctx_init(&limited, ctx, WEIR_MS(50));
	switch (self->name[0]) { /* each task is named after its wait */
	case 's':
		rc = self->name[2] == 'n'   ? num_send(&limited, w->full_tx, &value)
		     : self->name[2] == 'e' ? weir_sleep(&limited, WEIR_MS(70))
					    : weir_select(&limited, cases, 1);
		break;
	case 'r':
		rc = num_recv(&limited, w->rx, &value);
		break;
	default:
		rc = weir_sem_acquire(&limited, &w->sem, 1);
		break;
	}
	weir_ctx_fini(&limited);
	return rc == WEIR_EDEADLINE ? 0 : WEIR_EIO;
}

struct found {
	int n[TASKS], others;
	int64_t now;
};

static void find(const struct weir_task_view *view, void *arg)
{
	struct found *f = arg;
	for (int i = 0; i < TASKS; i++) {
		if (strncmp(view->name, waits[i], strlen(waits[i])) != 0)
			continue;
		f->n[i]++;
		WEIR_SIM_ASSERT(strcmp(view->what, waits[i]) == 0);
		WEIR_SIM_EQ(view->since_at, 0);
		WEIR_SIM_EQ(view->wakes_at, WEIR_MS(50));
		WEIR_SIM_EQ(view->n_contexts, 2);
		return;
	}
	f->others++;
}

/* Five tasks in five kinds of wait: exhaustive with no preemption, since they only have to reach their waits. */
WEIR_SIM_TEST_WITH(every_wait_has_its_name, .strategy = "dfs0")
{
	struct world w = {0};
	struct found found = {0};
	weir_scope s;
	num_tx select_tx = {0};
	int value = 1;
	weir_rt *rt = weir_ctx_rt(ctx);
	WEIR_SIM_EQ(num_chan_new(rt, 1, &w.full_tx, &w.full_rx), 0);
	WEIR_SIM_EQ(num_chan_new(rt, 0, &w.tx, &w.rx), 0);
	WEIR_SIM_EQ(num_chan_new(rt, 0, &select_tx, &w.select_rx), 0);
	WEIR_SIM_EQ(num_send(ctx, w.full_tx, &value), 0);
	weir_sem_init(&w.sem, rt, 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < TASKS; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, waits[i], wait_somehow, &w), 0);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(weir_rt_dump(rt, find, &found), TASKS + 1);
	for (int i = 0; i < TASKS; i++)
		WEIR_SIM_EQ(found.n[i], 1);
	WEIR_SIM_EQ(found.others, 1); /* main */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_sem_fini(&w.sem);
	num_tx_close(&w.full_tx);
	num_rx_close(&w.full_rx);
	num_tx_close(&w.tx);
	num_rx_close(&w.rx);
	num_tx_close(&select_tx);
	num_rx_close(&w.select_rx);
}

static int dumper(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct found *f = arg;
	(void)err;
	int n = weir_rt_dump(weir_ctx_rt(ctx), find, f);
	return n < 1 ? WEIR_EIO : 0; /* it sees at least itself */
}

static int brief(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

/* A dump against tasks that start and end: every schedule with at most 3 preemptions; and each allocation failing. */
WEIR_SIM_TEST_WITH(a_dump_among_tasks_that_come_and_go, .strategy = "dfs3", .fault_sweep = true)
{
	struct found found = {0};
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "dumper", dumper, &found);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "brief", brief, NULL);
	rc = weir_scope_join(ctx, &s, rc, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN || rc == WEIR_EIO);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
