// The layers of a network in training: forward with what backward needs, and backward.
//
// `forward` replaces the signal by the layer's output. `backward` takes the gradient of the output
// and gives that of the input, or null where that is not wanted; it adds to the gradients of the
// weights. Both return false where there is no memory. All memory is the shard's.
#pragma once

#include "dense.h"
#include "random.h"
#include "shard.h"
#include "slopes.h"
#include "training_recurrent.h"
#include "transposed.h"

SEGUE_BEGIN

class TrainingLayer {
 public:
  explicit TrainingLayer(const segue_layer& spec) : spec_(spec) {}
  virtual ~TrainingLayer() = default;

  // Its weights in the form that the passes read: floats, and their making.
  virtual Index packed_size() const { return 0; }
  virtual void pack(const float*, float*) const {}

  virtual bool forward(Shard& shard, const float* weights, const float* packed, Signal& x,
                       Kept& kept) const = 0;
  // wants_input: whether the gradient of the input is wanted.
  virtual bool backward(Shard& shard, const float* packed, const Kept& kept, bool wants_input,
                        float*& d) const = 0;

  const segue_layer& spec() const { return spec_; }

 protected:
  // The mask of dropout for the rows of a signal, with so many features.
  static float* keep_mask(Shard& shard, Index key, double rate, Index features, bool is_sequence) {
    const Index rows = is_sequence ? shard.steps.total : shard.steps.n;
    float* const mask = shard.arena.take(rows * features);
    if (mask == nullptr) return nullptr;
    const KeepMask draws(shard.keys + 2 * key, shard.batch, rate);
    const Index steps = is_sequence ? shard.longest : 1;
    for (Index t = 0; t < (is_sequence ? shard.steps.count : 1); ++t) {
      const Index running = is_sequence ? shard.steps.active[t] : shard.steps.n;
      float* row = mask + (is_sequence ? shard.steps.start[t] * features : 0);
      for (Index r = 0; r < running; ++r, row += features) {
        draws.fill((shard.places[r] * steps + t) * features, features, row);
      }
    }
    return mask;
  }

  static void multiply(const float* a, const float* b, Index count, float* out) {
    Index i = 0;
    for (; i + kLanes <= count; i += kLanes) store(out + i, load(a + i) * load(b + i));
    for (; i < count; ++i) out[i] = a[i] * b[i];
  }

  const segue_layer spec_;
};

// A kernel [inputs, outputs] as its transpose, packed.
inline void pack_transposed(const float* kernel, Index inputs, Index outputs, float* packed) {
  const Index width = kPanel * kLanes;
  for (Index first = 0; first < inputs; first += width) {
    const Index left = inputs - first < width ? inputs - first : width;
    const Index columns = vectors(left) * kLanes;
    for (Index k = 0; k < outputs; ++k) {
      for (Index c = 0; c < columns; ++c) {
        *packed++ = c < left ? kernel[(first + c) * outputs + k] : 0.0f;
      }
    }
  }
}

inline void multiply_many_rows(const float* x, Index rows, const Matrix& matrix, const float* bias,
                               float* out) {
  for (Index first = 0; first < rows; first += kRowsOfTask) {
    const Index count = rows - first < kRowsOfTask ? rows - first : kRowsOfTask;
    multiply_rows(x + first * matrix.depth, matrix.depth, count, matrix, bias,
                  out + first * matrix.columns, matrix.columns);
  }
}

// kept: what the activation is applied to.
class DenseTraining : public TrainingLayer {
 public:
  using TrainingLayer::TrainingLayer;

  Index packed_size() const override {
    return segue::SEGUE_PATH::packed_size(spec_.inputs, spec_.outputs) +
           segue::SEGUE_PATH::packed_size(spec_.outputs, spec_.inputs);
  }
  void pack(const float* weights, float* packed) const override {
    const float* const kernel = weights + spec_.kernel[0];
    segue::SEGUE_PATH::pack(kernel, spec_.inputs, spec_.outputs, packed);
    pack_transposed(kernel, spec_.inputs, spec_.outputs,
                    packed + segue::SEGUE_PATH::packed_size(spec_.inputs, spec_.outputs));
  }

