// The tape of a recurrent layer: what its steps leave for the gradient.
#pragma once

#include "training_cells.h"

SEGUE_BEGIN

// Dropout masks of the inputs [n, gates, channels] and of h [n, gates, units], or null.
struct DropoutMasks {
  const float* inputs;
  const float* hidden;

  explicit operator bool() const { return inputs != nullptr || hidden != nullptr; }
};

// A recurrent layer in one direction.
struct TrainedLayer {
  int cell;
  Index gates;
  CellShape shape;
  CellGates slots;
  bool reversed;
  Index stride;  // of rows [x | h]

  // has_weights: whether cells multiply by weights that they find packed.
  TrainedLayer(int cell_, Index channels, Index units, bool reversed_, bool has_weights)
      : cell(cell_),
        gates(gates_of(cell_)),
        shape(channels, units, has_weights),
        slots(cell_gates(cell_)),
        reversed(reversed_),
        stride(odd_lines(channels + vectors(units) * kLanes)) {}

  // Whole lines of the cache, an odd number of them: rows that are a power of two apart would share
  // few lines of it.
  static Index odd_lines(Index floats) { return ((floats + 15) / 16 | 1) * 16; }
  static Index lines(Index floats) { return (floats + 15) / 16 * 16; }
};

struct Tape {
  const TrainedLayer& layer;
  const Steps& steps;
  bool has_masks;
  float* rows;    // as TrainingStep has them
  float* reset;   // of a GRU that resets before
  float* masked;  // [gates][total]: rows times masks
  float* slots;
  float* c;
  float* tanh_c;
  Index size;

  Tape(const TrainedLayer& layer_, const Steps& steps_, bool has_masks_, float* data)
      : layer(layer_), steps(steps_), has_masks(has_masks_), size(0) {
    const Index total = steps.total, panel = layer.shape.panels() * kLanes;
    const Index of_lstm = layer.cell == SEGUE_LSTM ? panel : 0;
    const auto take = [&](Index floats) {
      float* part = data == nullptr || floats == 0 ? nullptr : data + size;
      size += TrainedLayer::lines(floats);
      return part;
    };
    rows = take((total + steps.n) * layer.stride);
    reset = take(layer.cell == SEGUE_GRU_BEFORE ? total * layer.stride : 0);
    masked = take(has_masks ? layer.gates * total * layer.stride : 0);
    slots = take(panel * total * layer.slots.slots);
    c = take((total + steps.n) * of_lstm);
    tanh_c = take(total * of_lstm);
  }

  // The rows that the weights are multiplied by; with masks those of the first gate.
  const float* operands() const { return has_masks ? masked : rows; }

  TrainingStep step_of(const float* packed, Index t) const {
    const Index row = steps.start[t];
    return {layer.shape,
            packed,
            operands() + row * layer.stride,
            layer.stride,
            has_masks ? steps.total * layer.stride : 0,
            rows,
            reset,
            slots,
            layer.slots.slots,
            c,
            tanh_c,
            steps.n,
            steps.total,
            t == 0 && is_stateless() ? 0 : layer.shape.units,
            row,
            steps.start[t + 1],
            steps.running(t + 1)};
  }

  // The row of sequence r's state before its first step: behind all steps where it has none.
  Index first_row(Index r) const { return r < steps.running(0) ? r : steps.total + r; }

  void begin(const float* x, Index x_stride, const float* h0, const float* c0) const {
    const Index units = layer.shape.units, channels = layer.shape.channels;
    for (Index t = 0; t < steps.count; ++t) {
      for (Index r = 0; r < steps.active[t]; ++r) {
        const float* from = x + steps.row(t, r, layer.reversed) * x_stride;
        const Index at = (steps.start[t] + r) * layer.stride;
        std::memcpy(rows + at, from, sizeof(float) * channels);
        if (reset) {
          std::memcpy(reset + at, from, sizeof(float) * channels);
        }
      }
    }
    for (Index r = 0; r < steps.n; ++r) {
      const Index row = first_row(r);
      for (Index panel = 0; panel < layer.shape.panels(); ++panel) {
        const Index unit = panel * kLanes;
        store(rows + row * layer.stride + channels + unit,
              h0 ? load_row(h0 + r * units, unit, units) : zero());
        if (layer.cell != SEGUE_LSTM) continue;
        store(c + (panel * (steps.total + steps.n) + row) * kLanes,
              c0 ? load_row(c0 + r * units, unit, units) : zero());
      }
    }
  }

  // Whether all states before the first step are zeros: nothing is multiplied by them.
  bool is_stateless() const {
    Vector all = zero();
    for (Index r = 0; r < steps.running(0); ++r) {
      const float* h = rows + r * layer.stride + layer.shape.channels;
      for (Index panel = 0; panel < layer.shape.panels(); ++panel) {
        all = all + abs(load(h + panel * kLanes));
      }
    }
    return sum(all) == 0.0f;
  }

  // The states after the last steps.
  void end(float* h_after, Index h_after_stride, float* c_after) const {
    const Index units = layer.shape.units;
    for (Index r = 0; r < steps.n; ++r) {
      const Index row = steps.total + r;
      if (h_after) {
        std::memcpy(h_after + r * h_after_stride, rows + row * layer.stride + layer.shape.channels,
                    sizeof(float) * units);
      }
      for (Index panel = 0; c_after && panel < layer.shape.panels(); ++panel) {
        store_row(c_after + r * units, load(c + (panel * (steps.total + steps.n) + row) * kLanes),
                  panel * kLanes, units);
      }
    }
  }

  // The operands of the gates first to end - 1 at step t: rows times masks.
  void mask_rows(const float* from_rows, DropoutMasks masks, Index t, Index first,
                 Index end) const {
    const Index channels = layer.shape.channels, units = layer.shape.units;
    for (Index gate = first; gate < end; ++gate) {
      for (Index r = 0; r < steps.active[t]; ++r) {
        const float* from = from_rows + (steps.start[t] + r) * layer.stride;
        float* to = masked + (gate * steps.total + steps.start[t] + r) * layer.stride;
        const Index at = r * layer.gates + gate;
        mask_row(from, masks.inputs ? masks.inputs + at * channels : nullptr, channels, to);
        mask_row(from + channels, masks.hidden ? masks.hidden + at * units : nullptr, units,
                 to + channels);
      }
    }
  }

  static void mask_row(const float* from, const float* mask, Index count, float* to) {
    for (Index i = 0; i < count; i += kLanes) {
      const Vector v = load_row(from, i, count);
      store_row(to, mask ? v * load_row(mask, i, count) : v, i, count);
    }
  }
};

SEGUE_END
