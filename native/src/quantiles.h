// Quantiles of dyadic intervals: sorting, compiled once for any processor.
#pragma once

#include "threads.h"

namespace segue {

// `quantiles` of segue_kernels.
int quantiles(const float* values, const Index* offsets, Index n, Index features,
              const Index* intervals, Index count, float* out, Index threads);

}  // namespace segue
