/* SPDX-License-Identifier: MIT
 *
 * The scheduler of the simulator: a runtime (weir/rt.h) whose every choice is made by a strategy.
 *
 * One operating system thread. Tasks are fibers, and the scheduler has no fiber of its own: the task that announces an
 * operation, parks or ends picks its successor in place and switches to it directly.
 *
 *  E1  A task is stopped only in front of an operation it has announced (choice), in a park, in a join, or in a
 *      quiesce. In front of one it may be set aside (spin.c): then it cannot run. What it does in between is one step,
 *      and nobody else runs meanwhile.
 *  E2  `runnable` holds exactly the tasks in state SIM_RUNNABLE, and n_runnable counts them.
 *  E3  Time moves only when no task can run, or as a pick of its own while early_left lasts. When it has moved to a
 *      deadline, every task whose deadline has passed can run; in which order they run is chosen like anything else, so
 *      equal deadlines are explored.
 *  E4  A task that is due but has not run yet can still be claimed by a peer: deadline against completion is a race
 *      here as it is on threads. So is a task whose descriptor has become ready (fd.c).
 *  E5  A schedule is a function of its choices: nothing here reads an address, a real clock or memory of an earlier
 *      schedule.
 *  E6  No allocation and no system call per step: tasks, stacks, arenas, the stream and the tables are kept from
 *      schedule to schedule.
 *  E7  A park that returns for no reason (R3 of rt.h) is one after which the task can run at once, neither due nor with
 *      a token; when it does, and what others have done by then, is chosen like anything else. Such a wake-up comes
 *      before time moves by itself, since time waits until nobody can run.
 *
 * What other tasks may know (vector clocks) and what was done with objects is objects.c's; this file tells it when
 * an operation begins and ends. */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "break.h"
#include "explored.h"
#include "order.h"
#include "race.h"
#include "strategy.h"
#include "stuck.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WIDE_BOUND (UINT64_C(1) << 31)
#define WALL_BASE (INT64_C(946684800) * 1000000000) /* 2000-01-01, as Go's synctest */

struct sim *weir__sim;

static struct sim *of(weir_rt *rt)
{
	return (struct sim *)rt;
}

/* ---- the set of tasks that can run ---- */

static void make_runnable(struct sim *s, struct sim_task *t)
{
	uint64_t bit = UINT64_C(1) << (t->index % 64);
	assert(!(s->runnable[t->index / 64] & bit)); /* E2 */
	s->runnable[t->index / 64] |= bit;
	s->n_runnable++;
	t->state = SIM_RUNNABLE;
}

static void make_waiting(struct sim *s, struct sim_task *t, enum sim_state state)
{
	uint64_t bit = UINT64_C(1) << (t->index % 64);
	assert(s->runnable[t->index / 64] & bit); /* E2 */
	s->runnable[t->index / 64] &= ~bit;
	s->n_runnable--;
	t->state = state;
	t->since_step = s->step;
	t->since_at = s->now;
	weir__san_release(&t->since_at);
}

/* Z3: everything before a moment at which nobody could run comes before this. */
static void after_all(struct sim *s)
{
	for (uint32_t i = 0; SIM_TSAN && i < s->n_tasks; i++)
		weir__san_acquire(&s->tasks[i]->since_at);
	if (UNLIKELY(s->racing))
		weir__sim_race_after_all(s, weir__sim_current(s));
}

static bool can_run(const struct sim *s, uint32_t task)
{
	return task < WEIR_SIM_TASKS && (s->runnable[task / 64] >> (task % 64) & 1);
}

static uint32_t lowest_runnable(const struct sim *s)
{
	for (uint32_t w = 0; w < SIM_WORDS; w++)
		if (s->runnable[w])
			return w * 64 + (uint32_t)__builtin_ctzll(s->runnable[w]);
	return SIM_NONE;
}

/* The task that ran last, if it goes on unless it is stopped; else SIM_NONE. One that is woken for no reason has
 * stopped by itself. */
static uint32_t goes_on(const struct sim *s)
{
	return can_run(s, s->current) && s->stirred != s->current ? s->current : SIM_NONE;
}

uint32_t weir__sim_alternative(const struct sim_view *view, uint32_t i)
{
	const struct sim *s = view->sim;
	if (i == 0)
		return view->standard;
	for (uint32_t w = 0; w < SIM_WORDS; w++) {
		for (uint64_t bits = s->runnable[w]; bits; bits &= bits - 1) {
			uint32_t task = w * 64 + (uint32_t)__builtin_ctzll(bits);
			if (task != view->standard && --i == 0)
				return task;
		}
	}
	assert(view->clock && i == 1);
	return SIM_CLOCK;
}

