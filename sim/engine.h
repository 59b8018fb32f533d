/* SPDX-License-Identifier: MIT
 *
 * The simulator's own state, shared by the files of sim/.
 *
 *   engine.c    the scheduler: steps, choices, park, join, virtual time; the runtime's vtable and hooks
 *   arena.c     stacks and memory of tasks, with the list of live blocks
 *   heap.c      malloc and its family, for code that runs in tasks
 *   fd.c        fake descriptors: pipes, sockets, signals; what is ready, and who waits for it
 *   objects.c   the table of objects, ownership by vector clocks, accounts, leaks
 *   sanitize.c  what ASan, TSan and Valgrind must know of fibers and memory
 *   explore.c   with -DWEIR_EXPLORE_ATOMICS: the atomics and locks inside of operations
 *   fault.c     what turns a crash, an assertion or a hang into a failure of the schedule
 *   spin.c      loops that go round in vain: set aside until what they look at changes; livelock
 *   inject.c    faults of the program's surroundings, as choices: which allocation, spawn, call or park goes wrong
 *   race*.c     races on memory whose accesses are announced
 *   search.c    schedules in a row: budgets, strategies, the run-twice check, the second run of a failure, traced
 *   jobs.c      the same over several processes; progress.c how far it is
 *   explored.c  what a search has seen: orders, conditions that must be true once; pairs.c pairs in one order only
 *   shrink.c    a failing schedule made smaller; explain.c what decided that it fails, report_why.c tells it
 *   user.c      what a scenario may call: choose, note, name, spawn, quiesce, invariant, fail
 *   history.c   calls and returns that a scenario records; linear.c whether an order explains them, linear_text.c why
 *               none does
 *   strategy_*  one file each behind strategy.h; dependence.c which operations depend on each other
 *   order.c     the partial order of a schedule, as a hash
 *   replay.c    schedules as text
 *   trace.c     what happened in a schedule, recorded only in the second run of a failure
 *   stuck.c     a cycle of locks and joins, found when it closes; formed.c when other deadlocks formed
 *   report.c    the failure for people; site.c turns addresses into file:line
 *   break.c     a replay stopped in a debugger
 *   main.c      weir_sim_main; canary.c the programs that must fail
 *
 * A STEP is one operation of one task: the scheduler picks the task, the task performs the operation it announced
 * and runs on to the announcement of its next one. A step's number is the count of picks. A DECISION is a pick, or a
 * data choice, with more than one alternative. Everything that is chosen goes through one stream: (value, number of
 * alternatives) in order. */
#ifndef WEIR_SIM_ENGINE_H
#define WEIR_SIM_ENGINE_H

#include <weir/sim.h>

#include "explore.h"
#include "fiber.h"
#include "inject.h"
#include "spin.h"

#define SIM_WORDS (WEIR_SIM_TASKS / 64)
#define SIM_NONE UINT32_MAX
#define SIM_CLOCK (UINT32_MAX - 1) /* as a pick: time moves to the next deadline although tasks can run */

enum sim_state {
	SIM_UNUSED,
	SIM_RUNNABLE,
	SIM_PARKED,
	SIM_JOINING,
	SIM_QUIESCING,
	SIM_HELD_UP,  /* inside of an operation, by another task that is inside of one: explore.h */
	SIM_AWAITING, /* in front of an operation of a loop that goes round in vain: spin.c */
	SIM_EXITED,   /* its function is over */
};

/* What is known of a step only when it is over; see dependence.c. */
enum sim_fact {
	SIM_FACT_CLOCK = 1 << 0,  /* it looked at the clock, or took away a deadline that waited to come */
	SIM_FACT_READ = 1 << 1,   /* its operation turned out to be a read */
	SIM_FACT_ZERO = 1 << 2,   /* its operation had the result 0 */
	SIM_FACT_PARKED = 1 << 3, /* it ended in a park */
	SIM_FACT_FAULT = 1 << 4,  /* it came to where a fault could be: these are counted */
	SIM_FACT_SPIN = 1 << 5,   /* it was found to go round in vain, or let somebody go on who does */
};

