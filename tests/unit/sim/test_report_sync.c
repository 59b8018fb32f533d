/* SPDX-License-Identifier: MIT
 *
 * What a report says about the objects of core/sync.h, about timers, and about what a program has noted: small programs
 * that deadlock, or fail after they have used them, and pieces of the text that must be told about each.
 *
 *  G1  A program must be found as its kind, by a search that does not depend on how strategies draw.
 *  G2  Every piece must be in the report; one that cannot be there must be missed, or the check is blind.
 *
 * test_report.c compares whole reports, of other failures. With --show NAME the report of one program is printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/sim.h>

#define PIECES 12

static struct {
	weir_mutex a, b;
	weir_rwlock lock;
	weir_cond cond;
	weir_sem sem;
	weir_wg group;
	weir_once once;
	weir_atomic atomic;
} the;

static void open_all(weir_ctx *ctx)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_mutex_init(&the.a, rt);
	weir_mutex_init(&the.b, rt);
	weir_rwlock_init(&the.lock, rt);
	weir_cond_init(&the.cond, rt);
	weir_sem_init(&the.sem, rt, 1);
	weir_wg_init(&the.group, rt);
	weir_once_init(&the.once, rt);
	weir_atomic_init(&the.atomic, rt, 7);
}

static void close_all(void)
{
	weir_mutex_fini(&the.a);
	weir_mutex_fini(&the.b);
	weir_rwlock_fini(&the.lock);
	weir_cond_fini(&the.cond);
	weir_sem_fini(&the.sem);
	weir_wg_fini(&the.group);
	weir_once_fini(&the.once);
	weir_atomic_fini(&the.atomic);
}

/* Two tasks, and the block waits for them; in a schedule in which they come to an end nothing is left. */
static int two(weir_ctx *ctx, weir_task_fn *one, weir_task_fn *other, weir_err *err)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "one", one, NULL), 0);
	if (other)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "other", other, NULL), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	close_all();
	return rc;
}

static int left_open(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	open_all(ctx);
	return 0;
}

static int for_ever(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_select(ctx, NULL, 0);
}

/* ---- locks ---- */

static int a_then_b(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &the.a);
	weir_mutex_lock(ctx, &the.b);
	weir_mutex_unlock(&the.b);
	weir_mutex_unlock(&the.a);
	return 0;
}

static int b_then_a(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &the.b);
	weir_mutex_lock(ctx, &the.a);
	weir_mutex_unlock(&the.a);
	weir_mutex_unlock(&the.b);
	return 0;
}

static int lock_order(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, a_then_b, b_then_a, err);
}

static int writes(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rwlock_write_lock(ctx, &the.lock);
	weir_rwlock_write_unlock(&the.lock);
	return 0;
}

static int reads_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rwlock_read_lock(ctx, &the.lock);
	weir_rwlock_read_lock(ctx, &the.lock);
	weir_rwlock_read_unlock(&the.lock);
	weir_rwlock_read_unlock(&the.lock);
	return 0;
}

static int read_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, reads_twice, writes, err);
}

static int writes_for_ever(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rwlock_write_lock(ctx, &the.lock);
	return for_ever(ctx, err, arg);
}

static int write_held(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, writes_for_ever, writes, err);
}

/* ---- condition ---- */

static int waits_for_signal(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &the.a);
	int rc = weir_cond_wait(ctx, &the.cond, &the.a);
	weir_mutex_unlock(&the.a);
	return rc;
}

static int no_signal(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, waits_for_signal, NULL, err);
}

static int signals_and_keeps(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_mutex_lock(ctx, &the.a);
	weir_cond_signal(&the.cond);
	return for_ever(ctx, err, arg);
}

static int kept_mutex(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, waits_for_signal, signals_and_keeps, err);
}

/* ---- counts, once ---- */

static int wants_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sem_acquire(ctx, &the.sem, 2);
}

static int too_few(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, wants_two, wants_two, err);
}

static int waits_for_group(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_wg_wait(ctx, &the.group);
}

static int not_done(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	weir_wg_add(&the.group, 3);
	return two(ctx, waits_for_group, NULL, err);
}

static int does_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	return weir_once_do(ctx, &the.once, for_ever, NULL, err);
}

static int endless_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	open_all(ctx);
	return two(ctx, does_once, does_once, err);
}

/* ---- a select that nothing can end ---- */

static int selects(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx other;
	(void)err, (void)arg;
	weir_ctx_init(&other, ctx, WEIR_FOREVER);
	weir_sim_name(&other, "other");
	weir_case cases[] = {weir_case_ctx(&other), weir_case_timer(WEIR_FOREVER), weir_case_recv(NULL, NULL)};
	int rc = weir_select(ctx, cases, 3);
	weir_ctx_fini(&other);
	return rc;
}

static int select_off(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	return two(ctx, selects, NULL, err);
}

/* ---- what operations gave ---- */

static void count_it(void *arg)
{
	++*(int *)arg;
}