/* ---- time ---- */

/* The earliest deadline that has not come, or WEIR_FOREVER. */
static int64_t next_deadline(const struct sim *s)
{
	int64_t at = WEIR_FOREVER;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		const struct sim_task *t = s->tasks[i];
		if (t->deadline_at < at && (t->state == SIM_PARKED || t->state == SIM_AWAITING))
			at = t->deadline_at;
	}
	return at;
}

void weir__sim_let_go(struct sim *s, struct sim_task *t)
{
	make_runnable(s, t);
}

void weir__sim_move_time(struct sim *s, int64_t to, bool early)
{
	if (to > s->now)
		s->now = to;
	s->barriers += !early;
	if (s->order)
		weir__sim_order_clock(s->order, s, early);
	s->hash = (s->hash ^ (uint64_t)s->now) * UINT64_C(0x100000001b3);
	if (s->trace)
		weir__sim_trace_time(s, early);
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *t = s->tasks[i];
		if (t->state == SIM_PARKED && t->deadline_at <= s->now) {
			t->due = true;
			t->idle = !early;
			make_runnable(s, t);
		}
	}
	if (s->spin_active)
		weir__sim_spin_time(s);
}

/* E3 */
static bool advance_time(struct sim *s, bool early)
{
	int64_t at = next_deadline(s);
	if (at == WEIR_FOREVER)
		return false;
	weir__sim_move_time(s, at, early);
	return true;
}

static bool wake_quiescing(struct sim *s)
{
	bool any = false;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i]->state == SIM_QUIESCING) {
			make_runnable(s, s->tasks[i]);
			any = true;
		}
	}
	s->barriers += any;
	return any;
}

/* ---- choices ---- */

static void longer_stream(struct sim *s)
{
	size_t cap = s->stream_cap ? 2 * s->stream_cap : 1024;
	struct sim_choice *more = weir__own_realloc(s->stream, cap * sizeof(*more));
	if (!more) {
		fprintf(stderr, "weir sim: no memory for a schedule of %zu choices\n", cap);
		abort();
	}
	s->stream = more;
	s->stream_cap = cap;
}

/* The next entry of the stream, to be filled in place: a copy of it would show in the time of a step. */
static inline struct sim_choice *record(struct sim *s)
{
	if (s->n_stream == s->stream_cap)
		longer_stream(s);
	s->decisions++;
	return &s->stream[s->n_stream++];
}

void weir__sim_record(struct sim *s, struct sim_choice choice)
{
	*record(s) = choice;
}

uint32_t weir__sim_data(struct sim *s, uint32_t n)
{
	uint32_t value = 0;
	if (n > 1) {
		weir__san_enter();
		value = s->strategy->value(s->strategy, n);
		if (value >= n)
			value = n - 1;
		*record(s) = (struct sim_choice){.value = value, .n = n, .data = true, .at = s->data_choices};
		weir__san_leave();
	}
	s->data_choices++;
	s->hash = (s->hash ^ value) * UINT64_C(0x100000001b3);
	return value;
}

/* Nobody can run. Loops that may end by themselves come first, as if they had never been stopped; false: nothing is
 * left to wait for. */
static bool something_comes(struct sim *s)
{
	bool on = s->spin_awaiting && weir__sim_spin_try_on(s);
	if (on || wake_quiescing(s) || advance_time(s, false)) {
		s->barriers += on;
		return true;
	}
	on = s->spin_awaiting && weir__sim_spin_try_hard(s);
	s->barriers += on;
	return on;
}

/* Everybody waits for ever, or everything is over. (Not inlined: each task's stack would have to hold its text.) */
static __attribute__((noinline, cold)) void finish(struct sim *s)
{
	if (s->spin_awaiting)
		weir__sim_spin_fail(s);
	char names[200] = "";
	size_t at = 0;
	uint32_t left = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *t = s->tasks[i];
		if (t->state == SIM_EXITED)
			continue;
		left++;
		if (at + 60 < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%sT%u %.20s", at ? ", " : "", i,
					       t->pub.name);
	}
	s->failure.place = weir__sim_blocked_place(s);
	if (left)
		weir__sim_fail(s, WEIR_SIM_DEADLOCK, "%u task%s for ever: %s", left, left == 1 ? " waits" : "s wait",
			       names);
	weir__sim_leave(s);
}

