"""The wine flow: predict the tasters' grade of a red wine from laboratory measures.

`python flows/wine_flow.py` runs the flow and waits for its end; `--help` lists the options. The pipeline is in
`clearml_flows/run/pipeline.py`, the settings are in the table `[wine]`, and the schema is `flows/schemas/wine.json`.
"""

from clearml_flows.flow import main

if __name__ == "__main__":
    main("wine")
