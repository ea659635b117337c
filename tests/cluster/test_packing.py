"""What is sent to workers: the zip of our code, and the archive with the libraries that the job needs."""

from __future__ import annotations

import zipfile

from pipelines.ledger.manifest import code_fingerprint
from pipelines.spark.session.packing import FROM_SPARK, PROJECT, needed, package_files, zip_package


def test_the_zip_depends_only_on_the_code_and_has_every_file_of_the_package(tmp_path):
    (tmp_path / "other").mkdir()
    first, second = zip_package(tmp_path), zip_package(tmp_path / "other")
    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())
    assert set(zipfile.ZipFile(first).namelist()) == set(package_files())
    assert {"pipelines/flow.py", "pipelines/reports/templates/inline.css"} <= set(package_files())


def test_the_unpacked_zip_has_the_fingerprint_of_the_code_that_runs(tmp_path, monkeypatch):
    zipfile.ZipFile(zip_package(tmp_path)).extractall(tmp_path)
    monkeypatch.setattr("pipelines.ledger.manifest.__file__", str(tmp_path / "pipelines" / "ledger" / "manifest.py"))
    shipped = code_fingerprint()
    monkeypatch.undo()
    assert shipped == code_fingerprint()


def test_the_archive_has_what_the_job_needs_without_spark_and_test_libraries():
    names = set(needed(PROJECT, FROM_SPARK))
    assert {"pyarrow", "tokenizers", "pydantic-core", "pillow"} <= names
    assert not names & {"pyspark", "py4j", "delta-spark", "pytest", "transformers"}
