"""What a server may be told: by flags, environment (`U2BG_…`) or a file, in this order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from u2bg.cores import usable_cores
from u2bg.errors import SourceMissing, UsageError
from u2bg.saliency.models import DEFAULT_MODEL, MODELS


def _pixels(value: object) -> object:
    """`50M` as people write it; what is no such text is left to be refused."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", str(value))
    return int(float(found[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[found[2]]) if found else value


def _seconds(value: object) -> object:
    return str(value).removesuffix("s")


def _names(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that a server may be told.

    Attributes:
        host, port: where it listens. Only this machine, unless told otherwise.
        workers: pictures that are worked on at once.
        models: names of the table; the first is the default. No other can be asked for.
        device: as `Remover` takes it.
        api_key_file: a file with one key a line; with it, every request that costs anything needs a key.
        max_upload: the largest request body in bytes; base64 text may be a third larger.
        max_pixels: pictures whose header promises more are refused before decoding.
        queue: requests that may wait beside those that are worked on.
        timeout: seconds that a request may take, from its first byte to the start of its answer.
        allow_url_fetch: whether pictures are fetched from addresses that requests name.
    """

    model_config = SettingsConfigDict(env_prefix="U2BG_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(7000, ge=0, le=65535)
    workers: int = Field(default_factory=usable_cores, ge=1, le=256)
    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = (DEFAULT_MODEL,)
    device: str = "auto"
    api_key_file: Path | None = None
    max_upload: ByteSize = Field(ByteSize(25_000_000), ge=1)
    max_pixels: Annotated[int, BeforeValidator(_pixels)] = Field(50_000_000, ge=1)
    queue: int = Field(32, ge=0)
    timeout: Annotated[float, BeforeValidator(_seconds)] = Field(60, gt=0, le=3600)
    allow_url_fetch: bool = False

    @field_validator("models")
    @classmethod
    def _of_the_table(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in MODELS]
        if unknown or not names:
            raise ValueError(f"expected names among {', '.join(MODELS)}")
        return tuple(dict.fromkeys(names))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(config: Path | None = None, **given: Any) -> Settings:
    """Settings from what was given, else from the environment, else from a TOML file, else the defaults.

    Raises:
        SourceMissing: no such file. UsageError: one line for the first value that cannot be.
    """
    if config is not None and not config.is_file():
        raise SourceMissing(f"no file '{config}'; fix: check the name after --config")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    try:
        return FromFile(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).replace("_", "-")
        reason = first["msg"].removeprefix("Value error, ").lower()
        raise UsageError(f"{name} is {first['input']!r}: {reason}; fix: see u2bg serve --help") from None
    except ValueError as error:  # the file is no TOML
        raise UsageError(f"'{config}' cannot be read: {error}; expected TOML such as port = 7000") from None
