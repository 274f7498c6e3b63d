// What tests and benchmarks call of a path beside its C interface.
#pragma once

#include "../src/threads.h"
#include "../src/tiles.h"

namespace segue {

// A recurrent layer and a shard, as src/training_recurrent.h and src/steps.h have them.
struct TrainingCase {
  int cell;
  Index channels, units;
  bool reversed;
  Index n, count, total;
  const Index* active;
  const Index* start;
  const Index* length;
  const float* input_masks;
  const float* hidden_masks;
  const Tiles* tiles;  // or null: float32
};

struct Internals {
  void (*add_transposed)(const float* a, Index a_stride, Index m, const float* b, Index b_stride,
                         Index n, Index rows, float* out, Index out_stride);
  void (*add_column_sums)(const float* b, Index b_stride, Index n, Index rows, float* out);

  // The members of RecurrentTraining.
  Index (*packed_size)(const TrainingCase&);
  void (*pack)(const TrainingCase&, const float* kernel, const float* recurrent_kernel,
               const float* bias, float* packed);
  Index (*tape_size)(const TrainingCase&);
  bool (*forward)(const TrainingCase&, const float* packed, const float* x, Index x_stride,
                  const float* h0, const float* c0, float* tape, float* outputs,
                  Index outputs_stride, float* h_after, Index h_after_stride, float* c_after);
  bool (*backward)(const TrainingCase&, const float* packed, float* tape, const float* d_outputs,
                   Index d_outputs_stride, const float* d_h_after, Index d_h_after_stride,
                   const float* d_c_after, float* d_kernel, float* d_recurrent_kernel,
                   float* d_bias, float* d_x, Index d_x_stride, float* d_h0, float* d_c0);

  // Products of what lies in the first cache: what the processor attains. Returns their number.
  double (*multiply_alone)(Index repeats);
};

// Those of a path; null where the library or the processor has not got it.
const Internals* internals(const char* path);

}  // namespace segue
