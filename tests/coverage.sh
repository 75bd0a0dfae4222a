#!/bin/sh
# Says how many lines of what reads bytes (engine/wire, queue/record) its own tests run: the units
# that mirror it, and the fuzz targets' corpora. Exits 1 where that is less than 95 % of a file.
#
#   tests/coverage.sh
# shellcheck disable=SC2086 # lists of words
set -eu

least=95

if [ "${1-}" = --help ]; then
	sed -n '2,5s/^# \{0,1\}//p' "$0"
	exit 0
fi
cd "$(dirname "$0")/.."
folder=build-coverage
export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}" # for a new folder; an old one keeps its own

units=
for test in tests/engine/wire/test_*.c tests/queue/test_record.c; do
	units="$units $(echo "$test" | sed 's|^tests/\(.*\)test_\(.*\)\.c$|\1\2|')"
done
targets=
for source in tests/fuzz/fuzz_*.c; do
	targets="$targets $(basename "$source" .c)"
done

mkdir -p "$folder"
log=$folder/coverage.log
{
	cmake --preset coverage &&
		cmake --build "$folder" -j "$(nproc)" --target units $targets
} >"$log" 2>&1 || {
	tail -n 60 "$log"
	exit 1
}

rm -rf "$folder/profiles"
export LLVM_PROFILE_FILE="$folder/profiles/%p.profraw"
objects=
"$folder/tests/units" $units >>"$log" 2>&1 || {
	tail -n 60 "$log"
	exit 1
}
for target in $targets; do
	objects="$objects -object $folder/tests/fuzz/$target"
	"$folder/tests/fuzz/$target" "tests/fuzz/corpus/${target#fuzz_}"/* >>"$log" 2>&1 || {
		tail -n 60 "$log"
		exit 1
	}
done
llvm-profdata merge -o "$folder/profiles/all" "$folder"/profiles/*.profraw
llvm-cov export -format=lcov -instr-profile "$folder/profiles/all" "$folder/tests/units" \
	$objects engine/wire queue/record.c >"$folder/coverage.lcov"

# DA: line, times; a line of several objects comes once.
awk -F '[:,]' -v least="$least" '
	/^SF:/ {
		file = substr($0, 4)
		sub(".*/engine/", "engine/", file)
		sub(".*/queue/", "queue/", file)
	}
	/^FNF:/ { functions = substr($0, 5) }
	functions == 0 { next } # a header of tables: their expansions are no lines
	/^DA:/ {
		all[file]++
		run[file] += $3 > 0
		if ($3 == 0)
			missed[file] = missed[file] " " $2
	}
	END {
		for (file in all) {
			percent = 100 * run[file] / all[file]
			printf "%6.1f %% %4d of %4d  %s%s\n", percent, run[file], all[file], file,
				missed[file] == "" ? "" : ", not:" missed[file] | "sort -k6"
			lines += all[file]
			lines_run += run[file]
			bad += percent < least
		}
		close("sort -k6")
		printf "%6.1f %% of %d lines; %d files below %d %%\n", \
			100 * lines_run / lines, lines,
			bad, least
		exit bad > 0
	}' "$folder/coverage.lcov"
