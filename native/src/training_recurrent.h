// A recurrent layer in one direction over one shard of a batch: forward with a tape, and backward.
//
// Each step is taken by all sequences that have it. So the gradients of the weights are products
// over the rows of all steps at once; only those of the state go step by step.
#pragma once

#include "training_tiles.h"

SEGUE_BEGIN

class RecurrentTraining {
 public:
  // tiles: those that take the products in bfloat16, or null.
  RecurrentTraining(int cell, Index channels, Index units, bool reversed,
                    const Tiles* tiles = nullptr)
      : layer_(cell, channels, units, reversed, tiles == nullptr), tiles_(tiles), layout_(layer_) {}
  RecurrentTraining(const RecurrentTraining&) = delete;
  RecurrentTraining& operator=(const RecurrentTraining&) = delete;

  Index packed_size() const {
    if (tiles_) return of_hidden() + TileLayout::floats(layout_.size);
    return of_input() + back_size(layer_.shape.channels, layer_.slots.input);
  }

  void pack(const float* kernel, const float* recurrent_kernel, const float* bias,
            float* packed) const {
    const Index width = layer_.gates * layer_.shape.units;
    pack_shape(layer_.cell, layer_.shape, kernel, recurrent_kernel, bias, packed);
    if (tiles_) {
      return pack_tiles(*tiles_, layout_, kernel, recurrent_kernel,
                        reinterpret_cast<Bfloat16*>(packed + of_hidden()));
    }
    pack_back(recurrent_kernel, layer_.shape.units, width, layer_.shape.units, layer_.slots.hidden,
              packed + of_hidden());
    pack_back(recurrent_kernel, layer_.shape.units, width, layer_.shape.units,
              layer_.slots.candidate, packed + of_candidate());
    pack_back(kernel, layer_.shape.channels, width, layer_.shape.units, layer_.slots.input,
              packed + of_input());
  }

  Index tape_size(const Steps& steps, bool has_masks) const {
    const Tape tape(layer_, steps, has_masks, nullptr);
    return tape.size + TileProducts(tiles_, layout_, tape, nullptr, nullptr).size();
  }

  // x [total, x_stride]; h0, c0 [n, units] or null: zeros; outputs [total, outputs_stride] at the
  // steps that they belong to, h_after [n, h_after_stride], c_after [n, units], or null.
  bool forward(const Steps& steps, const float* packed, const float* x, Index x_stride,
               const float* h0, const float* c0, DropoutMasks masks, float* tape_data,
               float* outputs, Index outputs_stride, float* h_after, Index h_after_stride,
               float* c_after) const {
    const Tape tape(layer_, steps, bool(masks), tape_data);
    const TileProducts tiles(tiles_, layout_, tape, packed + of_hidden(), tape_data + tape.size);
    tape.begin(x, x_stride, h0, c0);
    for (Index t = 0; t < steps.count; ++t) {
      const Index active = steps.active[t];
      const TrainingStep step = tape.step_of(packed, t);
      if (masks) {
        const Index first = layer_.cell == SEGUE_GRU_BEFORE ? 2 : layer_.gates;
        tape.mask_rows(tape.rows, masks, t, 0, first);
      }
      const auto mask_reset = [&] {
        if (masks) tape.mask_rows(tape.reset, masks, t, 2, 3);
      };
      if (tiles) {
        TiledStep tiled(step);
        tiles.take_gates(tiled, active);
        take_step(tiled, active, [&] {
          mask_reset();
          tiles.take_candidate(tiled, active);
        });
      } else {
        TrainingStep plain = step;
        take_step(plain, active, mask_reset);
      }
      if (outputs == nullptr) continue;
      for (Index r = 0; r < active; ++r) {
        std::memcpy(outputs + steps.row(t, r, layer_.reversed) * outputs_stride,
                    step.h(step.after(r)), sizeof(float) * layer_.shape.units);
      }
    }
    tape.end(h_after, h_after_stride, c_after);
    return true;
  }

