"""Automatic choice: which models are fitted, in which order and how long, and how they are joined.

It knows nothing of estimators: what fits a candidate is a function that it is given.
"""
