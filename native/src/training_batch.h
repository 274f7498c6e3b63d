// A recurrent layer over a padded batch, forward and backward, as PyTorch's networks call it.
//
// The batch is sorted by length and cut into shards, by a rule that knows nothing of threads; the
// gradients of the weights are added in the order of the shards. So the bits are the same with any
// number of threads.
#pragma once

#include "denormals.h"
#include "training_recurrent.h"

SEGUE_BEGIN

class PaddedBatch {
 public:
  PaddedBatch(const segue_recurrence& call, Index threads)
      : call_(call),
        layer_(call.cell, call.channels, call.units, false),
        masks_{call.input_masks, call.hidden_masks},
        gates_(gates_of(call.cell)),
        threads_(threads),
        shards_(shards_of(call.batch)),
        order_(call.batch),
        places_(call.batch + 1) {
    if (!order_ || !places_) return;
    for (Index i = 0; i < call.batch; ++i) places_.data[i + 1] = places_.data[i] + call.lengths[i];
    steps_ = places_.data[call.batch];
    sort_by_length(places_.data, call.batch, order_.data);
  }

  explicit operator bool() const { return bool(order_) && bool(places_); }

  // In floats: the packed weights, then the tapes of the shards.
  Index tape_size() const { return tape_of(shards_); }

  bool forward(const float* x, const float* h, const float* c, float* tape, float* outputs,
               float* h_after, float* c_after) const {
    layer_.pack(call_.kernel, call_.recurrent_kernel, call_.bias, tape);
    return parallel(shards_, threads_, work(), [&](Index i) {
      const WithoutDenormals mode;
      const Shard shard(*this, i);
      if (!shard) return false;
      const Index n = shard.n(), units = call_.units;
      Scratch<float> of_x(shard.total() * call_.channels), of_outputs(shard.total() * units);
      Scratch<float> of_h(n * units), of_c(n * units), of_h_after(n * units), of_c_after(n * units);
      Scratch<float> of_inputs(shard.mask_size(masks_.inputs, call_.channels));
      Scratch<float> of_hidden(shard.mask_size(masks_.hidden, units));
      if (!of_x || !of_outputs || !of_h || !of_c || !of_h_after || !of_c_after || !of_inputs ||
          !of_hidden) {
        return false;
      }
      shard.gather(x, call_.channels, of_x.data);
      shard.gather_rows(h, units, of_h.data);
      shard.gather_rows(c, units, of_c.data);
      const bool done = layer_.forward(
          shard.steps, tape, of_x.data, call_.channels, h ? of_h.data : nullptr,
          c ? of_c.data : nullptr, shard.masks(of_inputs.data, of_hidden.data), tape + tape_of(i),
          of_outputs.data, units, of_h_after.data, units, c_after ? of_c_after.data : nullptr);
      shard.scatter(of_outputs.data, units, outputs);
      shard.scatter_rows(of_h_after.data, units, h_after);
      shard.scatter_rows(of_c_after.data, units, c_after);
      return done;
    });
  }

  bool backward(float* tape, const float* d_outputs, const float* d_h_after, const float* d_c_after,
                float* d_kernel, float* d_recurrent_kernel, float* d_bias, float* d_x, float* d_h,
                float* d_c) const {
    const Index of_kernel = call_.channels * gates_ * call_.units;
    const Index of_recurrent = call_.units * gates_ * call_.units;
    const Index of_bias = (call_.cell == SEGUE_GRU ? 2 : 1) * gates_ * call_.units;
    const Index size = d_kernel ? of_kernel + of_recurrent + of_bias : 0;
    Scratch<float> gradients(shards_ * size);
    if (!gradients) return false;
    const bool done = parallel(shards_, threads_, 2 * work(), [&](Index i) {
      const WithoutDenormals mode;
      const Shard shard(*this, i);
      if (!shard) return false;
      const Index n = shard.n(), units = call_.units;
      Scratch<float> of_outputs(d_outputs ? shard.total() * units : 0);
      Scratch<float> of_x(d_x ? shard.total() * call_.channels : 0);
      Scratch<float> of_h_after(n * units), of_c_after(n * units), of_h(n * units), of_c(n * units);
      Scratch<float> of_inputs(shard.mask_size(masks_.inputs, call_.channels));
      Scratch<float> of_hidden(shard.mask_size(masks_.hidden, units));
      if (!of_x || !of_outputs || !of_h || !of_c || !of_h_after || !of_c_after || !of_inputs ||
          !of_hidden) {
        return false;
      }
      if (d_outputs) shard.gather(d_outputs, units, of_outputs.data);
      shard.gather_rows(d_h_after, units, of_h_after.data);
      shard.gather_rows(d_c_after, units, of_c_after.data);
      float* own = gradients.data + i * size;
      const bool is_done = layer_.backward(
          shard.steps, tape, shard.masks(of_inputs.data, of_hidden.data), tape + tape_of(i),
          d_outputs ? of_outputs.data : nullptr, units, d_h_after ? of_h_after.data : nullptr,
          units, d_c_after ? of_c_after.data : nullptr, d_kernel ? own : nullptr, own + of_kernel,
          own + of_kernel + of_recurrent, d_x ? of_x.data : nullptr, call_.channels,
          d_h ? of_h.data : nullptr, d_c ? of_c.data : nullptr);
      shard.scatter(of_x.data, call_.channels, d_x);
      shard.scatter_rows(of_h.data, units, d_h);
      shard.scatter_rows(of_c.data, units, d_c);
      return is_done;
    });
    for (Index i = 0; d_kernel && i < shards_; ++i) {
      const float* own = gradients.data + i * size;
      add_row(own, of_kernel, d_kernel);
      add_row(own + of_kernel, of_recurrent, d_recurrent_kernel);
      add_row(own + of_kernel + of_recurrent, of_bias, d_bias);
    }
    return done;
  }

