#!/usr/bin/env bash
# verdicts.sh [COUNT [DURATION [BUDGET]]]: how often `cargo xtask perf` is right on this machine, by load tests that are really made.
#
# A copy of this repository gets two commits: one that changes nothing of what the backend does, and one that makes each of its
# answers a fifth slower (by as much processor time, measured in the first comparison). Both are compared with the commit before, in
# turn, COUNT times each (30), by runs of DURATION (20s) until the verdict is reached or BUDGET (10m) is spent. Each result is kept in
# target/xtask/verdicts.jsonl as soon as it is there, and counts the next time: a series may be made in several sittings. Nothing else
# should run on the machine meanwhile.
set -euo pipefail
count=${1:-30} duration=${2:-20s} budget=${3:-10m}
root=$(dirname "$(readlink -f "$0")")/../../..
root=$(realpath "$root")
results=$root/target/xtask/verdicts.jsonl
mkdir -p "$(dirname "$results")"
touch "$results"

cargo build --quiet --locked --package xtask --manifest-path "$root/Cargo.toml"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git clone --quiet "$root" "$copy"
cd "$copy"
git config user.name verdicts
git config user.email verdicts@example.invalid
base=$(git rev-parse HEAD)

commit() {
    git checkout --quiet -B "$1" "$base"
    python3 - "$2" <<'PYTHON'
import pathlib, sys

file = pathlib.Path("backend/src/main.py")
text = file.read_text()
if float(sys.argv[1]):
    text += f'''

def _slower(application):
    """Answer each request {sys.argv[1]} s later."""
    import time

    async def slower(scope, receive, send):
        if scope["type"] == "http":
            until = time.perf_counter() + {sys.argv[1]}
            while time.perf_counter() < until:
                pass
        await application(scope, receive, send)

    return slower
'''
    before = "create_app(settings),\n"
    assert text.count(before) == 1
    text = text.replace(before, "_slower(create_app(settings)),\n")
else:
    text += "\n# Nothing that is run.\n"
file.write_text(text)
PYTHON
    git commit --quiet --all --message "$1"
}

# How many comparisons of that kind are there, by runs of that length?
made() {
    python3 - "$results" "$1" "$duration" <<'PYTHON'
import json, sys

lines = map(json.loads, open(sys.argv[1]))
print(sum((line["change"], line["duration"]) == (sys.argv[2], sys.argv[3]) for line in lines))
PYTHON
}

compare() {
    rm -f target/xtask/perf.json
    # 1 is what it exits with where it is worse.
    code=0
    "$root/target/debug/xtask" perf --local --scenario load --duration "$duration" --budget "$budget" --baseline "$base" \
        >"$copy/perf.log" 2>&1 || code=$?
    if [ "$code" -gt 1 ] || [ ! -s target/xtask/perf.json ]; then
        tail -n 30 "$copy/perf.log" >&2
        exit "$code"
    fi
    python3 - "$results" "$1" "$duration" <<'PYTHON'
import json, sys

judgement = json.load(open("target/xtask/perf.json"))["judgement"]
total = next(figure for figure in judgement["figures"] if figure["of"] == "all")
line = {"change": sys.argv[2], "duration": sys.argv[3], "verdict": judgement["verdict"], "pairs": judgement["pairs"]}
line |= {"ratio": round(total["change"]["ratio"], 4), "baseline_ms": round(total["baseline_ms"], 3)}
print(json.dumps(line))
with open(sys.argv[1], "a") as results:
    print(json.dumps(line), file=results)
PYTHON
}

commit same 0
slower=
for number in $(seq "$count"); do
    if [ "$(made none)" -lt "$number" ]; then
        git checkout --quiet same
        compare none
    fi
    if [ -z "$slower" ]; then
        # A fifth of the fastest tenth of the answers, all endpoints alike: of what is compared.
        slower=$(python3 - "$results" "$duration" <<'PYTHON'
import json, statistics, sys

lines = map(json.loads, open(sys.argv[1]))
print(round(statistics.median(line["baseline_ms"] for line in lines if line["duration"] == sys.argv[2]) / 5000, 6))
PYTHON
        )
        commit slower "$slower"
    fi
    if [ "$(made "+20 %")" -lt "$number" ]; then
        git checkout --quiet slower
        compare "+20 %"
    fi
done

python3 - "$results" "$duration" <<'PYTHON'
import collections, json, sys

kinds = collections.defaultdict(list)
for line in map(json.loads, open(sys.argv[1])):
    if line["duration"] == sys.argv[2]:
        kinds[line["change"]].append(line)
print("| change | comparisons | worse | same | better | undecided | runs, on average |\n|---|---|---|---|---|---|---|")
for change, lines in kinds.items():
    verdicts = collections.Counter(line["verdict"] for line in lines)
    runs = 2 * sum(line["pairs"] for line in lines) / len(lines)
    cells = " | ".join(str(verdicts[verdict]) for verdict in ("worse", "same", "better", "undecided"))
    print(f"| {change} | {len(lines)} | {cells} | {runs:.1f} |")
PYTHON
