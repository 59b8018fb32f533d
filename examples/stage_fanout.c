/* SPDX-License-Identifier: MIT
 *
 * stage_fanout - asks three suppliers for their price at the same time, and takes the cheapest.
 *
 *     $ stage_fanout
 *     prices: 300 150 200
 *     the cheapest: 150
 *     one supplier fails: user error, of quote[1]; the others are stopped
 *
 * A fan-out makes an array in the order of its stages, whoever is first; with a fan-in behind it, one value. All of it
 * takes as long as the slowest. The first failure stops the others: they are cancelled where they wait. (fanout.c asks
 * for the first good answer instead.) Exit status: 0 all is as above; 1 it is not. */
#include <stdio.h>
#include <weir/weir.h>

#define SUPPLIERS 3
#define NO_PRICE (WEIR_EUSER - 1)

WEIR_TYPE_PLAIN(article, int);
WEIR_TYPE_PLAIN(price, int);
WEIR_ARRAY_DECLARE(prices, price);

struct supplier {
	int64_t latency_ns;
	int price; /* of one; 0: it fails */
};

static int quote(weir_ctx *ctx, const article_t *in, price_t *out, weir_err *err, void *arg)
{
	const struct supplier *supplier = arg;
	int rc = weir_sleep(ctx, supplier->latency_ns);
	if (rc < 0)
		return rc;
	if (supplier->price == 0)
		return weir_fail(err, NO_PRICE, "article %d is not sold here", *in);
	*out = *in * supplier->price;
	return 0;
}
WEIR_STAGE_DECLARE(quote, article, price);

static int cheapest(weir_ctx *ctx, const prices_t *in, price_t *out, weir_err *err, void *arg)
{
	(void)ctx;
	(void)err;
	(void)arg;
	*out = *prices_at(in, 0); /* a fan-out has at least one stage, and leaves no place empty */
	for (size_t i = 1; i < prices_len(in); i++) {
		if (*prices_at(in, i) < *out)
			*out = *prices_at(in, i);
	}
	return 0;
}
WEIR_STAGE_DECLARE(cheapest, prices, price);

/* Runs the stage once, and frees it. What it says is in *code; the result says whether it could be run. */
static int fan_run(weir_ctx *ctx, weir_stage *stage, void *out, int *code, weir_err *failure, weir_err *err)
{
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(stage, err);
	if (rc == 0)
		rc = weir_call_new(&s, stage, &call);
	if (rc == 0)
		*code = weir_call_process(ctx, call, &(article_t){50}, out, failure);
	weir_call_free(&call);
	weir_stage_free(&stage);
	return weir_scope_join(ctx, &s, rc, err);
}

static weir_stage *quotes(weir_ctx *ctx, struct supplier *suppliers)
{
	weir_stage *stages[SUPPLIERS];
	for (size_t i = 0; i < SUPPLIERS; i++)
		stages[i] = quote_stage(weir_ctx_rt(ctx), &suppliers[i]);
	return weir_fan_out(stages, SUPPLIERS, 0); /* 0: all at once */
}

static int fan_prices(weir_ctx *ctx, struct supplier *suppliers, weir_err *err)
{
	prices_t prices = {0};
	price_t least = 0;
	int code = 0;
	int rc = fan_run(ctx, quotes(ctx, suppliers), &prices, &code, err, err);
	if (rc == 0 && code == 0) {
		bool good = prices_len(&prices) == SUPPLIERS;
		printf("prices:");
		for (size_t i = 0; i < prices_len(&prices); i++) {
			printf(" %d", *prices_at(&prices, i));
			good = good && *prices_at(&prices, i) == 50 * suppliers[i].price;
		}
		putchar('\n');
		prices_drop(&prices);
		if (!good)
			return weir_fail(err, WEIR_EUSER - 2, "not a price of each, in the order of the suppliers");
	}
	if (rc == 0 && code == 0)
		rc = fan_run(ctx, weir_then(quotes(ctx, suppliers), cheapest_stage(weir_ctx_rt(ctx), NULL)), &least,
			     &code, err, err);
	if (rc < 0 || code < 0)
		return rc < 0 ? rc : code;
	printf("the cheapest: %d\n", least);
	return least == 150 ? 0 : weir_fail(err, WEIR_EUSER - 2, "that is not the cheapest");
}

static int fan_failure(weir_ctx *ctx, struct supplier *suppliers, struct weir_err_info *who, int *code, weir_err *err)
{
	weir_err failure = {0};
	prices_t prices = {0};
	int rc = fan_run(ctx, quotes(ctx, suppliers), &prices, code, &failure, err);
	if (rc == 0 && *code == 0)
		prices_drop(&prices); /* on a failure it holds nothing */
	if (rc == 0 && (*code != NO_PRICE || !weir_err_as(&failure, NO_PRICE, who)))
		rc = weir_fail(err, *code < 0 ? *code : WEIR_EUSER - 2, "not the failure of the supplier");
	weir_err_fini(&failure);
	return rc;
}

static int fan_app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct supplier all[SUPPLIERS] = {{WEIR_MS(3), 6}, {WEIR_MS(1), 3}, {WEIR_MS(2), 4}};
	struct supplier some[SUPPLIERS] = {{WEIR_SEC(3600), 6}, {WEIR_MS(1), 0}, {WEIR_SEC(3600), 4}};
	struct weir_err_info who = {0};
	int code = 0;
	(void)arg;
	int rc = fan_prices(ctx, all, err);
	if (rc == 0)
		rc = fan_failure(ctx, some, &who, &code, err);
	if (rc < 0)
		return rc;
	printf("one supplier fails: %s, of %s[%u]; the others are stopped\n", weir_err_name(code), who.name, who.index);
	return who.index == 1 ? 0 : weir_fail(err, WEIR_EUSER - 2, "that is not the one that failed");
}

int main(void)
{
	return weir_main(fan_app, NULL);
}
