"""The settings: the only reader of settings.toml.

A value comes from, in this order: an option (`--set table.key=value`), the environment (`FLOWS__TABLE__KEY`),
settings.toml, the default here. The comment above a key in settings.toml is its manual.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from clearml_flows.catalog import flow_names, metrics_of
from clearml_flows.errors import BadInput
from clearml_flows.project import VARIABLE, check_project, settings_file
from clearml_flows.spelling import did_you_mean

PREFIX = "FLOWS__"
URL_IN_SETTINGS = "url_in_settings"  # type of the error for a secret value, which must not be shown

Fraction = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
HOST = r"^(https?://[A-Za-z0-9.-]+(:\d+)?)?$"
MEMORY = r"^[1-9]\d*[mg]$"


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Project(Table):
    name: str = Field(default="clearml-flows", min_length=3)


class ClearML(Table):
    api_host: str = ""
    web_host: str = ""
    files_host: str = ""
    connect_timeout: float = Field(default=4.0, gt=0, le=60)


class Server(Table):
    data_dir: str = ".flows"
    api_port: int = Field(default=0, ge=0, le=65535)
    files_port: int = Field(default=0, ge=0, le=65535)


class Docker(Table):
    project: str = Field(default="clearml-flows", pattern=r"^[a-z0-9][a-z0-9_-]*$")
    api_port: int = Field(default=8008, ge=1, le=65535)
    web_port: int = Field(default=8080, ge=1, le=65535)
    files_port: int = Field(default=8081, ge=1, le=65535)
    api_host: str = Field(default="", pattern=HOST)
    web_host: str = Field(default="", pattern=HOST)
    files_host: str = Field(default="", pattern=HOST)
    elastic_memory: str = Field(default="4g", pattern=MEMORY)
    mongo_memory: str = Field(default="2g", pattern=MEMORY)
    api_memory: str = Field(default="2g", pattern=MEMORY)
    agent_memory: str = Field(default="8g", pattern=MEMORY)
    wait: float = Field(default=600.0, gt=0)


class Run(Table):
    timeout: float = Field(default=14400.0, ge=0)
    step_timeout: float = Field(default=3600.0, ge=0)
    retries: int = Field(default=2, ge=0, le=10)
    retry_wait: float = Field(default=5.0, ge=0, le=3600)


class Queues(Table):
    steps: str = Field(default="default", min_length=1)
    services: str = Field(default="services", min_length=1)


class Data(Table):
    source: str = Field(default="auto", min_length=1)
    rows: int = Field(default=3500, ge=100, le=10_000_000)
    max_bytes: int = Field(default=200_000_000, gt=0)
    timeout: float = Field(default=15.0, gt=0, le=3600)
    drift_warn: float = Field(default=0.1, ge=0)
    drift_refuse: float = Field(default=2.0, ge=0)


class Features(Table):
    test_size: Fraction = 0.2
    seed: Seed = 42


class Training(Table):
    folds: int = Field(default=5, ge=2, le=20)
    repeats: int = Field(default=2, ge=1, le=20)
    jobs: int = Field(default=0, ge=0)
    seed: Seed = 42


class Sweep(Table):
    shards: int = Field(default=1, ge=1, le=100)


class Promotion(Table):
    margin: float = Field(default=0.005, ge=0)
    calibration_maximum: float = Field(default=0.05, ge=0, le=1)
    segment_minimum: float = Field(default=0.6, ge=0, le=1)
    segment_drop: float = Field(default=0.2, ge=0, le=1)
    segment_rows: int = Field(default=100, ge=1)


class Business(Table):
    customer_value: float = Field(default=500.0, gt=0)
    offer_cost: float = Field(default=50.0, ge=0)
    offer_success: float = Field(default=0.4, gt=0, le=1)


class Agents(Table):
    poll: float = Field(default=2.0, ge=0.1, le=60)
    report: float = Field(default=15.0, ge=1, le=60)
    lost_after: float = Field(default=120.0, ge=5, le=86400)


class Schedule(Table):
    store: Literal["local", "backend"] = "local"
    timezone: str = Field(default="UTC", min_length=1)
    overlap: Literal["forbid", "queue", "allow", "replace"] = "forbid"
    catch_up: Literal["none", "latest", "all"] = "latest"
    most: int = Field(default=10, ge=1, le=100)
    grace: int = Field(default=300, ge=0, le=31_536_000)
    jitter: int = Field(default=0, ge=0, le=86_400)
    lost_after: int = Field(default=600, ge=60, le=31_536_000)
    prefix: tuple[str, ...] = ()


class Notify(Table):
    routes: dict[str, tuple[str, ...]] = {}
    urls_file: str = Field(default="notify.urls", min_length=1)
    max_bytes: int = Field(default=4000, ge=500, le=100_000)
    timeout: float = Field(default=20.0, ge=1, le=300)
    attempts: int = Field(default=40, ge=1, le=1000)
    give_up_after: float = Field(default=86400.0, ge=60, le=31_536_000)
    most: int = Field(default=1000, ge=1, le=100_000)

    @model_validator(mode="before")
    @classmethod
    def has_no_url(cls, given: Any) -> Any:
        if "://" in repr(given):
            raise PydanticCustomError(
                URL_IN_SETTINGS,
                "there is a URL in [notify] of the settings, and URLs of channels are secrets: put it into the "
                "environment, as FLOWS_NOTIFY_NAME, or into the file that notify.urls_file names",
            )
        return given


class Monitor(Table):
    interval: float = Field(default=30.0, ge=1, le=3600)
    look_back: float = Field(default=86_400.0, ge=0, le=31_536_000)
    stuck_after: float = Field(default=900.0, ge=60, le=31_536_000)
    waiting_after: float = Field(default=120.0, ge=0, le=31_536_000)
    others: bool = True
    log_folder: str = ""
    heartbeat: float = Field(default=60.0, ge=1, le=86_400)


class Member(Table):
    estimator: str
    params: dict[str, Any] = {}


class Experiment(Table):
    name: str = Field(min_length=3)
    family: str
    estimator: str = ""
    params: dict[str, Any] = {}
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    members: tuple[Member, ...] = ()
    calibration: Literal["", "sigmoid"] = ""


class Flow(Table):
    """Settings of one flow. The other tables apply to all flows."""

    file: str = ""
    kaggle_dataset: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+(/[\w.-]+)?)?$")
    kaggle_file: str = ""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    metric: str = ""
    gate_metric: str = ""
    gate_minimum: float = 0.0
    experiments: tuple[Experiment, ...] = Field(default=(), min_length=1)

    @field_validator("experiments")
    @classmethod
    def names_are_unique(cls, experiments: tuple[Experiment, ...]) -> tuple[Experiment, ...]:
        names = [experiment.name for experiment in experiments]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two experiments are called {twice[0]!r}")
        return experiments


class Settings(BaseSettings):
    """All settings, read-only. The class that `load()` uses also has a table for each flow."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")

    project: Project = Project()
    clearml: ClearML = ClearML()
    server: Server = Server()
    docker: Docker = Docker()
    run: Run = Run()
    queues: Queues = Queues()
    data: Data = Data()
    features: Features = Features()
    training: Training = Training()
    sweep: Sweep = Sweep()
    promotion: Promotion = Promotion()
    business: Business = Business()
    schedule: Schedule = Schedule()
    notify: Notify = Notify()
    monitor: Monitor = Monitor()
    agents: Agents = Agents()

    def flow(self, name: str) -> Flow:
        """Return the table of a flow. The default metric is R² or ROC-AUC.

        Raises BadInput if there is no such table, or if its metric is not one of the flow's models.
        """
        table: Flow | None = getattr(self, name)
        if table is None:
            check_project()
            raise BadInput(f"{settings_file()} has no table [{name}], which the flow needs")
        known = metrics_of(name)
        metrics = {"metric": table.metric or known[0], "gate_metric": table.gate_metric or f"test_{known[0]}"}
        for key, metric in metrics.items():
            if (metric.removeprefix("test_") if key == "gate_metric" else metric) not in known:
                raise BadInput(f"{name}.{key} is {metric!r}: it can be one of {', '.join(known)}")
        return table.model_copy(update=metrics)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del init_settings, dotenv_settings, file_secret_settings
        return env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def _with_flows() -> type[Settings]:
    """Return the settings class with a table for each flow file."""
    tables: dict[str, Any] = dict.fromkeys(flow_names(), (Flow | None, None))
    return create_model("Settings", __base__=Settings, **tables)


