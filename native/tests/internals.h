// What tests and benchmarks call of a path beside its C interface.
#pragma once

#include "../src/threads.h"

namespace segue {

struct Internals {
  void (*add_transposed)(const float* a, Index a_stride, Index m, const float* b, Index b_stride,
                         Index n, Index rows, float* out, Index out_stride);
  void (*add_column_sums)(const float* b, Index b_stride, Index n, Index rows, float* out);
};

// Those of a path; null where the library or the processor has not got it.
const Internals* internals(const char* path);

}  // namespace segue
