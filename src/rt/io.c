/* SPDX-License-Identifier: MIT
 *
 * The system's descriptors without waiting, whatever mode they are in.
 *
 * A descriptor may come from anywhere (standard input is shared with the shell that started us), so its mode is not
 * ours to change. How each kind is kept from blocking:
 *
 *  D1  Sockets: recv and send with MSG_DONTWAIT, which is for the one call. MSG_NOSIGNAL: a peer that has gone is an
 *      error of the write and not the end of the process.
 *  D2  Anything else in non-blocking mode: read and write.
 *  D3  Anything else in blocking mode: only after poll has said that it would not wait. A write then moves at most
 *      PIPE_BUF bytes, because that is what poll's POLLOUT promises room for in a pipe. Another process that is faster
 *      between the two calls can make this one wait; the header says so.
 *  D4  accept has no such flag and poll is not enough (a connection that goes away between the two is Stevens' classic
 *      hang), so a listener in blocking mode is refused.
 *  D5  Regular files never wait in the sense of poll, and are read and written like that: in one call, since who
 *      appends a line to a file that others append to wants it whole.
 *
 * A call that a signal interrupted has done nothing and is repeated. There is no state here; a descriptor's own calls
 * may run at the same time in any number of threads. Codes are -errno. */
#include "io.h"

#include <weir/rt/threads.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"

/* D2, D3: 1: a call on fd will not wait; 0: it would; negative: a code. */
static int will_not_wait(weir_fd fd, short events, bool *blocking)
{
	struct pollfd p = {.fd = fd, .events = events};
	int flags = fcntl(fd, F_GETFL), rc;

	if (flags < 0)
		return -errno;
	*blocking = !(flags & O_NONBLOCK);
	if (!*blocking)
		return 1;
	do
		rc = poll(&p, 1, 0);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

static bool is_file(weir_fd fd)
{
	struct stat is;
	return fstat(fd, &is) == 0 && S_ISREG(is.st_mode);
}

/* What read, write, ... have returned, as the vtable wants it. */
static int outcome(ssize_t n)
{
	assert(n <= INT_MAX); /* the system moves less than that in one call */
	return n < 0 ? -errno : (int)n;
}

int weir__io_read(weir_rt *rt, weir_fd fd, void *buf, size_t n)
{
	bool blocking;
	int rc;

	(void)rt;
	assert(weir__locks_held() == 0 && n > 0 && n <= INT_MAX);
	do
		rc = outcome(recv(fd, buf, n, MSG_DONTWAIT)); /* D1 */
	while (rc == -EINTR);
	if (rc != -ENOTSOCK)
		return rc;
	rc = will_not_wait(fd, POLLIN, &blocking);
	if (rc <= 0)
		return rc < 0 ? rc : -EAGAIN;
	do
		rc = outcome(read(fd, buf, n));
	while (rc == -EINTR);
	return rc;
}

int weir__io_write(weir_rt *rt, weir_fd fd, const void *buf, size_t n)
{
	bool blocking;
	int rc;

	(void)rt;
	assert(weir__locks_held() == 0 && n > 0 && n <= INT_MAX);
	do
		rc = outcome(send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL)); /* D1 */
	while (rc == -EINTR);
	if (rc != -ENOTSOCK)
		return rc;
	rc = will_not_wait(fd, POLLOUT, &blocking);
	if (rc <= 0)
		return rc < 0 ? rc : -EAGAIN;
	if (blocking && n > PIPE_BUF && !is_file(fd)) /* D5 */
		n = PIPE_BUF;                         /* D3 */
	do
		rc = outcome(write(fd, buf, n));
	while (rc == -EINTR);
	return rc;
}

/* Errors of accept(2) that are about a connection which is no more, not about the listener. */
static bool connection_is_gone(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

int weir__io_accept(weir_rt *rt, weir_fd listener, weir_fd *out)
{
	int flags = fcntl(listener, F_GETFL), fd;

	(void)rt;
	assert(weir__locks_held() == 0);
	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK)) /* D4 */
		return -EINVAL;
	do
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && connection_is_gone(errno));
	if (fd < 0)
		return -errno;
	*out = fd;
	return 0;
}

int weir__io_shut(weir_rt *rt, weir_fd fd)
{
	(void)rt;
	return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

void weir__io_close(weir_rt *rt, weir_fd fd)
{
	(void)rt;
	assert(weir__locks_held() == 0);
	/* The number is free whatever close says, also after EINTR: trying again could hit another file. */
	(void)close(fd);
}

static int set_of(const int *signals, size_t n, sigset_t *set)
{
	(void)sigemptyset(set);
	for (size_t i = 0; i < n; i++)
		if (sigaddset(set, signals[i]) != 0)
			return -EINVAL;
	return 0;
}

int weir_signals_block(const int *signals, size_t n)
{
	sigset_t set;

	if (!signals || n == 0 || set_of(signals, n, &set) != 0)
		return -EINVAL;
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int weir__io_signals_open(weir_rt *rt, const int *signals, size_t n, weir_fd *out)
{
	sigset_t set, blocked;
	int fd;

	(void)rt;
	if (set_of(signals, n, &set) != 0 || pthread_sigmask(SIG_BLOCK, NULL, &blocked) != 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (sigismember(&blocked, signals[i]) != 1) /* its action would be taken, and this would see nothing */
			return -EINVAL;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*out = fd;
	return 0;
}

int weir__io_signals_next(weir_rt *rt, weir_fd fd)
{
	struct signalfd_siginfo info;
	int rc;

	(void)rt;
	assert(weir__locks_held() == 0);
	do
		rc = outcome(read(fd, &info, sizeof(info)));
	while (rc == -EINTR);
	if (rc < 0)
		return rc;
	return rc == (int)sizeof(info) ? (int)info.ssi_signo : -EINVAL;
}
