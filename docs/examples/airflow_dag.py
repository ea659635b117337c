"""The nightly job under Airflow 3, in three ways; keep the one that fits. docs/scheduling.md says what each exit code asks for.

A retry is always safe: a night that is published already is a no-op, and what a killed run left is settled by the next one.
"""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

HOME = "/opt/agent-episodes"
SUBMIT = [f"{HOME}/.venv/bin/spark-submit", "--master", "spark://master:7077", "--archives", f"{HOME}/env.tar.gz#env"]
SETTINGS = {"spark.pyspark.driver.python": f"{HOME}/.venv/bin/python", "spark.pyspark.python": "./env/bin/python", "spark.executor.memory": "4g"}
SCRIPT = f"{HOME}/jobs/run.py"
ARGUMENTS = ["--config", f"{HOME}/conf/nightly.yaml", "--batch", "{{ ds }}"]  # the night's day names its batch

COMMON = {
    "schedule": "15 3 * * *",
    "start_date": datetime(2026, 11, 1),
    "catchup": False,  # for a gap: one run by hand with --backfill A..B
    "max_active_runs": 1,
    "default_args": {"retries": 2, "retry_delay": timedelta(minutes=20), "execution_timeout": timedelta(hours=6)},
}


def command() -> list[str]:
    return [*SUBMIT, *(part for key, value in SETTINGS.items() for part in ("--conf", f"{key}={value}")), SCRIPT, *ARGUMENTS]


# 1. Every exit code does what it asks for: this is the one to begin with.
with DAG("episodes", **COMMON):

    @task
    def night(words: list[str]) -> dict:
        """The result line, for whoever comes after. Raises what Airflow tries again, or what it does not."""
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)  # stderr goes into the task's log
        lines = done.stdout.splitlines()
        result = json.loads(lines[-1]) if lines else {"status": "not started", "words": []}
        said = "; ".join([result["status"], *result["words"]])
        if done.returncode == 0:  # published, or there was nothing to do
            return result
        if done.returncode in (2, 3) and result["status"] != "lost_race":  # a person must look: another try would end the same way
            raise AirflowFailException(said)
        raise AirflowException(said)  # our own fault, a killed driver, or another run of this batch was at work

    night(command())

# 2. Through the Spark provider: the connection names the master. Every failure is tried again, which is safe but after 2 or 3 in vain.
with DAG("episodes_spark_submit", **COMMON):
    SparkSubmitOperator(
        task_id="night",
        conn_id="spark_default",
        application=SCRIPT,
        application_args=ARGUMENTS,
        archives=f"{HOME}/env.tar.gz#env",
        conf=SETTINGS,
        name="episodes-{{ ds }}",
    )

# 3. A line of shell. Its last line of output, the result, is what the task pushes to XCom.
with DAG("episodes_bash", **COMMON):
    BashOperator(task_id="night", bash_command=" ".join(f"'{word}'" for word in command()), append_env=True)
