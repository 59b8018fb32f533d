#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Names: every global symbol of the archives begins with weir_ (weir__ where it is private), and the shared libraries
# show their public functions and nothing else; but what libweir shows to libweir-ext alone.
. "$(dirname "$0")/cases.bash"

# What libweir-sim.a defines under a name that is not its own: a failed assert in a task ends the schedule with a report
# and not the process, and memory that tasks ask malloc for is counted (by the linker's --wrap, see sim/heap.c).
borrowed="__assert_fail $(sed -n 's/^Libs: -Wl,\(--wrap=[^ ]*\).*/\1/p' src/weir-sim.pc.in |
	sed 's/--wrap=/__wrap_/g; s/,/ /g')"

globals() { # nm arguments: the names of defined global symbols
	nm -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u
}

strangers() { # stdin: names; arguments: names that are allowed
	local allowed=" $* " name
	while IFS= read -r name; do
		case $name in
		weir_*) ;;
		*) [[ $allowed == *" $name "* ]] || echo "$name" ;;
		esac
	done
}

for archive in libweir.a libweir-ext.a libweir-sim.a; do
	names=$(globals "$BUILD/$archive")
	[ -n "$names" ] || { fail "$archive has symbols" "none in $BUILD/$archive"; continue; }
	allowed=
	[ "$archive" != libweir-sim.a ] || allowed=$borrowed
	# shellcheck disable=SC2086
	nothing "$archive: every global name begins with weir_" "$(printf '%s\n' "$names" | strangers $allowed)"
done

exports() { # library, pattern of versions that are not looked at
	nm -D --defined-only "$BUILD/$1" 2>/dev/null |
		awk -v no="$2" 'NF == 3 && $2 != "A" && $3 !~ no { sub(/@.*/, "", $3); print $3 }' | sort -u
}
for library in libweir.so.0 libweir-ext.so.0; do
	names=$(exports $library '@WEIR_PRIVATE$')
	nothing "$library shows names that begin with weir_ only" \
		"$(printf '%s\n' "${names:-it shows nothing}" | strangers)"
done
nothing 'what is for libweir-ext alone is declared in src/stage and src/limit' "$(
	exports libweir.so.0 '@@WEIR_0$' | while IFS= read -r name; do
		grep -qE "^WEIR__SHARED.*\b$name\(" src/stage/*.h src/limit/*.h || echo "$name"
	done)"

# What headers promise: their functions that are WEIR_API.
promises() { # headers
	cat "$@" | awk '
	/^WEIR_API/ { text = ""; on = 1 }
	on { text = text " " $0 }
	on && /;/ { on = 0; if (match(text, /weir_[a-z0-9_]*\(/)) print substr(text, RSTART, RLENGTH - 1) }' | sort -u
}

ext='^include/weir/resilience[./]'
headers=$(find include/weir -name '*.h' ! -path 'include/weir/sim[./]*')
nothing 'libweir-sim.a has every function of the headers of the simulator' \
	"$(comm -23 <(promises include/weir/sim.h include/weir/sim/*.h) <(globals "$BUILD/libweir-sim.a"))"
for library in libweir.so.0 libweir-ext.so.0; do
	[ $library = libweir.so.0 ] && which=-v || which=-e
	# shellcheck disable=SC2046 # one word per header
	promised=$(promises $(grep $which "$ext" <<<"$headers"))
	there=$(exports $library '@WEIR_PRIVATE$')
	nothing "$library has every function of its headers" \
		"$(comm -23 <(printf '%s\n' "$promised") <(printf '%s\n' "$there"))"
	nothing "$library shows no function that is in none of them" \
		"$(comm -13 <(printf '%s\n' "$promised") <(printf '%s\n' "$there"))"
done
something 'sees a stranger' "$(printf 'weir_ok\nsomebody_else\n' | strangers)"

finish
