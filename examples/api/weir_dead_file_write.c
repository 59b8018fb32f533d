/* SPDX-License-Identifier: MIT
 *
 * weir_dead_file_write: a line, and what is read back; and a file that was never made. */
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
	char back[64];
	weir_dead_file_init(&file, rt, fileno(f), true);
	CHECK(weir_dead_file_write(ctx, line, strlen(line), err, &file) == 0);
	rewind(f);
	CHECK(fgets(back, sizeof(back), f) && strcmp(back, line) == 0);
	weir_dead_file_fini(&file);
	CHECK(weir_dead_file_write(ctx, line, strlen(line), NULL, &file) == WEIR_EINVAL);
	fclose(f);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
