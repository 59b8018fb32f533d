/* SPDX-License-Identifier: MIT
 *
 * weir_vfail: for a function of your own that fails as weir_fail does, and does something of its own besides. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int refused;

WEIR_PRINTF(2, 3) static int refuse(weir_err *err, const char *fmt, ...)
{
	va_list args;
	refused++;
	va_start(args, fmt);
	int rc = weir_vfail(err, WEIR_EUSER - 7, fmt, args);
	va_end(args);
	return rc;
}

int main(void)
{
	weir_err err = {0};
	char text[80];
	CHECK(refuse(&err, "order %d of %s", 12, "Ann") == WEIR_EUSER - 7);
	CHECK(refused == 1);
	weir_err_format(&err, text, sizeof(text));
	CHECK(strstr(text, "order 12 of Ann"));
	weir_err_fini(&err);
	CHECK(refuse(NULL, "the code is enough") == WEIR_EUSER - 7);
	return 0;
}
