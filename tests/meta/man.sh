#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The manual that CI/man.sh makes from the headers is whole and says what they say.
#   - Each public function and each header has a page, and `make install` puts it where man looks.
#   - No page makes the formatter complain, and no section of a page is empty.
#   - What is shown is what was written: the words of each comment, its tables to the letter, the examples line by line.
# Each of these is shown something broken first.
. "$(dirname "$0")/cases.bash"
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL MANPATH MANWIDTH MANROFFOPT MANOPT

# -- what looks at a page --

format= # a page as text: nothing hyphenated or broken, no bold
if command -v groff >/dev/null 2>&1; then
	format='groff -man -Tascii -P-cbou -rHY=0 -rLL=9000n'
fi

# page: what the formatter says about it; pages do not have a date, and need none
warnings() {
	if [ "${complaints%% *}" = mandoc ]; then
		$complaints "$1" 2>&1 | grep -v 'missing date'
	else
		$complaints "$1" 2>&1 >/dev/null
	fi
}
# What pages are held against: the first that notices what is wrong. (Where documentation was stripped, man is a script
# that says so, and finds nothing wrong with any page.)
printf '.TH x 3 "" "y" "z"\n.NOSUCH\n' >"$scratch/probe.3"
for complaints in 'man --warnings=w -E UTF-8 -l -Tutf8 -Z' 'groff -ww -man -Tutf8 -Z' 'mandoc -Tlint -W warning' ''; do
	[ -n "$complaints" ] && ! warnings "$scratch/probe.3" | grep -q NOSUCH || break
done

# page, sections that it must have...: those that are not there, or have nothing in them
empty_sections() {
	awk -v file="${1##*/}" -v must="${*:2}" '
		function over() { if (name != "" && !text) print file ": nothing in " name }
		/^\.SH / { over(); name = substr($0, 5); seen = seen " " name ";"; text = 0; next }
		/^\.so / { exit }
		/^\.(BR|SS) / || !/^\./ { if ($0 !~ /^ *$/ && $0 !~ / \\- *$/) text = 1 }
		END {
			over()
			gsub(/_/, " ", must)
			n = split(must, list, ",")
			for (i = 1; i <= n; i++)
				if (index(seen, " " list[i] ";") == 0) print file ": no " list[i]
		}' "$1"
}

section() { # name, set in by 3 for a part of one; stdin: a formatted page; stdout: that section, not set in any more
	awk -v name="$1" '/^(   )?[A-Za-z]/ { inside = $0 == name; next } inside' | sed 's/^       //'
}

# file: its opening comment without stars
opening() {
	sed -n '1,/\*\/$/p' "$1" | sed '1d; s|^ \* \{0,1\}||; s| *\*/$||'
}
words() { # in lines, without marks that formatting may take away
	tr -s ' \t\n' '\n' | tr -d '`.' | grep .
}

# page, program, section: where the example is not the program
other_example() {
	diff <(sed '1,/\*\/$/d' "$2" | expand) <($format "$1" | section "${3:-EXAMPLE}" | sed '1,/^$/d' |
		sed -e :a -e '/^\n*$/{$d;N;ba' -e '}')
}
# page, header: words of its opening comment that are not those of the page, and lines of tables that are not there
other_words() {
	local text
	text=$($format "$1")
	diff <(opening "$2" | sed '/^$/d' | sed '1s/^[^ ]* - //' | words) <(
		section NAME <<<"$text" | tr -s '\n' ' ' | sed 's/^[^-]* - //' | words
		section DESCRIPTION <<<"$text" | sed '/^Includes:/,$d' | words
	)
	opening "$2" | sed -n '/^ \|[^ ]   *[^ ]/p' | grep -vxF -f <(section DESCRIPTION <<<"$text")
}

# -- the pages --

names=$(CI/man.sh names)
out=$(CI/man.sh write "$scratch/man" 2>&1)
pages=$scratch/man/man3
nothing 'the pages are made' "$out$([ -d "$pages" ] || echo 'there are none')"
nothing 'and are those that were announced' \
	"$(diff <(sort <<<"$names") <(cd "$pages" && printf '%s\n' *.3 | sed 's/\.3$//' | sort))"
declared=$(grep -rh '^WEIR_API' include | wc -l)
described=$(grep -l '^\\fB.*(.*[,;]\\fR' "$pages"/weir_*.3 | wc -l)
nothing "each of the $declared functions has one" "$([ "$declared" -eq "$described" ] || echo "$described have")"
nothing 'each header has one' "$(find include -name '*.h' | sed 's|^include/||' | while IFS= read -r header; do
	grep -lqF "<$header>" "$pages"/weir*.3 || echo "$header"
done)"
nothing 'they are made the same again' "$(CI/man.sh write "$scratch/again" && diff -r "$scratch/man" "$scratch/again")"

must='NAME,LIBRARY,SYNOPSIS,DESCRIPTION,SEE_ALSO'
five='OWNERSHIP,THREADS,BLOCKING,ERRORS,AFTER_CANCELLATION,EXAMPLE'
check_page() { # name
	local page=$pages/$1.3 header
	[ -z "$complaints" ] || (cd "$scratch/man" && warnings "man3/$1.3")
	if grep -q '^\.so ' "$page"; then # a macro: its example is on the page of its header
		[ -z "$format" ] || other_example "$scratch/man/$(sed 's/^\.so //' "$page")" "examples/api/$1.c" "   $1"
		return
	fi
	header=include/$(sed -n 's/^\.\\" Made from \([^ ]*\) .*/\1/p' "$page")
	if grep -qx "\.SH DECLARATIONS\|\.SH FUNCTIONS\|Includes:" "$page"; then
		empty_sections "$page" NAME,LIBRARY,SYNOPSIS,DESCRIPTION
		[ -z "$format" ] || other_words "$page" "$header"
	elif [[ $header == include/weir/sim[./]* ]]; then # a kit for tests: without the five words, see trailers.sh
		empty_sections "$page" "$must"
	else
		empty_sections "$page" "$must,$five"
		[ -z "$format" ] || other_example "$page" "examples/api/$1.c"
	fi
}
while IFS= read -r name; do
	nothing "$name(3)" "$(check_page "$name" 2>&1)"
