"""The churn flow: predict which customers of a telephone company will leave.

`python flows/churn_flow.py` runs the flow and waits for its end; `--help` lists the options. The pipeline is in
`clearml_flows/run/pipeline.py`, the settings are in the table `[churn]`, and the schema is `flows/schemas/churn.json`.
"""

from clearml_flows.flow import main

if __name__ == "__main__":
    main("churn")
