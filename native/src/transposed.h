// Products for gradients of weights: out [m, n] += a [rows, m]^T @ b [rows, n].
//
// Each element adds its products in the order of the rows, in slices of kRowSlice whose sums are
// added: so it has the same bits whatever columns stand beside it.
#pragma once

#include "matmul.h"

SEGUE_BEGIN

// Vectors of a panel of b, and columns of a whose sums fit into the registers beside them.
constexpr int kWidePanel = 4;
#if defined(SEGUE_USE_AVX512)
constexpr int sums_of_block(int vectors) { return 24 / vectors; }
#elif defined(SEGUE_USE_AVX2)
constexpr int sums_of_block(int vectors) { return vectors == 1 ? 8 : 12 / vectors; }
#else
constexpr int sums_of_block(int vectors) { return 8 / vectors; }
#endif

// Rows whose part of b stays in the first cache.
constexpr Index kRowSlice = 128;

// The rows of the first of as few slices as there can be, of about the same size.
inline Index even_slice(Index rows) {
  const Index slices = (rows + kRowSlice - 1) / kRowSlice;
  return (rows + slices - 1) / slices;
}

// add(column of a, vector of b, sum over the rows), for a block that fits into the registers.
template <int Columns, int Vectors, class Add>
SEGUE_INLINE void transposed_block(const float* a, Index a_stride, const float* b, Index b_stride,
                                   Index rows, const Add& add) {
  Vector sum[Columns][Vectors];
  for (int c = 0; c < Columns; ++c) {
    for (int v = 0; v < Vectors; ++v) sum[c][v] = zero();
  }
  for (Index row = 0; row < rows; ++row, a += a_stride, b += b_stride) {
    Vector of_b[Vectors];
    for (int v = 0; v < Vectors; ++v) of_b[v] = load(b + v * kLanes);
    for (int c = 0; c < Columns; ++c) {
      const Vector x = broadcast(a[c]);
      for (int v = 0; v < Vectors; ++v) sum[c][v] = fma(x, of_b[v], sum[c][v]);
    }
  }
  for (int c = 0; c < Columns; ++c) {
    for (int v = 0; v < Vectors; ++v) add(c, v, sum[c][v]);
  }
}

// The same for `columns` columns of a, and rows that are one slice.
template <int Vectors, class Add>
SEGUE_INLINE void transposed_panel(const float* a, Index a_stride, Index columns, const float* b,
                                   Index b_stride, Index rows, const Add& add) {
  even_blocks<sums_of_block(Vectors)>(columns, [&](Index first, auto size) {
    transposed_block<decltype(size)::value, Vectors>(
        a + first, a_stride, b, b_stride, rows,
        [&](int c, int v, Vector sum) { add(first + c, v, sum); });
  });
}

// out [m, n] += a [rows, m]^T @ b [rows, n].
//
// Slices of a and b are copied first: rows that are a power of two apart would share few lines of
// the first cache.
inline void add_transposed(const float* a, Index a_stride, Index m, const float* b, Index b_stride,
                           Index n, Index rows, float* out, Index out_stride) {
  constexpr Index kColumns = 48, kWidth = kWidePanel * kLanes;
  alignas(64) float of_a[kRowSlice * kColumns];
  alignas(64) float of_b[kRowSlice * kWidth];
  for (Index row = 0; row < rows; row += kRowSlice) {
    const Index slice = rows - row < kRowSlice ? rows - row : kRowSlice;
    for (Index first = 0; first < m; first += kColumns) {
      const Index columns = m - first < kColumns ? m - first : kColumns;
      for (Index r = 0; r < slice; ++r) {
        std::memcpy(of_a + r * kColumns, a + (row + r) * a_stride + first, sizeof(float) * columns);
      }
      even_blocks<kWidePanel>(vectors(n), [&](Index vector, auto count) {
        constexpr int kVectors = decltype(count)::value;
        for (Index r = 0; r < slice; ++r) {
          for (int v = 0; v < kVectors; ++v) {
            store(of_b + (r * kVectors + v) * kLanes,
                  load_row(b + (row + r) * b_stride, (vector + v) * kLanes, n));
          }
        }
        transposed_panel<kVectors>(of_a, kColumns, columns, of_b, kVectors * kLanes, slice,
                                   [&](Index c, int v, Vector sum) {
                                     float* to = out + (first + c) * out_stride;
                                     const Index at = (vector + v) * kLanes;
                                     store_row(to, load_row(to, at, n) + sum, at, n);
                                   });
      });
    }
  }
}

// out [n] += the sum over the rows of b [rows, n].
inline void add_column_sums(const float* b, Index b_stride, Index n, Index rows, float* out) {
  even_blocks<kWidePanel>(vectors(n), [&](Index vector, auto count) {
    constexpr int kVectors = decltype(count)::value;
    Vector sum[kVectors];
    for (int v = 0; v < kVectors; ++v) sum[v] = zero();
    for (Index row = 0; row < rows; ++row) {
      for (int v = 0; v < kVectors; ++v) {
        sum[v] = sum[v] + load_row(b + row * b_stride, (vector + v) * kLanes, n);
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      const Index at = (vector + v) * kLanes;
      store_row(out, load_row(out, at, n) + sum[v], at, n);
    }
  });
}

SEGUE_END
