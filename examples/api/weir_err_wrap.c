/* SPDX-License-Identifier: MIT
 *
 * weir_err_wrap: makes another code of a failure that keeps its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_err err = {0};
	char text[120];
	int rc = weir_fail(&err, WEIR_EIO, "the line is cut");
	if (rc < 0)
		rc = weir_err_wrap(&err, WEIR_EEXHAUSTED, 3); /* after the third attempt */
	CHECK(rc == WEIR_EEXHAUSTED && err.code == WEIR_EEXHAUSTED);
	CHECK(weir_err_is(&err, WEIR_EIO)); /* it still is what it was */
	weir_err_format(&err, text, sizeof(text));
	puts(text);
	CHECK(strcmp(text, "WEIR_EEXHAUSTED (3 attempts): WEIR_EIO: the line is cut") == 0);
	weir_err_fini(&err);
	return 0;
}
