"""The churn flow: which customers of a telephone company will leave?

`python flows/churn_flow.py` runs it and waits; `--help` says what else it can do. Its pipeline stands in
`clearml_flows/run/pipeline.py`, its settings in the table `[churn]`, and what its columns are in
`flows/schemas/churn.json`.
"""

from clearml_flows.flow import main

if __name__ == "__main__":
    main("churn")
