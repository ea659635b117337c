"""A hook that sends a mail when a gate has failed. Its stdin is the result line, as JSON.

hooks: {on_gate_failed: {command: [python3, /opt/agent-episodes/docs/examples/on_gate_failed.py, data@example.org]}}
"""

import json
import subprocess
import sys

result = json.load(sys.stdin)
text = "\n".join([f"Batch {result['batch']} was not published.", *result["words"], f"Report: {result.get('report')}"])
subprocess.run(["mail", "-s", f"episodes: gate failed for {result['batch']}", *sys.argv[1:]], input=text, text=True, check=True)
