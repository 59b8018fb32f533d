/* SPDX-License-Identifier: MIT
 *
 * What a task has to do before it waits: for src/stage, whose tasks keep work to themselves while it is short. It
 * stands here since a task that only gives its time away (weir_rt_yield) may wait for others too, in a loop; the word
 * in the task is one of core's.
 *
 *  U1  A duty belongs to the task that began it, and is ended by the same one, the innermost first. It lies in memory
 *      of whoever began it.
 *  U2  It is done by that task right before it parks or yields, with no lock held, however often. It must not block,
 *      and must not announce anything to hooks: it is a part of the operation that parks. */
#ifndef WEIR_SRC_RT_DUTY_H
#define WEIR_SRC_RT_DUTY_H

#include <weir/rt.h>

struct weir__duty {
	void (*before_sleep)(struct weir__duty *duty);
	struct weir__duty *outer;
};

#define WEIR__TASK_DUTY 7 /* the slot of weir_task.core_ */

static inline void weir__duty_begin(weir_task *task, struct weir__duty *duty)
{
	duty->outer = task->core_[WEIR__TASK_DUTY];
	task->core_[WEIR__TASK_DUTY] = duty;
}

static inline void weir__duty_end(weir_task *task, struct weir__duty *duty)
{
	task->core_[WEIR__TASK_DUTY] = duty->outer; /* U1 */
}

static inline void weir__duties_do(weir_task *task)
{
	for (struct weir__duty *duty = task->core_[WEIR__TASK_DUTY]; duty; duty = duty->outer)
		duty->before_sleep(duty);
}

#endif
