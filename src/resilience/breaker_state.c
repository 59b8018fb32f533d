/* SPDX-License-Identifier: MIT
 *
 * The circuit breaker as a state machine. */
#include <weir/resilience/breaker_state.h>

const char *weir_breaker_mode_name(enum weir_breaker_mode mode)
{
	static const char *const names[] = {"closed",        "open",     "half-open",   "forced-open",
					    "forced-closed", "disabled", "metrics-only"};
	return (unsigned)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "?";
}
