"""The daily job in Airflow 3, in three ways; keep the one that fits. docs/scheduling.md says what to do after each exit code.

A retry is always safe: a published batch is not run again, and a run cleans up after one that was killed.
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
ARGUMENTS = ["--config", f"{HOME}/conf/nightly.yaml", "--batch", "{{ ds }}"]  # the batch is named after the day

COMMON = {
    "schedule": "15 3 * * *",
    "start_date": datetime(2026, 11, 1),
    "catchup": False,  # to fill a gap, run the job by hand with --backfill A..B
    "max_active_runs": 1,
    "default_args": {"retries": 2, "retry_delay": timedelta(minutes=20), "execution_timeout": timedelta(hours=6)},
}


def submit_command() -> list[str]:
    return [*SUBMIT, *(part for key, value in SETTINGS.items() for part in ("--conf", f"{key}={value}")), SCRIPT, *ARGUMENTS]


# 1. A task that reacts to each exit code. Start with this one.
with DAG("episodes", **COMMON):

    @task
    def run_batch(command: list[str]) -> dict:
        """The result line, for later tasks. Raises AirflowException where a retry makes sense, and AirflowFailException where it does not."""
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # stderr goes to the log of the task
        lines = done.stdout.splitlines()
        result = json.loads(lines[-1]) if lines else {"status": "not started", "words": []}
        message = "; ".join([result["status"], *result["words"]])
        if done.returncode == 0:  # published, or nothing to do
            return result
        if done.returncode in (2, 3) and result["status"] != "lost_race":  # a retry would end the same way: somebody must look
            raise AirflowFailException(message)
        raise AirflowException(message)  # an internal error, a killed driver, or another run of the same batch

    run_batch(submit_command())

# 2. The Spark provider; the connection names the master. It retries every failure, which is safe, but useless after exit code 2 or 3.
with DAG("episodes_spark_submit", **COMMON):
    SparkSubmitOperator(
        task_id="run_batch",
        conn_id="spark_default",
        application=SCRIPT,
        application_args=ARGUMENTS,
        archives=f"{HOME}/env.tar.gz#env",
        conf=SETTINGS,
        name="episodes-{{ ds }}",
    )

# 3. A shell command. The task pushes the last line of its output, the result line, to XCom.
with DAG("episodes_bash", **COMMON):
    BashOperator(task_id="run_batch", bash_command=" ".join(f"'{word}'" for word in submit_command()), append_env=True)
