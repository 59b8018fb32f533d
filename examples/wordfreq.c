/* SPDX-License-Identifier: MIT
 *
 * wordfreq - counts the words of any number of files, and shows how a program that can be stopped at any time is built.
 *
 * A word is a maximal run of ASCII letters, digits, '_' and bytes from 0x80 up; case is kept, any bytes are valid
 * input, and no word reaches from one file into the next. The same counts, slower:
 *     LC_ALL=C tr -cs 'A-Za-z0-9_\200-\377' '\n' <FILE | sort | uniq -c
 * A word longer than WORD_BYTES is not counted: it is an input error, named with file and offset; the rest is counted.
 *
 *     reader task --chunks--> N workers --tables--> main task, which merges           (signals task: ^C)
 *
 * WHO OWNS WHAT
 *   a chunk      the reader, until wf_send returns 0; then its job: the pipeline frees it, handled or not.
 *   a table      the handler, until it returns 0; then the result; then the main task, which frees it after merging.
 *   jobs         the main task until the reader runs, which closes it through the pointer.
 *   results      the main task.
 *   struct run   the main task; other tasks write the fields named for them, and join orders that before it reads them.
 * Memory: N + 2 chunks, N + 1 tables of one chunk, and the distinct words, however long the input is.
 *
 * HOW IT ENDS: three contexts, one for each thing that can end by itself.
 *   work     everything. Ended by the second ^C, or GRACE_NS after the time limit: handlers leave within their chunk.
 *   intake   reading, a child of work. Ended by the first ^C or the time limit: the reader sends what it has and
 *            closes its end, accepted chunks finish, and the results end after the last one. So what was read counts.
 *   watch    waiting for signals, a child of work. Ended when there is nothing left to interrupt.
 *
 * SIGQUIT (^\\) prints what every task waits for, and changes nothing.
 *
 * Exit status: 0; 1 an input or the output failed; 2 bad options; 124 the time limit; 128 + the signal. */
#define _GNU_SOURCE 1
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <weir/weir.h>

#define CHUNK_BYTES ((size_t)64 * 1024)
#define WORD_BYTES (CHUNK_BYTES - 1)
#define GRACE_NS WEIR_SEC(1)
#define MAX_WORKERS 256

typedef unsigned long long count_t; /* as printf likes it */

/* ---- a table of words ---- */

struct word {
	struct word *next; /* in its bucket */
	count_t count;
	uint32_t hash, length;
	char bytes[];
};

struct words {
	struct word **buckets;
	size_t n, n_buckets; /* n_buckets: 0, or a power of two and at least n */
};

static void words_free(struct words **words)
{
	struct words *w = *words;
	for (size_t i = 0; w && i < w->n_buckets; i++) {
		for (struct word *word = w->buckets[i], *next; word; word = next) {
			next = word->next;
			free(word);
		}
	}
	if (w)
		free(w->buckets);
	free(w);
	*words = NULL;
}

static struct word *words_find(const struct words *w, const char *bytes, uint32_t length, uint32_t hash)
{
	struct word *word = w->n_buckets > 0 ? w->buckets[hash & (w->n_buckets - 1)] : NULL;
	while (word && (word->hash != hash || word->length != length || memcmp(word->bytes, bytes, length) != 0))
		word = word->next;
	return word;
}

/* Takes the word on 0. */
static int words_insert(struct words *w, struct word *word)
{
	if (w->n == w->n_buckets) {
		struct words bigger = {.n_buckets = w->n_buckets ? 2 * w->n_buckets : 1024};
		bigger.buckets = calloc(bigger.n_buckets, sizeof(*bigger.buckets));
		if (!bigger.buckets)
			return WEIR_ENOMEM;
		for (size_t i = 0; i < w->n_buckets; i++)
			for (struct word *old; (old = w->buckets[i]);) {
				w->buckets[i] = old->next;
				(void)words_insert(&bigger, old); /* it has room: it does not grow */
			}
		free(w->buckets);
		*w = bigger;
	}
	struct word **bucket = &w->buckets[word->hash & (w->n_buckets - 1)];
	word->next = *bucket;
	*bucket = word;
	w->n++;
	return 0;
}

