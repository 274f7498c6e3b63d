// Gradients of a recurrent layer from those of its gates.
#pragma once

#include "memory.h"
#include "training_tape.h"
#include "transposed.h"

SEGUE_BEGIN

// to += from.
inline void add_row(const float* from, Index count, float* to) {
  for (Index i = 0; i < count; i += kLanes) {
    store_row(to, load_row(to, i, count) + load_row(from, i, count), i, count);
  }
}

// -- products with the weights from the gates back -----------------------------------------------

// They are packed in panels of vectors of inputs; the depth runs over panels of units, the gates
// that go through them together, and lanes.
inline Index packed_back_size(Index inputs, Index units, const Gates& gates) {
  return vectors(inputs) * vectors(units) * gates.count * kLanes * kLanes;
}

// kernel [inputs, width], gate g of its columns from g * units on.
inline void pack_back(const float* kernel, Index inputs, Index width, Index units,
                      const Gates& gates, float* packed) {
  even_blocks<kPanel>(vectors(inputs), [&](Index vector, auto count) {
    constexpr Index kWidth = decltype(count)::value * kLanes;
    const Index first = vector * kLanes;
    for (Index panel = 0; panel < vectors(units); ++panel) {
      for (Index g = 0; g < gates.count; ++g, packed += kLanes * kWidth) {
        const float* from = kernel + first * width + gates.gate[g] * units;
        for (Index i = 0; i < kWidth; ++i, from += width) {
          float lanes[kLanes];
          store(lanes, first + i < inputs ? load_row(from, panel * kLanes, units) : zero());
          for (int lane = 0; lane < kLanes; ++lane) packed[lane * kWidth + i] = lanes[lane];
        }
      }
    }
  });
}

// The gradients of the gates: those of row r and a panel begin at
// first + panel * panel_stride + r * row_stride.
struct GateRows {
  const float* first;
  Index panel_stride, row_stride, panels;
};

// out [rows, inputs] += the gradients of some gates @ their kernels, transposed. With a mask, which
// has rows [gates, inputs], gate by gate.
inline void add_back(const GateRows& d, const Gates& gates, const float* packed, Index inputs,
                     Index rows, const float* mask, Index mask_stride, float* out,
                     Index out_stride) {
  const Index together = mask == nullptr ? gates.count : 1, depth = together * kLanes;
  const Index most = 128 / depth > 0 ? 128 / depth : 1;  // panels whose weights stay in the cache
  even_blocks<kPanel>(vectors(inputs), [&](Index vector, auto count) {
    constexpr int kVectors = decltype(count)::value;
    const Index packed_panel = gates.count * kLanes * kVectors * kLanes;
    const float* group = packed + vector * kLanes * d.panels * gates.count * kLanes;
    for (Index g = 0; g < gates.count; g += together) {
      for (Index panel = 0; panel < d.panels; panel += most) {
        const Index end = panel + most < d.panels ? panel + most : d.panels;
        even_blocks<sums_of_block(kVectors)>(rows, [&](Index row, auto size) {
          constexpr int kRows = decltype(size)::value;
          Vector sum[1][kRows][kVectors];
          for (int r = 0; r < kRows; ++r) {
            for (int v = 0; v < kVectors; ++v) sum[0][r][v] = zero();
          }
          const float* a = d.first + (gates.slot + g) * kLanes + row * d.row_stride;
          for (Index p = panel; p < end; ++p) {
            multiply(sum, a + p * d.panel_stride, d.row_stride,
                     group + p * packed_panel + g * kLanes * kVectors * kLanes, 0, depth);
          }
          for (int r = 0; r < kRows; ++r) {
            float* to = out + (row + r) * out_stride;
            for (int v = 0; v < kVectors; ++v) {
              const Index at = (vector + v) * kLanes;
              Vector more = sum[0][r][v];
              if (mask != nullptr) {
                const float* of_gate = mask + (row + r) * mask_stride + gates.gate[g] * inputs;
                more = more * load_row(of_gate, at, inputs);
              }
              store_row(to, load_row(to, at, inputs) + more, at, inputs);
            }
          }
        });
      }
    }
  });
}

// -- of a whole layer ----------------------------------------------------------------------------

inline GateRows rows_of(const Tape& tape, Index row) {
  const TrainedLayer& layer = tape.layer;
  const Index size = layer.slots.slots * kLanes;
  return {tape.slots + row * size, tape.steps.total * size, size, layer.shape.panels()};
}

