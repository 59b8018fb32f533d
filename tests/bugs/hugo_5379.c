/* SPDX-License-Identifier: MIT
 *
 * Origin: gohugoio/hugo, pull request 5379. Class: resource deadlock, double locking.
 *
 * The content of a page is made once, by a task that holds the page's mutex while it renders, for at most a
 * millisecond. What it renders asks for the word count of the same page, which needs the content (being made, so it
 * waits for itself, until the time is over and the content is given up), and then, once as well, the mutex. If the
 * renderer comes first there, it locks what it holds: misuse in weir. If a worker does, it waits for the mutex, and
 * the renderer for the worker: a deadlock. Fix: do not hold the mutex while rendering. */
#include "bugs.h"

#define LIMIT_NS INT64_C(1000000)

struct page {
	weir_scope s;
	weir_mutex m;
	weir_once content, plain;
	weir_tx *result;
	weir_rx *result_end;
	int words;
	bool bad;
};

static int word_count(weir_ctx *ctx, struct page *p);

static int render(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct page *p = arg;
	(void)err;
	if (p->bad)
		weir_mutex_lock(ctx, &p->m);
	int words = word_count(ctx, p);
	if (p->bad)
		weir_mutex_unlock(&p->m);
	return weir_tx_send(ctx, p->result, &words);
}

static int init_content(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct page *p = arg;
	int words;
	(void)err;
	int64_t limit_at = weir_rt_now(weir_ctx_rt(ctx)) + LIMIT_NS;
	bug_spawn(&p->s, "render", render, p);
	weir_case cases[] = {weir_case_recv(p->result_end, &words), weir_case_timer(limit_at)};
	WEIR_SIM_ASSERT(weir_select(ctx, cases, 2) >= 0);
	return 0;
}

static int init_plain(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct page *p = arg;
	(void)err;
	weir_mutex_lock(ctx, &p->m);
	p->words = 7;
	weir_mutex_unlock(&p->m);
	return 0;
}

static int word_count(weir_ctx *ctx, struct page *p)
{
	WEIR_SIM_EQ(weir_once_do(ctx, &p->content, init_content, p, NULL), 0);
	WEIR_SIM_EQ(weir_once_do(ctx, &p->plain, init_plain, p, NULL), 0);
	return p->words;
}

static int work(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	WEIR_SIM_EQ(word_count(ctx, arg), 7);
	return 0;
}

static int render_pages(weir_ctx *ctx, bool bad)
{
	struct page p = {.bad = bad};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_mutex_init(&p.m, rt);
	weir_once_init(&p.content, rt);
	weir_once_init(&p.plain, rt);
	bug_chan(ctx, &bug_num, 1, &p.result, &p.result_end);
	weir_scope_init(&p.s, ctx);
	bug_spawn(&p.s, "worker", work, &p);
	bug_spawn(&p.s, "worker", work, &p);
	bug_join(ctx, &p.s);
	weir_tx_close(&p.result);
	weir_rx_close(&p.result_end);
	weir_once_fini(&p.plain);
	weir_once_fini(&p.content);
	weir_mutex_fini(&p.m);
	return 0;
}

static int hugo_5379_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return render_pages(ctx, true);
}

static int hugo_5379_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return render_pages(ctx, false);
}

WEIR_BUG_EITHER(hugo_5379, "Resource: double locking", WEIR_SIM_DEADLOCK, WEIR_SIM_MISUSE, false);
