/* SPDX-License-Identifier: MIT
 *
 * Entering weir: a runtime, a root context, and the user's function as the first task. */
#include <weir/core/run.h>
#include <weir/rt/threads.h>

#include <stdio.h>

#include "ctx.h"

struct entry {
	weir_rt *rt;
	weir_task_fn *fn;
	void *arg;
	weir_err *err;
	int rc;
};

static void enter(void *arg)
{
	struct entry *entry = arg;
	weir_ctx root;
	weir_ctx_init_root(&root, entry->rt);
	int rc = entry->fn(&root, entry->err, entry->arg);
	if (rc > 0)
		rc = weir_fail(entry->err, WEIR_EINVAL, "the first task returned %d: 0 is success, negative an error",
			       rc);
	entry->rc = rc;
	weir_ctx_fini(&root);
}

int weir_rt_run(weir_rt *rt, weir_task_fn *fn, void *arg, weir_err *err)
{
	struct entry entry = {.rt = rt, .fn = fn, .arg = arg, .err = err};
	if (!rt || !fn)
		return WEIR_EINVAL;
	int rc = rt->vt->run(rt, enter, &entry);
	return rc < 0 ? rc : entry.rc;
}

int weir_main(weir_task_fn *fn, void *arg)
{
	weir_rt *rt = NULL;
	weir_err err = {0};
	char text[512], line[600];
	if (weir_rt_threads_new(NULL, &rt) < 0)
		return 1;
	int rc = weir_rt_run(rt, fn, arg, &err);
	if (rc < 0) {
		if (err.code == 0)
			weir_fail(&err, rc, "%s", weir_err_text(rc));
		weir_err_format(&err, text, sizeof(text));
		snprintf(line, sizeof(line), "weir: %s\n", text);
		rt->vt->say(rt, line);
	}
	weir_err_fini(&err);
	weir_rt_free(&rt);
	return rc < 0 ? 1 : 0;
}
