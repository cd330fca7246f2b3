#!/bin/sh
# Builds a fuzz target with the coverage that libFuzzer goes by, on any toolchain, and runs it on a corpus that begins
# with the fixtures.
#
#   tests/fuzz/run.sh TARGET [libFuzzer's options, or files to run alone]
set -eu
target=${1:?run.sh: name a target: $(cd "$(dirname "$0")/fuzz_targets" && echo *.rs | sed 's/\.rs//g')}
shift
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --release --target "$host" --bin "$target"
corpus=corpus/$target
mkdir -p "$corpus" "artifacts/$target"
for log in ../logs/*/*.log; do
    head -c 4096 "$log" >"$corpus/$(echo "$log" | sed 's,^\.\./logs/,,; s,/,-,g')"
done
# files that are named are run alone
for argument in "$@"; do
    [ ! -f "$argument" ] || corpus=
done
# shellcheck disable=SC2086 # none is none
exec "${CARGO_TARGET_DIR:-target}/$host/release/$target" -artifact_prefix="artifacts/$target/" -timeout=10 -rss_limit_mb=4096 \
    "$@" $corpus