  bool forward(Shard& shard, const float* weights, const float* packed, Signal& x,
               Kept& kept) const override {
    const Index rows = shard.rows(x), count = rows * spec_.outputs;
    float* const sums = shard.arena.take(count);
    if (sums == nullptr) return false;
    const float* const bias = spec_.bias[0] < 0 ? nullptr : weights + spec_.bias[0];
    multiply_many_rows(x.values, rows, Matrix(packed, spec_.inputs, spec_.outputs), bias, sums);
    kept = Kept{x, {sums}};
    float* out = sums;
    if (spec_.function != SEGUE_LINEAR) {
      out = shard.arena.take(count);
      if (out == nullptr) return false;
      activate_elements(static_cast<segue_activation>(spec_.function), spec_.parameter, sums, count,
                        out);
    }
    x = Signal{out, spec_.outputs, x.is_sequence};
    return true;
  }

  bool backward(Shard& shard, const float* packed, const Kept& kept, bool wants_input,
                float*& d) const override {
    const Index rows = shard.rows(kept.x), in = spec_.inputs, out = spec_.outputs;
    multiply_by_slopes(static_cast<segue_activation>(spec_.function), spec_.parameter, kept.parts[0],
                       rows * out, d);
    if (spec_.is_trained) {
      add_transposed(kept.x.values, in, in, d, out, out, rows, shard.gradients + spec_.kernel[0],
                     out);
      if (spec_.bias[0] >= 0) add_column_sums(d, out, out, rows, shard.gradients + spec_.bias[0]);
    }
    float* const d_x = wants_input ? shard.arena.take(rows * in) : nullptr;
    if (wants_input && d_x == nullptr) return false;
    if (wants_input) {
      const Matrix matrix(packed + segue::SEGUE_PATH::packed_size(in, out), out, in);
      multiply_many_rows(d, rows, matrix, nullptr, d_x);
    }
    d = d_x;
    return true;
  }
};

class ActivationTraining : public TrainingLayer {
 public:
  using TrainingLayer::TrainingLayer;

  bool forward(Shard& shard, const float*, const float*, Signal& x, Kept& kept) const override {
    const Index count = shard.rows(x) * x.features;
    float* const out = shard.arena.take(count);
    if (out == nullptr) return false;
    activate_elements(static_cast<segue_activation>(spec_.function), spec_.parameter, x.values,
                      count, out);
    kept = Kept{x, {}};
    x.values = out;
    return true;
  }
  bool backward(Shard& shard, const float*, const Kept& kept, bool, float*& d) const override {
    multiply_by_slopes(static_cast<segue_activation>(spec_.function), spec_.parameter,
                       kept.x.values, shard.rows(kept.x) * kept.x.features, d);
    return true;
  }
};

// kept: the mask.
class DropoutTraining : public TrainingLayer {
 public:
  using TrainingLayer::TrainingLayer;

  bool forward(Shard& shard, const float*, const float*, Signal& x, Kept& kept) const override {
    kept = Kept{x, {}};
    if (!shard.trains || spec_.rate == 0.0) return true;
    const Index count = shard.rows(x) * x.features;
    float* const mask =
        keep_mask(shard, spec_.inputs_mask[0], spec_.rate, x.features, x.is_sequence);
    float* const out = shard.arena.take(count);
    if (mask == nullptr || out == nullptr) return false;
    multiply(x.values, mask, count, out);
    kept.parts[0] = mask;
    x.values = out;
    return true;
  }
  bool backward(Shard& shard, const float*, const Kept& kept, bool, float*& d) const override {
    if (kept.parts[0]) multiply(d, kept.parts[0], shard.rows(kept.x) * kept.x.features, d);
    return true;
  }
};

// The first layer. Its gradient is kept until those of all shards are added: see `add_embedding`.
class EmbeddingTraining : public TrainingLayer {
 public:
  using TrainingLayer::TrainingLayer;

  bool forward(Shard& shard, const float* weights, const float*, Signal& x,
               Kept& kept) const override {
    const Index rows = shard.steps.total, features = spec_.outputs;
    float* const out = shard.arena.take(rows * features);
    if (out == nullptr) return false;
    for (Index r = 0; r < rows; ++r) {
      std::memcpy(out + r * features, weights + spec_.kernel[0] + shard.tokens[r] * features,
                  sizeof(float) * features);
    }
    kept = Kept{x, {}};
    x = Signal{out, features, true};
    return true;
  }
  bool backward(Shard&, const float*, const Kept&, bool, float*&) const override { return true; }
};

// kept: of a maximum, the rows that it came from.
class PoolTraining : public TrainingLayer {
 public:
  using TrainingLayer::TrainingLayer;