static int words_count(struct words *w, const char *bytes, uint32_t length, uint32_t hash)
{
	struct word *word = words_find(w, bytes, length, hash);
	if (!word) {
		word = malloc(sizeof(*word) + length);
		if (!word)
			return WEIR_ENOMEM;
		*word = (struct word){.hash = hash, .length = length};
		memcpy(word->bytes, bytes, length);
		if (words_insert(w, word) != 0) {
			free(word);
			return WEIR_ENOMEM;
		}
	}
	word->count++;
	return 0;
}

/* Moves new words over, and adds the counts of the others, which stay in `from`. */
static int words_merge(struct words *w, struct words *from)
{
	int rc = 0;
	for (size_t i = 0; i < from->n_buckets; i++) {
		for (struct word **at = &from->buckets[i], *word; (word = *at) && rc == 0;) {
			struct word *known = words_find(w, word->bytes, word->length, word->hash), *next = word->next;
			if (known) {
				known->count += word->count;
				at = &word->next;
			} else if ((rc = words_insert(w, word)) == 0) {
				*at = next;
			}
		}
	}
	return rc;
}

static int by_count(const void *left, const void *right)
{
	const struct word *a = *(struct word *const *)left, *b = *(struct word *const *)right;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* An array of the table's words, by count, then by bytes; the caller's to free. NULL: no memory, or no words. */
static struct word **words_sorted(const struct words *w)
{
	size_t n = 0;
	struct word **sorted = w->n > 0 ? malloc(w->n * sizeof(struct word *)) : NULL;
	if (!sorted)
		return NULL;
	for (size_t i = 0; i < w->n_buckets; i++)
		for (struct word *word = w->buckets[i]; word; word = word->next)
			sorted[n++] = word;
	assert(n == w->n);
	qsort(sorted, n, sizeof(struct word *), by_count);
	return sorted;
}

/* ---- chunks, and the types of the pipeline ---- */

struct gauge {
	atomic_size_t live;
	size_t peak; /* the reader makes all chunks, so only it writes here */
};

struct chunk {
	struct gauge *gauge;
	size_t length;
	char bytes[CHUNK_BYTES];
};

static struct chunk *chunk_new(struct gauge *gauge)
{
	struct chunk *c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	size_t live = atomic_fetch_add(&gauge->live, 1) + 1;
	if (live > gauge->peak)
		gauge->peak = live;
	c->gauge = gauge;
	c->length = 0;
	return c;
}

static void chunk_free(struct chunk **chunk)
{
	if (*chunk)
		atomic_fetch_sub(&(*chunk)->gauge->live, 1);
	free(*chunk);
	*chunk = NULL;
}

WEIR_TYPE_OWNED(chunk, struct chunk *, chunk_free);
WEIR_TYPE_OWNED(table, struct words *, words_free);
WEIR_PIPELINE_DECLARE(wf, chunk, table);

struct opts {
	size_t workers, top; /* top 0: all */
	size_t timeout_ns;   /* 0: none */
	bool stats;
	char *const *files;
	size_t n_files;
};

struct run {
	struct opts opts;
	weir_ctx work, intake, watch;
	weir_fd signal_fd;
	wf_jobs jobs; /* the reader's, once it runs */
	/* the reader's */
	struct gauge gauge;
	count_t sent;
	bool read_all, input_failed;
	/* the signals task's */
	int signal;   /* the first one */
	bool aborted; /* there was a second one */
	/* the main task's */
	struct words *total;
	count_t merged;
	weir_pipeline_report report;
};

/* To be stopped is not a failure: who asked for it knows, and join tells a real failure apart. */
static int unless_stopped(int rc)
{
	return rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE ? 0 : rc;
}

/* ---- the workers ---- */

static bool is_word(char byte)
{
	unsigned char c = (unsigned char)byte;
	return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static int count_chunk(weir_ctx *ctx, const struct chunk *chunk, struct words *words)
{
	const char *p = chunk->bytes, *end = p + chunk->length;
	unsigned seen = 0;
	int rc = 0;
	while (rc == 0 && p < end) {
		const char *start = p;
		uint32_t hash = 2166136261u; /* FNV-1a */
		for (; p < end && is_word(*p); p++)
			hash = (hash ^ (unsigned char)*p) * 16777619u;
		if (p > start)
			rc = words_count(words, start, (uint32_t)(p - start), hash);
		else
			p++;
		if (rc == 0 && ++seen % 1024 == 0) /* so that a cancel does not wait for the whole chunk */
			rc = weir_ctx_err(ctx);
	}
	return rc;
}

/* in is borrowed, and freed by the pipeline; *out is the receiver's on 0. */
static int count(weir_ctx *ctx, struct chunk *const *in, struct words **out, weir_err *err, void *arg)
{
	(void)arg;
	struct words *words = calloc(1, sizeof(*words));
	int rc = words ? count_chunk(ctx, *in, words) : WEIR_ENOMEM;
	if (rc == 0)
		*out = words;
	else
		words_free(&words);
	return rc == WEIR_ENOMEM ? weir_fail(err, rc, "counting the words of a chunk") : rc;
}
WEIR_HANDLER_DECLARE(count, chunk, table);

/* ---- the reader ---- */

struct reader {
	struct run *run;
	weir_ctx *ctx; /* of the task: for sending; reading has run->intake */
	weir_err *err;
	struct chunk *chunk; /* ours: being filled */
	const char *name;    /* of the input */
	int fd;
	count_t offset; /* of the chunk's first byte, in the input */
	bool skipping;  /* inside a word that is too long */
};

static void complain(struct reader *r, const char *what)
{
	fprintf(stderr, "wordfreq: %s: %s\n", r->name, what);
	r->run->input_failed = true;
}

/* Sends the first `length` bytes of the chunk. The rest begins the next one. */
static int send_front(struct reader *r, size_t length)
{
	struct chunk *front = r->chunk, *next = chunk_new(&r->run->gauge);
	assert(length > 0 && length <= front->length);
	if (!next)
		return weir_fail(r->err, WEIR_ENOMEM, "reading %s", r->name);
	next->length = front->length - length;
	memcpy(next->bytes, front->bytes + length, next->length);
	front->length = length;
	r->chunk = next;
	r->offset += length;
	int rc = wf_send(r->ctx, r->run->jobs, &(struct wf_job){.head.id = r->run->sent, .in = front});
	if (rc == 0)
		r->run->sent++;
	else
		chunk_free(&front); /* not sent: still ours */
	return rc;
}

/* How much of the chunk can go: what follows the last boundary may be the beginning of a longer word. */
static size_t whole_words(const struct chunk *chunk)
{
	size_t n = chunk->length;
	while (n > 0 && is_word(chunk->bytes[n - 1]))
		n--;
	return n;
}

/* Drops the first n bytes of the chunk. */
static void drop_front(struct reader *r, size_t n)
{
	struct chunk *c = r->chunk;
	memmove(c->bytes, c->bytes + n, c->length - n);
	c->length -= n;
	r->offset += n;
}

/* After a read: goes on skipping a word that is too long, and makes room in a full chunk. */
static int make_room(struct reader *r)
{
	struct chunk *c = r->chunk;
	char what[96];
	size_t n = 0;
	while (r->skipping && n < c->length && is_word(c->bytes[n]))
		n++;
	r->skipping = r->skipping && n == c->length;
	drop_front(r, n);
	if (c->length < CHUNK_BYTES)
		return 0;
	n = whole_words(c);
	if (n > 0)
		return send_front(r, n);
	snprintf(what, sizeof(what), "the word at byte %llu is longer than %zu bytes: not counted", r->offset,
		 WORD_BYTES);
	complain(r, what);
	r->skipping = true;
	drop_front(r, c->length);
	return 0;
}

/* Reads once into the chunk. 1: it got something; 0: the end, or an error that was named; negative: intake has
 * ended. */
static int fill(struct reader *r)
{
	struct chunk *c = r->chunk;
	/* Waiting comes first: a FIFO that nobody has opened for writing yet would read as ended. */
	int n = weir_wait_fd(&r->run->intake, r->fd, POLLIN);
	if (n > 0)
		n = weir_fd_read(&r->run->intake, r->fd, c->bytes + c->length, CHUNK_BYTES - c->length);
	if (n == WEIR_ECANCELED || n == WEIR_EDEADLINE)
		return n;
	if (n < 0)
		complain(r, strerror(-n));
	if (n > 0)
		c->length += (size_t)n;
	return n > 0;
}

/* 0: this input is done. Negative: reading is over. */
static int read_file(struct reader *r, const char *file)
{
	int rc, more = 1;
	bool is_stdin = strcmp(file, "-") == 0;
	assert(r->chunk->length == 0);
	r->offset = 0;
	r->skipping = false;
	r->name = is_stdin ? "standard input" : file;
	/* O_NONBLOCK: opening a FIFO must not wait for its writer, deaf to ^C; fill does that. */
	r->fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (r->fd < 0) {
		complain(r, strerror(errno));
		return 0;
	}
	for (rc = 0; rc == 0 && (more = fill(r)) > 0;)
		rc = make_room(r);
	/* Stopped in the middle, the last word may be half a word. */
	size_t rest = more < 0 ? whole_words(r->chunk) : r->chunk->length;
	if (rc == 0 && rest > 0)
		rc = send_front(r, rest);
	if (!is_stdin)
		close(r->fd);
	return rc < 0 ? rc : more;
}

static int read_files(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run *run = arg;
	struct reader r = {.run = run, .ctx = ctx, .err = err, .chunk = chunk_new(&run->gauge)};
	int rc = r.chunk ? 0 : weir_fail(err, WEIR_ENOMEM, "reading");
	for (size_t i = 0; i < run->opts.n_files && rc == 0; i++)
		rc = read_file(&r, run->opts.files[i]);
	run->read_all = rc == 0;
	chunk_free(&r.chunk);
	wf_jobs_close(&run->jobs); /* workers finish what was sent; then the results end */
	return unless_stopped(rc);
}

/* ---- the signals task ---- */

/* One line of a dump; arg: the time it was asked for. */
static void print_task(const struct weir_task_view *view, void *arg)
{
	char line[400];
	weir_task_view_format(view, *(const int64_t *)arg, line, sizeof(line));
	fprintf(stderr, "wordfreq:   %s\n", line);
}

static void dump(weir_rt *rt)
{
	int64_t now = weir_rt_now(rt);
	fprintf(stderr, "wordfreq: tasks:\n");
	if (weir_rt_dump(rt, print_task, &now) < 0)
		fprintf(stderr, "wordfreq: no memory to list them\n");
}

static void on_signal(struct run *run, int number)
{
	if (number == SIGQUIT) {
		dump(weir_ctx_rt(&run->watch));
	} else if (run->signal == 0) {
		run->signal = number;
		fprintf(stderr, "wordfreq: interrupted: counting what was read; once more to stop at once\n");
		weir_ctx_cancel_as(&run->intake, WEIR_CAUSE_SHUTDOWN, "interrupted");
	} else {
		run->aborted = true;
		weir_ctx_cancel_as(&run->work, WEIR_CAUSE_SHUTDOWN, "interrupted twice");
	}
}

static int watch_signals(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run *run = arg;
	int rc;
	(void)ctx; /* run->watch is what ends this task */
	while ((rc = weir_signals_next(&run->watch, run->signal_fd)) > 0)
		on_signal(run, rc);
	if (weir_ctx_err(&run->watch) != 0)
		return 0;
	weir_ctx_cancel(&run->work, "signals cannot be received"); /* nobody could stop us any more */
	return weir_fail(err, rc, "waiting for signals");
}

/* ---- the main task ---- */

static int merge_results(struct run *run, wf_results results, weir_err *err)
{
	struct wf_result r;
	int rc;
	while ((rc = wf_recv(&run->work, results, &r)) > 0) {
		/* A canceled job is no failure. It is missing in `merged`, and that is told at the end. */
		rc = r.head.cause == WEIR_CAUSE_NONE ? r.head.rc : 0;
		if (rc < 0)
			weir_err_move(err, &r.head.err);
		else if (r.head.rc == 0 && (rc = words_merge(run->total, r.value)) < 0)
			rc = weir_fail(err, rc, "merging %zu distinct words", run->total->n);
		else if (r.head.rc == 0)
			run->merged++;
		wf_result_drop(&r); /* the table is ours: merged or not, it goes here */
		if (rc < 0)
			break;
	}
	return rc;
}

static int count_files(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run *run = arg;
	const struct opts *o = &run->opts;
	struct weir_pipeline_opts opts = {.handler = count_handler, .name = "count", .workers = o->workers};
	int64_t now = weir_rt_now(weir_ctx_rt(ctx));
	int64_t stop_at = o->timeout_ns ? weir_time_add(now, (int64_t)o->timeout_ns) : WEIR_FOREVER;
	wf_results results = {0};
	weir_pipeline *pipeline = NULL;
	weir_scope scope;

	weir_ctx_init(&run->work, ctx, weir_time_add(stop_at, GRACE_NS));
	weir_ctx_init(&run->intake, &run->work, stop_at);
	weir_ctx_init(&run->watch, &run->work, WEIR_FOREVER);
	weir_scope_init(&scope, &run->work);
	int rc = wf_start(&scope, &opts, &run->jobs, &results, &pipeline);
	if (rc == 0)
		rc = weir_scope_spawn(&scope, "signals", watch_signals, run);
	if (rc == 0)
		rc = weir_scope_spawn(&scope, "reader", read_files, run);
	rc = rc < 0 ? weir_fail(err, rc, "starting %zu workers", o->workers) : merge_results(run, results, err);
	/* Whatever happened: the two tasks must end, since join waits for them. */
	weir_ctx_cancel(&run->intake, "no more to count");
	weir_ctx_cancel(&run->watch, "no more to count");
	if (pipeline)
		weir_pipeline_stats(pipeline, &run->report);
	wf_results_close(&results); /* before join: it releases workers that hold a result */
	rc = weir_scope_join(ctx, &scope, unless_stopped(rc), err);
	wf_jobs_close(&run->jobs); /* nothing, if the reader ran */
	weir_ctx_fini(&run->watch);
	weir_ctx_fini(&run->intake);
	weir_ctx_fini(&run->work);
	return rc;
}

/* ---- what remains is an ordinary program ---- */

static bool print_words(const struct words *words, size_t top)
{
	struct word **sorted = words_sorted(words);
	size_t n = top > 0 && top < words->n ? top : words->n;
	bool ok = sorted || n == 0;
	for (size_t i = 0; i < n && ok; i++)
		ok = printf("%llu %.*s\n", sorted[i]->count, (int)sorted[i]->length, sorted[i]->bytes) >= 0;
	ok = ok && fflush(stdout) == 0;
	if (!ok)
		fprintf(stderr, "wordfreq: writing the output: %s\n", strerror(errno));
	free(sorted);
	return ok;
}

static void print_stats(const struct run *run)
{
	const weir_pipeline_report *r = &run->report;
	struct rusage used = {0};
	(void)getrusage(RUSAGE_SELF, &used);
	fprintf(stderr,
		"jobs: %llu received = %llu succeeded + %llu failed + %llu canceled + %llu running; %llu discarded\n",
		(count_t)r->received, (count_t)r->succeeded, (count_t)r->failed, (count_t)r->canceled,
		(count_t)r->running, (count_t)r->discarded);
	fprintf(stderr, "results: %llu emitted + %llu undelivered + %llu finishing\n", (count_t)r->emitted,
		(count_t)r->undelivered, (count_t)r->finishing);
	fprintf(stderr, "memory: at most %zu chunks of %zu KiB and %ld KiB in all; %zu distinct words\n",
		run->gauge.peak, CHUNK_BYTES / 1024, used.ru_maxrss, run->total->n);
}

/* Prints what was counted, and says what was not; returns the exit status. */
static int finish(struct run *run, int rc, const weir_err *err)
{
	bool complete = run->read_all && run->merged == run->sent;
	char text[512];
	if (unless_stopped(rc) < 0) {
		weir_err_format(err, text, sizeof(text));
		fprintf(stderr, "wordfreq: %s\n", text[0] ? text : weir_err_text(rc));
		return 1;
	}
	if (run->aborted) {
		fprintf(stderr, "wordfreq: stopped at once: nothing is printed\n");
		return 128 + run->signal;
	}
	if (!complete)
		fprintf(stderr, "wordfreq: %s before the end of the input: counted %llu of %llu chunks read\n",
			run->signal ? "interrupted" : "the time limit passed", run->merged, run->sent);
	bool printed = print_words(run->total, run->opts.top);
	if (run->opts.stats)
		print_stats(run);
	if (run->signal)
		return 128 + run->signal;
	if (!complete)
		return 124;
	return printed && !run->input_failed ? 0 : 1;
}

struct unit {
	const char *name;
	size_t factor;
};

static const struct unit plain[] = {{"", 1}, {0}};
static const struct unit times[] = {{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}, {0}};

/* A whole number from 1 up with one of the units, at most max in all. */
static bool parse(const char *option, const char *wanted, const struct unit *unit, size_t max, size_t *out)
{
	char *end;
	errno = 0;
	count_t n = strtoull(optarg, &end, 10);
	bool ok = optarg[0] >= '0' && optarg[0] <= '9' && n > 0 && errno == 0;
	while (unit->name && strcmp(end, unit->name) != 0)
		unit++;
	if (ok && unit->name && n <= max / unit->factor) {
		*out = (size_t)n * unit->factor;
		return true;
	}
	fprintf(stderr, "wordfreq: %s '%s': must be %s\n", option, optarg, wanted);
	return false;
}

enum { TOP = 256, TIMEOUT, STATS };

static bool take_option(int option, const char *text, struct opts *o)
{
	switch (option) {
	case 'j':
		return parse("-j", "a whole number from 1 to 256, such as 4", plain, MAX_WORKERS, &o->workers);
	case TOP:
		return parse("--top", "a whole number above 0, such as 10", plain, SIZE_MAX, &o->top);
	case TIMEOUT:
		return parse("--timeout", "a number above 0 and ms, s, m or h, such as 500ms or 2s", times, INT64_MAX,
			     &o->timeout_ns);
	case STATS:
		return o->stats = true;
	case ':':
		fprintf(stderr, "wordfreq: %s: must be followed by a value\n", text);
		return false;
	default:
		if (optopt > 0 && optopt < TOP) /* a letter, which may stand in a row of letters */
			fprintf(stderr, "wordfreq: -%c: there is no such option\n", optopt);
		else
			fprintf(stderr, "wordfreq: %s: %s\n", text,
				optopt ? "takes no value" : "there is no such option");
		return false;
	}
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct opts *o)
{
	static const char usage[] = "usage: wordfreq [-j WORKERS] [--top K] [--timeout TIME] [--stats] [FILE...]\n"
				    "Counts the words of the files; without files, and for -, of standard input.\n";
	static const struct option options[] = {{"top", required_argument, NULL, TOP},
						{"timeout", required_argument, NULL, TIMEOUT},
						{"stats", no_argument, NULL, STATS},
						{"help", no_argument, NULL, 'h'},
						{0}};
	static char *const standard_input[] = {"-"};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int option;
	o->workers = cores < 1 ? 1 : cores > MAX_WORKERS ? MAX_WORKERS : (size_t)cores;
	opterr = 0; /* our messages say what would be right */
	while ((option = getopt_long(argc, argv, ":j:h", options, NULL)) != -1) {
		if (option == 'h')
			return fputs(usage, stdout) < 0 || fflush(stdout) != 0;
		if (!take_option(option, argv[optind - 1], o)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	o->files = optind < argc ? &argv[optind] : standard_input;
	o->n_files = optind < argc ? (size_t)(argc - optind) : 1;
	return -1;
}

/* A closed 0, 1 or 2 must not become the number of something else we open. O_PATH: it stays as unreadable as it was. */
static void keep_standard_numbers(void)
{
	int fd;
	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static const int ours[] = {SIGINT, SIGTERM, SIGQUIT};
	static struct run run = {.signal_fd = WEIR_FD_NONE};
	weir_err err = {0};
	weir_rt *rt = NULL;
	sigset_t before;
	int status = parse_options(argc, argv, &run.opts);
	if (status >= 0)
		return status;
	keep_standard_numbers();
	signal(SIGPIPE, SIG_IGN); /* a reader that left is an error of the write, and reported */
	sigprocmask(SIG_BLOCK, NULL, &before);
	int rc = weir_signals_block(ours, 3); /* before any task: they inherit it, so signals wait for signal_fd */
	run.total = calloc(1, sizeof(*run.total));
	if (rc == 0)
		rc = run.total ? weir_rt_threads_new(NULL, &rt) : WEIR_ENOMEM;
	if (rc == 0)
		rc = weir_signals_open(rt, ours, 3, &run.signal_fd);
	if (rc == 0)
		rc = weir_rt_run(rt, count_files, &run, &err);
	weir_fd_close(rt, &run.signal_fd);
	weir_rt_free(&rt);
	/* From here on ^C just ends the program, also where its output is stuck. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	status = finish(&run, rc, &err);
	weir_err_fini(&err);
	words_free(&run.total);
	return status;
}