/* Who goes on. E3: time moves here. */
static uint32_t pick(struct sim *s)
{
	for (;;) {
		if (s->n_runnable == 0) {
			if (UNLIKELY(s->racing))
				weir__sim_race_idle(s);
			if (!something_comes(s))
				finish(s);
			continue;
		}
		s->step++;
		/* the default policy's pick: the current task while it can run, else the lowest index */
		uint32_t current = goes_on(s), standard = current != SIM_NONE ? current : lowest_runnable(s);
		uint32_t next = standard;
		bool clock = s->early_left > 0 && next_deadline(s) != WEIR_FOREVER;
		if (s->n_runnable + clock > 1) {
			struct sim_view view = {.sim = s,
						.n = s->n_runnable + clock,
						.current = current,
						.standard = standard,
						.clock = clock};
			next = s->strategy->pick(s->strategy, &view);
			if (s->failure.kind || s->cut) /* a replay that does not fit */
				weir__sim_leave(s);
			*record(s) =
				(struct sim_choice){.value = next, .n = view.n, .standard = standard, .at = s->step};
		} else if (s->strategy->alone) {
			s->strategy->alone(s->strategy, s, next);
			if (s->cut)
				weir__sim_leave(s);
		}
		if (next != SIM_CLOCK) {
			assert(can_run(s, next));
			return next;
		}
		s->early_left--;
		advance_time(s, true);
	}
}

/* ---- switching ---- */

static void check_invariants(struct sim *s)
{
	s->checking = true; /* what an invariant looks at is no step */
	for (uint32_t i = 0; i < s->n_invariants; i++) {
		if (s->invariants[i].fn(s->invariants[i].arg))
			continue;
		s->checking = false;
		weir__sim_fail(s, WEIR_SIM_INVARIANT, "the invariant \"%s\" does not hold", s->invariants[i].what);
	}
	s->checking = false;
}

static void note_stack(struct sim_task *t)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	if (sp < t->low_sp)
		t->low_sp = sp;
}

/* Stops the calling task t, lets the chosen one run, and returns when t is chosen. */
static void reschedule(struct sim *s, struct sim_task *t)
{
	uint32_t next = pick(s);
	if (next == s->current && t->state == SIM_RUNNABLE)
		return;
	note_stack(t);
	t->saved_errno = errno;
	s->current = next;
	unsigned unseen = weir__sim_unseen_put_aside();
	weir__fiber_switch(&t->fiber, &s->tasks[next]->fiber, t->state == SIM_EXITED);
	weir__sim_unseen_take_back(unseen);
	errno = t->saved_errno;
}

static uint64_t object_identity(struct sim *s, const struct weir_obj *obj)
{
	struct sim_object *o = obj ? weir__sim_object(s, obj) : NULL;
	return o ? o->identity : 0;
}

/* t was chosen, and is about to perform what it announced (or to end what it parked in). */
static __attribute__((noinline, cold)) void begin_watched(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	if (s->spin_active)
		weir__sim_spin_step(s, t);
	if (s->racing)
		weir__sim_race_begin(s, t, op);
}

/* For those who look at every step, of whom there is mostly nobody. */
static __attribute__((noinline, cold)) void show_step(struct sim *s, struct sim_task *t)
{
	if (s->order)
		weir__sim_order_step(s->order, s, t);
	if (s->trace) {
		weir__sim_trace_step(s, t);
		if (s->break_at && s->step >= s->break_at)
			weir__sim_break_here(s);
	}
	if (s->pairs && !t->completion)
		weir__sim_pairs_step(s, t);
}

static void begin_step(struct sim *s, struct sim_task *t)
{
	const struct weir_op *op = t->op;
	uint64_t id = t->path ^ ((uint64_t)op->kind << 56 | (uint64_t)t->completion << 55) ^
		      object_identity(s, weir__sim_op_object(s, op));
	s->hash = (s->hash ^ id) * UINT64_C(0x100000001b3);
	s->hash ^= s->hash >> 29;
	if (s->record_hashes) {
		if (s->n_step_hash < s->step_hash_cap)
			s->step_hash[s->n_step_hash] = s->hash;
		s->n_step_hash++;
	}
	if (UNLIKELY(s->shown))
		show_step(s, t);
	s->facts = 0;
	weir__sim_op_begin(s, t, op);
	if (UNLIKELY(s->spin_active | (unsigned)s->racing))
		begin_watched(s, t, op);
}

static __attribute__((noinline, cold)) void too_many_steps(struct sim *s)
{
	weir__sim_fail(s, WEIR_SIM_STEP_LIMIT, "the schedule has taken %llu steps and is not over",
		       (unsigned long long)s->step);
}

