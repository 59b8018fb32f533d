/* SPDX-License-Identifier: MIT
 *
 * bugs.h - bugs of real programs, re-created: what each file of this folder tells the runner (main.c).
 *
 * A file is one bug and its good twin: the same program, repaired. Both are scenarios of the simulator. The opening
 * comment says where the bug is from, what class it is of, what goes wrong and what the fix is. */
#ifndef WEIR_TESTS_BUGS_H
#define WEIR_TESTS_BUGS_H

#include <weir/sim.h>

struct bug {
	const char *name, *class;
	weir_task_fn *bad, *good;
	enum weir_sim_kind kind;  /* what the bug must be found as */
	bool early;               /* cannot happen unless a timer fires while other tasks can run */
	enum weir_sim_kind other; /* another kind it may be found as, depending on the schedule; PASS: there is none */
	struct bug *next;
};

/* Kept sorted by name. */
void bug_register(struct bug *bug);

/* WEIR_BUG(moby_36114, "Resource: double locking", WEIR_SIM_MISUSE, false): of moby_36114_bad and moby_36114_good. */
#define WEIR_BUG(id, class_, kind_, early_) WEIR_BUG_EITHER(id, class_, kind_, WEIR_SIM_PASS, early_)

/* The same for a bug that is found as one of two kinds. */
#define WEIR_BUG_EITHER(id, class_, kind_, other_, early_)           \
	__attribute__((constructor)) static void register_##id(void) \
	{                                                            \
		static struct bug bug_ = {.name = #id,               \
					  .class = class_,           \
					  .bad = id##_bad,           \
					  .good = id##_good,         \
					  .kind = kind_,             \
					  .early = early_,           \
					  .other = other_};          \
		bug_register(&bug_);                                 \
	}                                                            \
	struct bug /* takes the semicolon */

/* What channels carry here: nothing but the fact, or a number. */
static const weir_type bug_event WEIR_UNUSED = {.name = "event", .size = 0, .align = 1};
static const weir_type bug_num WEIR_UNUSED = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

/* Macros, so that reports name the caller's line. */
#define bug_chan(ctx, type, capacity, tx, rx) WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), type, capacity, tx, rx), 0)
#define bug_spawn(scope, name, fn, arg) WEIR_SIM_EQ(weir_scope_spawn(scope, name, fn, arg), 0)
#define bug_join(ctx, scope) WEIR_SIM_EQ(weir_scope_join(ctx, scope, 0, NULL), 0)

#endif
