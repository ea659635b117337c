"""The arguments of a run and of a redrive, for `episodes` and for the jobs of spark-submit."""

from __future__ import annotations

import argparse
import re
from datetime import date, timedelta
from pathlib import Path

from pipelines.visible import did_you_mean

BATCH = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--batch", type=batch_name, metavar="ID", help="the batch to run, for example 2026-11-22; replaces {batch} in the paths of sources")
    which.add_argument("--backfill", type=dates, metavar="A..B", help="run one batch per day, from day A to day B")
    parser.add_argument("--replace", action="store_true", help="replace a batch even if other code or another configuration published it")
    parser.add_argument(
        "--force", action="store_true", help="run even if inputs, code and configuration are the same, for example after images were overwritten"
    )


def add_redrive_arguments(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument(
        "--reason", required=True, type=reason_code, metavar="CODE", help="the reason of the records to run again; `episodes reasons` lists the codes"
    )
    parser.add_argument("--since", metavar="BATCH", help="only this batch and those whose id sorts after it; by default all batches")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, type=Path, metavar="CONF", help="the configuration file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting, for example output.root=/data/out; may be repeated"
    )


def batch_name(text: str) -> str:
    if not re.fullmatch(BATCH, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a batch id: use letters, digits, dots, dashes and underscores, and begin with a letter or digit")
    return text


def dates(text: str) -> list[str]:
    """`2026-11-01..2026-11-03` -> the three dates."""
    try:
        first, last = (date.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected two dates such as 2026-11-01..2026-11-22, found {text!r}") from None
    if last < first:
        raise argparse.ArgumentTypeError(f"{last} is before {first}")
    return [str(first + timedelta(days=day)) for day in range((last - first).days + 1)]


def reason_code(text: str) -> str:
    from pipelines.reasons import Reason  # needs a library that may not be installed beside a trainer

    codes = [reason.code for reason in Reason]
    if text not in codes:
        raise argparse.ArgumentTypeError(f"unknown reason {text}{did_you_mean(text, codes)}")
    return text