/* The end of the step before: what must hold between any two steps. */
static inline void between_steps(struct sim *s)
{
	if (s->n_invariants && weir__sim_in_order())
		check_invariants(s);
	if (s->step >= s->limit)
		too_many_steps(s);
}

/* As reschedule, where t may be in a loop. */
__attribute__((noinline, cold)) static void go_round(struct sim *s, struct sim_task *t)
{
	enum sim_spin_turn turn = weir__sim_spin_turn(s, t);
	if (turn == SIM_SPIN_ON) { /* a step that is nobody else's to take */
		s->step++;
		s->going_round = true;
		if (s->strategy->alone)
			s->strategy->alone(s->strategy, s, t->index);
		s->going_round = false;
		if (s->cut)
			weir__sim_leave(s);
		return;
	}
	if (turn == SIM_SPIN_AWAITS)
		make_waiting(s, t, SIM_AWAITING);
	reschedule(s, t);
}

static void announce(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	t->op = op;
	t->completion = false;
	weir__san_enter();
	between_steps(s);
	if (UNLIKELY(s->spin_active))
		go_round(s, t);
	else
		reschedule(s, t);
	begin_step(s, t);
	weir__san_leave();
}

static void own_op(struct sim_task *t, enum weir_op_kind kind, const void *site)
{
	t->own = (struct weir_op){.kind = (uint8_t)kind, .may_park = true, .at = WEIR_FOREVER, .site = site};
}

/* ---- hooks ---- */

static void sim_choice(weir_rt *rt, const struct weir_op *op)
{
	struct sim *s = of(rt);
	if (!s->checking)
		announce(s, weir__sim_current(s), op);
	else if (op->access != WEIR_ACCESS_READ)
		weir__sim_fail(s, WEIR_SIM_MISUSE, "an invariant changes what it looks at: it may only read");
}

static void sim_note(weir_rt *rt, const struct weir_event *event)
{
	struct sim *s = of(rt);
	if (s->checking)
		return;
	weir__san_enter();
	switch (event->note) {
	case WEIR_NOTE_RESULT:
		if (UNLIKELY(s->spin_active > 0 || weir__sim_was_quiet(event->op->kind, event->rc)))
			weir__sim_spin_result(s, weir__sim_current(s), event->op, event->rc);
		s->facts |= (event->op->access == WEIR_ACCESS_READ ? SIM_FACT_READ : 0u) |
			    (event->rc == 0 ? SIM_FACT_ZERO : 0u);
		if (UNLIKELY(s->racing))
			weir__sim_race_end(s, weir__sim_current(s), event->op, event->rc);
		weir__sim_op_end(s, weir__sim_current(s), event->op);
		if (weir__sim_is_reading(event->op->kind))
			weir__sim_note_reader(s, weir__sim_current(s), event->op, event->rc);
		if (s->trace)
			weir__sim_trace_result(s, weir__sim_current(s), event->op, event->rc);
		break;
	case WEIR_NOTE_CREATED:
		if (UNLIKELY(s->spin_active))
			weir__sim_spin_gets_on(s);
		weir__sim_created(s, event->obj, event->parent, event->site);
		break;
	case WEIR_NOTE_GONE:
		if (UNLIKELY(s->spin_active))
			weir__sim_spin_gets_on(s);
		if (s->trace)
			weir__sim_trace_gone(s, event->obj);
		weir__sim_gone(s, event->obj);
		break;
	}
	weir__san_leave();
}

/* ---- the vtable ---- */

static int64_t sim_now(weir_rt *rt)
{
	of(rt)->facts |= SIM_FACT_CLOCK;
	if (UNLIKELY(of(rt)->spin_active))
		weir__sim_spin_clock(of(rt));
	return of(rt)->now;
}

static int64_t sim_wall(weir_rt *rt)
{
	return WALL_BASE + sim_now(rt);
}

/* Small bounds are choices of the schedule. Wider ones are not worth exploring: a sequence that is fixed for each
 * task (E5). */
static uint64_t sim_random(weir_rt *rt, uint64_t bound)
{
	struct sim *s = of(rt);
	if (s->spin_active)
		weir__sim_spin_gets_on(s);
	if (bound > 0 && bound < WIDE_BOUND)
		return weir__sim_data(s, (uint32_t)bound);
	struct sim_task *t = weir__sim_current(s);
	uint64_t bits = weir__sim_mix(&t->wide_random);
	return bound ? bits % bound : bits;
}

bool weir__sim_alloc_fails(struct sim *s)
{
	if (!weir__sim_fault(s, SIM_FAULT_ALLOC, 2))
		return false;
	s->fault_hit = true;
	if (s->trace)
		weir__sim_trace_note(s, "FAULT: this allocation fails");
	return true;
}