 private:
  // The first of the sorted sequences of shard i.
  Index first_of(Index i) const { return i * call_.batch / shards_; }

  Index work() const { return steps_ * (call_.channels + call_.units) * gates_ * call_.units; }

  // Where the tape of shard i begins, behind the packed weights.
  Index tape_of(Index i) const {
    Index at = TrainedLayer::lines(layer_.packed_size());
    for (Index shard = 0; shard < i; ++shard) {
      const Index first = first_of(shard), end = first_of(shard + 1);
      Steps steps{end - first, 0, 0, nullptr, nullptr, nullptr};
      for (Index r = first; r < end; ++r) steps.total += call_.lengths[order_.data[r]];
      at += layer_.tape_size(steps, bool(masks_));
    }
    return at;
  }

  // Some of the sequences, time after time, and the moves between them and the padded batch.
  class Shard {
   public:
    Shard(const PaddedBatch& batch, Index i)
        : steps{batch.first_of(i + 1) - batch.first_of(i), 0, 0, nullptr, nullptr, nullptr},
          batch_(batch),
          order_(batch.order_.data + batch.first_of(i)),
          count_(batch.call_.lengths[order_[0]]),
          memory_(2 * count_ + 1 + steps.n) {
      if (!memory_) return;
      Index* active = memory_.data;
      Index* start = active + count_;
      Index* length = start + count_ + 1;
      for (Index r = 0; r < steps.n; ++r) length[r] = batch.call_.lengths[order_[r]];
      for (Index t = 0, running = steps.n; t < count_; ++t) {
        while (length[running - 1] <= t) --running;
        active[t] = running;
        start[t + 1] = start[t] + running;
      }
      steps = {steps.n, count_, start[count_], active, start, length};
    }

    explicit operator bool() const { return bool(memory_); }
    Index n() const { return steps.n; }
    Index total() const { return steps.total; }

    // [batch, time, features] to [total, features].
    void gather(const float* from, Index features, float* to) const {
      each_step([&](Index row, Index place) {
        std::memcpy(to + row * features, from + place * features, bytes(features));
      });
    }
    // And back, with zeros behind the ends.
    void scatter(const float* from, Index features, float* to) const {
      if (to == nullptr) return;
      each_step([&](Index row, Index place) {
        std::memcpy(to + place * features, from + row * features, bytes(features));
      });
      const Index time = batch_.call_.time;
      for (Index r = 0; r < steps.n; ++r) {
        const Index left = time - steps.length[r];
        float* end = to + (order_[r] * time + steps.length[r]) * features;
        std::memset(end, 0, bytes(left * features));
      }
    }

    // [batch, features] to [n, features], and back; nothing from or to null.
    void gather_rows(const float* from, Index features, float* to) const {
      for (Index r = 0; from && r < steps.n; ++r) {
        std::memcpy(to + r * features, from + order_[r] * features, bytes(features));
      }
    }
    void scatter_rows(const float* from, Index features, float* to) const {
      for (Index r = 0; to && r < steps.n; ++r) {
        std::memcpy(to + order_[r] * features, from + r * features, bytes(features));
      }
    }

    Index mask_size(const float* mask, Index features) const {
      return mask ? steps.n * batch_.gates_ * features : 0;
    }
    DropoutMasks masks(float* inputs, float* hidden) const {
      const DropoutMasks& all = batch_.masks_;
      gather_rows(all.inputs, batch_.gates_ * batch_.call_.channels, inputs);
      gather_rows(all.hidden, batch_.gates_ * batch_.call_.units, hidden);
      return {all.inputs ? inputs : nullptr, all.hidden ? hidden : nullptr};
    }

    Steps steps;

   private:
    static std::size_t bytes(Index floats) { return sizeof(float) * floats; }

    template <class Move>
    void each_step(const Move& move) const {
      for (Index t = 0; t < steps.count; ++t) {
        for (Index r = 0; r < steps.active[t]; ++r) {
          move(steps.start[t] + r, order_[r] * batch_.call_.time + t);
        }
      }
    }

    const PaddedBatch& batch_;
    const Index* order_;
    Index count_;
    Scratch<Index> memory_;
  };

  const segue_recurrence& call_;
  const RecurrentTraining layer_;
  const DropoutMasks masks_;
  const Index gates_, threads_, shards_;
  Index steps_ = 0;
  Scratch<Index> order_, places_;
};

inline Index recurrent_tape_size(const segue_recurrence* call) {
  const PaddedBatch batch(*call, 1);
  return batch ? batch.tape_size() : -1;
}

inline int recurrent_forward(const segue_recurrence* call, const float* x, const float* h,
                             const float* c, float* tape, float* outputs, float* h_after,
                             float* c_after, Index threads) {
  const PaddedBatch batch(*call, threads);
  return batch && batch.forward(x, h, c, tape, outputs, h_after, c_after) ? 0 : 1;
}

inline int recurrent_backward(const segue_recurrence* call, float* tape, const float* d_outputs,
                              const float* d_h_after, const float* d_c_after, float* d_kernel,
                              float* d_recurrent_kernel, float* d_bias, float* d_x, float* d_h,
                              float* d_c, Index threads) {
  const PaddedBatch batch(*call, threads);
  return batch && batch.backward(tape, d_outputs, d_h_after, d_c_after, d_kernel,
                                 d_recurrent_kernel, d_bias, d_x, d_h, d_c)
             ? 0
             : 1;
}

SEGUE_END
