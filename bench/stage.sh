#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bench/stage, and the same work of go-fluxus v1.1.1 (bench/peers/fluxus), in turn, 5 rounds; medians and their ratio
# (how many times as long go-fluxus takes), and whether the goals are met. go-fluxus is fetched by Go's package manager;
# where there is no Go (GO says which), or it cannot be fetched, it is skipped. "published" is of another machine: see
# bench/stage.c.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
peer=
go=${GO:-$(command -v go || echo /usr/local/go/bin/go)}
if ! "$go" version >/dev/null 2>&1; then
	echo 'skipped: go-fluxus: there is no Go'
elif (cd bench/peers/fluxus && timeout 120 "$go" build -o peer . 2>go.log); then
	mv bench/peers/fluxus/peer "$build/bench/fluxus"
	peer=$build/bench/fluxus
	echo "go-fluxus v1.1.1 with $("$go" version | cut -d' ' -f3)"
else
	echo "skipped: go-fluxus: it cannot be fetched or built: $(tail -n 1 bench/peers/fluxus/go.log)"
fi
rm -f bench/peers/fluxus/go.log
for _ in 1 2 3 4 5; do
	rows=$("$build/bench/stage") # not in a pipe: its failure is this script's
	sed '1d; s/^/weir /' <<<"$rows"
	[ -z "$peer" ] || { rows=$("$peer") && sed 's/^/fluxus /' <<<"$rows"; }
done | awk '
	$1 == "weir" && !($2 in published) { order[++rows] = $2; published[$2] = $5 }
	$1 == "weir" && $4 > allocs[$2] + 0 { allocs[$2] = $4 }
	{ v[$1, $2, ++n[$1, $2]] = $3 }
	function median(who, row,   a, k, j, t, m) {
		m = n[who, row]
		for (k = 1; k <= m; k++) a[k] = v[who, row, k] + 0
		for (k = 2; k <= m; k++) {
			t = a[k]
			for (j = k - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]
			a[j + 1] = t
		}
		return a[int((m + 1) / 2)]
	}
	function goal(what, is, most) {
		printf "goal %-48s %10.1f of at most %8.1f ns: %s\n", what, is, most, is <= most ? "met" : "NOT MET"
	}
	END {
		if (!rows) exit 1
		printf "%-28s %10s %8s %10s %8s %10s\n",
			"ns for one value", "weir", "allocs", "fluxus", "ratio", "published"
		for (i = 1; i <= rows; i++) {
			row = order[i]
			printf "%-28s %10.1f %8.2f ", row, median("weir", row), allocs[row]
			if (n["fluxus", row])
				printf "%10.1f %8.2f ", median("fluxus", row),
					median("fluxus", row) / median("weir", row)
			else
				printf "%10s %8s ", "-", "-"
			printf "%10s\n", published[row]
		}
		goal("a chain of 10", median("weir", "ChainDepth-10"), 30)
		goal("a retry around a success, over the bare call",
			median("weir", "RetrySuccess-retry") - median("weir", "RetrySuccess-bare"), 10)
		goal("a closed breaker around a success", median("weir", "GuardedSuccess"), 25)
		goal("allow of a bucket without limit", median("weir", "AllowCheck-1"), 15)
		goal("allow of a bucket that has tokens", median("weir", "AllowGranted"), 15)
		printf "     of which the clock takes, which it has to read %12.1f\n", median("weir", "Clock")
		here = n["fluxus", "FanOut"]
		goal("a fan-out of 10, a quarter of go-fluxus" (here ? "" : " (as published)"),
			median("weir", "FanOut"), (here ? median("fluxus", "FanOut") : published["FanOut"]) / 4)
	}'
