/* SPDX-License-Identifier: MIT
 *
 * weir_cause_name: a cause as a word, for a log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	CHECK(strcmp(weir_cause_name(WEIR_CAUSE_USER), "user") == 0);
	CHECK(strcmp(weir_cause_name(WEIR_CAUSE_DEADLINE), "deadline") == 0);
	CHECK(strcmp(weir_cause_name(WEIR_CAUSE_PARENT), "parent") == 0);
	for (int cause = WEIR_CAUSE_NONE; cause <= WEIR_CAUSE_SHUTDOWN; cause++)
		CHECK(strlen(weir_cause_name((enum weir_cause)cause)) > 0);
	return 0;
}
