#!/usr/bin/env bash
# verdicts.sh [COUNT [DURATION [BUDGET]]]: how often `cargo xtask perf` is right on this machine, by load tests that are really made.
#
# A copy of this repository gets two commits: one that changes nothing of what the servers do, and one that makes each answer of each
# endpoint a fifth slower, by processor time: as much as the comparisons before say that it takes. Both are compared with the commit
# before, in turn, COUNT times each (30), by runs of DURATION (20s) until the verdict is reached or BUDGET (10m) is spent. Each result
# is kept in target/xtask/verdicts.jsonl as soon as it is there, and counts the next time: a series may be made in several sittings.
# Nothing else should run on the machine meanwhile.
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

# commit NAME: the files as they are, as a commit of that name upon the base.
commit() {
    git checkout --quiet -B "$1" "$base"
    python3 - "$1" "$results" "$duration" <<'PYTHON'
import json, pathlib, statistics, sys

def insert(path, place, text):
    file = pathlib.Path(path)
    before = file.read_text()
    assert before.count(place) == 1, (path, place)
    file.write_text(before.replace(place, text))

if sys.argv[1] == "same":
    insert("backend/src/main.py", "_log = ", "# Nothing that is run.\n_log = ")
    sys.exit()
lines = [line for line in map(json.loads, open(sys.argv[2])) if line["duration"] == sys.argv[3]]
# What waits for a slower answer waits, too: by how much an answer is to be later for a fifth, those that were later have shown.
made = [line for line in lines if line["late_ms"]]
late = {}
for name in lines[0]["endpoints"]:
    needed = [line["late_ms"][name] * 0.2 / max(line["endpoints"][name]["ratio"] - 1, 0.05) for line in made]
    guessed = [line["endpoints"][name]["baseline_ms"] / 5 for line in lines]
    late[name] = round(statistics.median(needed or guessed), 4)
pathlib.Path("late.json").write_text(json.dumps(late))
insert("backend/src/main.py", "create_app(settings),\n", "_slower(create_app(settings)),\n")
insert("backend/src/main.py", "def describe(", f'''def _slower(application):
    """Answer each request later."""
    import time

    def late_ms(path):
        if path.startswith("/v1/search"):
            return {late["search"]}
        if path.endswith("/neighbours"):
            return {late["neighbours"]}
        return {late["node"]} if path.startswith("/v1/nodes/") else {late["list"]}

    async def slower(scope, receive, send):
        if scope["type"] == "http":
            until = time.perf_counter() + late_ms(scope["path"]) / 1000
            while time.perf_counter() < until:
                pass
        await application(scope, receive, send)

    return slower


def describe(''')
insert("frontend/server/main.ts", "  server.listen(", f'''  server.prependListener('request', (request) => {{
    const until = performance.now() + (request.url === '/' ? {late["page"]} : {late["asset"]});
    while (performance.now() < until) {{
      // Answers each request later.
    }}
  }});
  server.listen(''')
PYTHON
    git commit --quiet --all --message "$1"
}

# What was made later by how much, for the record.
planted() {
    if [ "$1" = none ]; then echo '{}'; else cat late.json; fi
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
    python3 - "$results" "$1" "$duration" "$(planted "$1")" <<'PYTHON'
import json, sys

judgement = json.load(open("target/xtask/perf.json"))["judgement"]
total = next(figure for figure in judgement["figures"] if figure["of"] == "all")
line = {"change": sys.argv[2], "duration": sys.argv[3], "verdict": judgement["verdict"], "pairs": judgement["pairs"]}
line |= {"ratio": round(total["change"]["ratio"], 4), "late_ms": json.loads(sys.argv[4]), "endpoints": {}}
for one in judgement["figures"]:
    if one is not total:
        figures = {"baseline_ms": round(one["baseline_ms"], 3), "ratio": round(one["change"]["ratio"], 4)}
        line["endpoints"][one["of"]] = figures
print(json.dumps(line))
with open(sys.argv[1], "a") as results:
    print(json.dumps(line), file=results)
PYTHON
}

commit same
for number in $(seq "$count"); do
    if [ "$(made none)" -lt "$number" ]; then
        git checkout --quiet same
        compare none
    fi
    if [ "$(made "+20 %")" -lt "$number" ]; then
        commit slower
        compare "+20 %"
    fi
done

python3 - "$results" "$duration" <<'PYTHON'
import collections, json, statistics, sys

kinds = collections.defaultdict(list)
for line in map(json.loads, open(sys.argv[1])):
    if line["duration"] == sys.argv[2]:
        kinds[line["change"]].append(line)
print("| change | comparisons | worse | same | better | undecided | runs, on average | measured |\n|---|---|---|---|---|---|---|---|")
for change, lines in kinds.items():
    verdicts = collections.Counter(line["verdict"] for line in lines)
    runs = 2 * sum(line["pairs"] for line in lines) / len(lines)
    cells = " | ".join(str(verdicts[verdict]) for verdict in ("worse", "same", "better", "undecided"))
    percent = sorted((line["ratio"] - 1) * 100 for line in lines)
    measured = f"{statistics.median(percent):+.1f} % ({percent[0]:+.1f} to {percent[-1]:+.1f} %)"
    print(f"| {change} | {len(lines)} | {cells} | {runs:.1f} | {measured} |")
PYTHON