def load() -> Settings:
    """Return the settings in force. Without a settings file, they are the defaults.

    Raises BadInput with the source of the wrong value, its key, and what was expected.
    """
    _refuse_unknown_variables()
    path = settings_file()
    if os.environ.get(VARIABLE) and not path.is_file():
        raise BadInput(f"{VARIABLE} names {path}, which is no file")
    try:
        return _with_flows()()
    except SettingsError as wrong:
        ours = ", ".join(name for name in os.environ if name.startswith(PREFIX))
        raise BadInput(f"{ours}: {wrong}; tables and lists are given as JSON") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{path} is not TOML: {wrong}") from None
    except OSError as wrong:
        raise BadInput(f"{path} cannot be read: {wrong.strerror}") from None
    except ValidationError as invalid:
        raise BadInput(_sentence(invalid, path)) from None


def set_option(key: str, text: str) -> None:
    """Override the setting `table.key` for this process and its children.

    Raises BadInput if there is no such setting.
    """
    known = keys()
    if key not in known:
        raise BadInput(f"there is no setting {key!r}{did_you_mean(key, known)}")
    os.environ[variable(key)] = text


def variable(key: str) -> str:
    """Return the environment variable of a setting: `FLOWS__DATA__ROWS` for `data.rows`."""
    return PREFIX + key.replace(".", "__").upper()


def keys() -> list[str]:
    """Return the names of all settings as `table.key`."""
    return [f"{table}.{name}" for table, model in tables().items() for name in model.model_fields]


def tables() -> dict[str, type[Table]]:
    """Return the tables by name. Tables of flows are last."""
    shared: dict[str, Any] = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {**shared, **dict.fromkeys(flow_names(), Flow)}


def _refuse_unknown_variables() -> None:
    known = [variable(key) for key in keys()]
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise BadInput(f"the environment sets {name}, which is no setting{did_you_mean(name.upper(), known)}")


def _sentence(invalid: ValidationError, path: Path) -> str:
    error = min(invalid.errors(), key=lambda one: one["type"] != "extra_forbidden")
    if error["type"] == URL_IN_SETTINGS:
        return error["msg"]
    place = [str(part) for part in error["loc"]]
    key = ".".join(place)
    outer = [variable(".".join(place[:depth])) for depth in range(len(place), 1, -1)]
    where = next((name for name in outer if name in os.environ), str(path))
    if error["type"] == "extra_forbidden":
        names = ".".join(part for part in place if not part.isdigit())
        return f"{where} has an unknown setting {key!r}{did_you_mean(names, _every_name())}"
    if error["type"] == "missing":
        return f"{where} lacks {key}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{where} sets {key} to {str(error['input'])[:80]!r}: {message[:1].lower()}{message[1:]}"


def _every_name() -> list[str]:
    inner = [f"{flow}.experiments.{name}" for flow in flow_names() for name in Experiment.model_fields]
    return [*tables(), *keys(), *inner]