done <<<"$names"
[ -n "$complaints" ] || skip 'no page makes the formatter complain' 'neither man nor groff nor mandoc is installed'
[ -n "$format" ] || skip 'what is shown is what was written' 'groff is not installed'

# -- installed --

make --no-print-directory BUILD="$BUILD" PREFIX=/usr DESTDIR="$scratch/dest" install >"$scratch/out" 2>&1
nothing 'they are installed' "$(diff <(cd "$pages" && ls) <(cd "$scratch/dest/usr/share/man/man3" 2>&1 && ls) ||
	cat "$scratch/out")"
if [ "${complaints%% *}" = man ]; then
	something 'and found there' "$(man -M "$scratch/dest/usr/share/man" -w weir_tx_send 2>/dev/null)"
	something 'by the name of a macro too' "$(man -M "$scratch/dest/usr/share/man" WEIR_CHAN_DECLARE 2>/dev/null |
		grep '^DESCRIPTION\|^D.D')"
fi

# -- whatever awk there is makes the same --

mkdir "$scratch/bin"
for awk in mawk gawk 'gawk --posix' original-awk 'busybox awk'; do
	command -v "${awk%% *}" >/dev/null 2>&1 || continue
	printf '#!/bin/sh\nexec %s "$@"\n' "$awk" >"$scratch/bin/awk"
	chmod +x "$scratch/bin/awk"
	nothing "the same with $awk" "$(PATH=$scratch/bin:$PATH CI/man.sh write "$scratch/other" 2>&1
		diff -rq "$scratch/man" "$scratch/other")"
done

# -- what it must see, and what it must not spoil --

tree=$scratch/tree
mkdir -p "$tree/include/weir" "$tree/examples/api"
cp include/weir/base.h "$tree/include/weir"
cat >"$tree/include/weir/odd.h" <<'C'
/* SPDX-License-Identifier: MIT
 *
 * weir/odd.h - all that could go wrong. It is one sentence more.
 *
 * .dots and \backslashes, `quotes
 * of` two lines, -1 and a 'word' (weir_odd_one).
 *
 * 'Quoted' at the beginning.
 *
 *   a table \n    ~/^x    'y'   `z`   -
 *   .TH           --      \(aq
 */
#ifndef WEIR_ODD_H
#define WEIR_ODD_H

/* Says "it's: (so; or so)" and: no more. And \more.
 * .more of it: a "very - odd" one.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int weir_odd_one(int (*fn)(int a, int b),
			  char *x);

#endif
C
cat >"$tree/examples/api/weir_odd_one.c" <<'C'
/* SPDX-License-Identifier: MIT
 *
 * weir_odd_one: .it's odd. */
'a' "b" `c` ^d ~e \f \\ --g
.TH h

	i	j	"\n\e"
C
CI/man.sh write "$scratch/odd" "$tree"
odd=$scratch/odd/man3/weir_odd_one.3
if [ -n "$format" ]; then
	nothing 'odd characters of an example come through' \
		"$(other_example "$odd" "$tree/examples/api/weir_odd_one.c")"
	nothing 'and those of a comment' "$(other_words "$scratch/odd/man3/weir_odd.3" "$tree/include/weir/odd.h")"
	sed 's/\\e/e/' "$odd" >"$scratch/bad.3"
	something 'sees an example that is not the program' \
		"$(other_example "$scratch/bad.3" "$tree/examples/api/weir_odd_one.c")"
	sed '/^\.EX/,/^\.EE/s/  */ /' "$scratch/odd/man3/weir_odd.3" >"$scratch/bad.3"
	something 'sees a table that is not the one of the header' \
		"$(other_words "$scratch/bad.3" "$tree/include/weir/odd.h")"
fi
wanted='weir_odd_one \- says "it'\''s: (so; or so)" and'
nothing 'a name is cut where it can be' "$(sed -n '/^\.SH NAME/{n;p;}' "$odd" | grep -vxF "$wanted")"
nothing 'and every section is there' "$(empty_sections "$odd" "$must,$five")"
if [ -n "$complaints" ]; then
	nothing 'without a complaint' "$(warnings "$odd")"
	sed '/^\.SH DESC/a .NOSUCH macro' "$odd" >"$scratch/bad.3"
	something 'sees a macro that does not exist' "$(warnings "$scratch/bad.3")"
	sed '/^\.SH DESC/a \\\\*[nosuch]' "$odd" >"$scratch/bad.3"
	something 'sees a page that is not right otherwise' "$(warnings "$scratch/bad.3")"
fi
sed 's/ Blocks: no\.//' "$tree/include/weir/odd.h" >"$scratch/odd.h"
mv "$scratch/odd.h" "$tree/include/weir/odd.h"
CI/man.sh write "$scratch/odd" "$tree"
something 'sees a section that is not there' "$(empty_sections "$odd" "$must,$five" | grep BLOCKING)"
sed '/^\.SH THREADS/{n;d;}' "$odd" >"$scratch/bad.3"
something 'sees a section with nothing in it' "$(empty_sections "$scratch/bad.3" "$must" | grep THREADS)"

finish
