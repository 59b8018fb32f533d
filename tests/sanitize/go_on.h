/* SPDX-License-Identifier: MIT
 *
 * Included before the race kernels for races.c: what they find wrong themselves would end the search before
 * ThreadSanitizer has seen all of its schedules. What a check reads is still read. */
#include <weir/sim.h>

#undef WEIR_SIM_EQ
#undef WEIR_SIM_ASSERT
#define WEIR_SIM_EQ(a, b)                                                    \
	do {                                                                 \
		volatile long long a_ = (long long)(a), b_ = (long long)(b); \
		(void)a_, (void)b_;                                          \
	} while (0)
#define WEIR_SIM_ASSERT(cond)              \
	do {                               \
		volatile bool c_ = (cond); \
		(void)c_;                  \
	} while (0)