/* An object of weir as the simulator knows it; obj->shadow is its index + 1. */
struct sim_object {
	struct weir_obj *obj;
	uint32_t kind;
	uint32_t creator, index; /* identity: the index-th object of task `creator` */
	uint64_t identity;       /* a hash of it */
	uint32_t parent;         /* index in the table, or SIM_NONE: of a handle the channel, of a scope its context */
	uint32_t display;        /* n-th of its kind: ch1, ch2, ... */
	bool live;
	uint32_t user, user_clock; /* handles: who used it last, at which of its own times */
	const void *user_site, *made_site;
	uint32_t children;  /* contexts: how many of its children live */
	bool watched;       /* scopes: a function was registered for the end of a context */
	const void *holder; /* locks: the task that has it, since held_step */
	uint64_t held_step;
	uint32_t takes, leaves; /* rows of the clock table, or SIM_NONE: what an operation on it learns, and tells */
	uint64_t readers[SIM_WORDS]; /* rwlocks: the tasks that read (stuck.c) */
	uint32_t next_free;
	char name[24];
};

struct sim_task {
	struct weir_task pub; /* first: R8 of rt.h */
	uint32_t index, parent, children, objects;
	uint64_t path; /* hash of (parent's path, n-th child): the identity that does not depend on the schedule */
	struct fiber fiber;
	struct sim_slab *slab;
	enum sim_state state;
	bool token, due, joined, detached, completion; /* completion: the step to come ends an operation that parked */
	bool idle;                                     /* due because nobody could run */
	int64_t deadline_at;
	const struct weir_op *op; /* announced, or parked in */
	struct weir_op own;       /* for operations the runtime itself announces */
	uint64_t since_step;      /* parked since */
	int64_t since_at;
	uint32_t join_target;
	uint32_t scope;  /* that it was spawned in: its obj->shadow; 0: in none */
	weir_fd wait_fd; /* parked for this descriptor (0: for none) ... */
	short wait_events;
	bool quiet;       /* spin.c has a record of it */
	uint8_t n_quiet;  /* quiet operations before there is one (S2 of spin.c) ... */
	const void *site; /* ... and where the first was */
	uint64_t wide_random;
	int saved_errno;
	void (*fn)(void *arg);
	void *arg;
	const void *spawn_site;
	uintptr_t low_sp; /* lowest stack address seen at a switch; 0: not known, it was left by a signal */
	uint32_t clock[WEIR_SIM_TASKS];
};

struct sim_choice {
	uint32_t value;    /* picks: task index or SIM_CLOCK; data: the number */
	uint32_t n;        /* alternatives */
	uint32_t standard; /* what the default policy would have chosen */
	bool data;
	uint8_t fault; /* data: enum sim_fault; else 0 */
	uint64_t at;   /* picks: step; data: count of data choices before it; faults: n-th of their kind, from 1 */
};

struct sim_failure {
	enum weir_sim_kind kind;
	uint64_t step;
	int64_t time_at;
	uint32_t task; /* SIM_NONE: after the end */
	const void *site, *other_site;
	uint64_t place; /* of a deadlock: where tasks are blocked */
	uint32_t other_task;
	char text[400];
};

struct sim_invariant {
	bool (*fn)(void *arg);
	void *arg;
	const char *what;
};

struct sim_marks;
struct sim_pairs;
struct sim_strategy;
struct sim_order;
struct sim_trace;
struct sim_race;

struct sim {
	struct weir_rt rt; /* first: the runtime tasks see */
	struct weir_hooks hooks;
	const struct weir_sim_opts *opts;

