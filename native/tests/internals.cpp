// The internals of one path; compiled once for each, as src/path.cpp.
#include "internals.h"

#include "../src/training_recurrent.h"

SEGUE_BEGIN

static RecurrentTraining layer_of(const TrainingCase& c) {
  return RecurrentTraining(c.cell, c.channels, c.units, c.reversed, c.tiles);
}
static Steps steps_of(const TrainingCase& c) {
  return {c.n, c.count, c.total, c.active, c.start, c.length};
}
static DropoutMasks masks_of(const TrainingCase& c) { return {c.input_masks, c.hidden_masks}; }

static double multiply_alone(Index repeats) {
  constexpr Index kRows = sums_of_block(kWidePanel), kDepth = 128, kColumns = kWidePanel * kLanes;
  Scratch<float> a(kRows * kDepth), panel(kDepth * kColumns), out(kRows * kColumns);
  if (!a || !panel || !out) return 0.0;
  for (Index i = 0; i < repeats; ++i) {
    block<kRows, kWidePanel>(a.data, kDepth, panel.data, kDepth, nullptr, true, out.data, kColumns,
                             kColumns);
  }
  return double(repeats) * kRows * kDepth * kColumns;
}

extern const Internals internals;
const Internals internals = {
    add_transposed,
    add_column_sums,
    [](const TrainingCase& c) { return layer_of(c).packed_size(); },
    [](const TrainingCase& c, const float* kernel, const float* recurrent_kernel, const float* bias,
       float* packed) { layer_of(c).pack(kernel, recurrent_kernel, bias, packed); },
    [](const TrainingCase& c) { return layer_of(c).tape_size(steps_of(c), bool(masks_of(c))); },
    [](const TrainingCase& c, const float* packed, const float* x, Index x_stride, const float* h0,
       const float* c0, float* tape, float* outputs, Index outputs_stride, float* h_after,
       Index h_after_stride, float* c_after) {
      return layer_of(c).forward(steps_of(c), packed, x, x_stride, h0, c0, masks_of(c), tape,
                                 outputs, outputs_stride, h_after, h_after_stride, c_after);
    },
    [](const TrainingCase& c, const float* packed, float* tape, const float* d_outputs,
       Index d_outputs_stride, const float* d_h_after, Index d_h_after_stride,
       const float* d_c_after, float* d_kernel, float* d_recurrent_kernel, float* d_bias,
       float* d_x, Index d_x_stride, float* d_h0, float* d_c0) {
      return layer_of(c).backward(steps_of(c), packed, masks_of(c), tape, d_outputs,
                                  d_outputs_stride, d_h_after, d_h_after_stride, d_c_after,
                                  d_kernel, d_recurrent_kernel, d_bias, d_x, d_x_stride, d_h0,
                                  d_c0);
    },
    multiply_alone,
};

SEGUE_END
