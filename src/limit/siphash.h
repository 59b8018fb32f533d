/* SPDX-License-Identifier: MIT
 *
 * SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: a fast short-input PRF), byte order of the reference. Who
 * does not know the secret cannot find two keys with the same hash. Pure. */
#ifndef WEIR_SRC_LIMIT_SIPHASH_H
#define WEIR_SRC_LIMIT_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct weir__hash {
	uint64_t a, b;
};

static inline uint64_t weir__rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void weir__sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1], v[1] = weir__rotate(v[1], 13), v[1] ^= v[0], v[0] = weir__rotate(v[0], 32);
		v[2] += v[3], v[3] = weir__rotate(v[3], 16), v[3] ^= v[2];
		v[0] += v[3], v[3] = weir__rotate(v[3], 21), v[3] ^= v[0];
		v[2] += v[1], v[1] = weir__rotate(v[1], 17), v[1] ^= v[2], v[2] = weir__rotate(v[2], 32);
	}
}

static inline struct weir__hash weir__siphash(const struct weir__hash *secret, const void *key, size_t len)
{
	const unsigned char *bytes = key;
	uint64_t v[4] = {secret->a ^ UINT64_C(0x736f6d6570736575), secret->b ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
			 secret->a ^ UINT64_C(0x6c7967656e657261), secret->b ^ UINT64_C(0x7465646279746573)};
	for (size_t at = 0; at <= len / 8 * 8; at += 8) {
		uint64_t word = at + 8 > len ? (uint64_t)len << 56 : 0; /* the last one has the length */
		for (size_t i = 0; i < 8 && at + i < len; i++)
			word |= (uint64_t)bytes[at + i] << (8 * i);
		v[3] ^= word;
		weir__sip_rounds(v, 2);
		v[0] ^= word;
	}
	struct weir__hash h;
	v[2] ^= 0xee;
	weir__sip_rounds(v, 4);
	h.a = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	weir__sip_rounds(v, 4);
	h.b = v[0] ^ v[1] ^ v[2] ^ v[3];
	return h;
}

#endif