static void *sim_alloc(weir_rt *rt, size_t bytes, const void *site)
{
	struct sim *s = of(rt);
	return weir__sim_alloc_fails(s) ? NULL : weir__sim_alloc(s, weir__sim_current(s), bytes, site);
}

static void sim_release(weir_rt *rt, void *mem)
{
	weir__sim_release(of(rt), mem);
}

/* Called by a new fiber: the task is s->current. */
static void task_entry(void)
{
	if (SIM_SAN_FIBERS)
		weir__san_start();
	struct sim *s = weir__sim;
	struct sim_task *t = weir__sim_current(s);
	weir__sim_unseen_take_back(0);
	errno = 0;
	weir__san_acquire(t);
	weir__san_enter();
	begin_step(s, t);
	t->op = NULL;
	weir__san_leave();
	t->fn(t->arg);
	weir__san_enter();
	weir__san_release(&t->joined);
	between_steps(s);
	own_op(t, WEIR_OP_EXIT, NULL);
	t->op = &t->own;
	if (s->spin_active)
		weir__sim_spin_parks(s, t);
	make_waiting(s, t, SIM_EXITED);
	s->n_live--;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i]->state == SIM_JOINING && s->tasks[i]->join_target == t->index)
			make_runnable(s, s->tasks[i]);
	reschedule(s, t);
	abort(); /* nobody picks a task that has exited */
}

static struct sim_task *task_new(struct sim *s, const char *name, const void *site)
{
	uint32_t index = s->n_tasks;
	if (index == WEIR_SIM_TASKS)
		return NULL;
	if (!s->tasks[index])
		s->tasks[index] = weir__own_calloc(sizeof(struct sim_task));
	struct sim_task *t = s->tasks[index], *parent = index ? weir__sim_current(s) : NULL;
	struct sim_slab *slab = t ? weir__sim_slab(s, index) : NULL;
	size_t bytes;
	if (!slab)
		return NULL;
	memset(t, 0, offsetof(struct sim_task, clock)); /* H4 of objects.c */
	t->pub.rt = &s->rt;
	(void)memccpy(t->pub.name, name ? name : "", '\0', sizeof(t->pub.name) - 1); /* the last byte is 0 */
	t->index = index;
	t->parent = parent ? parent->index : SIM_NONE;
	t->path = parent ? (parent->path + ++parent->children) * UINT64_C(0xd6e8feb86659fd93) : 1;
	t->path ^= t->path >> 32;
	t->wide_random = t->path ^ s->data_seed;
	t->slab = slab;
	t->deadline_at = WEIR_FOREVER;
	t->spawn_site = site;
	if (parent && parent->op && parent->op->kind == WEIR_OP_SPAWN)
		t->scope = parent->op->obj[0]->shadow;
	t->low_sp = UINTPTR_MAX;
	void *stack = weir__sim_slab_stack(slab, &bytes);
	weir__fiber_init(&t->fiber, stack, bytes, task_entry);
	if (SIM_SAN_FIBERS)
		weir__san_fiber(&t->fiber, index, t->pub.name, stack, bytes);
	if (parent) {
		memcpy(t->clock, parent->clock, index * sizeof(t->clock[0]));
		parent->clock[parent->index]++;
		if (s->pairs)
			weir__sim_pairs_spawn(s->pairs, parent->index, index);
	}
	t->clock[index] = 1;
	weir__sim_clock_column(s, index);
	own_op(t, WEIR_OP_START, site);
	t->op = &t->own;
	s->n_tasks++;
	s->n_live++;
	return t;
}

static int sim_spawn(weir_rt *rt, const char *name, void (*fn)(void *arg), void *arg, const void *site, weir_task **out)
{
	struct sim *s = of(rt);
	weir__san_enter();
	bool fails = weir__sim_fault(s, SIM_FAULT_SPAWN, 2);
	if (fails) {
		s->fault_hit = true;
		if (s->trace)
			weir__sim_trace_note(s, "FAULT: this spawn fails");
	}
	struct sim_task *t = fails ? NULL : task_new(s, name, site);
	weir__san_leave();
	if (!t)
		return WEIR_EAGAIN;
	t->fn = fn;
	t->arg = arg;
	make_runnable(s, t);
	if (UNLIKELY(s->racing))
		weir__sim_race_spawn(s, weir__sim_current(s), t);
	weir__san_release(t);
	*out = &t->pub;
	return 0;
}

