#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# update.sh: writes the texts that tests/unit/sim/test_report.c compares reports with. Read what changed, as somebody
# who has never seen the report: each must be clear at once.
set -eu
cd "$(dirname "$0")/../../.."
: "${BUILD:=build}"
make --no-print-directory BUILD="$BUILD" "$BUILD/tests/unit/sim/test_report"
"$BUILD/tests/unit/sim/test_report" --write tests/sim/report
