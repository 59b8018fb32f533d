#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Whether the exploring of operations' insides sees anything at all: core is broken inside of an operation, as it once
# was or might be, and the row of the exhaustive suite that a patch names must fail. Each patch in breakages/ changes
# one file of src/core; that file is compiled and linked in front of the library. Needs a build with
# -DWEIR_EXPLORE_ATOMICS.
#
# With ORDINARY=FOLDER, an ordinary build: the same breakages in it must stay unseen, or exploring inside of
# operations is not what found them.
. "$(dirname "$0")/../meta/cases.bash"

wrap=$(sed -n 's/^Libs: \(-Wl,--wrap=[^ ]*\).*/\1/p' src/weir-sim.pc.in)

# folder of the build, flags, patch, program to make: with the file that the patch changes
link_broken() {
	local file
	file=$(sed -n 's|^+++ b/||p' "$3")
	rm -rf "$scratch/tree" && mkdir "$scratch/tree" && cp -r src include "$scratch/tree" || return
	patch -s -p1 -d "$scratch/tree" <"$3" || return
	# shellcheck disable=SC2086
	(cd "$scratch/tree" && $CC -std=c17 -D_GNU_SOURCE -O1 -g -pthread $2 -Iinclude -c "$file" -o broken.o) &&
		$CC -pthread "$1"/obj/tests/exhaust/*.o "$scratch/tree/broken.o" "$1/libweir-sim.a" "$1/libweir.a" \
			"$wrap" -ldl -o "$4"
}

# folder of the build, flags, patch: what the row says
run_broken() {
	local row
	row=$(sed -n 's/^row: //p' "$3")
	link_broken "$1" "$2" "$3" "$scratch/exhaust" && "$scratch/exhaust" "$row" 2>&1
}

for patch in tests/exhaust/breakages/*.patch; do
	name=$(basename "$patch" .patch)
	said=$(run_broken "$BUILD" -DWEIR_EXPLORE_ATOMICS "$PWD/$patch")
	# the report's first line: what a broken core writes through stale pointers may end the program after it
	something "finds $name" "$(grep '^FAIL [a-z_0-9]*: ' <<<"$said")"
	[ -n "${ORDINARY:-}" ] || continue
	said=$(run_broken "$ORDINARY" '' "$PWD/$patch")
	something "$name: not found by whole operations" "$(grep '^[1-9][0-9]* passed, 0 failed' <<<"$said")"
done

finish
