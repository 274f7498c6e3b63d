"""Names of layers and arguments in Keras, PyTorch and MATLAB, with what segue writes instead.

Only those that neither an alias nor a near miss covers; a message about an unknown word ends with
them.
"""

from __future__ import annotations

_LAYERS = {
    "bidirectional": "write bilstm(units), bigru(units) or birnn(units)",
    "timedistributed": "leave it out: dense(units) on a sequence acts on each step",
    "simplernn": "write rnn(units)",
    "fullyconnected": "write dense(units)",
    "globalaveragepooling": "write pool(mean)",
    "globalmaxpooling": "write pool(max)",
    "multiheadattention": "write attention(heads)",
    "transformerencoder": "write attention(heads), the whole block",
    "add": "write residual(layers)",
    "concatenate": "write parallel(branches, ...)",
    "input": "leave it out: the shape is that of the data",
    "sequenceinput": "leave it out: the shape is that of the data",
    "masking": "leave it out: padding is never seen",
    "activation": "the activation itself is a layer, such as relu",
    "classification": "leave it out: the head is implied",
}
_ARGUMENTS = {
    "returnsequences": "write output=every, or leave it out: what follows decides",
    "outputmode": "write output=every or output=last",
    "outputsize": "write units",
    "hiddensize": "write units",
    "numhiddenunits": "write units",
    "batchfirst": "leave it out: axes are batch, time, channel",
    "inputshape": "leave it out: the shape is that of the data",
    "filtersize": "write kernel_size",
    "padding": "leave it out, or write causal=true",
    "axis": "leave it out: it is the last one",
}


def translation_hint(word: str) -> str | None:
    """Advice for a layer or argument of another library; `None` for an unknown word.

    >>> translation_hint("SimpleRNN"), translation_hint("return_sequences")[:18]
    ('write rnn(units)', 'write output=every')
    >>> translation_hint("foo")
    """
    plain = word.lower().replace("_", "").removesuffix("layer").removesuffix("1d")
    return _LAYERS.get(plain) or _ARGUMENTS.get(plain)
