/* SPDX-License-Identifier: MIT
 *
 * weir_err_format: the detail as one line of text; like snprintf it says how long it would be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_err err = {0};
	char text[80], few[8];
	CHECK(weir_err_format(&err, text, sizeof(text)) == 0 && text[0] == '\0'); /* an empty one: nothing */
	CHECK(weir_fail(&err, WEIR_EPIPE, "the reader has left") == WEIR_EPIPE);
	weir_err_frame(&err, "fetch", 3, 2);
	size_t length = weir_err_format(&err, text, sizeof(text));
	CHECK(strcmp(text, "fetch[3] attempt 2: WEIR_EPIPE: the reader has left") == 0);
	CHECK(length == strlen(text));
	CHECK(weir_err_format(&err, few, sizeof(few)) == length); /* cut, and terminated */
	CHECK(strcmp(few, "fetch[3") == 0);
	weir_err_fini(&err);
	return 0;
}
