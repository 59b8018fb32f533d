/* SPDX-License-Identifier: MIT
 *
 * weir_dead_log_item: the value of a dead letter, out of a line of the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	static const char line[] = "{\"attempts\":3,\"stage\":\"fetch\",\"item\":\"say \\\"hello\\\"\"}\n";
	char text[40];
	size_t len = 0;
	CHECK(weir_dead_log_item(line, strlen(line), text, sizeof(text), &len) == 0);
	CHECK(len == 11 && memcmp(text, "say \"hello\"", len) == 0);
	return 0;
}
