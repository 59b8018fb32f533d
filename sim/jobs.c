/* SPDX-License-Identifier: MIT
 *
 * One search in several processes. They are forked before the first schedule, each has an engine of its own, and what
 * they tell the first process lies in memory they share with it.
 *
 *  J1  Which schedules a process runs follows from its number alone (Q6 of search.c): strategies that draw take every
 *      n-th schedule, so that two of them never draw alike; a dfs takes every n-th subtree (strategy_dfs.c).
 *  J2  The k-th schedule of process j has the number k * n + j. When one fails, the others go on up to that number and
 *      no further, and the failure with the lowest number counts: fast or slow makes no difference.
 *  J3  The first process runs the schedule that failed again, from its deviations, and makes the report as it makes
 *      every report. What does not fail alike there is not a function of its choices, and that is the failure then.
 *  J4  No process is left behind: all are waited for on every path; a signal that ends the caller kills them first;
 *      and if the caller is killed, the kernel kills them.
 *  J5  A process that is gone without having said so has crashed outside of what fault.c can catch. That is a failure
 *      of the search, and the others are killed. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "search.h"

#define ITEMS 65536 /* deviations of a failure: longer ones cannot be handed over */
#define NEVER UINT64_MAX
#define LOOK_MS 100

struct job {
	_Atomic uint64_t runs; /* so far */
	_Atomic bool over;     /* everything below is set */
	int rc;
	uint64_t failed, number; /* failed: as weir__sim_search_part returns it; number: J2 */
	struct sim_failure failure;
	uint64_t fail_alloc, fail_spawn, hash;
	size_t n_items;
	struct sim_choice item[ITEMS];
	uint64_t schedules, repeated, all_runs, faults, steps, decisions;
	enum weir_sim_end end;
	bool exhausted, timed;
	struct weir_sim_explored explored;
	struct sim_marks marks;
	uint32_t window, window_new;
};

struct sim_share {
	_Atomic uint64_t lowest; /* J2: number of the lowest failure so far */
	uint32_t n;
	uint32_t crashed; /* J5: the first that was noticed, from 1; 0: none */
	pid_t first;
	pid_t pid[MAX_JOBS]; /* 0: gone */
	int fd[MAX_JOBS];    /* ends when the process does; -1: has */
	int status[MAX_JOBS];
	struct sim_pairs *pairs[MAX_JOBS];
	struct job job[]; /* n */
};

/* ---- signals that end the caller (J4) ---- */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_ENDING = sizeof(ending) / sizeof(ending[0]) };
static struct sigaction before[N_ENDING];
static volatile sig_atomic_t caught;

static void on_ending(int sig)
{
	caught = sig;
}

