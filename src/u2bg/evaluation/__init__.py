"""How good a model is, told through the shipped path.

`sets` finds the pictures, `truth` reads their masks, `evaluate` cuts and scores them one by one with `metrics`,
`summary` makes rows with intervals of it, `document` the JSON, `report` the page. Knows the pipeline, no door,
and nothing of how models are made.
"""