static int noted(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx soon, never;
	weir_on_end at_end, stopped;
	weir_scope s;
	int ends = 0;
	(void)arg;
	weir_ctx_init(&soon, ctx, WEIR_MS(3));
	weir_ctx_init(&never, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &soon, count_it, &ends, &at_end), 0);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &never, count_it, &ends, &stopped), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(4)), 0);
	WEIR_SIM_EQ(weir_on_end_stop(&stopped), WEIR_ON_END_STOPPED);
	WEIR_SIM_EQ(weir_on_end_stop(&at_end), WEIR_ON_END_DONE);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, err), 0);
	weir_sim_note("ends: %d", ends);
	weir_ctx_fini(&never);
	weir_ctx_fini(&soon);
	weir_sim_fail(__FILE__, __LINE__, "enough");
}

static int atomics(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t expected = 1;
	(void)arg;
	open_all(ctx);
	weir_atomic_store(&the.atomic, 11);
	WEIR_SIM_ASSERT(!weir_atomic_cas(&the.atomic, &expected, 12));
	WEIR_SIM_ASSERT(weir_atomic_cas(&the.atomic, &expected, 13));
	WEIR_SIM_EQ(weir_atomic_exchange(&the.atomic, 14), 13);
	WEIR_SIM_EQ(weir_atomic_add(&the.atomic, 1), 14);
	WEIR_SIM_EQ(weir_atomic_load(&the.atomic), 15);
	return two(ctx, wants_two, for_ever, err);
}

static int timers(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_ticker ticker;
	weir_ctx ended;
	(void)err, (void)arg;
	weir_ctx_init(&ended, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&ended, "over");
	weir_ticker_init(&ticker, weir_ctx_rt(ctx), WEIR_MS(5), WEIR_MS(5));
	weir_case cases[] = {weir_case_timer(WEIR_MS(2)), weir_case_ticker(&ticker)};
	WEIR_SIM_EQ(weir_select(ctx, cases, 2), 0);
	WEIR_SIM_EQ(weir_select(ctx, &cases[1], 1), 0);
	weir_case end = weir_case_ctx(&ended);
	WEIR_SIM_EQ(weir_select(ctx, &end, 1), 0);
	weir_ctx_fini(&ended);
	weir_sim_fail(__FILE__, __LINE__, "enough");
}

/* ---- many ---- */

static int many_wait(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 50; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "many", for_ever, NULL), 0);
	return weir_scope_join(ctx, &s, 0, err);
}

static int many_left(weir_ctx *ctx, weir_err *err, void *arg)
{
	static weir_mutex many[50];
	(void)err, (void)arg;
	for (int i = 0; i < 50; i++)
		weir_mutex_init(&many[i], weir_ctx_rt(ctx));
	return 0;
}

/* Each choice is needed, so nothing can be left out of the schedule. */
static int many_choices(weir_ctx *ctx, weir_err *err, void *arg)
{
	bool all = true;
	(void)ctx, (void)err, (void)arg;
	for (int i = 0; i < 1500; i++)
		all &= weir_sim_choose(10000, "not 0") != 0;
	WEIR_SIM_ASSERT(!all);
	return 0;
}

static int no_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "first", does_once, NULL), 0);
	return weir_scope_join(ctx, &s, 0, err);
}

/* ---- what must be told ---- */

