/* SPDX-License-Identifier: MIT
 *
 * weir_err_fini: empties a detail; a zeroed one and none at all are fine, so that every path may call it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int read_port(const char *text, int *port, weir_err *err)
{
	char *end;
	long n = strtol(text, &end, 10);
	if (*end || n < 1 || n > 65535)
		return weir_fail(err, WEIR_EINVAL, "\"%s\" is not a port", text);
	*port = (int)n;
	return 0;
}

int main(void)
{
	weir_err err = {0};
	int port = 0, good = 0;
	for (const char *const *text = (const char *const[]){"80", "x", "443", "-1", NULL}; *text; text++) {
		if (read_port(*text, &port, &err) == 0)
			good++;
		weir_err_fini(&err); /* ready for the next */
		CHECK(err.code == 0);
	}
	CHECK(good == 2);
	weir_err_fini(NULL);
	return 0;
}
