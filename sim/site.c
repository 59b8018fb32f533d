/* SPDX-License-Identifier: MIT
 *
 * Addresses to file:line, once per report.
 *
 * Operations carry return addresses, because an address costs nothing until somebody reads it. Reading needs the
 * debug information, and the tool that knows it is addr2line(1): one run per module (program, shared library) with
 * all of its addresses. What it leaves open is asked of llvm-addr2line, where that is installed: it knows inlined
 * calls of clang that the other does not see. What cannot be found out that way is shown as a symbol, or as an offset
 * in the module, which people can look up by hand.
 *
 *  A1  Never fails and never hangs: every entry of `out` is a text in the end. The tool gets TOOL_MS in all; what is
 *      missing by then is shown the other way.
 *  A2  An address is one past the call, so the byte before it is looked up.
 *  A3  Of a chain of inlined frames, innermost first, the one to show is the first that is not weir's: the typed
 *      wrappers are inline functions, and the user's line is the one that called them. Weir's are those in a header
 *      of weir, and those that a WEIR_..._DECLARE macro has made in the user's own file: their source line is the
 *      macro's. Where the source cannot be read, their names tell. If all frames are weir's, the outermost.
 *
 * Runs on the normal stack, outside of tasks, in the one thread of the search; a signal may interrupt any call. The
 * child gets the default signals, nothing to read, and no DEBUGINFOD_URLS: a report asks no server. */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

#define TOOL_MS 10000
#define BATCH 500 /* addresses in one command line */
#define SITE_BYTES 64

extern char **environ;

struct module {
	uintptr_t address, base; /* looked for; where the module was loaded */
	bool found;
	char path[4096];
};

/* ---- modules ---- */

static int match_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct module *m = arg;
	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;
		if (p->p_type != PT_LOAD || m->address < start || m->address - start >= p->p_memsz)
			continue;
		m->base = info->dlpi_addr; /* 0 for a program that is not position independent */
		snprintf(m->path, sizeof(m->path), "%s", info->dlpi_name ? info->dlpi_name : "");
		m->found = true;
		return 1;
	}
	return 0;
}

static void find_module(const void *site, struct module *m)
{
	*m = (struct module){.address = (uintptr_t)site - 1}; /* A2 */
	if (!site || dl_iterate_phdr(match_module, m) == 0)
		return;
	if (m->path[0] && strcmp(m->path, "/proc/self/exe") != 0) /* so musl calls the program */
		return;
	ssize_t n = readlink("/proc/self/exe", m->path, sizeof(m->path) - 1);
	m->path[n > 0 ? n : 0] = '\0';
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* A1: what can be said without debug information. */
static void fall_back(const void *site, const struct module *m, char out[SITE_BYTES])
{
	Dl_info info;
	if (!m->found)
		snprintf(out, SITE_BYTES, "?");
	else if (dladdr((const void *)m->address, &info) && info.dli_sname)
		snprintf(out, SITE_BYTES, "%.44s+0x%lx", info.dli_sname,
			 (unsigned long)((uintptr_t)site - (uintptr_t)info.dli_saddr));
	else
		snprintf(out, SITE_BYTES, "%.44s+0x%lx", base_name(m->path),
			 (unsigned long)((uintptr_t)site - m->base));
}

/* ---- what the tool prints ---- */

/* "/a/pipe.c:88 (discriminator 2)": cut behind the path; the number behind it, or 0: the tool does not know. */
static unsigned long cut_place(char *place)
{
	char *colon = strrchr(place, ':'), *extra = strstr(place, " (discriminator");
	if (extra && colon > extra) {
		*extra = '\0';
		colon = strrchr(place, ':');
	}
	if (!colon || place[0] == '?')
		return 0;
	*colon = '\0';
	return strtoul(colon + 1, NULL, 10);
}

/* Whether line n of the file is where a wrapper was declared; -1: cannot be read. */
static int declares_wrappers(const char *path, unsigned long n)
{
	char text[512];
	bool whole = true;
	FILE *file = fopen(path, "re");
	unsigned long at = 1;
	if (!file)
		return -1;
	while (fgets(text, sizeof(text), file) && !(whole && at == n)) {
		whole = strchr(text, '\n') != NULL;
		at += whole;
	}
	int found = at < n || ferror(file) ? -1 : strstr(text, "_DECLARE(") != NULL;
	fclose(file);
	return found;
}

static bool is_wrapper_name(const char *function)
{
	static const char *const ends[] = {"_send",  "_recv",     "_try_send", "_try_recv", "_clone",
					   "_close", "_chan_new", "_jobs_new", "_start",    "_attach"};
	size_t n = strcspn(function, "("); /* C++ shows the parameters */
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (n > strlen(ends[i]) && strncmp(function + n - strlen(ends[i]), ends[i], strlen(ends[i])) == 0)
			return true;
	return false;
}

static bool is_own(const char *function, const char *path, unsigned long line)
{
	if (strstr(path, "include/weir/") || strstr(path, "/weir/core/typed.h"))
		return true;
	if (SIM_EXPLORES &&
	    (strstr(path, "/rt/explore.h") || strstr(path, "/rt/atomic.h") || strstr(path, "/rt/lock.h")))
		return true;
	int declared = declares_wrappers(path, line);
	return declared >= 0 ? declared : is_wrapper_name(function);
}

/* The answers stand in the order of the questions: "0x..." begins one, then come pairs of lines, function and place,
 * innermost first. */
struct answers {
	char (*out)[SITE_BYTES];
	const size_t *which; /* of out, by question */
	bool *settled;       /* by question: the user's frame was found */
	size_t n, at;        /* at: questions answered or begun */
	bool function_next;
	char function[128];
};

static void take_line(struct answers *a, char *line)
{
	if (strncmp(line, "0x", 2) == 0 && (a->at == 0 || a->function_next)) {
		a->at++;
		a->function_next = true;
		return;
	}
	a->function_next = !a->function_next;
	if (!a->function_next)
		snprintf(a->function, sizeof(a->function), "%.127s", line);
	if (!a->function_next || a->at == 0 || a->at > a->n || a->settled[a->at - 1])
		return; /* the function's name, more than was asked for, or outer frames */
	unsigned long number = cut_place(line);
	if (number == 0)
		return;
	snprintf(a->out[a->which[a->at - 1]], SITE_BYTES, "%.50s:%lu", base_name(line), number % 100000000);
	a->settled[a->at - 1] = !is_own(a->function, line, number); /* A3 */
}

/* ---- running it ---- */

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Lines of fd to the answers, until its end or the deadline. */
static void read_answers(int fd, struct answers *a, int64_t deadline_ms)
{
	char buf[8192];
	size_t have = 0;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline_ms - now_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return;
		ssize_t n = read(fd, buf + have, sizeof(buf) - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		have += (size_t)n;
		buf[have] = '\0';
		char *line = buf, *end;
		for (; (end = memchr(line, '\n', have - (size_t)(line - buf))); line = end + 1) {
			*end = '\0';
			take_line(a, line);
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have >= sizeof(buf) - 1)
			have = 0; /* no line of the tool is that long */
	}
}

/* The environment without the servers that the tool would ask. */
static char **quiet_environment(void)
{
	size_t n = 0, kept = 0;
	while (environ && environ[n])
		n++;
	char **env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env && i < n; i++)
		if (strncmp(environ[i], "DEBUGINFOD_URLS=", 16) != 0)
			env[kept++] = environ[i];
	return env;
}