static void catch_ending(void)
{
	struct sigaction action = {.sa_handler = on_ending};
	sigemptyset(&action.sa_mask);
	caught = 0;
	for (int i = 0; i < N_ENDING; i++) {
		sigaction(ending[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
	}
}

static void release_ending(void)
{
	for (int i = 0; i < N_ENDING; i++)
		sigaction(ending[i], &before[i], NULL);
}

/* ---- in a process of the share ---- */

bool weir__sim_share_wanted(const struct search *q)
{
	return q->all_runs * q->jobs + q->job < atomic_load_explicit(&q->share->lowest, memory_order_relaxed);
}

void weir__sim_share_note(struct search *q)
{
	atomic_store_explicit(&q->share->job[q->job].runs, q->all_runs, memory_order_relaxed);
}

static void hand_over_failure(const struct search *q, struct job *job)
{
	const struct sim *s = q->s;
	struct sim_replay list = weir__sim_deviations(s);
	job->number = (q->all_runs - 1) * q->jobs + q->job;
	job->failure = s->failure;
	job->hash = s->hash;
	job->fail_alloc = q->opts.fail_alloc;
	job->fail_spawn = q->opts.fail_spawn;
	job->n_items = list.items ? list.n : ITEMS + 1;
	if (job->n_items <= ITEMS)
		memcpy(job->item, list.items, list.n * sizeof(list.items[0]));
	weir__sim_replay_free(&list);
	uint64_t lowest = atomic_load(&q->share->lowest);
	while (job->number < lowest && !atomic_compare_exchange_weak(&q->share->lowest, &lowest, job->number))
		;
}

static void hand_over(const struct search *q, struct job *job)
{
	const struct sim_strategy *st = q->strategies[0];
	if (job->failed)
		hand_over_failure(q, job);
	job->schedules = q->schedules;
	job->repeated = q->repeated;
	job->all_runs = q->all_runs;
	job->faults = q->faults;
	job->steps = q->s->total_steps;
	job->decisions = q->s->total_decisions;
	job->end = q->end;
	job->exhausted = q->exhausted;
	job->timed = q->s->timed;
	job->marks = q->marks;
	job->window_new = weir__sim_window_fresh(&q->window, &job->window);
	if (st->tell)
		st->tell(st, q->exhausted, &job->explored);
}

_Noreturn static void work(struct search *q, uint32_t number)
{
	struct sim_share *share = q->share;
	struct job *job = &share->job[number];
	release_ending();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* J4 */
	if (getppid() != share->first)
		_exit(EXIT_FAILURE);
	weir__sim_pairs_free(q->s->pairs); /* this process's mapping of it */
	q->s->pairs = share->pairs[number];
	q->progress = NULL; /* the first process shows it */
	job->rc = weir__sim_search_divide(q, number, share->n);
	if (job->rc == 0)
		job->rc = weir__sim_guard_begin(q->s);
	if (job->rc == 0) {
		job->failed = weir__sim_search_part(q);
		weir__sim_guard_end(q->s);
		hand_over(q, job);
	}
	atomic_store(&job->over, true);
	fflush(NULL); /* what the scenario has printed */
	_exit(EXIT_SUCCESS);
}

/* ---- in the first process ---- */

bool weir__sim_share_possible(const struct search *q)
{
	for (size_t i = 0; i < q->n_strategies; i++)
		if (q->strategies[i]->systematic && !q->strategies[i]->split)
			return false;
	return q->opts.jobs > 1 && !q->opts.replay;
}

static size_t share_bytes(uint32_t n)
{
	return sizeof(struct sim_share) + n * sizeof(struct job);
}

static struct sim_share *share_new(uint32_t n, bool count)
{
	struct sim_share *share = mmap(NULL, share_bytes(n), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (share == MAP_FAILED)
		return NULL;
	share->n = n;
	share->first = getpid();
	share->lowest = NEVER;
	for (uint32_t i = 0; i < n; i++) {
		share->fd[i] = -1;
		share->pairs[i] = count ? weir__sim_pairs_new() : NULL;
	}
	return share;
}

void weir__sim_share_free(struct search *q)
{
	struct sim_share *share = q->share;
	if (!share)
		return;
	for (uint32_t i = 0; i < share->n; i++)
		weir__sim_pairs_free(share->pairs[i]);
	munmap(share, share_bytes(share->n));
	q->share = NULL;
}

static void reap(struct sim_share *share, uint32_t i, int flags)
{
	pid_t got;
	do
		got = waitpid(share->pid[i], &share->status[i], flags);
	while (got < 0 && errno == EINTR && !flags);
	if (got == 0 || (got < 0 && errno == EINTR))
		return;
	share->pid[i] = 0; /* or somebody else has waited for it */
	if (share->fd[i] >= 0)
		close(share->fd[i]);
	share->fd[i] = -1;
}

static void kill_all(struct sim_share *share)
{
	for (uint32_t i = 0; i < share->n; i++)
		if (share->pid[i])
			kill(share->pid[i], SIGKILL);
	for (uint32_t i = 0; i < share->n; i++)
		if (share->pid[i])
			reap(share, i, 0);
}

static int start(struct search *q, uint32_t i)
{
	struct sim_share *share = q->share;
	int fds[2];
	if (pipe(fds) < 0)
		return WEIR_EAGAIN;
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		for (uint32_t k = 0; k < i; k++)
			close(share->fd[k]);
		work(q, i);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return WEIR_EAGAIN;
	}
	share->pid[i] = pid;
	share->fd[i] = fds[0];
	return 0;
}

static void show(struct search *q)
{
	struct sim_share *share = q->share;
	struct sim_counts c = {0};
	for (uint32_t i = 0; i < share->n; i++)
		c.schedules += atomic_load_explicit(&share->job[i].runs, memory_order_relaxed);
	if (q->seen)
		c.orders = weir__sim_seen_count(q->seen, &c.orders_more);
	weir__sim_progress_show(q->progress, &c);
}

/* Until all are gone, or have to be made to go. */
static void wait_for_all(struct search *q)
{
	struct sim_share *share = q->share;
	uint32_t left = share->n;
	while (left > 0 && !caught) {
		struct pollfd p[MAX_JOBS];
		for (uint32_t i = 0; i < share->n; i++)
			p[i] = (struct pollfd){.fd = share->fd[i]};
		poll(p, share->n, LOOK_MS);
		left = 0;
		for (uint32_t i = 0; i < share->n; i++) {
			if (share->pid[i])
				reap(share, i, p[i].revents ? 0 : WNOHANG);
			left += share->pid[i] != 0;
			if (share->pid[i] || atomic_load(&share->job[i].over) || share->crashed)
				continue;
			share->crashed = i + 1; /* J5 */
			kill_all(share);
		}
		if (q->progress)
			show(q);
	}
	kill_all(share);
}

static void add_up(struct search *q)
{
	struct sim_share *share = q->share;
	q->exhausted = true;
	q->end = WEIR_SIM_END_EXHAUSTED;
	q->schedules = q->repeated = q->all_runs = 0;
	for (uint32_t i = 0; i < share->n; i++) {
		const struct job *job = &share->job[i];
		q->schedules += job->schedules;
		q->repeated += job->repeated;
		q->all_runs += job->all_runs;
		q->faults += job->faults;
		q->s->total_steps += job->steps;
		q->s->total_decisions += job->decisions;
		q->exhausted &= job->exhausted;
		q->s->timed |= job->timed;
		if (job->end > q->end)
			q->end = job->end;
		for (uint32_t k = 0; k < job->marks.n; k++)
			weir__sim_mark(&q->marks, job->marks.mark[k].name, job->marks.mark[k].hit);
		if (q->s->pairs)
			weir__sim_pairs_merge(q->s->pairs, share->pairs[i]);
	}
}

uint32_t weir__sim_share_window(const struct search *q, uint32_t *n)
{
	uint64_t window = 0, fresh = 0;
	for (uint32_t i = 0; i < q->share->n; i++) {
		window += q->share->job[i].window;
		fresh += q->share->job[i].window_new;
	}
	*n = window < SIM_WINDOW ? (uint32_t)window : SIM_WINDOW;
	return (uint32_t)(window ? fresh * *n / window : 0);
}

int weir__sim_share_run(struct search *q)
{
	uint32_t n = q->opts.jobs < MAX_JOBS ? q->opts.jobs : MAX_JOBS;
	int rc = 0;
	q->share = share_new(n, q->seen != NULL);
	if (!q->share)
		return WEIR_ENOMEM;
	fflush(NULL); /* or each process writes it once more */
	catch_ending();
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = start(q, i);
	if (rc == 0)
		wait_for_all(q);
	else
		kill_all(q->share);
	release_ending();
	if (caught) {
		raise(caught);
		return WEIR_ECANCELED;
	}
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = atomic_load(&q->share->job[i].over) ? q->share->job[i].rc : 0;
	q->jobs = n;
	if (rc == 0)
		add_up(q);
	return rc;
}

void weir__sim_share_tell(const struct search *q, struct weir_sim_explored *out)
{
	const struct sim_share *share = q->share;
	*out = (struct weir_sim_explored){.end = out->end, .jobs = out->jobs, .repeated = out->repeated};
	out->bounded = q->exhausted;
	out->bound_preemptions = out->bound_early = WEIR_SIM_NO_BOUND;
	for (uint32_t i = 0; i < share->n; i++) {
		const struct weir_sim_explored *e = &share->job[i].explored;
		if (e->bounded && e->bound_preemptions < out->bound_preemptions)
			out->bound_preemptions = e->bound_preemptions;
		if (e->bounded && e->bound_early < out->bound_early)
			out->bound_early = e->bound_early;
		out->estimate += share->job[i].exhausted ? (double)share->job[i].schedules : e->estimate;
	}
	if (q->exhausted || !q->systematic)
		out->estimate = 0;
}

static void say_crash(struct search *q, uint32_t i)
{
	const struct sim_share *share = q->share;
	int status = share->status[i];
	bool signaled = WIFSIGNALED(status);
	weir__sim_fail(q->s, WEIR_SIM_CRASH,
		       "process %u of the %u of this search ended by itself (%s %d) in its schedule %llu: not what a "
		       "schedule can be blamed for alone; without --jobs it may be seen better",
		       i, share->n, signaled ? "signal" : "exit status",
		       signaled ? WTERMSIG(status) : WEXITSTATUS(status),
		       (unsigned long long)atomic_load(&share->job[i].runs) + 1);
}

/* J3 */
static void run_it_again(struct search *q, const struct job *job)
{
	struct sim *s = q->s;
	struct sim_replay list = {.items = (struct sim_choice *)(uintptr_t)job->item, .n = job->n_items};
	q->opts.fail_alloc = job->fail_alloc;
	q->opts.fail_spawn = job->fail_spawn;
	s->strategy = q->strategies[(job->failed - 1) % q->n_strategies];
	weir__sim_search_replay(q, &list);
	if (s->failure.kind == job->failure.kind && s->hash == job->hash)
		return;
	enum weir_sim_kind now = s->failure.kind;
	s->failure = job->failure;
	if (job->failure.kind == WEIR_SIM_NONDETERMINISM || job->failure.kind == WEIR_SIM_BAD_REPLAY)
		return; /* it was not a run's own failure */
	s->failure.kind = WEIR_SIM_PASS;
	weir__sim_fail(s, WEIR_SIM_NONDETERMINISM,
		       "the same choices gave another run in another process (there: %s: %.150s; here: %s): something "
		       "outside of the simulator decides, or an earlier schedule has left something behind",
		       weir_sim_kind_name(job->failure.kind), job->failure.text, weir_sim_kind_name(now));
}

uint64_t weir__sim_share_adopt(struct search *q)
{
	const struct sim_share *share = q->share;
	const struct job *lowest = NULL;
	if (share->crashed) {
		say_crash(q, share->crashed - 1);
		return 0;
	}
	for (uint32_t i = 0; i < share->n; i++)
		if (share->job[i].failed && (!lowest || share->job[i].number < lowest->number))
			lowest = &share->job[i];
	if (!lowest)
		return 0;
	if (lowest->n_items <= ITEMS) {
		run_it_again(q, lowest);
		return lowest->number + 1;
	}
	q->s->failure = lowest->failure; /* too long to be shown */
	return 0;
}
