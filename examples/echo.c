/* SPDX-License-Identifier: MIT
 *
 * echo - a TCP server that sends back what it receives, and stops the way a server should.
 *
 *     echo [--port N] [--grace TIME] [--max N]
 *
 * It listens on 127.0.0.1. --port 0, the default, lets the system choose; the port is printed. At most --max clients
 * are served at once (64), and the next ones wait in the system's queue. The first ^C stops accepting and lets clients
 * finish for --grace (5s); the second, or the end of that time, cuts off those that are left.
 *
 * The server itself is echo_server.h, which knows no sockets. What is here is the world around it: options, a
 * listening socket, signals, and what to tell people.
 *
 * Exit status: 0 stopped, and every client had finished; 1 something failed, or a client was cut off; 2 bad options. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/weir.h>

#include "echo_server.h"

typedef unsigned long long count_t; /* as printf likes it */

static const int stop_signals[] = {SIGINT, SIGTERM};

struct app {
	struct echo_opts opts;
	size_t port;
	struct echo_report report;
};

static void say(const char *text)
{
	fprintf(stderr, "echo: %s\n", text);
}

/* A socket that listens on 127.0.0.1, in non-blocking mode as weir_fd_accept wants it; *port becomes the one it got. */
static int open_listener(size_t *port, weir_fd *out)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)*port),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(at);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	*port = ntohs(at.sin_port);
	*out = fd;
	return 0;
}

static int serve(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct app *app = arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_fd listener = WEIR_FD_NONE, signals = WEIR_FD_NONE;
	int rc = weir_signals_open(rt, stop_signals, sizeof(stop_signals) / sizeof(stop_signals[0]), &signals);
	if (rc < 0)
		return weir_fail(err, rc, "signals");
	rc = open_listener(&app->port, &listener);
	if (rc < 0) {
		rc = weir_fail(err, rc, "listening on 127.0.0.1 port %zu: %s", app->port, strerror(-rc));
	} else {
		printf("listening on 127.0.0.1 port %zu\n", app->port);
		fflush(stdout);
		rc = echo_serve(ctx, &listener, signals, &app->opts, &app->report, err);
	}
	weir_fd_close(rt, &signals);
	return rc;
}

static int finish(const struct app *app, int rc, const weir_err *err)
{
	const struct echo_report *r = &app->report;
	char text[512];
	if (rc < 0) {
		weir_err_format(err, text, sizeof(text));
		say(text[0] ? text : weir_err_text(rc));
	}
	fprintf(stderr, "echo: %llu connections = %llu finished + %llu cut off + %llu failed; %llu bytes\n",
		(count_t)r->accepted, (count_t)r->finished, (count_t)r->cut, (count_t)r->failed, (count_t)r->bytes);
	return rc < 0 || r->cut > 0;
}

/* A whole number from least to most, followed by one of the units ("": none). */
static bool parse(const char *option, const char *wanted, const char *unit, size_t factor, size_t least, size_t most,
		  size_t *out)
{
	char *end;
	errno = 0;
	count_t n = strtoull(optarg, &end, 10);
	if (optarg[0] < '0' || optarg[0] > '9' || errno != 0 || strcmp(end, unit) != 0 || n < least ||
	    n > most / factor) {
		fprintf(stderr, "echo: %s '%s': must be %s\n", option, optarg, wanted);
		return false;
	}
	*out = (size_t)n * factor;
	return true;
}

static bool parse_grace(int64_t *out)
{
	bool ms = strlen(optarg) > 2 && strcmp(optarg + strlen(optarg) - 2, "ms") == 0;
	size_t ns = 0;
	if (!parse("--grace", "a whole number and ms or s, such as 500ms or 5s", ms ? "ms" : "s",
		   ms ? 1000000 : 1000000000, 0, INT64_MAX, &ns))
		return false;
	*out = (int64_t)ns;
	return true;
}

enum { PORT = 256, GRACE, MAX };

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct app *app)
{
	static const char usage[] = "usage: echo [--port N] [--grace TIME] [--max N]\n"
				    "Sends back what TCP clients send, until interrupted.\n";
	static const struct option options[] = {{"port", required_argument, NULL, PORT},
						{"grace", required_argument, NULL, GRACE},
						{"max", required_argument, NULL, MAX},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int option;
	bool ok = true;
	app->opts = (struct echo_opts){.max = 64, .grace_ns = WEIR_SEC(5), .say = say};
	while (ok && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return fputs(usage, stdout) < 0 || fflush(stdout) != 0;
		if (option == PORT)
			ok = parse("--port", "a whole number up to 65535", "", 1, 0, 65535, &app->port);
		else if (option == MAX)
			ok = parse("--max", "a whole number from 1 to 10000", "", 1, 1, 10000, &app->opts.max);
		else
			ok = option == GRACE && parse_grace(&app->opts.grace_ns);
	}
	if (ok && optind == argc)
		return -1;
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct app app = {.port = 0};
	weir_err err = {0};
	weir_rt *rt = NULL;
	int status = parse_options(argc, argv, &app);
	if (status >= 0)
		return status;
	/* Before any task: they inherit it, so that a signal waits for the task that asks for it. */
	int rc = weir_signals_block(stop_signals, sizeof(stop_signals) / sizeof(stop_signals[0]));
	if (rc == 0)
		rc = weir_rt_threads_new(NULL, &rt);
	if (rc == 0)
		rc = weir_rt_run(rt, serve, &app, &err);
	weir_rt_free(&rt);
	status = finish(&app, rc, &err);
	weir_err_fini(&err);
	return status;
}
