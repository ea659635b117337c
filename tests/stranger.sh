#!/usr/bin/env bash
# The path of somebody who has a wheel and a folder of logs, and no checkout: prints each command and what it says.
#
#   tests/stranger.sh WHEEL FOLDER [LOGS...]
#
# WHEEL, with constraints.txt beside it (`make wheel`), is installed into FOLDER/env. Everything else happens in FOLDER/work, where ten chats are written and
# a folder `pipelines` stands that is not ours. With LOGS, a second configuration is made for these, and run too.
set -eu
wheel=$(realpath "$1") home=$2
shift 2
logs=("$@")
mkdir -p "$home/work/logs" "$home/work/pipelines"
cd "$home/work"
export XDG_CACHE_HOME=$home/cache PYTHONWARNINGS=ignore
unset PYTHONPATH PYSPARK_PYTHON SPARK_HOME
step() { printf '\n$ %s\n' "$*"; "$@"; }

echo 'raise RuntimeError("a package of the user")' > pipelines/__init__.py
python3.11 - > logs/chats.jsonl <<'END'
import json

def chat(number, *messages, **more):
    print(json.dumps({"id": f"chatcmpl-{number:04}", "model": "gpt-4o", "messages": list(messages), **more}))

def say(role, content, **more):
    return {"role": role, "content": content, **more}

SYSTEM = say("system", "You are a helpful assistant.")
FACTS = {
    "What is the capital of France?": "Paris.",
    "Convert 5 km to miles.": "About 3.11 miles.",
    "Write a haiku about rain.": "Soft rain on the roof,\nthe gutter hums a low tune,\nmorning smells of earth.",
    "Fix this: prnt('hi')": "Use `print('hi')`.",
    "Translate 'good night' to German.": "Gute Nacht.",
    "What is 17 * 23?": "391.",
    "Who wrote Dune?": "Frank Herbert.",
}
for number, (question, answer) in enumerate(FACTS.items()):
    chat(number, SYSTEM, say("user", question), say("assistant", answer))
function = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
for number, city in enumerate(("Oslo", "Lima"), 7):
    call = {"id": f"call_{number}", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps({"city": city})}}
    result = say("tool", json.dumps({"celsius": number}), tool_call_id=call["id"])
    messages = say("user", f"How is the weather in {city}?"), say("assistant", None, tool_calls=[call]), result, say("assistant", f"It is {number} degrees.")
    chat(number, *messages, tools=[{"type": "function", "function": function}])
chat(9, SYSTEM, say("user", "Are you there?"))  # no answer: nothing to train
END

printf '$ python3.11 -m venv env\n'
python3.11 -m venv "$home/env"
constraints=()
[ -f "${wheel%/*}/constraints.txt" ] && constraints=(--constraint "${wheel%/*}/constraints.txt")
printf '$ pip install %s\n' "--constraint constraints.txt '${wheel##*/}[pipeline]'"
"$home/env/bin/pip" install --quiet --disable-pip-version-check "${constraints[@]}" "${wheel}[pipeline]"
PATH=$home/env/bin:$PATH

step episodes --version
step episodes init logs
step episodes check mine.yaml
step episodes try --config mine.yaml logs || true
step episodes run --config mine.yaml --batch first --set gates.max_quarantined=0.2
step ls out/reports/first
step episodes quarantine out
step episodes snapshot out
cd "$home"  # a script beside a package `pipelines` of its own would import that one
step python -c '
import pipelines
print(pipelines.try_files("work/mine.yaml", "work/logs").reasons[0].place)
print(pipelines.open_table("work/out", "samples").count_rows(), "rows")
print(pipelines.report("work/out"))
'
cd work
if [ ${#logs[@]} -gt 0 ]; then
  step episodes init --out theirs.yaml "${logs[@]}"
  step episodes check theirs.yaml
  step episodes run --config theirs.yaml --batch first --set output.root=theirs --set gates.max_quarantined=0.5
  step ls theirs/reports/first
fi
