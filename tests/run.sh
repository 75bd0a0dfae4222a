#!/bin/sh
# Builds and runs every test, on a fresh Debian 12 too, and ends with CTest's summary.
#
#   tests/run.sh [--long] [CTest's options, as -R inbound]
#
# Three builds are made: release (gcc), asan (clang; address and undefined-behaviour sanitizers)
# and tsan (gcc; thread sanitizer). Their tests are one run of CTest, named by build. With --long
# the fuzzers run for hours, the simulator over a hundred times the seeds, and the lines are counted
# that tests of parsers run.
set -eu

long=
if [ "${1-}" = --long ]; then
	long=long
	shift
fi
if [ "${1-}" = --help ]; then
	sed -n '2,9s/^# \{0,1\}//p' "$0"
	exit 0
fi

exec </dev/null
cd "$(dirname "$0")/.."
sh tests/packages.sh build test $long
/usr/bin/python3 tests/io_uring.py

jobs=$(nproc)
export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}" # for a new folder; an old one keeps its own
builds="release asan tsan"
if [ -n "$long" ]; then
	builds="$builds fuzz"
fi
mkdir -p build/suites
: >build/suites/CTestTestfile.cmake
for build in $builds; do
	folder=build-$build
	if [ "$build" = release ]; then
		folder=build
	fi
	echo "== building $build in $folder"
	cmake --preset "$build" -DSLUICE_LONG="${long:+ON}" >"build/suites/$build.log" || {
		cat "build/suites/$build.log"
		exit 1
	}
	cmake --build "$folder" -j "$jobs" >>"build/suites/$build.log" || {
		tail -n 60 "build/suites/$build.log"
		exit 1
	}
	echo "subdirs(\"$PWD/$folder\")" >>build/suites/CTestTestfile.cmake
done

# Tests wait for clocks and disks half of their time: two for each processor.
exec ctest --test-dir build/suites --output-on-failure -j "$((2 * jobs))" "$@"
