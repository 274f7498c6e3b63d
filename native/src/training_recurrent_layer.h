// Recurrent layers in training, in one direction or two, with dropout.
#pragma once

#include "training_layers.h"

SEGUE_BEGIN

// kept: for each direction the tape of its cell, the mask of its inputs (of each gate, where the
// gates have masks of their own, which the cell applies; else one for all gates), and that of its
// hidden state.
class RecurrentLayerTraining : public TrainingLayer {
 public:
  RecurrentLayerTraining(const segue_layer& spec, const Tiles* tiles)
      : TrainingLayer(spec),
        ways_(spec.merge == SEGUE_ONE_DIRECTION ? 1 : 2),
        gates_(gates_of(spec.function)),
        cells_{{spec.function, spec.inputs, spec.outputs, false, tiles},
               {spec.function, spec.inputs, spec.outputs, true, tiles}} {}

  Index packed_size() const override { return ways_ * cells_[0].packed_size(); }
  void pack(const float* weights, float* packed) const override {
    for (Index way = 0; way < ways_; ++way) {
      cells_[way].pack(weights + spec_.kernel[way], weights + spec_.recurrent_kernel[way],
                       weights + spec_.bias[way], packed + way * cells_[way].packed_size());
    }
  }

  bool forward(Shard& shard, const float* weights, const float* packed, Signal& x,
               Kept& kept) const override {
    const Index rows = spec_.keeps_sequence ? shard.steps.total : shard.steps.n;
    const Index width = spec_.merge == SEGUE_CONCAT ? 2 * spec_.outputs : spec_.outputs;
    float* const out = shard.arena.take(rows * width);
    float* const other = joins() ? shard.arena.take(rows * width) : nullptr;
    if (out == nullptr || (joins() && other == nullptr)) return false;
    kept = Kept{x, {}};
    for (Index way = 0; way < ways_; ++way) {
      float* const to = way == 0 ? out : joins() ? other : out + spec_.outputs;
      if (!run(shard, weights, packed + way * cells_[way].packed_size(), way, to, width, kept)) {
        return false;
      }
    }
    if (joins()) {
      const Vector share = broadcast(spec_.merge == SEGUE_MEAN ? 0.5f : 1.0f);
      each_pair(out, other, rows * width, [&](Vector a, Vector b) { return (a + b) * share; });
    }
    x = Signal{out, width, spec_.keeps_sequence != 0};
    return true;
  }

  bool backward(Shard& shard, const float* packed, const Kept& kept, bool wants_input,
                float*& d) const override {
    const Index total = shard.steps.total, units = spec_.outputs, inputs = spec_.inputs;
    const Index rows = spec_.keeps_sequence ? total : shard.steps.n;
    const Index width = spec_.merge == SEGUE_CONCAT ? 2 * units : units;
    if (spec_.merge == SEGUE_MEAN) {
      const Vector half = broadcast(0.5f);
      each_element(d, rows * width, d, [&](Vector v) { return v * half; });
    }
    float* const d_x = wants_input ? shard.arena.zeros(total * inputs) : nullptr;
    if (wants_input && d_x == nullptr) return false;
    for (Index way = 0; way < ways_; ++way) {
      const float* const of_way = spec_.merge == SEGUE_CONCAT ? d + way * units : d;
      if (!run_back(shard, packed + way * cells_[way].packed_size(), way, of_way, width, d_x, kept)) {
        return false;
      }
    }
    d = d_x;
    return true;
  }

 private:
  bool joins() const { return spec_.merge == SEGUE_SUM || spec_.merge == SEGUE_MEAN; }

  template <class Function>
  static void each_pair(float* a, const float* b, Index count, const Function& function) {
    Index i = 0;
    for (; i + kLanes <= count; i += kLanes) store(a + i, function(load(a + i), load(b + i)));
    if (i < count) {
      const Index left = count - i;
      store_first(a + i, function(load_first(a + i, left), load_first(b + i, left)), left);
    }
  }