  bool forward(Shard& shard, const float*, const float*, Signal& x, Kept& kept) const override {
    const Steps& steps = shard.steps;
    const Index n = steps.n, features = x.features;
    float* const out = shard.arena.take(n * features);
    Index* const from = spec_.function == SEGUE_POOL_MAX ? shard.arena.indices(n * features)
                                                         : nullptr;
    if (out == nullptr || (spec_.function == SEGUE_POOL_MAX && from == nullptr)) return false;
    for (Index r = 0; r < n; ++r) {
      float* const to = out + r * features;
      if (spec_.function == SEGUE_POOL_MEAN) {
        mean(steps, r, x.values, features, to);
      } else if (spec_.function == SEGUE_POOL_MAX) {
        most(steps, r, x.values, features, to, from + r * features);
      } else {
        std::memcpy(to, x.values + steps.row(steps.length[r] - 1, r, false) * features,
                    sizeof(float) * features);
      }
    }
    kept = Kept{x, {reinterpret_cast<float*>(from)}};
    x = Signal{out, features, false};
    return true;
  }

  bool backward(Shard& shard, const float*, const Kept& kept, bool, float*& d) const override {
    const Steps& steps = shard.steps;
    const Index features = kept.x.features;
    const bool is_mean = spec_.function == SEGUE_POOL_MEAN;
    float* const d_x = is_mean ? shard.arena.take(steps.total * features)
                               : shard.arena.zeros(steps.total * features);
    if (d_x == nullptr) return false;
    for (Index r = 0; r < steps.n; ++r) {
      const float* const of_row = d + r * features;
      if (is_mean) {
        const float share = 1.0f / static_cast<float>(steps.length[r]);
        for (Index t = 0; t < steps.length[r]; ++t) {
          float* const to = d_x + steps.row(t, r, false) * features;
          for (Index f = 0; f < features; ++f) to[f] = of_row[f] * share;
        }
      } else if (spec_.function == SEGUE_POOL_MAX) {
        const auto* const from = reinterpret_cast<const Index*>(kept.parts[0]) + r * features;
        for (Index f = 0; f < features; ++f) d_x[from[f] * features + f] = of_row[f];
      } else {
        std::memcpy(d_x + steps.row(steps.length[r] - 1, r, false) * features, of_row,
                    sizeof(float) * features);
      }
    }
    d = d_x;
    return true;
  }

 private:
  static void mean(const Steps& steps, Index r, const float* values, Index features, float* out) {
    const Vector share = broadcast(1.0f / static_cast<float>(steps.length[r]));
    for (Index f = 0; f < features; f += kLanes) {
      Sum sum;
      for (Index t = 0; t < steps.length[r]; ++t) {
        sum.add(load_row(values + steps.row(t, r, false) * features, f, features));
      }
      store_row(out, sum.total * share, f, features);
    }
  }
  static void most(const Steps& steps, Index r, const float* values, Index features, float* out,
                   Index* from) {
    for (Index f = 0; f < features; ++f) {
      from[f] = steps.row(0, r, false);
      for (Index t = 1; t < steps.length[r]; ++t) {
        const Index row = steps.row(t, r, false);
        if (values[row * features + f] > values[from[f] * features + f]) from[f] = row;
      }
      out[f] = values[from[f] * features + f];
    }
  }
};

// Sequences of one length, as one row each: step after step.
class FlattenTraining : public TrainingLayer {
 public:
  using TrainingLayer::TrainingLayer;

  bool forward(Shard& shard, const float*, const float*, Signal& x, Kept& kept) const override {
    float* const out = shard.arena.take(shard.steps.total * x.features);
    if (out == nullptr) return false;
    kept = Kept{x, {}};
    each(shard.steps, x.features, [&](Index row, Index at) {
      copy_features(kept.x.values + row, kept.x.features, out + at);
    });
    x = Signal{out, shard.steps.count * x.features, false};
    return true;
  }
  bool backward(Shard& shard, const float*, const Kept& kept, bool wants_input,
                float*& d) const override {
    float* const d_x = wants_input ? shard.arena.take(shard.steps.total * kept.x.features) : nullptr;
    if (wants_input && d_x == nullptr) return false;
    if (wants_input) {
      each(shard.steps, kept.x.features, [&](Index row, Index at) {
        copy_features(d + at, kept.x.features, d_x + row);
      });
    }
    d = d_x;
    return true;
  }

 private:
  template <class Move>
  static void each(const Steps& steps, Index features, const Move& move) {
    for (Index t = 0; t < steps.count; ++t) {
      for (Index r = 0; r < steps.n; ++r) {
        move((steps.start[t] + r) * features, (r * steps.count + t) * features);
      }
    }
  }
};

SEGUE_END