static int start_tool(char **argv, int out_fd, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	char **env = quiet_environment();
	int rc = -1;
	sigfillset(&all);
	sigemptyset(&none);
	if (!env || posix_spawnattr_init(&attr) != 0)
		goto no_attr;
	if (posix_spawn_file_actions_init(&files) != 0)
		goto no_files;
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out_fd, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(pid, argv[0], &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
no_files:
	posix_spawnattr_destroy(&attr);
no_attr:
	free(env);
	return rc;
}

static void run_tool(char **argv, struct answers *a, int64_t deadline_ms)
{
	int fds[2];
	pid_t pid;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	int rc = start_tool(argv, fds[1], &pid);
	close(fds[1]);
	if (rc == 0) {
		read_answers(fds[0], a, deadline_ms);
		kill(pid, SIGKILL); /* A1: it has said everything, or will not any more */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
}

/* One command line for addresses of one module. */
static void ask(const char *tool, const struct module *m, const void *const *sites, struct answers *a,
		int64_t deadline_ms)
{
	char(*text)[24] = calloc(a->n, sizeof(*text));
	char **argv = calloc(a->n + 8, sizeof(*argv));
	assert(a->n > 0 && a->n <= BATCH);
	if (text && argv) {
		const char *head[] = {tool, "-a", "-f", "-i", "-C", "-e", m->path};
		size_t args = sizeof(head) / sizeof(*head);
		memcpy(argv, head, sizeof(head));
		for (size_t i = 0; i < a->n; i++) {
			snprintf(text[i], sizeof(text[i]), "0x%lx",
				 (unsigned long)((uintptr_t)sites[a->which[i]] - 1 - m->base));
			argv[args + i] = text[i];
		}
		run_tool(argv, a, deadline_ms);
	}
	free(argv);
	free(text);
}

/* All tools in turn, each for what the ones before left open. */
static void ask_all(const struct module *m, const void *const *sites, const size_t *which, size_t n,
		    char (*out)[SITE_BYTES], int64_t deadline_ms)
{
	static const char *const tools[] = {"addr2line", "llvm-addr2line"};
	size_t open[BATCH];
	memcpy(open, which, n * sizeof(*which));
	for (size_t t = 0; t < sizeof(tools) / sizeof(*tools) && n > 0; t++) {
		bool settled[BATCH] = {false};
		struct answers a = {.out = out, .which = open, .settled = settled, .n = n};
		size_t left = 0;
		ask(tools[t], m, sites, &a, deadline_ms);
		for (size_t i = 0; i < n; i++)
			if (!settled[i])
				open[left++] = open[i];
		n = left;
	}
}

void weir__sim_sites(const void *const *sites, size_t n, char (*out)[SITE_BYTES])
{
	int64_t deadline_ms = now_ms() + TOOL_MS;
	size_t which[BATCH];
	struct module first, m;
	for (size_t i = 0; i < n; i++)
		out[i][0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t batch = 0;
		if (out[i][0])
			continue;
		find_module(sites[i], &first);
		for (size_t j = i; first.found && j < n && batch < BATCH; j++) {
			find_module(sites[j], &m);
			if (out[j][0] == '\0' && m.found && m.base == first.base)
				which[batch++] = j;
		}
		ask_all(&first, sites, which, batch, out, deadline_ms);
		for (size_t j = 0; j < batch; j++)
			if (out[which[j]][0] == '\0')
				fall_back(sites[which[j]], &first, out[which[j]]);
		if (out[i][0] == '\0')
			fall_back(sites[i], &first, out[i]);
	}
}
