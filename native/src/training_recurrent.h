// A recurrent layer in one direction over one shard of a batch: forward with a tape, and backward.
//
// Each step is taken by all sequences that have it. So the gradients of the weights are products
// over the rows of all steps at once; only those of the state go step by step.
#pragma once

#include "memory.h"
#include "training_cells.h"
#include "transposed.h"

SEGUE_BEGIN

// Dropout masks of the inputs [n, gates, channels] and of h [n, gates, units], or null.
struct DropoutMasks {
  const float* inputs;
  const float* hidden;

  explicit operator bool() const { return inputs != nullptr || hidden != nullptr; }
};

// -- products with the weights from the gates back -----------------------------------------------

// They are packed in panels of vectors of inputs; the depth runs over panels of units, the gates
// that go through them together, and lanes.
inline Index packed_back_size(Index inputs, Index units, const Gates& gates) {
  return vectors(inputs) * vectors(units) * gates.count * kLanes * kLanes;
}

// kernel [inputs, width], gate g of its columns from g * units on.
inline void pack_back(const float* kernel, Index inputs, Index width, Index units,
                      const Gates& gates, float* packed) {
  even_blocks<kWidePanel>(vectors(inputs), [&](Index vector, auto count) {
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
  even_blocks<kWidePanel>(vectors(inputs), [&](Index vector, auto count) {
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

// -- the layer ----------------------------------------------------------------------------------

class RecurrentTraining {
 public:
  RecurrentTraining(int cell, Index channels, Index units, bool reversed)
      : cell_(cell),
        gates_(gates_of(cell)),
        shape_(channels, units),
        slots_(cell_gates(cell)),
        reversed_(reversed),
        stride_(odd_lines(channels + vectors(units) * kLanes)) {}

  Index packed_size() const { return of_input() + back_size(shape_.channels, slots_.input); }

  void pack(const float* kernel, const float* recurrent_kernel, const float* bias,
            float* packed) const {
    const Index width = gates_ * shape_.units;
    pack_cell(cell_, kernel, recurrent_kernel, bias, shape_.channels, shape_.units, packed);
    pack_back(recurrent_kernel, shape_.units, width, shape_.units, slots_.hidden,
              packed + of_hidden());
    pack_back(recurrent_kernel, shape_.units, width, shape_.units, slots_.candidate,
              packed + of_candidate());
    pack_back(kernel, shape_.channels, width, shape_.units, slots_.input, packed + of_input());
  }

  Index tape_size(const Steps& steps, bool has_masks) const {
    return Tape(*this, steps, has_masks, nullptr).size;
  }

  // x [total, x_stride]; h0, c0 [n, units] or null: zeros; outputs [total, outputs_stride] at the
  // steps that they belong to, h_after [n, h_after_stride], c_after [n, units], or null.
  bool forward(const Steps& steps, const float* packed, const float* x, Index x_stride,
               const float* h0, const float* c0, DropoutMasks masks, float* tape_data,
               float* outputs, Index outputs_stride, float* h_after, Index h_after_stride,
               float* c_after) const {
    const Tape tape(*this, steps, bool(masks), tape_data);
    begin(steps, tape, x, x_stride, h0, c0);
    for (Index t = 0; t < steps.count; ++t) {
      const Index active = steps.active[t];
      TrainingStep step = step_of(steps, tape, packed, t);
      if (masks) {
        const Index first = cell_ == SEGUE_GRU_BEFORE ? 2 : gates_;
        mask_rows(steps, tape, tape.rows, masks, t, 0, first);
      }
      take_step(step, active, [&] {
        if (masks) mask_rows(steps, tape, tape.reset, masks, t, 2, 3);
      });
      if (outputs == nullptr) continue;
      for (Index r = 0; r < active; ++r) {
        std::memcpy(outputs + steps.row(t, r, reversed_) * outputs_stride, step.h(step.after(r)),
                    sizeof(float) * shape_.units);
      }
    }
    end(steps, tape, h_after, h_after_stride, c_after);
    return true;
  }

  // d_outputs, d_h_after, d_c_after or null. Adds to the gradients of the weights, in their own
  // layouts, and to d_x [total, d_x_stride], d_h0, d_c0 [n, units] where they are not null.
  bool backward(const Steps& steps, const float* packed, DropoutMasks masks, float* tape_data,
                const float* d_outputs, Index d_outputs_stride, const float* d_h_after,
                Index d_h_after_stride, const float* d_c_after, float* d_kernel,
                float* d_recurrent_kernel, float* d_bias, float* d_x, Index d_x_stride, float* d_h0,
                float* d_c0) const {
    const Tape tape(*this, steps, bool(masks), tape_data);
    const Index n = steps.n, units = shape_.units, width = vectors(units) * kLanes;
    const bool is_lstm = cell_ == SEGUE_LSTM, resets_before = cell_ == SEGUE_GRU_BEFORE;
    Scratch<float> of_h(n * width), of_c(is_lstm ? n * width : 0);
    Scratch<float> of_reset(resets_before ? n * width : 0);
    if (!of_h || !of_c || !of_reset) return false;
    const StateGradient d{of_h.data, of_c.data, of_reset.data, width};
    for (Index r = 0; r < n; ++r) {
      const std::size_t bytes = sizeof(float) * units;
      if (d_h_after) std::memcpy(d.h + r * width, d_h_after + r * d_h_after_stride, bytes);
      if (is_lstm && d_c_after) std::memcpy(d.c + r * width, d_c_after + r * units, bytes);
    }
    for (Index t = steps.count - 1; t >= 0; --t) {
      const Index active = steps.active[t];
      const TrainingStep step = step_of(steps, tape, packed, t);
      for (Index r = 0; d_outputs && r < active; ++r) {
        add_row(d_outputs + steps.row(t, r, reversed_) * d_outputs_stride, units, d.h + r * width);
      }
      const auto back = [&](const Gates& gates, const float* weights, float* to) {
        add_back(rows_of(steps, tape, t), gates, weights, units, active, masks.hidden,
                 gates_ * units, to, width);
      };
      switch (cell_) {
        case SEGUE_LSTM: step_gradient<LstmTraining>(step, active, d); break;
        case SEGUE_GRU: step_gradient<GruTraining>(step, active, d); break;
        case SEGUE_RNN_TANH: step_gradient<RnnTraining<true>>(step, active, d); break;
        case SEGUE_RNN_RELU: step_gradient<RnnTraining<false>>(step, active, d); break;
        default:
          step_gradient<GruCandidateTraining>(step, active, d);
          back(slots_.candidate, packed + of_candidate(), d.reset);
          step_gradient<GruGatesTraining>(step, active, d);
      }
      if (t > 0 || d_h0) back(slots_.hidden, packed + of_hidden(), d.h);
    }
    for (Index r = 0; r < n; ++r) {
      if (d_h0) add_row(d.h + r * width, units, d_h0 + r * units);
      if (is_lstm && d_c0) add_row(d.c + r * width, units, d_c0 + r * units);
    }
    if (d_x && !add_inputs(steps, tape, packed, masks.inputs, d_x, d_x_stride)) return false;
    add_weights(steps, tape, bool(masks), d_kernel, d_recurrent_kernel, d_bias);
    return true;
  }

 private:
  // Whole lines of the cache, an odd number of them: rows that are a power of two apart would share
  // few lines of it.
  static Index odd_lines(Index floats) { return ((floats + 15) / 16 | 1) * 16; }
  static Index lines(Index floats) { return (floats + 15) / 16 * 16; }

  // Where the parts of the packed weights begin.
  Index back_size(Index inputs, const Gates& gates) const {
    return lines(packed_back_size(inputs, shape_.units, gates));
  }
  Index of_hidden() const { return lines(packed_cell_size(cell_, shape_.channels, shape_.units)); }
  Index of_candidate() const { return of_hidden() + back_size(shape_.units, slots_.hidden); }
  Index of_input() const { return of_candidate() + back_size(shape_.units, slots_.candidate); }

  struct Tape {
    float* rows;    // as TrainingStep has them
    float* reset;   // GRU that resets before
    float* masked;  // [gates][total]: rows times masks
    float* slots;
    float* c;
    float* tanh_c;
    Index size;

    Tape(const RecurrentTraining& layer, const Steps& steps, bool has_masks, float* data)
        : size(0) {
      const Index total = steps.total, panel = layer.shape_.panels() * kLanes;
      const Index of_lstm = layer.cell_ == SEGUE_LSTM ? panel : 0;
      Index at = 0;
      const auto take = [&](Index floats) {
        float* part = data == nullptr || floats == 0 ? nullptr : data + at;
        at += lines(floats);
        return part;
      };
      rows = take((total + steps.n) * layer.stride_);
      reset = take(layer.cell_ == SEGUE_GRU_BEFORE ? total * layer.stride_ : 0);
      masked = take(has_masks ? layer.gates_ * total * layer.stride_ : 0);
      slots = take(panel * total * layer.slots_.slots);
      c = take((total + steps.n) * of_lstm);
      tanh_c = take(total * of_lstm);
      size = at;
    }
  };

  TrainingStep step_of(const Steps& steps, const Tape& tape, const float* packed, Index t) const {
    const Index row = steps.start[t];
    return {shape_,
            packed,
            (tape.masked ? tape.masked : tape.rows) + row * stride_,
            stride_,
            tape.masked ? steps.total * stride_ : 0,
            tape.rows,
            tape.reset,
            tape.slots,
            slots_.slots,
            tape.c,
            tape.tanh_c,
            steps.n,
            steps.total,
            row,
            steps.start[t + 1],
            steps.running(t + 1)};
  }

  template <class Between>
  void take_step(TrainingStep& step, Index active, const Between& between) const {
    switch (cell_) {
      case SEGUE_LSTM: return pass<LstmTraining>(step, active);
      case SEGUE_GRU: return pass<GruTraining>(step, active);
      case SEGUE_RNN_TANH: return pass<RnnTraining<true>>(step, active);
      case SEGUE_RNN_RELU: return pass<RnnTraining<false>>(step, active);
      default:
        pass<GruGatesTraining>(step, active);
        between();
        step.packed += shape_.panels() * panel_size<GruGates>(shape_);
        step.operand = step.gate_stride ? step.operand + 2 * step.gate_stride
                                        : step.reset + step.row * stride_;
        return pass<GruCandidateTraining>(step, active);
    }
  }

  // The row of sequence r's state before its first step: behind all steps where it has none.
  static Index first_row(const Steps& steps, Index r) {
    return r < steps.running(0) ? r : steps.total + r;
  }

  void begin(const Steps& steps, const Tape& tape, const float* x, Index x_stride, const float* h0,
             const float* c0) const {
    const Index units = shape_.units, channels = shape_.channels;
    for (Index t = 0; t < steps.count; ++t) {
      for (Index r = 0; r < steps.active[t]; ++r) {
        const float* from = x + steps.row(t, r, reversed_) * x_stride;
        const Index at = (steps.start[t] + r) * stride_;
        std::memcpy(tape.rows + at, from, sizeof(float) * channels);
        if (tape.reset) {
          std::memcpy(tape.reset + at, from, sizeof(float) * channels);
        }
      }
    }
    for (Index r = 0; r < steps.n; ++r) {
      const Index row = first_row(steps, r);
      for (Index panel = 0; panel < shape_.panels(); ++panel) {
        const Index unit = panel * kLanes;
        store(tape.rows + row * stride_ + channels + unit,
              h0 ? load_row(h0 + r * units, unit, units) : zero());
        if (cell_ != SEGUE_LSTM) continue;
        store(tape.c + (panel * (steps.total + steps.n) + row) * kLanes,
              c0 ? load_row(c0 + r * units, unit, units) : zero());
      }
    }
  }

  // The states after the last steps.
  void end(const Steps& steps, const Tape& tape, float* h_after, Index h_after_stride,
           float* c_after) const {
    const Index units = shape_.units;
    for (Index r = 0; r < steps.n; ++r) {
      const Index row = steps.total + r;
      if (h_after) {
        std::memcpy(h_after + r * h_after_stride, tape.rows + row * stride_ + shape_.channels,
                    sizeof(float) * units);
      }
      for (Index panel = 0; c_after && panel < shape_.panels(); ++panel) {
        store_row(c_after + r * units,
                  load(tape.c + (panel * (steps.total + steps.n) + row) * kLanes), panel * kLanes,
                  units);
      }
    }
  }

  // The operands of the gates first to end - 1 at step t: rows times masks.
  void mask_rows(const Steps& steps, const Tape& tape, const float* rows, DropoutMasks masks,
                 Index t, Index first, Index end) const {
    const Index channels = shape_.channels, units = shape_.units;
    for (Index gate = first; gate < end; ++gate) {
      for (Index r = 0; r < steps.active[t]; ++r) {
        const float* from = rows + (steps.start[t] + r) * stride_;
        float* to = tape.masked + (gate * steps.total + steps.start[t] + r) * stride_;
        const Index at = r * gates_ + gate;
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

  static void add_row(const float* from, Index count, float* to) {
    for (Index i = 0; i < count; i += kLanes) {
      store_row(to, load_row(to, i, count) + load_row(from, i, count), i, count);
    }
  }

  // -- gradients, from those of the gates ---------------------------------------------------------

  GateRows rows_of(const Steps& steps, const Tape& tape, Index t) const {
    const Index row = slots_.slots * kLanes;
    return {tape.slots + steps.start[t] * row, steps.total * row, row, shape_.panels()};
  }

  bool add_inputs(const Steps& steps, const Tape& tape, const float* packed, const float* mask,
                  float* d_x, Index d_x_stride) const {
    const Index channels = shape_.channels;
    if (!reversed_ && mask == nullptr) {  // all steps at once: the rows are the same
      if (steps.count == 0) return true;
      add_back(rows_of(steps, tape, 0), slots_.input, packed + of_input(), channels, steps.total,
               nullptr, 0, d_x, d_x_stride);
      return true;
    }
    Scratch<float> of_step(steps.n * channels);
    if (!of_step) return false;
    for (Index t = 0; t < steps.count; ++t) {
      const Index active = steps.active[t];
      std::memset(of_step.data, 0, sizeof(float) * active * channels);
      add_back(rows_of(steps, tape, t), slots_.input, packed + of_input(), channels, active, mask,
               gates_ * channels, of_step.data, channels);
      for (Index r = 0; r < active; ++r) {
        add_row(of_step.data + r * channels, channels,
                d_x + steps.row(t, r, reversed_) * d_x_stride);
      }
    }
    return true;
  }

  // Those of the weights and biases: slice after slice, so that a panel's gates stay in the cache.
  void add_weights(const Steps& steps, const Tape& tape, bool has_masks, float* d_kernel,
                   float* d_recurrent_kernel, float* d_bias) const {
    const Index channels = shape_.channels, units = shape_.units;
    for (Index row = 0; row < steps.total; row += kRowSlice) {
      const Index rows = steps.total - row < kRowSlice ? steps.total - row : kRowSlice;
      for (Index panel = 0; panel < shape_.panels(); ++panel) {
        const float* d = tape.slots + (panel * steps.total + row) * slots_.slots * kLanes;
        const auto part = [&](const Gates& gates, const float* a, Index first, Index columns) {
          add_part(gates, a + row * stride_, has_masks ? steps.total * stride_ : 0, first, columns,
                   d, rows, panel, d_kernel, d_recurrent_kernel);
        };
        const float* a = has_masks ? tape.masked : tape.rows;
        if (slots_.joined()) {
          part(slots_.hidden, a, 0, shape_.depth());
        } else {
          part(slots_.input, a, 0, channels);
          part(slots_.hidden, a, channels, units);
          if (slots_.candidate.count) {
            part(slots_.candidate, has_masks ? a : tape.reset, channels, units);
          }
        }
        add_biases(slots_.input, d, rows, panel, d_bias);
        if (cell_ == SEGUE_GRU) add_biases(slots_.hidden, d, rows, panel, d_bias + 3 * units);
      }
    }
  }

  // Of the weights of `columns` elements of the rows from `first` on.
  void add_part(const Gates& gates, const float* a, Index gate_stride, Index first, Index columns,
                const float* d, Index rows, Index panel, float* d_kernel,
                float* d_recurrent_kernel) const {
    const Index channels = shape_.channels, units = shape_.units, width = gates_ * units;
    const Index row_stride = slots_.slots * kLanes;
    const auto add_gates = [&](Index g, const float* of_gates, auto count) {
      transposed_panel<decltype(count)::value>(
          of_gates + first, stride_, columns, d + (gates.slot + g) * kLanes, row_stride, rows,
          [&](Index c, int v, Vector sum) {
            const Index k = first + c;
            float* to = (k < channels ? d_kernel + k * width
                                      : d_recurrent_kernel + (k - channels) * width) +
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

  void add_biases(const Gates& gates, const float* d, Index rows, Index panel,
                  float* d_bias) const {
    const Index units = shape_.units;
    for (Index g = 0; g < gates.count; ++g) {
      Vector sum = zero();
      for (Index r = 0; r < rows; ++r) {
        sum = sum + load(d + (r * slots_.slots + gates.slot + g) * kLanes);
      }
      float* to = d_bias + gates.gate[g] * units;
      store_row(to, load_row(to, panel * kLanes, units) + sum, panel * kLanes, units);
    }
  }

  const int cell_;
  const Index gates_;
  const CellShape shape_;
  const CellGates slots_;
  const bool reversed_;
  const Index stride_;
};

SEGUE_END
