"""The wine flow: how good will tasters find a red wine, by what a laboratory measures?

`python flows/wine_flow.py` runs it and waits; `--help` says what else it can do. Its pipeline stands in
`clearml_flows/run/pipeline.py`, its settings in the table `[wine]`, and what its columns are in
`flows/schemas/wine.json`.
"""

from clearml_flows.flow import main

if __name__ == "__main__":
    main("wine")
