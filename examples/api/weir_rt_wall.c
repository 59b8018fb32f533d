/* SPDX-License-Identifier: MIT
 *
 * weir_rt_wall: the time of day, to print or to store; it may be set back, so no deadline is made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	char text[32];
	(void)err, (void)arg;
	time_t seconds = (time_t)(weir_rt_wall(weir_ctx_rt(ctx)) / WEIR_SEC(1));
	const struct tm *utc = gmtime(&seconds);
	CHECK(utc && utc->tm_year + 1900 >= 2020);
	CHECK(strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", utc) == 20);
	puts(text);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
