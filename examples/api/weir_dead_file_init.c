/* SPDX-License-Identifier: MIT
 *
 * weir_dead_file_init: letters go to the end of a file, and are safe when it says so. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_dead_file file;
	static const char line[] = "{\"stage\":\"fetch\",\"item\":\"a\"}\n";
	FILE *f = tmpfile();
	(void)arg;
	CHECK(f != NULL);
	weir_dead_file_init(&file, rt, fileno(f), true);
	const struct weir_dead_log log = {.write = weir_dead_file_write, .arg = &file}; /* of weir_dead_log_write */
	CHECK(log.write(ctx, line, strlen(line), err, log.arg) == 0);
	weir_dead_file_fini(&file);
	fclose(f);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