  // d_outputs, d_h_after, d_c_after or null. Adds to the gradients of the weights, in their own
  // layouts (all three or none), and to d_x [total, d_x_stride], d_h0, d_c0 [n, units]: where they
  // are not null.
  bool backward(const Steps& steps, const float* packed, DropoutMasks masks, float* tape_data,
                const float* d_outputs, Index d_outputs_stride, const float* d_h_after,
                Index d_h_after_stride, const float* d_c_after, float* d_kernel,
                float* d_recurrent_kernel, float* d_bias, float* d_x, Index d_x_stride, float* d_h0,
                float* d_c0) const {
    const Tape tape(layer_, steps, bool(masks), tape_data);
    const TileProducts tiles(tiles_, layout_, tape, packed + of_hidden(), tape_data + tape.size);
    const Index n = steps.n, units = layer_.shape.units, width = vectors(units) * kLanes;
    const bool is_lstm = layer_.cell == SEGUE_LSTM, resets_before = layer_.cell == SEGUE_GRU_BEFORE;
    Scratch<float> of_h(n * width), of_c(is_lstm ? n * width : 0);
    Scratch<float> of_reset(resets_before ? n * width : 0);
    if (!of_h || !of_c || !of_reset) return false;
    const StateGradient d{of_h.data, of_c.data, of_reset.data, width};
    for (Index r = 0; r < n; ++r) {
      const std::size_t bytes = sizeof(float) * units;
      if (d_h_after) std::memcpy(d.h + r * width, d_h_after + r * d_h_after_stride, bytes);
      if (is_lstm && d_c_after) std::memcpy(d.c + r * width, d_c_after + r * units, bytes);
    }
    const auto back_rows = [&](const Gates& gates, const float* weights, Index inputs, Index row,
                               Index rows, const float* mask, float* to, Index stride) {
      if (tiles) {
        tiles.add_back(gates, inputs, row, rows, mask, layer_.gates * inputs, to, stride);
      } else {
        add_back(rows_of(tape, row), gates, weights, inputs, rows, mask, layer_.gates * inputs, to,
                 stride);
      }
    };
    for (Index t = steps.count - 1; t >= 0; --t) {
      const Index active = steps.active[t];
      const TrainingStep step = tape.step_of(packed, t);
      for (Index r = 0; d_outputs && r < active; ++r) {
        add_row(d_outputs + steps.row(t, r, layer_.reversed) * d_outputs_stride, units,
                d.h + r * width);
      }
      const auto back = [&](const Gates& gates, const float* weights, float* to) {
        back_rows(gates, weights, units, steps.start[t], active, masks.hidden, to, width);
      };
      switch (layer_.cell) {
        case SEGUE_LSTM: step_gradient<LstmTraining>(step, active, d); break;
        case SEGUE_GRU: step_gradient<GruTraining>(step, active, d); break;
        case SEGUE_RNN_TANH: step_gradient<RnnTraining<true>>(step, active, d); break;
        case SEGUE_RNN_RELU: step_gradient<RnnTraining<false>>(step, active, d); break;
        default:
          step_gradient<GruCandidateTraining>(step, active, d);
          if (tiles) tiles.narrow_gates(steps.start[t], active);
          back(layer_.slots.candidate, packed + of_candidate(), d.reset);
          step_gradient<GruGatesTraining>(step, active, d);
      }
      if (tiles) tiles.narrow_gates(steps.start[t], active);
      if (t > 0 || d_h0) back(layer_.slots.hidden, packed + of_hidden(), d.h);
    }
    for (Index r = 0; r < n; ++r) {
      if (d_h0) add_row(d.h + r * width, units, d_h0 + r * units);
      if (is_lstm && d_c0) add_row(d.c + r * width, units, d_c0 + r * units);
    }
    const auto back_inputs = [&](Index row, Index rows, const float* mask, float* to, Index stride) {
      back_rows(layer_.slots.input, packed + of_input(), layer_.shape.channels, row, rows, mask, to,
                stride);
    };
    if (d_x && !add_inputs(tape, masks.inputs, d_x, d_x_stride, back_inputs)) return false;
    if (d_kernel && tiles) tiles.add_weights(d_kernel, d_recurrent_kernel, d_bias);
    if (d_kernel && !tiles) add_weights(tape, d_kernel, d_recurrent_kernel, d_bias);
    return true;
  }

 private:
  // Where the parts of the packed weights begin.
  Index back_size(Index inputs, const Gates& gates) const {
    return TrainedLayer::lines(packed_back_size(inputs, layer_.shape.units, gates));
  }
  Index of_hidden() const {
    return TrainedLayer::lines(packed_size_of(layer_.cell, layer_.shape));
  }
  Index of_candidate() const {
    return of_hidden() + back_size(layer_.shape.units, layer_.slots.hidden);
  }
  Index of_input() const {
    return of_candidate() + back_size(layer_.shape.units, layer_.slots.candidate);
  }

  template <class AnyStep, class Between>
  void take_step(AnyStep& step, Index active, const Between& between) const {
    switch (layer_.cell) {
      case SEGUE_LSTM: return pass<LstmTraining>(step, active);
      case SEGUE_GRU: return pass<GruTraining>(step, active);
      case SEGUE_RNN_TANH: return pass<RnnTraining<true>>(step, active);
      case SEGUE_RNN_RELU: return pass<RnnTraining<false>>(step, active);
      default:
        pass<GruGatesTraining>(step, active);
        between();
        step.packed += layer_.shape.panels() * panel_size<GruGates>(layer_.shape);
        step.operand = step.gate_stride ? step.operand + 2 * step.gate_stride
                                        : step.reset + step.row * layer_.stride;
        return pass<GruCandidateTraining>(step, active);
    }
  }

  const TrainedLayer layer_;
  const Tiles* const tiles_;
  const TileLayout layout_;
};

SEGUE_END
