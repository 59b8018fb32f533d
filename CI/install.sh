#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/install.sh install|uninstall: what `make install` and `make uninstall` do. Both walk the same list of files, so
# that what one puts there the other takes away. Reads BUILD PREFIX LIBDIR MANDIR DESTDIR VERSION.
set -eu
cd "$(dirname "$0")/.."

: "${BUILD:?}" "${PREFIX:?}" "${LIBDIR:?}" "${VERSION:?}"
include=$PREFIX/include pc=$LIBDIR/pkgconfig man=${MANDIR:-$PREFIX/share/man} dest=${DESTDIR:-}

copy() { # mode, from, to
	install -D -m "$1" "$2" "$dest$3"
}

link() { # mode (unused), target, to
	ln -sf "$2" "$dest$3"
}

pkgconfig() { # mode, template, to
	mkdir -p "$dest$(dirname "$3")"
	sed -e "s|@PREFIX@|$PREFIX|" -e "s|@LIBDIR@|$LIBDIR|" -e "s|@VERSION@|$VERSION|" "$2" >"$dest$3"
	chmod "$1" "$dest$3"
}

each_file() { # calls: $1 HOW MODE FROM TO
	local header page
	while IFS= read -r header; do
		"$1" copy 644 "$header" "$PREFIX/$header"
	done < <(find include/weir -name '*.h' | sort)
	"$1" copy 644 "$BUILD/libweir.a" "$LIBDIR/libweir.a"
	"$1" copy 644 "$BUILD/libweir-ext.a" "$LIBDIR/libweir-ext.a"
	"$1" copy 644 "$BUILD/libweir-sim.a" "$LIBDIR/libweir-sim.a"
	"$1" copy 755 "$BUILD/libweir.so.0" "$LIBDIR/libweir.so.0"
	"$1" link 777 libweir.so.0 "$LIBDIR/libweir.so"
	"$1" pkgconfig 644 src/weir.pc.in "$pc/weir.pc"
	"$1" copy 755 "$BUILD/libweir-ext.so.0" "$LIBDIR/libweir-ext.so.0"
	"$1" link 777 libweir-ext.so.0 "$LIBDIR/libweir-ext.so"
	"$1" pkgconfig 644 src/weir-ext.pc.in "$pc/weir-ext.pc"
	"$1" pkgconfig 644 src/weir-sim.pc.in "$pc/weir-sim.pc"
	"$1" copy 755 "$BUILD/weir" "$PREFIX/bin/weir"
	while IFS= read -r page; do
		"$1" copy 644 "$BUILD/man/man3/$page.3" "$man/man3/$page.3"
	done < <(CI/man.sh names)
}

put() { # how, mode, from, to
	"$1" "$2" "$3" "$4"
}

take() {
	rm -f "$dest$4"
}

case ${1:-} in
install)
	each_file put
	echo "installed weir $VERSION under $dest$PREFIX"
	;;
uninstall)
	each_file take
	# The header folders are weir's own; a folder that still holds something else stays.
	find "$dest$include/weir" -depth -type d -exec rmdir --ignore-fail-on-non-empty {} + 2>/dev/null || true
	echo "removed weir $VERSION from $dest$PREFIX"
	;;
*)
	echo 'usage: CI/install.sh install|uninstall' >&2
	exit 2
	;;
esac
