// The kernels of one path; compiled once for each, with its instructions and its SEGUE_PATH.
#include "dense.h"
#include "recurrent.h"

SEGUE_BEGIN

extern const segue_kernels kernels;
const segue_kernels kernels = {
    packed_size, pack, dense, packed_cell_size, pack_cell, recurrent,
};

SEGUE_END