	/* one schedule */
	struct sim_task *tasks[WEIR_SIM_TASKS];
	uint32_t n_tasks, n_live, current;
	uint64_t runnable[SIM_WORDS];
	uint32_t n_runnable;
	uint32_t n_held_up;                  /* tasks that wait for tasks (stuck.h) */
	uint32_t spin_active, spin_awaiting; /* tasks of which spin.c has a record; that are set aside */
	uint32_t stirred; /* the task that parked last and could run at once (E7 of engine.c), or SIM_NONE */
	int64_t now;
	uint64_t step, decisions, hash;
	uint64_t data_choices;
	unsigned early_left;
	unsigned facts;    /* enum sim_fact, of the step that runs or has just run */
	uint64_t barriers; /* moments at which nobody could run */
	bool cut;         /* set by a strategy, in a pick: all that could come has been run; the schedule is given up */
	bool going_round; /* the strategy is told of a step that is nobody else's to take (S4 of spin.c) */
	bool fault_hit;   /* one that the program may tell as an error */
	bool racing;      /* an access was announced in this schedule: race.h's functions are to be called */
	struct sim_failure failure;
	char *explanation;    /* of a history that is not linearizable; weir__own_free */
	struct fiber harness; /* where run_once continues */
	bool inside;          /* a task is running */
	int root_rc;
	weir_err root_err;
	void (*entry)(void *arg);
	void *entry_arg;

	/* the stream */
	struct sim_choice *stream;
	size_t n_stream, stream_cap;
	uint64_t *step_hash; /* recorded only while checking: hash after each step */
	size_t n_step_hash, step_hash_cap;
	bool record_hashes;
	bool shown; /* somebody looks at every step: order, trace or pairs */

	/* objects */
	struct sim_object *objects;
	uint32_t n_objects, objects_cap, free_object;
	uint32_t display[24]; /* per kind */
	struct sim_fds *fds;  /* NULL: none was made yet */
	uint32_t (*clocks)[WEIR_SIM_TASKS];
	uint32_t n_clocks, clocks_cap;
	struct sim_invariant invariants[8];
	uint32_t n_invariants;
	bool checking;         /* an invariant is being called */
	struct sim_race *race; /* NULL: none ever was */

	/* the search */
	struct sim_strategy *strategy;
	struct sim_order *order; /* NULL: nobody asks for the partial order */
	struct sim_trace *trace; /* NULL: not recording */
	uint64_t break_at;       /* while recording: stop there (break.h); 0: nowhere */
	uint64_t total_steps, total_decisions;
	uint64_t step_limit, limit; /* of each schedule; of this one, with the steps that do not count */
	uint64_t data_seed;
	bool timed;              /* a task has waited with a deadline: time could have moved early */
	volatile uint32_t ticks; /* of the timer of fault.c */
	struct sim_pairs *pairs; /* pairs.c; NULL: not counted */
	struct sim_marks *marks; /* explored.c: conditions that must be true once */
	volatile bool time_up;   /* set by the timer of fault.c: the wall budget is spent */
	struct sim_inject inject;
	struct sim_spins *spins;
	struct sim_slab *slabs[WEIR_SIM_TASKS];
};

/* The search that runs in this process, or NULL: what an assertion or a signal handler finds. */
extern struct sim *weir__sim;

static inline struct sim_task *weir__sim_current(struct sim *s)
{
	return s->tasks[s->current];
}

/* ---- engine.c ---- */

void weir__sim_engine_init(struct sim *s);

/* One schedule from a clean state; s->failure says how it ended. */
void weir__sim_run_once(struct sim *s, void (*entry)(void *arg), void *arg);

/* Adds to the stream what was chosen. */
void weir__sim_record(struct sim *s, struct sim_choice choice);

/* A data choice among n (1 or more). */
uint32_t weir__sim_data(struct sim *s, uint32_t n);

/* Records the first failure of a schedule and leaves it for good; from a task it does not return. */
WEIR_PRINTF(3, 4) void weir__sim_fail(struct sim *s, enum weir_sim_kind kind, const char *fmt, ...);

/* A replay does not fit this step any more, and text says how. Does not leave: the strategy is inside a pick. */
void weir__sim_diverged(struct sim *s, const char *text);

/* Leaves the running task for the harness, for ever. */
_Noreturn void weir__sim_leave(struct sim *s);

/* Waits until every other task waits; see weir_sim_quiesce. */
void weir__sim_quiesce(struct sim *s);

/* Parks the calling task in the operation it is inside of (or in one of its own, at site) until it is picked again: it
 * has a token, or its deadline, later than now, has come (`due`), or weir__sim_wake was called. */
void weir__sim_stop(struct sim *s, struct sim_task *t, int64_t deadline_at, const void *site);

