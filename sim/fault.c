/* SPDX-License-Identifier: MIT
 *
 * What a task can do to the process, turned into a failure of the schedule: a signal (SIGSEGV on a guard page is a
 * stack overflow), abort, a failed assert(3), and running on without ever reaching an operation.
 *
 * Handlers run on a stack of their own, since the task's may be the one that overflowed, and leave the task by
 * switching to the harness; the interrupted fiber is never continued. SA_NODEFER keeps the signal deliverable after
 * that. A crash may have damaged anything, so a search ends with its first failure, and the report says so.
 *
 * A timer ticks every 100 ms while a search runs (no system call per schedule, no thread): a tick that finds the same
 * step as the 50 ticks before it (more where a sanitizer or Valgrind makes everything slower) names the task that
 * hangs, whether it spins or is in a real blocking call. The same ticks count the wall budget.
 *
 * __assert_fail is defined here, so that assert(3) in a task, in the library or in user code, ends the schedule
 * instead of the process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "engine.h"

#define TICK_NS INT64_C(100000000)
#define HANG_TICKS 50

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
enum { N_CRASH = sizeof(crash_signals) / sizeof(crash_signals[0]) };

static struct sigaction old_crash[N_CRASH], old_tick;
static stack_t old_stack;
static timer_t timer;
static bool have_timer;
static unsigned char handler_stack[64 << 10] __attribute__((aligned(16)));
static int64_t ticks;
static uint64_t last_step, last_total;
static unsigned same;

static const void *interrupted_at(const void *context)
{
	const ucontext_t *uc = context;
#if defined(__x86_64__)
	return (const void *)(uintptr_t)(uc->uc_mcontext.gregs[REG_RIP] + 1); /* sites are return addresses */
#elif defined(__aarch64__)
	return (const void *)(uintptr_t)(uc->uc_mcontext.pc + 1);
#else
	(void)uc;
	return NULL;
#endif
}

/* The handler will not return. SA_NODEFER is not enough: TSan, which wraps it, blocks every signal meanwhile. */
static void as_before(const void *context)
{
	const ucontext_t *uc = context;
	if (SIM_SAN_FIBERS)
		weir__san_signal(handler_stack, sizeof(handler_stack));
	sigprocmask(SIG_SETMASK, &uc->uc_sigmask, NULL);
}

static const char *signal_name(int sig)
{
	switch (sig) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGFPE:
		return "SIGFPE";
	case SIGILL:
		return "SIGILL";
	case SIGTRAP:
		return "SIGTRAP";
	default:
		return "SIGABRT";
	}
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
	struct sim *s = weir__sim;
	if (!s || !s->inside) { /* the harness's own, or a thread that has nothing to do with it */
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	struct sim_task *t = weir__sim_current(s);
	as_before(context);
	s->failure.site = interrupted_at(context);
	if (sig == SIGSEGV && weir__sim_slab_guard(t->slab, info->si_addr))
		weir__sim_fail(s, WEIR_SIM_CRASH, "T%u %s ran over the end of its stack (256 KiB)", t->index,
			       t->pub.name);
	else if (sig == SIGABRT)
		weir__sim_fail(s, WEIR_SIM_CRASH, "T%u %s called abort", t->index, t->pub.name);
	else
		weir__sim_fail(s, WEIR_SIM_CRASH, "%s in T%u %s, address %p", signal_name(sig), t->index, t->pub.name,
			       info->si_addr);
	weir__sim_leave(s);
}

static void on_tick(int sig, siginfo_t *info, void *context)
{
	struct sim *s = weir__sim;
	(void)sig, (void)info;
	if (!s)
		return;
	ticks++;
	s->ticks = (uint32_t)ticks;
	if (s->opts->wall_ns > 0 && ticks * TICK_NS >= s->opts->wall_ns)
		s->time_up = true;
	same = s->step == last_step && s->total_steps == last_total ? same + 1 : 0;
	last_step = s->step;
	last_total = s->total_steps;
	unsigned limit = HANG_TICKS * (unsigned)weir__san_slowness();
	if (same < limit || !s->inside)
		return;
	struct sim_task *t = weir__sim_current(s);
	as_before(context);
	s->failure.site = interrupted_at(context);
	weir__sim_fail(s, WEIR_SIM_HANG,
		       "T%u %s has run for %d s without reaching an operation (a loop, or a real blocking call)",
		       t->index, t->pub.name, (int)(limit * TICK_NS / 1000000000));
	weir__sim_leave(s);
}

/* TSan keeps signals back until the program calls into it, which a task that spins may never do; but not those that
 * mean a fault. */
static int tick_signal(void)
{
	return SIM_TSAN ? SIGSYS : SIGRTMAX - 3;
}

int weir__sim_guard_begin(struct sim *s)
{
	stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof(handler_stack)};
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = tick_signal()};
	struct itimerspec every = {.it_value.tv_nsec = TICK_NS, .it_interval.tv_nsec = TICK_NS};
	ticks = 0;
	same = 0;
	last_step = last_total = 0;
	sigemptyset(&action.sa_mask);
	if (sigaltstack(&stack, &old_stack) != 0)
		return WEIR_ENOMEM;
	weir__sim = s;
	for (int i = 0; i < N_CRASH; i++)
		sigaction(crash_signals[i], &action, &old_crash[i]);
	action.sa_sigaction = on_tick;
	action.sa_flags |= SA_RESTART;
	sigaction(tick_signal(), &action, &old_tick);
	have_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
	if (have_timer && timer_settime(timer, 0, &every, NULL) == 0)
		return 0;
	weir__sim_guard_end(s); /* as if nothing had been begun */
	return WEIR_EAGAIN;
}

void weir__sim_guard_patient(void)
{
	struct itimerspec never = {.it_value.tv_nsec = 0};
	if (have_timer)
		timer_settime(timer, 0, &never, NULL);
}

void weir__sim_guard_end(struct sim *s)
{
	(void)s;
	if (have_timer)
		timer_delete(timer);
	signal(tick_signal(), SIG_IGN); /* a tick that is still pending goes nowhere */
	sigaction(tick_signal(), &old_tick, NULL);
	for (int i = 0; i < N_CRASH; i++)
		sigaction(crash_signals[i], &old_crash[i], NULL);
	old_stack.ss_flags &= SS_DISABLE;
	sigaltstack(&old_stack, NULL);
	weir__sim = NULL;
}

_Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function);

_Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
	struct sim *s = weir__sim;
	const char *base = strrchr(file, '/');
	if (s && s->inside) {
		s->failure.site = __builtin_return_address(0);
		weir__sim_fail(s, WEIR_SIM_ASSERTION, "%s:%u: %s: assertion failed: %s", base ? base + 1 : file, line,
			       function, assertion);
		weir__sim_leave(s);
	}
	fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, assertion);
	abort();
}