static void sim_join(weir_rt *rt, weir_task *task)
{
	struct sim *s = of(rt);
	struct sim_task *t = weir__sim_current(s), *target = (struct sim_task *)task;
	if (target->joined) {
		weir__sim_fail(s, WEIR_SIM_MISUSE, "T%u %s was joined twice", target->index, target->pub.name);
		return;
	}
	/* One step, whether the target has ended or not, so that it does not depend on who was faster. A task of a
	 * scope has ended: it is joined by who saw it leave. */
	if (target->state != SIM_EXITED || !weir__inspect_scope_of(task)) {
		own_op(t, WEIR_OP_JOIN, __builtin_return_address(0));
		const struct weir_op *outer = t->op;
		t->op = &t->own;
		t->join_target = target->index;
		weir__san_enter();
		if (s->spin_active)
			weir__sim_spin_parks(s, t);
		bool waits = target->state != SIM_EXITED;
		if (waits) {
			make_waiting(s, t, SIM_JOINING);
			if (s->trace)
				weir__sim_trace_block(s, t);
			weir__sim_held_up(s, t);
		}
		t->completion = true;
		reschedule(s, t);
		s->n_held_up -= waits;
		begin_step(s, t);
		weir__san_leave();
		t->op = outer;
	}
	target->joined = true;
	if (s->pairs)
		weir__sim_pairs_join(s->pairs, t->index, target->index);
	weir__san_acquire(&target->joined);
	if (UNLIKELY(s->racing))
		weir__sim_race_join(s, t, target);
	weir__sim_clock_join(t->clock, target->clock, s->n_tasks);
}

static weir_task *sim_self(weir_rt *rt)
{
	return &weir__sim_current(of(rt))->pub;
}

/* E7 */
static void stir(struct sim *s, struct sim_task *t)
{
	make_runnable(s, t);
	s->stirred = t->index;
	if (s->trace)
		weir__sim_trace_note(s, "FAULT: this wait ends for no reason");
}

void weir__sim_stop(struct sim *s, struct sim_task *t, int64_t deadline_at, const void *site)
{
	assert(deadline_at > s->now && !t->token && !t->due);
	if (!t->op) {
		own_op(t, WEIR_OP_NONE, site);
		t->op = &t->own;
	}
	const struct weir_op *op = t->op;
	weir__san_enter();
	if (UNLIKELY(s->racing))
		weir__sim_race_park(s, t, op);
	weir__sim_op_end(s, t, op);
	between_steps(s);
	t->op = op;
	t->deadline_at = deadline_at;
	s->timed |= deadline_at != WEIR_FOREVER;
	s->facts |= SIM_FACT_PARKED;
	if (UNLIKELY(s->spin_active))
		weir__sim_spin_parks(s, t);
	make_waiting(s, t, SIM_PARKED);
	if (s->trace)
		weir__sim_trace_block(s, t);
	bool held_up = weir__sim_waits_for_tasks(op->kind);
	if (held_up)
		weir__sim_held_up(s, t);
	t->completion = true;
	if (weir__sim_fault(s, SIM_FAULT_WAKE, 2)) /* E7 */
		stir(s, t);
	reschedule(s, t);
	s->stirred = SIM_NONE;
	s->n_held_up -= held_up;
	t->deadline_at = WEIR_FOREVER;
	begin_step(s, t);
	weir__san_leave();
	weir__san_acquire(&t->token);
	if (UNLIKELY(s->racing))
		weir__sim_race_resume(s, t);
	if (t->due && t->idle)
		after_all(s);
	if (op == &t->own)
		t->op = NULL;
}

static int sim_park(weir_rt *rt, int64_t deadline_at)
{
	struct sim *s = of(rt);
	struct sim_task *t = weir__sim_current(s);
	if (!t->token) {
		if (deadline_at <= s->now)
			return WEIR_ETIMEOUT;
		weir__sim_stop(s, t, deadline_at, __builtin_return_address(0));
	}
	bool token = t->token, due = t->due;
	if (token) {
		weir__san_acquire(&t->token);
		if (UNLIKELY(s->racing))
			weir__sim_race_resume(s, t);
	}
	t->token = t->due = false;
	return token ? 0 : due ? WEIR_ETIMEOUT : WEIR_EINTR; /* E4, E7 */
}

void weir__sim_wake(struct sim *s, struct sim_task *t)
{
	weir__sim_clock_join(t->clock, weir__sim_current(s)->clock, s->n_tasks);
	weir__san_release(&t->token);
	if (UNLIKELY(s->racing))
		weir__sim_race_wake(s, t);
	if (t->state != SIM_PARKED)
		return;
	if (t->deadline_at != WEIR_FOREVER)
		s->facts |= SIM_FACT_CLOCK;
	make_runnable(s, t);
}

