/* SPDX-License-Identifier: MIT
 *
 * weir_err_frame: says where a failure passed through, on its way up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int fetch(weir_err *err)
{
	return weir_fail(err, WEIR_EIO, "the line is cut");
}

static int fetch_often(weir_err *err)
{
	int rc = WEIR_EIO;
	for (uint32_t attempt = 1; attempt <= 3 && rc < 0; attempt++) {
		rc = fetch(err);
		weir_err_frame(err, "fetch", 0, attempt);
	}
	return rc;
}

int main(void)
{
	weir_err err = {0};
	char text[120];
	CHECK(fetch_often(&err) == WEIR_EIO);
	weir_err_frame(&err, "crawler", UINT32_MAX, 0); /* no index, no attempt */
	weir_err_format(&err, text, sizeof(text));
	puts(text);
	CHECK(strstr(text, "crawler") && strstr(text, "fetch[0]") && strstr(text, "attempt 3"));
	CHECK(strstr(text, "crawler") < strstr(text, "fetch")); /* outermost first */
	weir_err_fini(&err);
	return 0;
}
