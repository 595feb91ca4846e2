"""The wine flow: predict the tasters' grade of a red wine from laboratory measures.

`python flows/wine_flow.py` runs the flow and waits for its end; `--help` lists the options. The settings are in the
table `[wine]`, and the schema is `flows/schemas/wine.json`.
"""

# isort: off
from clearml_flows.flow import Models, Source, flow, here, result
from clearml_flows.run.shards import deal, merge
from clearml_flows.settings import Data, Features, Promotion, Sweep, Training

# Steps are shown in this order.
from components.download import download
from components.validate import validate
from components.features import features
from components.version_dataset import version_dataset
from components.train_sweep import train_sweep
from components.register_best import register_best
from components.evaluate import evaluate


@flow("wine")
def wine(
    source: Source,
    data: Data,
    split: Features,
    models: Models,
    training: Training,
    sweep: Sweep,
    promotion: Promotion,
) -> None:
    """Prepare and version the data, train the models, register the best and evaluate it."""
    raw = download(
        *(data.source, source.file, source.kaggle_dataset, source.kaggle_file, source.sha256, data.rows, split.seed),
        *(data.max_bytes, data.timeout, source.embedded, source.synthetic),
    )
    valid = validate(result(raw), source.schema)
    parts = features(result(valid), source.schema, split.test_size, split.seed)
    dataset, _reused = version_dataset(
        result(parts), source.project, source.name, drift_warn=data.drift_warn, drift_refuse=data.drift_refuse
    )
    sweeps = [
        train_sweep(
            *(result(dataset), part, training.folds, training.repeats, models.metric, training.seed, training.jobs),
            project=f"{source.project}/experiments",
            shard=sweep.shards > 1,
        )
        for part in here(deal, models.experiments, sweep.shards)
    ]
    swept = here(merge, [result(one) for one in sweeps])
    model = register_best(swept, result(dataset), source.name, f"{source.project}/models", schema=source.schema)
    evaluate(
        *(result(model), result(dataset), models.gate_metric, models.gate_minimum),
        embedded=source.embedded,
        sweep=swept,
        schema=source.schema,
        **promotion.model_dump(),
    )
