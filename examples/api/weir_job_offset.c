/* SPDX-License-Identifier: MIT
 *
 * weir_job_offset: where the input lies in a job: for code that handles jobs of any type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

struct job {
	struct weir_job_head head;
	int in;
};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	const weir_type type = weir_job_type(&num);
	char *job = weir_rt_alloc(weir_ctx_rt(ctx), type.size);
	if (!job)
		return WEIR_ENOMEM;
	*(struct weir_job_head *)(void *)job = (struct weir_job_head){.id = 1};
	memcpy(job + weir_job_offset(&num), &(int){12}, num.size);
	CHECK(weir_job_offset(&num) == offsetof(struct job, in)); /* as in a struct of the two */
	CHECK(((struct job *)(void *)job)->in == 12);
	weir_rt_release(weir_ctx_rt(ctx), job);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
