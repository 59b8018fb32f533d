#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Sees to the tools that the tests use. Check is required; the others make more checks possible. Where something is
# missing it is installed by apt-get, if that can be done without a question (root, or sudo without a password);
# otherwise this says what to install. WEIR_NO_INSTALL=1 never installs. Does nothing where everything is there.
set -u

have_check() {
	command -v pkg-config >/dev/null 2>&1 && pkg-config --exists check
}

missing() { # the packages whose tool is not there
	command -v pkg-config >/dev/null 2>&1 || echo pkg-config
	have_check || echo check
	pkg-config --exists sqlite3 2>/dev/null || echo libsqlite3-dev
	local tool
	for tool in valgrind lcov clang clang-format g++ gdb; do
		command -v "$tool" >/dev/null 2>&1 || echo "$tool"
	done
	command -v man >/dev/null 2>&1 || echo man-db
	command -v groff >/dev/null 2>&1 || echo groff-base
	command -v musl-gcc >/dev/null 2>&1 || echo musl-tools
	[ "$(uname -m)" = aarch64 ] || missing_for_aarch64
}

missing_for_aarch64() { # a compiler, its C library, and what runs the programs
	if ! command -v aarch64-linux-gnu-gcc >/dev/null 2>&1; then
		echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	elif ! echo 'int main(void) { return 0; }' | aarch64-linux-gnu-gcc -static -xc - -o /dev/null 2>/dev/null; then
		echo libc6-dev-arm64-cross
	fi
	command -v qemu-aarch64 >/dev/null 2>&1 || echo qemu-user
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

install_packages() {
	local apt='apt-get -q -y -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60'
	# One by one after a failure: a package that the distribution does not have must not keep back the others.
	as_root env DEBIAN_FRONTEND=noninteractive $apt update &&
		{ as_root env DEBIAN_FRONTEND=noninteractive $apt install --no-install-recommends "$@" ||
			for p in "$@"; do
				as_root env DEBIAN_FRONTEND=noninteractive $apt install --no-install-recommends "$p"
			done; }
}

wanted=$(missing | sort -u | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

if [ -z "${WEIR_NO_INSTALL:-}" ] && command -v apt-get >/dev/null 2>&1 &&
	{ [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
	echo "installing: $wanted"
	log=$(mktemp)
	# shellcheck disable=SC2086 # one word per package
	install_packages $wanted >"$log" 2>&1 || tail -n 5 "$log"
	rm -f "$log"
	wanted=$(missing | sort -u | tr '\n' ' ')
fi

if [ -n "$wanted" ]; then
	echo "not installed: $wanted"
	echo "to install them: sudo apt-get install $wanted"
	echo "(check is required by the tests; the others make more checks possible)"
fi
have_check
