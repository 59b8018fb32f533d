/* SPDX-License-Identifier: MIT
 *
 * The inside of a pipeline run, for pipeline.c and inspect.c; the essay is in pipeline.c. */
#ifndef WEIR_SRC_CORE_PIPELINE_H
#define WEIR_SRC_CORE_PIPELINE_H

#include <weir/core/pipeline.h>

#include "chan.h"
#include "probe.h"
#include "processor.h"
#include "reorder.h"
#include "scope.h"
#include "stats.h"

struct weir__worker {
	struct weir_pipeline *run;
	size_t index;
	weir_rx *jobs;
	weir_tx *results;
	struct weir_call *call;      /* of the stage; NULL: there is a handler */
	unsigned char *job, *result; /* scratch of one element each */
	weir__a64 busy_since;        /* 0: not in the handler; else the time + 1 */
	weir__a64 busy_job;
};

struct weir_pipeline {
	struct weir_obj obj;
	struct weir__owned owned;
	weir_rt *rt;
	weir_ctx ctx; /* of the run, under the scope's */
	struct weir_pipeline_opts opts;
	const struct weir__processor *processor; /* of opts.stage */
	bool takes;                              /* the stage does: the input moves on 0 */
	const weir_type *in;
	weir_type result_type;
	size_t in_offset, out_offset;
	bool own_jobs;              /* start made the jobs channel; attach was given it */
	struct weir__chan *results; /* its memory, kept to take reader_ctx back */
	struct weir__chan *jobs;    /* its memory, kept for drain and the account */
	weir_stats *stats;
	struct weir__lock lock;  /* started, alive and their queues */
	bool started;            /* all workers exist: they may begin */
	struct weir__queue gate; /* workers that wait for that */
	size_t alive;
	struct weir__queue stoppers;  /* who waits for alive to become 0 */
	struct weir__reorder reorder; /* window 0: results leave as they come */
	size_t n_workers;
	struct weir__worker *workers;
	weir_probe *probe;          /* NULL: none */
	uint64_t span, parent_span; /* of the run */
	int64_t started_at;         /* likewise, where there is a probe */
	const void *site;           /* of start or attach: what the workers do is done in its name */
};

#endif
