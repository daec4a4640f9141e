"""Batches: many films and photos converted by workers, resumable.

`plan.py` lists the items, `run.py` has those converted that are not finished, `work.py` converts
one, wherever it runs; `cluster.py` is the one home of Dask.
"""