static void sim_unpark(weir_rt *rt, weir_task *task)
{
	struct sim_task *t = (struct sim_task *)task;
	t->token = true;
	weir__sim_wake(of(rt), t);
}

static void sim_yield(weir_rt *rt, const void *site)
{
	struct sim *s = of(rt);
	struct sim_task *t = weir__sim_current(s);
	own_op(t, WEIR_OP_YIELD, site);
	announce(s, t, &t->own);
	weir__san_enter();
	weir__sim_spin_result(s, t, &t->own, 0);
	weir__san_leave();
	t->op = NULL;
}

void weir__sim_quiesce(struct sim *s)
{
	struct sim_task *t = weir__sim_current(s);
	own_op(t, WEIR_OP_YIELD, __builtin_return_address(0));
	t->op = &t->own;
	t->completion = false;
	weir__san_enter();
	between_steps(s);
	if (s->spin_active)
		weir__sim_spin_parks(s, t);
	make_waiting(s, t, SIM_QUIESCING);
	if (s->trace)
		weir__sim_trace_block(s, t);
	t->completion = true;
	reschedule(s, t);
	begin_step(s, t);
	weir__san_leave();
	after_all(s);
	t->op = NULL;
}

void weir__sim_begin(struct sim *s, enum weir_op_kind kind, weir_fd fd, const void *site)
{
	struct sim_task *t = weir__sim_current(s);
	own_op(t, kind, site);
	t->own.may_park = false;
	t->own.fd = fd;
	announce(s, t, &t->own);
}

void weir__sim_end(struct sim *s, int rc)
{
	struct sim_task *t = weir__sim_current(s);
	assert(t->op == &t->own);
	weir__san_enter();
	if (UNLIKELY(s->racing))
		weir__sim_race_end(s, t, &t->own, rc);
	weir__sim_op_end(s, t, &t->own);
	if (s->spin_active)
		weir__sim_spin_result(s, t, &t->own, rc);
	if (s->trace)
		weir__sim_trace_result(s, t, &t->own, rc);
	weir__san_leave();
}

#ifdef WEIR_EXPLORE_ATOMICS
void weir__sim_inner(struct sim *s, const struct weir_op *op)
{
	struct sim_task *t = weir__sim_current(s);
	const struct weir_op *outer = t->op;
	bool completion = t->completion;
	announce(s, t, op);
	t->op = outer;
	t->completion = completion;
}

void weir__sim_hold_up(struct sim *s, const struct weir_op *op)
{
	struct sim_task *t = weir__sim_current(s);
	const struct weir_op *outer = t->op;
	bool completion = t->completion;
	t->op = op;
	weir__san_enter();
	between_steps(s);
	make_waiting(s, t, SIM_HELD_UP);
	if (s->trace)
		weir__sim_trace_block(s, t);
	reschedule(s, t);
	t->completion = true;
	begin_step(s, t);
	weir__san_leave();
	t->op = outer;
	t->completion = completion;
}

void weir__sim_go_on(struct sim *s, struct sim_task *t)
{
	assert(t->state == SIM_HELD_UP);
	make_runnable(s, t);
}
#endif

/* A simulator runs for the length of a search; inside it, a run is a call. */
static int sim_run(weir_rt *rt, void (*fn)(void *arg), void *arg)
{
	if (!of(rt)->inside)
		return WEIR_EINVAL;
	fn(arg);
	return 0;
}

static void sim_misuse(weir_rt *rt, const struct weir_misuse *m)
{
	struct sim *s = of(rt);
	s->failure.site = m->site;
	s->failure.other_site = m->other_site;
	weir__sim_fail(s, WEIR_SIM_MISUSE, "%s%s%s", m->object ? m->object : "", m->object ? ": " : "", m->what);
}

static void sim_say(weir_rt *rt, const char *text)
{
	if (of(rt)->trace)
		weir__sim_trace_note(of(rt), text);
}

static void sim_free(weir_rt *rt)
{
	(void)rt; /* belongs to the search */
}

