// Competing kernels: at each step one of a group has the largest response, and one the least.
#pragma once

#include "taps.h"

SEGUE_BEGIN

constexpr Index kVectorsOfSum = 64;  // that are added in float32 before they go to a double

// Sums by kernel of a group: vectors of float32, emptied into doubles now and then.
struct GroupSums {
  explicit GroupSums(Index kernels) : now(kernels * kLanes), total(kernels) {}
  explicit operator bool() const { return now && total; }

  SEGUE_INLINE void add(Index kernel, Vector x) {
    float* to = now.data + kernel * kLanes;
    store(to, load(to) + x);
  }
  void empty(Index kernels) {
    for (Index j = 0; j < kernels; ++j) {
      total.data[j] += sum(load(now.data + j * kLanes));
      store(now.data + j * kLanes, zero());
    }
  }
  void write(Index kernels, float* out) {
    empty(kernels);
    for (Index j = 0; j < kernels; ++j) {
      out[j] = static_cast<float>(total.data[j]);
      total.data[j] = 0.0;
    }
  }

  Scratch<float> now;
  Scratch<double> total;
};

// `weights`: of the first kernel's first tap; those of the next tap are `columns` further.
inline void compete(const float* padded, Index length, Index dilation, const float* weights,
                    Index columns, Index kernels, GroupSums& most, GroupSums& least) {
  Index waiting = 0;
  for (Index step = 0; step < length; step += kLanes) {
    Vector taps[kTaps];
    load_taps(padded, step, dilation, taps);
    Vector high = broadcast(-INFINITY), low = broadcast(INFINITY), best = zero(), worst = zero();
    for (Index j = 0; j < kernels; ++j) {
      Vector response = taps[0] * broadcast(weights[j]);
      for (Index tap = 1; tap < kTaps; ++tap) {
        if (tap == kMiddle) continue;
        response = fma(taps[tap], broadcast(weights[tap * columns + j]), response);
      }
      const Vector number = broadcast(static_cast<float>(j));
      const Mask above = less(high, response), below = less(response, low);
      high = select(above, response, high);
      best = select(above, number, best);
      low = select(below, response, low);
      worst = select(below, number, worst);
    }
    Vector one = broadcast(1.0f);
    if (step + kLanes > length) {
      const Mask inside = lanes_below(length - step);
      high = select(inside, high, zero());
      one = select(inside, one, zero());
    }
    for (Index j = 0; j < kernels; ++j) {
      const Vector number = broadcast(static_cast<float>(j));
      most.add(j, select(equal(best, number), high, zero()));
      least.add(j, select(equal(worst, number), one, zero()));
    }
    if (++waiting == kVectorsOfSum) {
      most.empty(kernels);
      least.empty(kernels);
      waiting = 0;
    }
  }
}

inline int hydra(const float* values, const Index* offsets, Index n, Index features,
                 const float* channels, const float* kernel, Index groups, Index kernels,
                 Index dilation, float* most, float* least, Index out_stride, Index threads) {
  const Index columns = groups * kernels;
  const Index work = (offsets[n] - offsets[0]) * columns * kTaps;
  const bool done = parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i];
    Signals signals(values + offsets[i] * features, length, features, dilation);
    GroupSums highest(kernels), lowest(kernels);
    if (!signals || !highest || !lowest) return false;
    const float* padded = channels == nullptr ? signals.mix(nullptr, 0) : nullptr;
    for (Index g = 0; g < groups; ++g) {
      if (channels != nullptr) padded = signals.mix(channels + g, groups);
      compete(padded, length, dilation, kernel + g * kernels, columns, kernels, highest, lowest);
      highest.write(kernels, most + i * out_stride + g * kernels);
      lowest.write(kernels, least + i * out_stride + g * kernels);
    }
    return true;
  });
  return done ? 0 : 1;
}

SEGUE_END
