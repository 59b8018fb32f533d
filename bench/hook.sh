#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The price of the hook: bench/hook against the library, and against a library built with -DWEIR_NO_HOOKS, in turn,
# 9 rounds; medians and their ratio. Differences under 5 % are noise on a shared machine.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
cc=${CC:-gcc}
off=$build/nohooks
mkdir -p "$off"
"$cc" -std=c17 -D_GNU_SOURCE -O2 -fno-omit-frame-pointer -pthread -DWEIR_NO_HOOKS -Iinclude \
	bench/hook.c src/rt/*.c src/core/*.c -o "$off/hook"
"$cc" -std=c17 -D_GNU_SOURCE -O2 -fno-omit-frame-pointer -pthread -Iinclude \
	bench/hook.c src/rt/*.c src/core/*.c -o "$off/hook-on"
for _ in 1 2 3 4 5 6 7 8 9; do
	echo "on $("$off/hook-on")"
	echo "off $("$off/hook")"
done | awk '
	{ for (i = 2; i <= 4; i++) v[$1, i, ++n[$1, i]] = $i }
	function median(who, i,   a, k, j, t, m) {
		m = n[who, i]
		for (k = 1; k <= m; k++) a[k] = v[who, i, k] + 0
		for (k = 2; k <= m; k++) {
			t = a[k]
			for (j = k - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]
			a[j + 1] = t
		}
		return a[(m + 1) / 2]
	}
	END {
		split("context poll|try_send + try_recv|send + recv (buffered)", name, "|")
		printf "%-24s %12s %12s %8s\n", "ns per operation", "with hook", "without", "ratio"
		for (i = 2; i <= 4; i++)
			printf "%-24s %12.2f %12.2f %8.3f\n", name[i - 1], median("on", i), median("off", i),
				median("on", i) / median("off", i)
	}'
# The test itself: behind weir_ctx_err: rt->hooks compared with 0, one branch.
objdump -d --no-show-raw-insn "$off/hook-on" | awk '/<poll_at>:/ { on = 1 } on { print } on && /^$/ { exit }' | head -12
