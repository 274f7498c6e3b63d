// Distances of shapelets to the windows of a sequence.
#pragma once

#include "memory.h"

SEGUE_BEGIN

constexpr float kLeastVariance = 1e-6f;  // added to that of a window

// The windows of shapelets of one size and dilation in a sequence; one that is shorter has one,
// with zeros beyond its end.
struct ShapeletWindows {
  const float* series;  // [features, stride]: by feature, zeros behind
  Index stride, features, size, dilation, count;
};

// The values of the windows from `first` on, [size, features] vectors, each less the mean of its
// window's feature and divided by its deviation where that is wanted.
inline void load_windows(const ShapeletWindows& windows, Index first, bool normalized,
                         float* values) {
  const Vector share = broadcast(1.0f / static_cast<float>(windows.size));
  for (Index f = 0; f < windows.features; ++f) {
    const float* from = windows.series + f * windows.stride + first;
    const Vector start = load(from);
    Vector mean = zero();
    for (Index tap = 0; tap < windows.size; ++tap) {
      // Less the first value: of a constant window all are zero.
      const Vector x = load(from + tap * windows.dilation);
      const Vector value = normalized ? x - start : x;
      mean = mean + value;
      store(values + (tap * windows.features + f) * kLanes, value);
    }
    if (!normalized) continue;
    mean = mean * share;
    Vector variance = zero();
    for (Index tap = 0; tap < windows.size; ++tap) {
      float* at = values + (tap * windows.features + f) * kLanes;
      const Vector value = load(at) - mean;
      variance = fma(value, value, variance);
      store(at, value);
    }
    const Vector scale =
        broadcast(1.0f) / sqrt(fma(variance, share, broadcast(kLeastVariance)));
    for (Index tap = 0; tap < windows.size; ++tap) {
      float* at = values + (tap * windows.features + f) * kLanes;
      store(at, load(at) * scale);
    }
  }
}

// What is known of a shapelet's distances so far, lane by lane.
struct Nearest {
  explicit Nearest(Index count) : least(count * kLanes), place(count * kLanes), near(count * kLanes) {
    if (!*this) return;
    for (Index i = 0; i < count * kLanes; ++i) least.data[i] = INFINITY;
  }
  explicit operator bool() const { return least && place && near; }

  SEGUE_INLINE void add(Index shapelet, Vector distance, Vector number, Vector threshold,
                        Mask inside) {
    float *low = least.data + shapelet * kLanes, *where = place.data + shapelet * kLanes;
    float* count = near.data + shapelet * kLanes;
    distance = select(inside, distance, broadcast(INFINITY));
    const Mask nearer = less(distance, load(low));
    store(low, select(nearer, distance, load(low)));
    store(where, select(nearer, number, load(where)));
    store(count, load(count) + select(less(distance, threshold), broadcast(1.0f), zero()));
  }

  // The least distance, its place and the number of those below the threshold, as shares.
  void write(Index shapelet, Index windows, float* out, Index part_stride) const {
    Index best = shapelet * kLanes;
    double count = 0.0;
    for (Index i = shapelet * kLanes; i < (shapelet + 1) * kLanes; ++i) {
      const bool nearer = least.data[i] < least.data[best];
      const bool earlier = !(least.data[best] < least.data[i]) && place.data[i] < place.data[best];
      if (nearer || earlier) best = i;
      count += near.data[i];
    }
    out[0] = least.data[best];
    out[part_stride] = place.data[best] / static_cast<float>(windows);
    out[2 * part_stride] = static_cast<float>(count / static_cast<double>(windows));
  }

  Scratch<float> least, place, near;
};

// shapelets [size * features, count], thresholds [count].
inline void compare(const ShapeletWindows& windows, bool normalized, const float* shapelets,
                    const float* thresholds, Index count, float* values, Nearest& nearest) {
  const Index depth = windows.size * windows.features;
  Vector number = numbers_from_one();
  for (Index begin = 0; begin < windows.count; begin += kLanes) {
    load_windows(windows, begin, normalized, values);
    const Mask inside = lanes_below(windows.count - begin);
    for (Index k = 0; k < count; ++k) {
      Vector distance = zero();
      for (Index i = 0; i < depth; ++i) {
        const Vector d = load(values + i * kLanes) - broadcast(shapelets[i * count + k]);
        distance = distance + max(d, zero() - d);
      }
      nearest.add(k, distance, number, broadcast(thresholds[k]), inside);
    }
    number = number + broadcast(static_cast<float>(kLanes));
  }
}

inline int rdst(const float* values, const Index* offsets, Index n, Index features,
                const float* shapelets, const float* thresholds, Index size, Index count,
                Index dilation, int normalized, float* out, Index out_stride, Index part_stride,
                Index threads) {
  const Index reach = (size - 1) * dilation;
  const Index work = (offsets[n] - offsets[0]) * size * features * count;
  const bool done = parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i], stride = length + reach + 2 * kLanes;
    Scratch<float> series(features * stride), taps(size * features * kLanes);
    Nearest nearest(count);
    if (!series || !taps || !nearest) return false;
    for (Index step = 0; step < length; ++step) {
      for (Index f = 0; f < features; ++f) {
        series.data[f * stride + step] = values[(offsets[i] + step) * features + f];
      }
    }
    const Index number = length > reach ? length - reach : 1;
    const ShapeletWindows windows{series.data, stride, features, size, dilation, number};
    compare(windows, normalized != 0, shapelets, thresholds, count, taps.data, nearest);
    for (Index k = 0; k < count; ++k) {
      nearest.write(k, number, out + i * out_stride + k, part_stride);
    }
    return true;
  });
  return done ? 0 : 1;
}

SEGUE_END