/* Lets t go on that was set aside. */
void weir__sim_let_go(struct sim *s, struct sim_task *t);

/* Moves time, and lets those go on whose deadline has come; early: although somebody could run. */
void weir__sim_move_time(struct sim *s, int64_t to, bool early);

/* Lets t go on if it is parked; it knows then what the calling task knows. */
void weir__sim_wake(struct sim *s, struct sim_task *t);

/* An operation that the simulator announces for itself. Between the two the calling task performs it. */
void weir__sim_begin(struct sim *s, enum weir_op_kind kind, weir_fd fd, const void *site);
void weir__sim_end(struct sim *s, int rc);

#ifdef WEIR_EXPLORE_ATOMICS
/* The calling task announces op, which is inside of what it has announced before; and lets others run until it is
 * allowed on by weir__sim_go_on (not at all: how a task waits for one of weir's internal locks). */
void weir__sim_inner(struct sim *s, const struct weir_op *op);
void weir__sim_hold_up(struct sim *s, const struct weir_op *op);
void weir__sim_go_on(struct sim *s, struct sim_task *t);

/* Where in the slabs of the tasks so far the address lies: whose (SIM_NONE: nobody's), and how far from its begin.
 * (arena.c) */
uint32_t weir__sim_slab_of(const struct sim *s, const volatile void *address, uint32_t *offset);
#endif

/* ---- arena.c ---- */

struct sim_slab; /* guard page, stack, guard page, memory of one task */

struct sim_slab *weir__sim_slab(struct sim *s, uint32_t task); /* made at first use; NULL: no memory */
void weir__sim_slab_reset(struct sim_slab *slab, uintptr_t low_sp);
void *weir__sim_slab_stack(struct sim_slab *slab, size_t *bytes);
bool weir__sim_slab_guard(const struct sim_slab *slab, const void *address);
void weir__sim_slabs_free(struct sim *s);

void *weir__sim_alloc(struct sim *s, struct sim_task *task, size_t bytes, const void *site);
void weir__sim_release(struct sim *s, void *mem);

struct sim_block;

/* The same for malloc in a task: align is a power of two. And back. */
void *weir__sim_heap_alloc(struct sim *s, struct sim_task *task, size_t align, size_t bytes, const void *site);
void weir__sim_heap_release(struct sim *s, void *mem, const void *site);
/* The block of malloc at mem, alive; NULL: mem is not memory of a task. What lies in memory of tasks and is no such
 * block (or is, and was given back) ends the schedule. verb: what the task does with it. */
struct sim_block *weir__sim_heap_find(struct sim *s, const void *mem, const char *verb, const void *site);

size_t weir__sim_heap_bytes(const struct sim_block *block); /* headers are arena.c's to look into */

struct sim_block {
	size_t bytes;
	const void *site; /* where it was taken; once it was given back, where that was */
	uint32_t task;
	uint16_t state;
	bool heap; /* of malloc, not of the runtime */
};

#define SIM_BLOCK_HEADER ((size_t)32)

/* Counts an allocation; true: this is the one that shall fail. (engine.c) */
bool weir__sim_alloc_fails(struct sim *s);

/* Calls fn for each block that was not released. */
void weir__sim_blocks(struct sim *s, void (*fn)(void *arg, const void *mem, const struct sim_block *block), void *arg);
uint64_t weir__sim_live_blocks(const struct sim *s);

/* ---- heap.c ---- */

/* From now on malloc in this thread is a task's of s; NULL: nobody's. */
void weir__sim_heap_task(struct sim *s);

/* The real malloc family, for the simulator itself where a task may be running. calloc: one zeroed object. */
void *weir__own_realloc(void *mem, size_t bytes);
void *weir__own_calloc(size_t bytes);
void weir__own_free(void *mem);

/* ---- objects.c ---- */

void weir__sim_objects_reset(struct sim *s);
void weir__sim_created(struct sim *s, struct weir_obj *obj, struct weir_obj *parent, const void *site);
void weir__sim_gone(struct sim *s, struct weir_obj *obj);
/* NULL: none */
static inline struct sim_object *weir__sim_object(struct sim *s, const struct weir_obj *obj)
{
	return obj->shadow && obj->shadow <= s->n_objects ? &s->objects[obj->shadow - 1] : NULL;
}

