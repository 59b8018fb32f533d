/* SPDX-License-Identifier: MIT
 *
 * db - workers that write rows into a SQLite database, a batch at a time, while another connection has it locked.
 *
 *     db FILE             makes the table anew; needs SQLite (libsqlite3-dev), and is built only where that is found
 *
 * A job is a batch, and one transaction: all of its rows are there, or none. A worker's stage has a connection of its
 * own for each batch. SQLITE_BUSY is a failure that another attempt mends, so it is tried again after a growing delay;
 * anything else is not. A batch that was refused (here each tenth: it has the same id twice) is told to a dead letter,
 * with the reason, and costs the others nothing. The program holds a lock of its own until three attempts were turned
 * away, so SQLITE_BUSY is certain to happen. At the end the rows in the table must be those of the batches that were
 * accepted. Exit status: 0; 1 something failed, or a row is missing; 2 bad arguments. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define BATCHES 40
#define BATCH_ROWS 25
#define TURNED_AWAY 3
#define EBUSY_DB (WEIR_EUSER - 1)
#define EREFUSED (WEIR_EUSER - 2)

struct batch {
	int64_t first, ids[BATCH_ROWS];
};

WEIR_TYPE_PLAIN(batch, struct batch);
WEIR_TYPE_PLAIN(num, int64_t); /* rows written */
WEIR_PIPELINE_DECLARE(db, batch, num);

struct run {
	const char *path;
	sqlite3 *locker; /* has the database locked until enough attempts were turned away */
	weir_sem turned_away;
	weir_atomic retries, dead;
	uint64_t accepted, refused;
	int64_t rows;
};

static int sql(sqlite3 *db, const char *text, weir_err *err)
{
	int code = sqlite3_exec(db, text, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return 0;
	return weir_fail(err, code == SQLITE_BUSY ? EBUSY_DB : EREFUSED, "%s", sqlite3_errmsg(db));
}

static int write_rows(weir_ctx *ctx, sqlite3 *db, const struct batch *batch, weir_err *err)
{
	char text[96];
	int rc = sql(db, "BEGIN IMMEDIATE", err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < BATCH_ROWS && rc == 0; i++) {
		snprintf(text, sizeof(text), "INSERT INTO rows VALUES (%" PRId64 ", 'row %" PRId64 "')", batch->ids[i],
			 batch->ids[i]);
		rc = weir_ctx_err(ctx);
		if (rc == 0)
			rc = sql(db, text, err);
	}
	if (rc == 0)
		rc = sql(db, "COMMIT", err);
	if (rc < 0)
		(void)sql(db, "ROLLBACK", NULL); /* so that none of its rows is there */
	return rc;
}

static int insert(weir_ctx *ctx, const struct batch *in, int64_t *out, weir_err *err, void *arg)
{
	struct run *run = arg;
	sqlite3 *db = NULL;
	int rc = sqlite3_open(run->path, &db) == SQLITE_OK
			 ? write_rows(ctx, db, in, err)
			 : weir_fail(err, EREFUSED, "%s: cannot be opened", run->path);
	sqlite3_close(db);
	*out = BATCH_ROWS;
	return rc;
}
WEIR_STAGE_DECLARE(insert, batch, num);

static bool is_busy(int code, const weir_err *failure, void *arg)
{
	(void)failure, (void)arg;
	return code == EBUSY_DB;
}

static void on_retry(uint32_t attempt, const weir_err *failure, int64_t delay_ns, void *arg)
{
	struct run *run = arg;
	(void)attempt, (void)failure, (void)delay_ns;
	weir_atomic_add(&run->retries, 1);
	weir_sem_release(&run->turned_away, 1);
}

static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	struct run *run = arg;
	char text[200];
	(void)ctx, (void)err;
	weir_err_format(dead->err, text, sizeof(text));
	fprintf(stderr, "batch from %" PRId64 ": %s\n", ((const struct batch *)dead->item)->first, text);
	weir_atomic_add(&run->dead, 1);
	return 0;
}

static int unlock(weir_ctx *ctx, weir_err *err, struct run *run)
{
	int rc = weir_sem_acquire(ctx, &run->turned_away, TURNED_AWAY);
	return rc == 0 ? sql(run->locker, "COMMIT", err) : rc;
}
WEIR_TASK_DECLARE(unlock, struct run);

