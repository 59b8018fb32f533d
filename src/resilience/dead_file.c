/* SPDX-License-Identifier: MIT
 *
 * Lines of a log of letters, at the end of a file: see resilience/dead_letter.h.
 *
 *  F1  Who writes holds `turn`, a semaphore and not a mutex: who waits for it can be cancelled.
 *  F2  A line is one write(2) where the file takes it, which for a file with O_APPEND puts it whole behind what other
 *      processes append. What is not taken at once is written behind it; or, where somebody else has ended the half
 *      and written behind it first, the line is begun again.
 *  F3  torn: the last line has no end, because a write failed within it, the context ended, or whoever wrote it (an
 *      earlier run, another process) was cut off. The next one begins with a newline then. A file says itself how it
 *      ends, if it can be read; if not, who begins with it takes what is there for torn, and a newline too many is a
 *      blank line.
 *
 * Locks: none. Anything may run at the same time but init and fini. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/core/sync.h>
#include <weir/resilience/dead_letter.h>
#include <weir/rt.h>

struct __attribute__((may_alias)) file {
	weir_rt *rt; /* NULL: not made */
	weir_sem turn;
	weir_fd fd;
	bool sync;
	bool torn; /* F3; of who has the turn */
};

_Static_assert(sizeof(struct file) <= sizeof(weir_dead_file), "it fits");

static struct file *inside(weir_dead_file *f)
{
	return (struct file *)f;
}

static void look_at_the_end(struct file *f, bool begins) /* F3 */
{
	struct stat is;
	char last;
	if (fstat(f->fd, &is) < 0 || !S_ISREG(is.st_mode))
		return;
	if (is.st_size == 0)
		f->torn = false;
	else if (pread(f->fd, &last, 1, is.st_size - 1) == 1)
		f->torn = last != '\n';
	else
		f->torn |= begins;
}

void weir_dead_file_init(weir_dead_file *f, weir_rt *rt, weir_fd fd, bool sync)
{
	memset(f, 0, sizeof(*f));
	inside(f)->rt = rt;
	inside(f)->fd = fd;
	inside(f)->sync = sync;
	look_at_the_end(inside(f), true);
	weir_sem_init(&inside(f)->turn, rt, 1);
}

void weir_dead_file_fini(weir_dead_file *f)
{
	if (!f || !inside(f)->rt)
		return;
	weir_sem_fini(&inside(f)->turn);
	memset(f, 0, sizeof(*f));
}

static int write_all(weir_ctx *ctx, struct file *f, const char *bytes, size_t n)
{
	for (size_t written = 0; written < n;) { /* F2 */
		int rc = weir_fd_write(ctx, f->fd, bytes + written, n - written);
		if (rc < 0)
			return rc;
		written += (size_t)rc;
		f->torn = written < n;
		if (!f->torn)
			break;
		look_at_the_end(f, false);
		if (!f->torn)
			written = 0;
	}
	return 0;
}

static int write_line(weir_ctx *ctx, struct file *f, const char *line, size_t len, weir_err *err)
{
	look_at_the_end(f, false);
	int rc = f->torn ? write_all(ctx, f, "\n", 1) : 0; /* F3 */
	if (rc == 0)
		rc = write_all(ctx, f, line, len);
	if (rc < 0)
		return weir_fail(err, rc, "a letter could not be appended to descriptor %d", f->fd);
	while (f->sync && fsync(f->fd) < 0)
		if ((rc = -errno) != WEIR_EINTR)
			return weir_fail(err, rc, "a letter is in descriptor %d, but could not be synced", f->fd);
	return 0;
}

int weir_dead_file_write(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *file)
{
	struct file *f = file;
	if (!f || !f->rt)
		return weir_fail(err, WEIR_EINVAL, "there is no file: weir_dead_file_init makes one");
	int rc = weir_sem_acquire(ctx, &f->turn, 1); /* F1 */
	if (rc < 0)
		return rc;
	rc = write_line(ctx, f, line, len, err);
	weir_sem_release(&f->turn, 1);
	return rc;
}