static const struct weir_rt_vtable vtable = {
	.version = WEIR_RT_VERSION,
	.now = sim_now,
	.wall = sim_wall,
	.random = sim_random,
	.alloc = sim_alloc,
	.release = sim_release,
	.spawn = sim_spawn,
	.join = sim_join,
	.self = sim_self,
	.park = sim_park,
	.unpark = sim_unpark,
	.yield = sim_yield,
	.wait_fd = weir__sim_wait_fd,
	.fd_read = weir__sim_fd_read,
	.fd_write = weir__sim_fd_write,
	.fd_accept = weir__sim_fd_accept,
	.fd_shut = weir__sim_fd_shut,
	.fd_close = weir__sim_fd_close,
	.signals_open = weir__sim_signals_open,
	.signals_next = weir__sim_signals_next,
	.run = sim_run,
	.misuse = sim_misuse,
	.say = sim_say,
	.free = sim_free,
};

void weir__sim_engine_init(struct sim *s)
{
	s->hooks = (struct weir_hooks){.choice = sim_choice, .note = sim_note};
	s->rt.vt = &vtable;
	s->rt.hooks = &s->hooks;
}

/* ---- one schedule ---- */

static void reset(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++)
		weir__sim_slab_reset(s->tasks[i]->slab, s->tasks[i]->low_sp);
	s->n_tasks = s->n_live = s->current = s->n_runnable = s->n_held_up = 0;
	memset(s->runnable, 0, sizeof(s->runnable));
	memset(s->rt.core_, 0, sizeof(s->rt.core_));
	memset(&s->failure, 0, offsetof(struct sim_failure, text) + 1);
	if (s->explanation) {
		weir__own_free(s->explanation);
		s->explanation = NULL;
	}
	s->now = 0;
	s->step = s->decisions = s->data_choices = 0;
	s->n_stream = s->n_step_hash = 0;
	s->hash = UINT64_C(0xcbf29ce484222325);
	s->fault_hit = false;
	s->stirred = SIM_NONE;
	s->facts = 0;
	s->barriers = 0;
	s->cut = s->going_round = false;
	weir__sim_faults_reset(s);
	weir__sim_spin_reset(s);
	s->limit = s->step_limit;
	s->root_rc = 0;
	s->root_err = (weir_err){0};
	s->checking = s->racing = false;
	s->n_invariants = 0;
	weir__inspect_forget_locks(); /* a task that crashed may have held one */
	weir__sim_objects_reset(s);
	weir__sim_fds_reset(s);
	if (s->pairs)
		weir__sim_pairs_begin(s->pairs);
}

void weir__sim_run_once(struct sim *s, void (*entry)(void *arg), void *arg)
{
	reset(s);
	s->shown = s->order || s->trace || s->pairs;
	if (s->order)
		weir__sim_order_begin(s->order);
	struct sim_task *t = task_new(s, "main", NULL);
	if (!t) {
		s->failure.kind = WEIR_SIM_MISUSE;
		snprintf(s->failure.text, sizeof(s->failure.text), "no memory for the first task");
		return;
	}
	t->fn = entry;
	t->arg = arg;
	make_runnable(s, t);
	s->inside = true;
	weir__sim_heap_task(s);
	if (SIM_SAN_FIBERS)
		weir__san_harness(&s->harness);
	weir__san_release(t);
	weir__sim_explore_begin(s);
	weir__fiber_switch(&s->harness, &t->fiber, false);
	weir__sim_explore_end();
	weir__sim_heap_task(NULL);
	s->inside = false;
	if (SIM_SAN_FIBERS)
		weir__san_schedule_over(s);
	if (!s->failure.kind && !s->cut)
		weir__sim_check_leaks(s);
}

_Noreturn void weir__sim_leave(struct sim *s)
{
	struct sim_task *t = weir__sim_current(s);
	size_t bytes;
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), stack = (uintptr_t)weir__sim_slab_stack(t->slab, &bytes);
	if (sp - stack < bytes)
		note_stack(t);
	else
		t->low_sp = 0;
	weir__fiber_switch(&t->fiber, &s->harness, true);
	abort(); /* nobody continues a schedule that is over */
}

void weir__sim_fail(struct sim *s, enum weir_sim_kind kind, const char *fmt, ...)
{
	struct sim_failure *f = &s->failure;
	va_list args;
	if (f->kind) /* the first one counts */
		return;
	f->kind = kind;
	f->step = s->step;
	f->time_at = s->now;
	f->task = s->inside ? s->current : SIM_NONE;
	if (s->inside && !f->site && weir__sim_current(s)->op)
		f->site = weir__sim_current(s)->op->site;
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
	if (s->inside)
		weir__sim_leave(s);
}

void weir__sim_diverged(struct sim *s, const char *text)
{
	struct sim_failure *f = &s->failure;
	f->kind = WEIR_SIM_BAD_REPLAY;
	f->step = s->step;
	f->time_at = s->now;
	f->task = s->current;
	snprintf(f->text, sizeof(f->text), "%s", text);
}
