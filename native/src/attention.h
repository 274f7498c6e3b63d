// Scaled dot-product attention in several heads, over ragged batches.
#pragma once

#include "activations.h"
#include "matmul.h"

SEGUE_BEGIN

constexpr Index kQueries = 32;  // of a tile

// As `pack`, of a kernel whose elements lie at any distance.
inline void pack_strided(const float* kernel, Index depth, Index columns, Index depth_stride,
                         Index column_stride, float* packed) {
  const Index width = kPanel * kLanes;
  for (Index first = 0; first < columns; first += width) {
    const Index left = columns - first < width ? columns - first : width;
    const Index whole = vectors(left) * kLanes;
    for (Index k = 0; k < depth; ++k, packed += whole) {
      const float* row = kernel + k * depth_stride + first * column_stride;
      for (Index c = 0; c < whole; ++c) packed[c] = c < left ? row[c * column_stride] : 0.0f;
    }
  }
}

struct AttentionCall {
  const float* q;
  const float* k;
  const float* v;
  const Index* q_offsets;
  const Index* k_offsets;
  Index heads, features;
  bool causal;
  float* out;
};

// One head of one sequence: softmax(q k^T / sqrt(size)) v, tile after tile of queries.
inline bool attend(const AttentionCall& call, Index sequence, Index head) {
  const Index features = call.features, size = features / call.heads;
  const Index queries = call.q_offsets[sequence + 1] - call.q_offsets[sequence];
  const Index keys = call.k_offsets[sequence + 1] - call.k_offsets[sequence];
  const Index q_at = call.q_offsets[sequence] * features + head * size;
  const Index k_at = call.k_offsets[sequence] * features + head * size;
  Scratch<float> keys_packed(packed_size(size, keys)), values_packed(packed_size(keys, size));
  Scratch<float> scores(kQueries * keys), totals(kQueries);
  if (!keys_packed || !values_packed || !scores || !totals) return false;
  pack_strided(call.k + k_at, size, keys, 1, features, keys_packed.data);
  pack_strided(call.v + k_at, keys, size, features, 1, values_packed.data);
  const Vector scale = broadcast(1.0f / ::sqrtf(static_cast<float>(size)));
  const Index panel = kPanel * kLanes;
  for (Index first = 0; first < queries; first += kQueries) {
    const Index rows = queries - first < kQueries ? queries - first : kQueries;
    // Keys that the last query of the tile sees, in whole panels.
    const Index seen = call.causal ? keys - queries + first + rows : keys;
    const Index whole = (seen + panel - 1) / panel * panel;
    Matrix keys_seen(keys_packed.data, size, whole < keys ? whole : keys);
    multiply_rows(call.q + q_at + first * features, features, rows, keys_seen, nullptr, scores.data,
                  keys);
    for (Index r = 0; r < rows; ++r) {
      float* row = scores.data + r * keys;
      const Index own = call.causal ? keys - queries + first + r + 1 : keys;
      each_element(row, own, row, [&](Vector x) { return x * scale; });
      totals.data[r] = exponentials(row, own, row);
      for (Index j = own; j < seen; ++j) row[j] = 0.0f;  // adds nothing to the sums
    }
    Matrix values_seen(values_packed.data, keys, size);
    values_seen.depth = seen;
    float* out = call.out + q_at + first * features;
    multiply_rows(scores.data, keys, rows, values_seen, nullptr, out, features);
    for (Index r = 0; r < rows; ++r) {
      const Vector share = broadcast(1.0f / totals.data[r]);
      each_element(out + r * features, size, out + r * features,
                   [&](Vector x) { return x * share; });
    }
  }
  return true;
}

inline int attention(const float* q, const float* k, const float* v, const Index* q_offsets,
                     const Index* k_offsets, Index n, Index heads, Index features, int causal,
                     float* out, Index threads) {
  const AttentionCall call{q, k, v, q_offsets, k_offsets, heads, features, causal != 0, out};
  Index work = 0;
  for (Index i = 0; i < n; ++i) {
    work += 2 * features * (q_offsets[i + 1] - q_offsets[i]) * (k_offsets[i + 1] - k_offsets[i]);
  }
  const bool done = parallel(n * heads, threads, work,
                             [&](Index i) { return attend(call, i / heads, i % heads); });
  return done ? 0 : 1;
}

SEGUE_END
