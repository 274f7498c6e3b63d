// What the competing and the fixed kernels share: signals between zeros, and nine taps of a dilation.
//
// The weights of a kernel have the sum zero. They multiply what each step is more than the one in
// the middle, which changes nothing but the rounding: where nothing changes, a response is zero.
#pragma once

#include "memory.h"

SEGUE_BEGIN

constexpr Index kTaps = 9, kMiddle = 4;

// A sequence [length, features] by feature, one signal of it at a time between zeros.
class Signals {
 public:
  Signals(const float* values, Index length, Index features, Index dilation)
      : length_(length),
        features_(features),
        reach_(kMiddle * dilation),
        series_(length * features),
        padded_(length + 2 * kMiddle * dilation + 2 * kLanes) {
    if (!*this) return;
    for (Index step = 0; step < length; ++step) {
      for (Index f = 0; f < features; ++f) {
        series_.data[f * length + step] = values[step * features + f];
      }
    }
  }

  explicit operator bool() const { return series_ && padded_; }

  // The sum of the features by their weights, which are `stride` apart; of one feature, as it is.
  const float* mix(const float* weights, Index stride) {
    float* to = padded_.data + reach_;
    if (weights == nullptr) {
      std::memcpy(to, series_.data, sizeof(float) * length_);
      return padded_.data;
    }
    for (Index step = 0; step < length_; ++step) to[step] = 0.0f;
    for (Index f = 0; f < features_; ++f) {
      const float weight = weights[f * stride];
      if (weight == 0.0f) continue;
      const float* from = series_.data + f * length_;
      for (Index step = 0; step < length_; ++step) to[step] += weight * from[step];
    }
    return padded_.data;
  }

 private:
  Index length_, features_, reach_;
  Scratch<float> series_, padded_;
};

// What the taps around the steps from `step` on are more than those; the one in the middle is zero.
SEGUE_INLINE void load_taps(const float* padded, Index step, Index dilation,
                            Vector (&taps)[kTaps]) {
  const Vector middle = load(padded + step + kMiddle * dilation);
  for (Index tap = 0; tap < kTaps; ++tap) {
    taps[tap] = load(padded + step + tap * dilation) - middle;
  }
}

SEGUE_END
