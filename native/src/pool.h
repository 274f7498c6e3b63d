// Pooling over the steps of each sequence.
#pragma once

#include "activations.h"

SEGUE_BEGIN

// The mean or the largest value of the rows from `first` up to `end`.
template <bool IsMean>
void pool_rows(const float* values, Index first, Index end, Index features, float* out) {
  const Vector share = broadcast(1.0f / static_cast<float>(end - first));
  for (Index i = 0; i < features; i += kLanes) {
    Sum sum;
    Vector most = broadcast(-INFINITY);
    for (Index step = first; step < end; ++step) {
      const Vector x = load_row(values + step * features, i, features);
      if constexpr (IsMean) {
        sum.add(x);
      } else {
        most = max(most, x);
      }
    }
    store_row(out, IsMean ? sum.total * share : most, i, features);
  }
}

inline int pool(const float* values, const Index* offsets, Index n, Index features, int is_mean,
                Index parts, float* out, Index threads) {
  const Index work = (offsets[n] - offsets[0]) * features * kWorkOfElement;
  parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i];
    for (Index part = 0; part < parts; ++part) {
      const Index first = offsets[i] + part * length / parts;
      const Index end = offsets[i] + ((part + 1) * length + parts - 1) / parts;
      float* to = out + (i * parts + part) * features;
      is_mean ? pool_rows<true>(values, first, end, features, to)
              : pool_rows<false>(values, first, end, features, to);
    }
    return true;
  });
  return 0;
}

inline int pool_attention(const float* values, const Index* offsets, Index n, Index features,
                          const float* query, float* out, Index threads) {
  const float scale = 1.0f / ::sqrtf(static_cast<float>(features));
  const Index work = (offsets[n] - offsets[0]) * features * kWorkOfElement;
  const bool done = parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i];
    const float* x = values + offsets[i] * features;
    Scratch<float> weights(length);
    if (!weights) return false;
    for (Index step = 0; step < length; ++step) {
      Vector products = zero();
      for (Index f = 0; f < features; f += kLanes) {
        products =
            fma(load_row(x + step * features, f, features), load_row(query, f, features), products);
      }
      weights.data[step] = sum(products) * scale;
    }
    const float total = exponentials(weights.data, length, weights.data);
    for (Index f = 0; f < features; f += kLanes) {
      Sum weighted;
      for (Index step = 0; step < length; ++step) {
        weighted.add(load_row(x + step * features, f, features) * broadcast(weights.data[step]));
      }
      store_row(out + i * features, weighted.total / broadcast(total), f, features);
    }
    return true;
  });
  return done ? 0 : 1;
}

SEGUE_END
