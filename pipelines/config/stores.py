"""Settings of the stores in paths, by scheme. Credentials come from the environment or from roles of the cluster."""

from __future__ import annotations

import re

from pydantic import field_validator, model_validator

from pipelines.config.base import Settings
from pipelines.config.secrets import refuse_secrets
from pipelines.storage.stores import Stores


class StoreSettings(Settings):
    """How to reach the stores of one scheme. Credentials are not settings."""

    endpoint: str | None = None
    anonymous: bool = False  # true: requests are not signed; for public data

    _no_secrets = model_validator(mode="before")(refuse_secrets)

    @field_validator("endpoint")
    @classmethod
    def _plain_address(cls, endpoint: str | None) -> str | None:
        """The message does not repeat the address, which may contain a password or a signature."""
        if endpoint is not None and not re.fullmatch(r"https?://[^/@?#\s]+(/[^@?#\s]*)?", endpoint):
            raise ValueError("expected http://host:port or https://host, without a user, a password or a query")
        return endpoint

    def options(self) -> tuple[tuple[str, str], ...]:
        """The settings that differ from their defaults, as text."""
        set_here = self.model_dump(exclude_defaults=True).items()
        return tuple((name, str(value).lower() if isinstance(value, bool) else value) for name, value in set_here)


class S3Settings(StoreSettings):
    region: str | None = None
    virtual_hosted: bool = False  # true: the bucket is part of the host name


class AzureSettings(StoreSettings):
    account: str | None = None


class Storage(Settings):
    """HDFS has no settings here: it takes those of Hadoop and HADOOP_USER_NAME."""

    s3: S3Settings = S3Settings()
    gs: StoreSettings = StoreSettings()
    abfss: AzureSettings = AzureSettings()

    _no_secrets = model_validator(mode="before")(refuse_secrets)


def stores_of(storage: Storage) -> Stores:
    return Stores(tuple((scheme, options) for scheme in Storage.model_fields if (options := getattr(storage, scheme).options())))