static int produce(weir_ctx *ctx, weir_err *err, db_jobs *jobs)
{
	int rc = 0;
	(void)err;
	for (int64_t b = 0; b < BATCHES && rc == 0; b++) {
		struct db_job job = {.head.id = (uint64_t)b, .in.first = b * BATCH_ROWS};
		for (int i = 0; i < BATCH_ROWS; i++)
			job.in.ids[i] = job.in.first + i;
		if (b % 10 == 9)
			job.in.ids[BATCH_ROWS - 1] = job.in.first; /* a row twice: no database takes that */
		rc = db_send(ctx, *jobs, &job);
	}
	db_jobs_close(jobs);
	return rc;
}
WEIR_TASK_DECLARE(produce, db_jobs);

static int write_all(weir_ctx *ctx, weir_err *err, struct run *run)
{
	const struct weir_retry_opts again = {.max_attempts = WEIR_RETRY_ENDLESS,
					      .backoff = {.base_ns = WEIR_MS(1), .max_ns = WEIR_MS(20)},
					      .total_ns = WEIR_SEC(60),
					      .retry_if = is_busy,
					      .on_retry = on_retry,
					      .arg = run};
	weir_stage *st = weir_dead_letter(weir_retry(insert_stage(weir_ctx_rt(ctx), run), &again), bury, run);
	const struct weir_pipeline_opts opts = {.stage = st, .workers = 4, .name = "insert"};
	db_jobs jobs = {0};
	db_results results = {0};
	struct db_result r;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, err);
	if (rc == 0)
		rc = db_start(&s, &opts, &jobs, &results, NULL);
	if (rc == 0)
		rc = produce_spawn(&s, &jobs);
	if (rc == 0)
		rc = unlock_spawn(&s, run);
	while (rc >= 0 && (rc = db_recv(ctx, results, &r)) > 0) {
		run->accepted += r.head.rc == 0;
		run->refused += r.head.rc != 0;
		run->rows += r.head.rc == 0 ? r.value : 0;
		db_result_drop(&r);
	}
	db_results_close(&results);
	rc = weir_scope_join(ctx, &s, rc, err);
	db_jobs_close(&jobs);
	weir_stage_free(&st);
	return rc;
}

static int count_rows(void *rows, int n, char **values, char **names)
{
	(void)names;
	return n == 1 && values[0] ? sscanf(values[0], "%" SCNd64, (int64_t *)rows) != 1 : 1;
}

static int check(const struct run *run, weir_err *err)
{
	int64_t rows = -1;
	if (sqlite3_exec(run->locker, "SELECT count(*) FROM rows", count_rows, &rows, NULL) != SQLITE_OK)
		return weir_fail(err, EREFUSED, "%s", sqlite3_errmsg(run->locker));
	printf("%" PRIu64 " batches accepted, %" PRIu64 " refused; %" PRId64 " rows\n", run->accepted, run->refused,
	       rows);
	if (rows != run->rows || run->accepted + run->refused != BATCHES || run->refused != BATCHES / 10 ||
	    weir_atomic_load(&run->dead) != run->refused || weir_atomic_load(&run->retries) < TURNED_AWAY)
		return weir_fail(err, WEIR_EUSER - 3, "not what the batches say");
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run run = {.path = arg};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_sem_init(&run.turned_away, rt, 0);
	weir_atomic_init(&run.retries, rt, 0);
	weir_atomic_init(&run.dead, rt, 0);
	int rc = sqlite3_open(run.path, &run.locker) == SQLITE_OK
			 ? sql(run.locker,
			       "DROP TABLE IF EXISTS rows; CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT);"
			       "BEGIN IMMEDIATE",
			       err)
			 : weir_fail(err, EREFUSED, "%s: cannot be opened", run.path);
	if (rc == 0)
		rc = write_all(ctx, err, &run);
	if (rc == 0)
		rc = check(&run, err);
	sqlite3_close(run.locker);
	weir_atomic_fini(&run.dead);
	weir_atomic_fini(&run.retries);
	weir_sem_fini(&run.turned_away);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: db FILE\n");
		return 2;
	}
	return weir_main(app, argv[1]);
}