/* Before the operation is performed: ownership, stale handles, what it may know of others (acquire). */
void weir__sim_op_begin(struct sim *s, struct sim_task *task, const struct weir_op *op);
/* When it is over, or parks: what others may know of it (release), the channel's account. */
void weir__sim_op_end(struct sim *s, struct sim_task *task, const struct weir_op *op);
static inline void weir__sim_clock_join(uint32_t *to, const uint32_t *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = to[i] > from[i] ? to[i] : from[i];
}

/* A task that is new: nobody knows of it. */
void weir__sim_clock_column(struct sim *s, uint32_t task);

/* After the last task: fails with the first kind of leak there is. */
void weir__sim_check_leaks(struct sim *s);

/* ---- fd.c ---- */

struct sim_fds;

void weir__sim_fds_reset(struct sim *s);
void weir__sim_fds_free(struct sim *s);

struct weir_obj *weir__sim_fd_object(struct sim *s, weir_fd fd); /* NULL: not a fake one */

/* The object that op is about: the descriptor where it names a fake one, else obj[0]. NULL: none. */
static inline struct weir_obj *weir__sim_op_object(struct sim *s, const struct weir_op *op)
{
	return op->fd >= WEIR_SIM_FD ? weir__sim_fd_object(s, op->fd) : op->obj[0];
}

/* "readable", "writable", "readable or writable", ... */
const char *weir__sim_events_text(short events);

int weir__sim_wait_fd(weir_rt *rt, weir_fd fd, short events, int64_t deadline_at);
int weir__sim_fd_read(weir_rt *rt, weir_fd fd, void *buf, size_t n);
int weir__sim_fd_write(weir_rt *rt, weir_fd fd, const void *buf, size_t n);
int weir__sim_fd_accept(weir_rt *rt, weir_fd listener, weir_fd *out);
int weir__sim_fd_shut(weir_rt *rt, weir_fd fd);
void weir__sim_fd_close(weir_rt *rt, weir_fd fd);
int weir__sim_signals_open(weir_rt *rt, const int *signals, size_t n, weir_fd *out);
int weir__sim_signals_next(weir_rt *rt, weir_fd fd);

/* ---- fault.c ---- */

int weir__sim_guard_begin(struct sim *s); /* signal handlers and the hang timer; negative: failed */
void weir__sim_guard_end(struct sim *s);
void weir__sim_guard_patient(void); /* from now on nothing hangs, and the wall budget is not looked at */

/* ---- replay.c ---- */

/* "s1.NAME.HASH:12>2@send.ch1,40>1@lock.mutex2,c3=1,51>t": where the schedule left the default policy; "-" instead
 * of a list that is empty. Returns the length without limit. */
size_t weir__sim_encode(const struct sim *s, const char *name, char *buf, size_t cap);

#define SIM_EXPECT_TEXT 32

/* "send.ch1": what a pick was to perform. */
struct sim_expected {
	uint64_t at;
	char text[SIM_EXPECT_TEXT];
};

struct sim_replay {
	char name[64];
	uint32_t hash;            /* low 16 bits of the schedule's */
	struct sim_choice *items; /* deviations: at, value, data, fault */
	size_t n;
	struct sim_expected *expected; /* of some of the picks, by `at` */
	size_t n_expected;
};

int weir__sim_decode(const char *text, struct sim_replay *out); /* negative: malformed */
void weir__sim_replay_free(struct sim_replay *replay);

/* ---- shrink.c ---- */

/* Where the schedule that has just run left the default policy; items is NULL without memory. */
struct sim_replay weir__sim_deviations(const struct sim *s);

/* Whether this failure is of a kind that is worth it, and safe to run again. */
bool weir__sim_shrinkable(const struct sim *s);

/* ---- trace.c ---- */

enum sim_event_kind {
	SIM_EV_STEP,   /* the task begins (or, completion set, ends) an operation */
	SIM_EV_RESULT, /* ... and it is over with rc */
	SIM_EV_BLOCK,  /* ... or it parks */
	SIM_EV_TIME,   /* virtual time moved */
	SIM_EV_NOTE,   /* text */
};

