/* SPDX-License-Identifier: MIT
 *
 * examples/etl.c under many schedules, itself, with its main under another name. It reads a pipe of the simulator, and
 * writes dead letters to another. ^C at any moment: whole lines only are counted, in their order, and none twice; each
 * that was rejected is in the log. A half line would show as one more that was rejected. */
#define main etl_main
#include "examples/etl.c"
#undef main
#include <weir/resilience.h>
#include <weir/sim.h>

struct files {
	weir_fd rows, letters; /* the other ends */
	int n_letters;
};

static const char *const three[] = {"1,north,10.50\n", "2,south\n", "3,north,0.25\n"};

static int write_rows(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct files *f = arg;
	int rc = 0;
	(void)err;
	for (int i = 0; i < 3 && rc >= 0; i++)
		for (size_t at = 0, n = strlen(three[i]); at < n && rc >= 0; at += rc > 0 ? (size_t)rc : 0) {
			rc = weir_fd_write(ctx, f->rows, three[i] + at, n - at);
		}
	weir_fd_close(weir_ctx_rt(ctx), &f->rows);
	return 0;
}

static int read_letters(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct files *f = arg;
	char bytes[256];
	int n;
	(void)err;
	while ((n = weir_fd_read(ctx, f->letters, bytes, sizeof(bytes))) > 0)
		for (int i = 0; i < n; i++)
			f->n_letters += bytes[i] == '\n';
	weir_fd_close(weir_ctx_rt(ctx), &f->letters);
	return 0;
}

static int press(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	for (unsigned i = weir_sim_choose(12, "moment"); i > 0; i--)
		weir_rt_yield(weir_ctx_rt(ctx));
	weir_sim_signal_raise(SIGINT);
	return 0;
}

/* Runs it over the three rows; *e and *f hold what came of it. */
static int go(weir_ctx *ctx, weir_err *err, bool interrupted, struct run *e, struct files *f)
{
	weir_scope s;
	*e = (struct run){.signal_fd = WEIR_FD_NONE};
	*f = (struct files){0};
	WEIR_SIM_EQ(weir_sim_pipe("rows", 64, &e->in, &f->rows), 0);
	WEIR_SIM_EQ(weir_sim_pipe("letters", 4096, &f->letters, &e->dead), 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "writer", write_rows, f);
	if (rc < 0)
		weir_fd_close(weir_ctx_rt(ctx), &f->rows);
	int reader = weir_scope_spawn(&s, "letters", read_letters, f);
	if (reader < 0)
		weir_fd_close(weir_ctx_rt(ctx), &f->letters);
	rc = rc < 0 ? rc : reader;
	if (rc == 0 && interrupted)
		rc = weir_scope_spawn(&s, "press", press, NULL);
	if (rc == 0)
		rc = run_etl(ctx, err, e);
	weir_fd_close(weir_ctx_rt(ctx), &e->in);
	weir_fd_close(weir_ctx_rt(ctx), &e->dead);
	return weir_scope_join(ctx, &s, rc, err);
}

static unsigned seen_lines;

WEIR_SIM_TEST_WITH(etl_sums_up, .schedules = 500)
{
	struct run e;
	struct files f;
	WEIR_SIM_EQ(go(ctx, NULL, false, &e, &f), 0);
	WEIR_SIM_EQ(e.totals[NORTH].count, 2);
	WEIR_SIM_EQ(e.totals[NORTH].cents, 1075);
	WEIR_SIM_EQ(e.totals[REJECTED].count, 1);
	WEIR_SIM_EQ(f.n_letters, 1);
}

WEIR_SIM_TEST_WITH(etl_interrupted, .schedules = 3000)
{
	struct run e;
	struct files f;
	WEIR_SIM_EQ(go(ctx, NULL, true, &e, &f), 0);
	int64_t north = e.totals[NORTH].count, rejected = e.totals[REJECTED].count, lines = north + rejected;
	WEIR_SIM_EQ(e.totals[SOUTH].count, 0); /* a half line would be one of the rejected: */
	WEIR_SIM_EQ(rejected, lines > 1);      /* the second one, and only that */
	WEIR_SIM_EQ(f.n_letters, rejected);    /* it is in the log */
	WEIR_SIM_EQ(e.totals[NORTH].cents, north == 0 ? 0 : north == 1 ? 1050 : 1075);
	WEIR_SIM_ASSERT(lines <= 3 && (e.interrupted || lines == 3));
	seen_lines |= 1u << lines;
}

WEIR_SIM_TEST_WITH(etl_interrupted_saw_none_and_all, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_lines & 9, 9);
}

/* Whichever allocation or spawn fails: it is told, and nothing is left over. */
WEIR_SIM_TEST_WITH(etl_with_a_fault_anywhere, .schedules = 5, .fault_sweep = true)
{
	struct run e;
	struct files f;
	weir_err err = {0};
	int rc = go(ctx, &err, false, &e, &f);
	WEIR_SIM_ASSERT(rc == WEIR_ENOMEM || rc == WEIR_EAGAIN ||
			(rc == 0 && e.totals[NORTH].cents == 1075 && e.totals[REJECTED].count == 1));
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
