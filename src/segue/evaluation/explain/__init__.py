"""Explanations of a classifier: its gates, and the steps and channels that move its logits.

`gates` takes a recurrent layer apart and puts it together again; `integrated_gradients` and
`occlusion` attribute the logit of a class to each step of each channel.
"""

from segue.evaluation.explain.attribution import Attribution, occlusion
from segue.evaluation.explain.gates import Gates, gates
from segue.evaluation.explain.integrated import integrated_gradients

__all__ = ["Attribution", "Gates", "gates", "integrated_gradients", "occlusion"]
