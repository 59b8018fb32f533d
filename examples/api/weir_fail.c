/* SPDX-License-Identifier: MIT
 *
 * weir_fail: returns a code, and tells whoever wants to know why. err may be NULL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	char text[80];
	int port = 0;
	CHECK(read_port("8080", &port, &err) == 0 && port == 8080);
	CHECK(read_port("http", &port, NULL) == WEIR_EINVAL); /* nobody wants to know */
	CHECK(read_port("99999", &port, &err) == WEIR_EINVAL);
	weir_err_format(&err, text, sizeof(text));
	CHECK(strcmp(text, "WEIR_EINVAL: \"99999\" is not a port") == 0);
	CHECK(weir_fail(&err, 7, "not a code") == WEIR_EINVAL); /* a failure never looks like success */
	weir_err_fini(&err);
	return 0;
}
