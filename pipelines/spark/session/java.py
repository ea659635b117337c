"""Whether this machine has a Java that Spark can run in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from pipelines.config import ConfigError

OLDEST = 17


def require_java() -> None:
    """Raises ConfigError where Spark would find no Java, or one that is too old: its own message is a page of Java."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=os.path.join(home, "bin") if home else None)
    if java is None:
        raise ConfigError([f"Spark needs Java {OLDEST} or newer, and there is none; install it, or set JAVA_HOME"])
    said = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False).stdout
    found = major_version(said)
    if found is not None and found < OLDEST:
        raise ConfigError([f"Spark needs Java {OLDEST} or newer, and {java} is Java {found}; install a newer one, or set JAVA_HOME"])


def major_version(said: str) -> int | None:
    """The version in the output of `java -version`; None where it has none.

    >>> major_version('openjdk version "17.0.2" 2022-01-18'), major_version('java version "1.8.0_202"'), major_version("?")
    (17, 8, None)
    """
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None