// Of the inputs, to d_x [total, d_x_stride]; back(row, rows, mask, out, stride) adds those of some
// rows. False: no memory.
template <class Back>
bool add_inputs(const Tape& tape, const float* mask, float* d_x, Index d_x_stride,
                const Back& back) {
  const TrainedLayer& layer = tape.layer;
  const Steps& steps = tape.steps;
  const Index channels = layer.shape.channels;
  if (!layer.reversed && mask == nullptr) {  // all steps at once: the rows are the same
    back(0, steps.total, nullptr, d_x, d_x_stride);
    return true;
  }
  Scratch<float> of_step(steps.n * channels);
  if (!of_step) return false;
  for (Index t = 0; t < steps.count; ++t) {
    const Index active = steps.active[t];
    std::memset(of_step.data, 0, sizeof(float) * active * channels);
    back(steps.start[t], active, mask, of_step.data, channels);
    for (Index r = 0; r < active; ++r) {
      add_row(of_step.data + r * channels, channels,
              d_x + steps.row(t, r, layer.reversed) * d_x_stride);
    }
  }
  return true;
}

// Of the weights of `columns` elements of the rows from `first` on.
inline void add_part(const TrainedLayer& layer, const Gates& gates, const float* a,
                     Index gate_stride, Index first, Index columns, const float* d, Index rows,
                     Index panel, float* d_kernel, float* d_recurrent_kernel) {
  const Index channels = layer.shape.channels, units = layer.shape.units,
              width = layer.gates * units;
  const Index row_stride = layer.slots.slots * kLanes;
  const auto add_gates = [&](Index g, const float* of_gates, auto count) {
    transposed_panel<decltype(count)::value>(
        of_gates + first, layer.stride, columns, d + (gates.slot + g) * kLanes, row_stride, rows,
        [&](Index c, int v, Vector sum) {
          const Index k = first + c;
          float* to =
              (k < channels ? d_kernel + k * width : d_recurrent_kernel + (k - channels) * width) +
              gates.gate[g + v] * units;
          store_row(to, load_row(to, panel * kLanes, units) + sum, panel * kLanes, units);
        });
  };
  if (gate_stride == 0) {
    with_constant<kMostGates>(gates.count, [&](auto count) { add_gates(0, a, count); });
    return;
  }
  for (Index g = 0; g < gates.count; ++g) {
    add_gates(g, a + gates.gate[g] * gate_stride, Constant<1>());
  }
}

inline void add_biases(const TrainedLayer& layer, const Gates& gates, const float* d, Index rows,
                       Index panel, float* d_bias) {
  const Index units = layer.shape.units;
  for (Index g = 0; g < gates.count; ++g) {
    Vector sum = zero();
    for (Index r = 0; r < rows; ++r) {
      sum = sum + load(d + (r * layer.slots.slots + gates.slot + g) * kLanes);
    }
    float* to = d_bias + gates.gate[g] * units;
    store_row(to, load_row(to, panel * kLanes, units) + sum, panel * kLanes, units);
  }
}

// Those of the weights and biases: slice after slice, so that a panel's gates stay in the cache.
inline void add_weights(const Tape& tape, float* d_kernel, float* d_recurrent_kernel,
                        float* d_bias) {
  const TrainedLayer& layer = tape.layer;
  const Steps& steps = tape.steps;
  const bool has_masks = tape.has_masks;
  const Index channels = layer.shape.channels, units = layer.shape.units;
  const Index stateless = tape.is_stateless() ? steps.running(0) : 0;
  for (Index row = 0, rows; row < steps.total; row += rows) {
    const bool has_state = row >= stateless;
    rows = even_slice((has_state ? steps.total : stateless) - row);
    for (Index panel = 0; panel < layer.shape.panels(); ++panel) {
      const float* d = tape.slots + (panel * steps.total + row) * layer.slots.slots * kLanes;
      const auto part = [&](const Gates& gates, const float* a, Index first, Index columns) {
        add_part(layer, gates, a + row * layer.stride, has_masks ? steps.total * layer.stride : 0,
                 first, columns, d, rows, panel, d_kernel, d_recurrent_kernel);
      };
      const float* a = tape.operands();
      if (layer.slots.joined()) {
        part(layer.slots.hidden, a, 0, has_state ? layer.shape.depth() : channels);
      } else {
        part(layer.slots.input, a, 0, channels);
        if (has_state) part(layer.slots.hidden, a, channels, units);
        if (has_state && layer.slots.candidate.count) {
          part(layer.slots.candidate, has_masks ? a : tape.reset, channels, units);
        }
      }
      add_biases(layer, layer.slots.input, d, rows, panel, d_bias);
      if (layer.cell == SEGUE_GRU)
        add_biases(layer, layer.slots.hidden, d, rows, panel, d_bias + 3 * units);
    }
  }
}

SEGUE_END