  // The masks of a direction in this batch.
  bool draw(Shard& shard, Index way, Kept& kept) const {
    if (!shard.trains) return true;
    const bool by_gate = spec_.recurrent_rate > 0.0;
    if (spec_.rate > 0.0) {
      const Index features = (by_gate ? gates_ : 1) * spec_.inputs;
      float*& mask = kept.parts[2 + way];
      mask = keep_mask(shard, spec_.inputs_mask[way], spec_.rate, features, false);
      if (mask == nullptr) return false;
    }
    if (by_gate) {
      const Index features = gates_ * spec_.outputs;
      float*& mask = kept.parts[4 + way];
      mask = keep_mask(shard, spec_.hidden_mask[way], spec_.recurrent_rate, features, false);
      if (mask == nullptr) return false;
    }
    return true;
  }
  static DropoutMasks masks_of_gates(const Kept& kept, Index way) {
    if (kept.parts[4 + way] == nullptr) return DropoutMasks{nullptr, nullptr};
    return DropoutMasks{kept.parts[2 + way], kept.parts[4 + way]};
  }
  static const float* mask_of_all_gates(const Kept& kept, Index way) {
    return kept.parts[4 + way] == nullptr ? kept.parts[2 + way] : nullptr;
  }

  // A learnt or given initial state for each sequence; null for zeros.
  static bool spread(Shard& shard, const float* weights, Index offset, Index units, float*& state) {
    state = nullptr;
    if (offset < 0) return true;
    state = shard.arena.take(shard.steps.n * units);
    for (Index r = 0; state && r < shard.steps.n; ++r) {
      std::memcpy(state + r * units, weights + offset, sizeof(float) * units);
    }
    return state != nullptr;
  }

  bool run(Shard& shard, const float* weights, const float* packed, Index way, float* out,
           Index width, Kept& kept) const {
    const RecurrentTraining& cell = cells_[way];
    float *h, *c;
    if (!draw(shard, way, kept) ||
        !spread(shard, weights, spec_.initial_h[way], spec_.outputs, h) ||
        !spread(shard, weights, spec_.initial_c[way], spec_.outputs, c)) {
      return false;
    }
    const DropoutMasks masks = masks_of_gates(kept, way);
    float* const tape = shard.arena.take(cell.tape_size(shard.steps, masks.hidden != nullptr));
    if (tape == nullptr) return false;
    kept.parts[way] = tape;
    const float* x = kept.x.values;
    if (const float* const mask = mask_of_all_gates(kept, way)) {
      float* const dropped = shard.arena.take(shard.steps.total * spec_.inputs);
      if (dropped == nullptr) return false;
      mask_steps(shard.steps, mask, x, dropped);
      x = dropped;
    }
    const bool every = spec_.keeps_sequence != 0;
    return cell.forward(shard.steps, packed, x, spec_.inputs, h, c, masks, tape,
                        every ? out : nullptr, width, every ? nullptr : out, width, nullptr);
  }

  bool run_back(Shard& shard, const float* packed, Index way, const float* d, Index width,
                float* d_x, const Kept& kept) const {
    const RecurrentTraining& cell = cells_[way];
    const Index n = shard.steps.n, units = spec_.outputs, inputs = spec_.inputs;
    const float* const mask = mask_of_all_gates(kept, way);
    float* own = d_x;  // of the masked input
    if (d_x && mask) own = shard.arena.zeros(shard.steps.total * inputs);
    float* const d_h = spec_.initial_h[way] < 0 ? nullptr : shard.arena.zeros(n * units);
    float* const d_c = spec_.initial_c[way] < 0 ? nullptr : shard.arena.zeros(n * units);
    if ((d_x && own == nullptr) || (spec_.initial_h[way] >= 0 && d_h == nullptr) ||
        (spec_.initial_c[way] >= 0 && d_c == nullptr)) {
      return false;
    }
    const bool every = spec_.keeps_sequence != 0;
    float* const to = shard.gradients;
    if (!cell.backward(shard.steps, packed, masks_of_gates(kept, way), kept.parts[way],
                       every ? d : nullptr, width,
                       every ? nullptr : d, width, nullptr, to + spec_.kernel[way],
                       to + spec_.recurrent_kernel[way], to + spec_.bias[way], own, inputs, d_h,
                       d_c)) {
      return false;
    }
    if (d_h) add_column_sums(d_h, units, units, n, to + spec_.initial_h[way]);
    if (d_c) add_column_sums(d_c, units, units, n, to + spec_.initial_c[way]);
    if (own != d_x) {
      mask_steps(shard.steps, mask, own, own);
      each_pair(d_x, own, shard.steps.total * inputs, [](Vector a, Vector b) { return a + b; });
    }
    return true;
  }

  // out = x * mask, the same mask at every step of a sequence.
  void mask_steps(const Steps& steps, const float* mask, const float* x, float* out) const {
    for (Index t = 0; t < steps.count; ++t) {
      const Index first = steps.start[t] * spec_.inputs;
      multiply(x + first, mask, steps.active[t] * spec_.inputs, out + first);
    }
  }

  const Index ways_, gates_;
  const RecurrentTraining cells_[2];
};

SEGUE_END