static const struct program {
	const char *name;
	weir_task_fn *fn;
	enum weir_sim_kind kind;
	const char *pieces[PIECES];
	struct weir_sim_opts opts; /* without a strategy: dfs */
} programs[] = {
	{"lock_order",
	 lock_order,
	 WEIR_SIM_DEADLOCK,
	 {"lock(mutex2, held by T2 since step ", "lock(mutex1, held by T1 since step ",
	  "mutex2 is held by T2 other, who", "cycle: T1 one -> mutex2 -> T2 other -> mutex1 -> T1 one"},
	 {0}},
	{"read_twice",
	 read_twice,
	 WEIR_SIM_DEADLOCK,
	 {"read_lock(rwlock1, 1 reader, a writer waits)", "rwlock1 is wanted first by T2 other",
	  "write_lock(rwlock1, 1 reader)", "rwlock1 is held by T1 one"},
	 {0}},
	{"write_held",
	 write_held,
	 WEIR_SIM_DEADLOCK,
	 {"write_lock(rwlock1, held for writing by T1 since step ", "rwlock1 is held by T1 one, who waits in select"},
	 {0}},
	{"no_signal", no_signal, WEIR_SIM_DEADLOCK, {"cond_wait(cond1, mutex1)"}, {0}},
	{"kept_mutex",
	 kept_mutex,
	 WEIR_SIM_DEADLOCK,
	 {"cond_wait(cond1, signalled, locks mutex1, held by T2 since step ", "mutex1 is held by T2 other"},
	 {0}},
	{"too_few", too_few, WEIR_SIM_DEADLOCK, {"acquire(sem1, wants 2, 1 free, 2 wait)"}, {0}},
	{"not_done", not_done, WEIR_SIM_DEADLOCK, {"wg_wait(wg1, count 3)"}, {0}},
	{"endless_once",
	 endless_once,
	 WEIR_SIM_DEADLOCK,
	 {"once(once1, run by T1 since step ", "once1 is run by T1 one, who", "once(once1) -> runs it"},
	 {0}},
	{"select_off",
	 select_off,
	 WEIR_SIM_DEADLOCK,
	 {"case 0: ctx3 \"other\" ends", "case 1: off", "case 2: off"},
	 {0}},
	{"left_open",
	 left_open,
	 WEIR_SIM_LEAK,
	 {"the first a mutex", "mutex2  made ", "rwlock1  made ", "cond1  made ", "sem1  made ", "wg1  made ",
	  "once1  made ", "atomic1  made "},
	 {0}},
	{"noted",
	 noted,
	 WEIR_SIM_ASSERTION,
	 {"note: ends: 1", "wait_end(on_end1) -> ended, runs", "fn_done(on_end1)", "stop(on_end2) -> stopped",
	  "stop(on_end1) -> done", "wait_end(on_end2) -> over"},
	 {0}},
	{"atomics",
	 atomics,
	 WEIR_SIM_DEADLOCK,
	 {"store(atomic1), holds 11", "cas(atomic1) not equal, holds 11", "cas(atomic1) done, holds 13",
	  "exchange(atomic1), holds 14", "add(atomic1), holds 15", "load(atomic1), holds 15"},
	 {0}},
	{"many_wait", many_wait, WEIR_SIM_DEADLOCK, {"51 tasks wait for ever", "  ... and 11 more tasks"}, {0}},
	{"many_left", many_left, WEIR_SIM_LEAK, {"50 objects are left at the end", "  ... and 30 more"}, {0}},
	{"many_choices",
	 many_choices,
	 WEIR_SIM_ASSERTION,
	 {"as a string it is too long to be written down", "with opts.strategy = \"random\", .seed = 5, .schedules = ",
	  "(with opts.fail_alloc = 9999, .fail_spawn = 0)"},
	 {.strategy = "random", .seed = 5, .fail_alloc = 9999}},
	{"no_task", no_task, WEIR_SIM_ASSERTION, {"p1 = spawn 1 (from 1) fails"}, {.fail_spawn = 1}},
	{"timers",
	 timers,
	 WEIR_SIM_ASSERTION,
	 {"select(timer, ticker) BLOCKS until +2ms", "case 0 timer", "case 0 ticker, 1 due", "case 0 ctx2 ended"},
	 {0}},
};

/* weir_sim_run, with what it says on stderr in fd. */
static int run_told(const struct weir_sim_opts *opts, weir_task_fn *fn, struct weir_sim_result *result, int fd)
{
	int before = dup(STDERR_FILENO);
	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	int rc = weir_sim_run(opts, fn, NULL, result);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	return rc;
}

/* The report, to be freed; NULL: it was not found as its kind, or nothing was said. */
static char *report_of(const struct program *p)
{
	char path[] = "/tmp/weir-report-XXXXXX";
	char *text = NULL;
	struct weir_sim_result result;
	struct weir_sim_opts opts = p->opts;
	int fd = mkstemp(path);
	if (fd < 0)
		return NULL;
	opts.name = p->name;
	opts.strategy = opts.strategy ? opts.strategy : "dfs";
	opts.allow_no_decisions = true;
	bool found = run_told(&opts, p->fn, &result, fd) == 1 && result.kind == p->kind;
	if (!found)
		printf("     %s\n", result.message);
	off_t n = found ? lseek(fd, 0, SEEK_END) : 0;
	if (n > 0)
		text = calloc(1, (size_t)n + 1);
	if (text && pread(fd, text, (size_t)n, 0) != n)
		text[0] = '\0';
	close(fd);
	unlink(path);
	return text;
}

static bool told(const struct program *p, const char *text)
{
	bool all = text != NULL;
	for (size_t i = 0; text && i < PIECES && p->pieces[i]; i++) {
		if (strstr(text, p->pieces[i]))
			continue;
		printf("     %s: not told: %s\n", p->name, p->pieces[i]);
		all = false;
	}
	return all && p->pieces[0];
}

int main(int argc, char **argv)
{
	unsigned passed = 0, n = sizeof(programs) / sizeof(programs[0]);
	for (unsigned i = 0; i < n; i++) {
		bool show = argc == 3 && strcmp(argv[1], "--show") == 0 && strcmp(argv[2], programs[i].name) == 0;
		char *text = report_of(&programs[i]);
		bool ok = told(&programs[i], text);
		printf("%s %s\n", ok ? "ok  " : "FAIL", programs[i].name);
		if (show)
			printf("%s", text ? text : "");
		passed += ok;
		free(text);
	}
	const struct program blind = {"no_signal", no_signal, WEIR_SIM_DEADLOCK, {"no report says this"}, {0}};
	char *text = report_of(&blind);
	bool sees = text && !told(&blind, text) && !told(&blind, NULL);
	printf("%s the check is not blind\n", sees ? "ok  " : "FAIL");
	free(text);
	printf("%u passed, %u failed\n", passed + sees, n + 1 - passed - sees);
	return passed == n && sees ? EXIT_SUCCESS : EXIT_FAILURE;
}
