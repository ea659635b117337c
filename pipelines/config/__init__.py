"""The configuration of a run: YAML -> frozen, typed settings, or all faults at once, each with its place and the nearest valid name."""

from pipelines.config.gates import ShareGate
from pipelines.config.loading import ConfigError, load_config, parse_config, resolve_paths
from pipelines.config.options import AgentSlicingOptions, SlicingOptions, TemplateOptions
from pipelines.config.settings import (
    EPISODE_KEYS,
    Config,
    DialectSettings,
    EpisodeKey,
    Fractions,
    Gates,
    Hook,
    Hooks,
    Images,
    Limits,
    Normalize,
    Output,
    Retention,
    Scrub,
    Source,
    Split,
)

__all__ = [
    "EPISODE_KEYS",
    "AgentSlicingOptions",
    "Config",
    "ConfigError",
    "DialectSettings",
    "EpisodeKey",
    "Fractions",
    "Gates",
    "Hook",
    "Hooks",
    "Images",
    "Limits",
    "Normalize",
    "Output",
    "Retention",
    "Scrub",
    "ShareGate",
    "SlicingOptions",
    "Source",
    "Split",
    "TemplateOptions",
    "load_config",
    "parse_config",
    "resolve_paths",
]
