// Normalisation and scaling, row by row.
#pragma once

#include "activations.h"

SEGUE_BEGIN

// function(row) for all rows, in threads.
template <class Function>
void each_row(Index rows, Index features, Index threads, const Function& function) {
  const Index per_task = kElementsOfTask > features ? kElementsOfTask / (features + 1) + 1 : 1;
  parallel((rows + per_task - 1) / per_task, threads, rows * features * kWorkOfElement,
           [&](Index i) {
             const Index end = (i + 1) * per_task < rows ? (i + 1) * per_task : rows;
             for (Index row = i * per_task; row < end; ++row) function(row);
             return true;
           });
}

// Features less their mean, over their deviation. The mean that is taken off has been rounded; what
// is left of it is the mean of the differences.
inline void normalise_row(const float* x, Index features, const float* gamma, const float* beta,
                          float epsilon, float* out) {
  const float share = 1.0f / static_cast<float>(features);
  Vector total = zero();
  for (Index i = 0; i < features; i += kLanes) total = total + load_row(x, i, features);
  const Vector mean = broadcast(sum(total) * share);
  Vector left = zero(), squares = zero();
  for (Index i = 0; i < features; i += kLanes) {
    const Vector d = select(lanes_below(features - i), load_row(x, i, features) - mean, zero());
    left = left + d;
    squares = fma(d, d, squares);
  }
  const float rest = sum(left) * share;
  const float variance = sum(squares) * share - rest * rest;
  const Vector scale = broadcast(1.0f / ::sqrtf((variance < 0.0f ? 0.0f : variance) + epsilon));
  for (Index i = 0; i < features; i += kLanes) {
    const Vector d = (load_row(x, i, features) - mean) - broadcast(rest);
    const Vector y = fma(d * scale, load_row(gamma, i, features), load_row(beta, i, features));
    store_row(out, y, i, features);
  }
}

inline int layer_norm(const float* values, Index rows, Index features, const float* gamma,
                      const float* beta, float epsilon, float* out, Index threads) {
  each_row(rows, features, threads, [&](Index row) {
    normalise_row(values + row * features, features, gamma, beta, epsilon, out + row * features);
  });
  return 0;
}

inline int scale_shift(const float* values, Index rows, Index features, const float* scale,
                       const float* shift, float* out, Index threads) {
  each_row(rows, features, threads, [&](Index row) {
    const float* x = values + row * features;
    for (Index i = 0; i < features; i += kLanes) {
      const Vector y =
          fma(load_row(x, i, features), load_row(scale, i, features), load_row(shift, i, features));
      store_row(out + row * features, y, i, features);
    }
  });
  return 0;
}

SEGUE_END
