// The kernels of one path; compiled once for each, with its instructions and its SEGUE_PATH.
#include "activations.h"
#include "attention.h"
#include "dense.h"
#include "hydra.h"
#include "multirocket.h"
#include "normalise.h"
#include "pool.h"
#include "quantiles.h"
#include "rdst.h"
#include "recurrent.h"
#include "trainer.h"
#include "training_batch.h"
#include "windows.h"

SEGUE_BEGIN

extern const segue_kernels kernels;
const segue_kernels kernels = {
    packed_size,
    pack,
    dense,
    packed_cell_size,
    pack_cell,
    recurrent,
    conv,
    max_pool,
    random_conv,
    quantiles,
    hydra,
    multirocket,
    rdst,
    attention,
    pool,
    pool_attention,
    layer_norm,
    scale_shift,
    activate,
    train,
    shards,
    recurrent_tape_size,
    recurrent_forward,
    recurrent_backward,
};

SEGUE_END
