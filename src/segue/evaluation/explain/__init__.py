"""Why a classifier answers as it does: what its gates do, and which steps and channels count.

`gates` takes a recurrent layer apart and puts it together again; `integrated_gradients` and
`occlusion` say how much each step of each channel moved the answer.
"""

from segue.evaluation.explain.attribution import Attribution, occlusion
from segue.evaluation.explain.gates import Gates, gates
from segue.evaluation.explain.integrated import integrated_gradients

__all__ = ["Attribution", "Gates", "gates", "integrated_gradients", "occlusion"]
