"""The contract between training and service: versions of models, how they are kept, run and turned into a decision.

Start with `store.Store` (what is there), `publish.publish` (how a version comes in), `runtime.load` (how it is run),
`golden.check_golden` (whether it still answers as it did when it was made) and `decision.decide` (what its numbers
mean). `python -m model_store --help` shows the same from a shell.
"""