struct sim_trace_ref {
	uint32_t kind, display; /* of the object: WEIR_OBJ_*, n-th of its kind */
	char name[24];
};

struct sim_event {
	enum sim_event_kind kind;
	uint64_t step;
	int64_t time_at;
	uint32_t task;
	uint8_t op; /* enum weir_op_kind */
	bool completion, early;
	int rc;
	struct sim_trace_ref obj;  /* the main object: channel, context, scope */
	struct sim_trace_ref obj2; /* select: of the committed case */
	uint64_t len, capacity;    /* of a channel, after the event */
	uint64_t dropped, drops;   /* of a channel: in all, and by this operation */
	uint32_t ready;            /* select: cases that were, where that was a choice; else 0 */
	int64_t at;                /* sleep, park: until */
	uint32_t other;            /* the new task of a spawn, the target of the runtime's join; else SIM_NONE */
	uint8_t case_kind;         /* select: of the committed case, as in weir__case_view */
	int case_rc;               /* ... and its own result */
	bool preempts;             /* another task's step came before, and that task would have gone on */
	const void *site;
	uintptr_t op_id; /* STEP: its struct weir_op, to be compared only */
	size_t stream;   /* STEP: choices before it */
	char text[128];  /* notes; spawn: the new task's name; select: its cases */
};

/* A channel as it was seen last: it may be gone. */
struct sim_account {
	struct sim_trace_ref ref; /* kind WEIR_OBJ_DEAD: was not seen */
	uint64_t accepted, delivered, dropped;
	size_t len, capacity, n_tx, n_rx;
	bool gone;
};

void weir__sim_trace_step(struct sim *s, struct sim_task *task);
void weir__sim_trace_result(struct sim *s, struct sim_task *task, const struct weir_op *op, int rc);
void weir__sim_trace_block(struct sim *s, struct sim_task *task);
void weir__sim_trace_time(struct sim *s, bool early);
void weir__sim_trace_note(struct sim *s, const char *text);
void weir__sim_trace_gone(struct sim *s, const struct weir_obj *obj); /* while it can still be read */

void weir__sim_trace_settle_names(struct sim_trace *trace);

/* Looks at the channels that are still there. */
void weir__sim_trace_accounts(struct sim *s);

struct sim_trace {
	struct sim_event *events;
	size_t n, cap;
	struct sim_account *chans; /* by display - 1 */
	size_t n_chans;
	bool lost; /* no memory for more */
};

void weir__sim_trace_free(struct sim_trace *trace);

/* ---- report.c, site.c ---- */

struct sim_report {
	const char *name, *program, *strategy; /* program: argv[0] for the replay line, or NULL */
	uint64_t seed, schedule, schedules;
	const char *replay;
	uint64_t choices_before, choices;  /* deviations before and after shrinking; both 0: not shrunk */
	const struct sim_explanation *why; /* explain.h; NULL: not looked for */
	bool unlike;                       /* a replay that was not the run its string was written for */
};

/* The report of s->failure, with s->trace recorded and the state of the failed schedule still in s, to stderr
 * (unless quiet) and opts->report. */
void weir__sim_report(struct sim *s, const struct sim_report *about);

/* file:line of the user's code for n return addresses ("?" where unknown), each at most cap bytes; frames inside
 * weir's own headers are skipped for the line that called them. */
void weir__sim_sites(const void *const *sites, size_t n, char (*out)[64]);

/* ---- search.c ---- */

struct sim_pair_list;

/* weir_sim_run, and all pairs that were seen in one order only (explored.h; the caller frees them). pairs may be
 * NULL. */
int weir__sim_search(const struct weir_sim_opts *opts, weir_task_fn *fn, void *arg, struct weir_sim_result *out,
		     struct sim_pair_list *pairs);

/* ---- main.c, canary.c ---- */

/* How reports tell the user to replay: set by weir_sim_main. */
extern const char *weir__sim_program;

/* Runs the programs that are known to be broken; 0: all were found, else the first one that was not is named on
 * stderr. */
int weir__sim_canary(void);

#endif
