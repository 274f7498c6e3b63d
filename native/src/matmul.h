// Products of rows with a packed matrix: x [rows, depth] @ kernel [depth, columns].
//
// The matrix is packed in panels of up to kPanel vectors of columns: depth after depth, so that
// the innermost loop reads it from one end to the other. A block of rows and a panel are computed
// in registers. Each element is the sum over the depth from the first to the last, in slices of
// kSlice whose sums are added: so it has the same bits whatever rows stand beside it, and rounding
// grows with the slice and not with the depth.
#pragma once

#include "simd.h"

SEGUE_BEGIN

// As many sums as there are registers, less those for a panel's vectors and a broadcast value.
#if defined(SEGUE_USE_AVX512)
constexpr int kPanel = 3;
constexpr int rows_of_block(int vectors) { return vectors >= 4 ? 6 : 8; }
#elif defined(SEGUE_USE_AVX2)
constexpr int kPanel = 3;
constexpr int rows_of_block(int vectors) { return vectors >= 4 ? 3 : 4; }
#else
constexpr int kPanel = 2;
constexpr int rows_of_block(int vectors) { return vectors >= 3 ? 2 : 4; }
#endif

constexpr Index kSlice = 512;

// Calls function(Constant<n>()) for a number n from 1 to Most that is known only here.
template <int N>
struct Constant {
  static constexpr int value = N;
};
template <int Most, class Function>
SEGUE_INLINE void with_constant(Index n, const Function& function) {
  if constexpr (Most > 1) {
    if (n < Most) return with_constant<Most - 1>(n, function);
  }
  function(Constant<Most>());
}

// Calls function(first, Constant<size>()) for `count` items in as few blocks of up to Most as there
// can be, all about as large: a small last one would leave the processor idle.
template <int Most, class Function>
SEGUE_INLINE void even_blocks(Index count, const Function& function) {
  Index first = 0;
  for (Index left = (count + Most - 1) / Most; left > 0; --left) {
    const Index size = (count - first + left - 1) / left;
    with_constant<Most>(size, [&](auto constant) { function(first, constant); });
    first += size;
  }
}

// sum[p][r][v] += a[r][k] * panel[p][k][v] over k: the loop that nearly all of the time goes into.
template <int Panels, int Rows, int Vectors>
SEGUE_INLINE void multiply(Vector (&sum)[Panels][Rows][Vectors], const float* a, Index stride,
                           const float* panel, Index panel_stride, Index depth) {
  for (Index k = 0; k < depth; ++k) {
    for (int p = 0; p < Panels; ++p) {
      Vector b[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        b[v] = load(panel + p * panel_stride + (k * Vectors + v) * kLanes);
        if (Vectors >= 4 && Panels * (Rows * Vectors + Vectors) + 1 < kRegisters) keep(b[v]);
      }
      for (int r = 0; r < Rows; ++r) {
        const Vector x = broadcast(a[r * stride + k]);
        for (int v = 0; v < Vectors; ++v) sum[p][r][v] = fma(x, b[v], sum[p][r][v]);
      }
    }
  }
}

// A packed matrix, or the first `depth` of its `packed_depth` rows.
struct Matrix {
  const float* packed;
  Index depth, columns, packed_depth;

  Matrix(const float* packed_, Index depth_, Index columns_)
      : packed(packed_), depth(depth_), columns(columns_), packed_depth(depth_) {}
};

inline Index packed_size(Index depth, Index columns) { return depth * vectors(columns) * kLanes; }

inline void pack(const float* kernel, Index depth, Index columns, float* packed) {
  const Index width = kPanel * kLanes;
  for (Index first = 0; first < columns; first += width) {
    const Index left = columns - first < width ? columns - first : width;
    for (Index k = 0; k < depth; ++k) {
      for (Index v = 0; v < left; v += kLanes, packed += kLanes) {
        store(packed, load_row(kernel + k * columns, first + v, columns));
      }
    }
  }
}

template <int Rows, int Vectors>
inline void block(const float* x, Index x_stride, const float* panel, Index depth,
                  const float* bias, bool is_first, float* out, Index out_stride, Index columns) {
  Vector sum[1][Rows][Vectors];
  for (int v = 0; v < Vectors; ++v) {
    const Vector start = is_first && bias != nullptr ? load_row(bias, v * kLanes, columns) : zero();
    for (int r = 0; r < Rows; ++r) sum[0][r][v] = start;
  }
  multiply(sum, x, x_stride, panel, 0, depth);
  for (int r = 0; r < Rows; ++r) {
    float* row = out + r * out_stride;
    for (int v = 0; v < Vectors; ++v) {
      const Index column = v * kLanes;
      const Vector before = is_first ? zero() : load_row(row, column, columns);
      store_row(row, is_first ? sum[0][r][v] : before + sum[0][r][v], column, columns);
    }
  }
}

// The columns of one panel, from `first` on: out[r] = bias + x[r] @ kernel[:, first...].
inline void multiply_panel(const float* x, Index x_stride, Index rows, const Matrix& matrix,
                           Index first, const float* bias, float* out, Index out_stride) {
  const Index left = matrix.columns - first, width = kPanel * kLanes;
  const Index columns = left < width ? left : width;
  const float* panel = matrix.packed + first * matrix.packed_depth;
  with_constant<kPanel>(vectors(columns), [&](auto panel_vectors) {
    constexpr int kVectors = decltype(panel_vectors)::value;
    constexpr int kRows = rows_of_block(kVectors);
    Index k = 0;
    do {
      const Index depth = matrix.depth - k < kSlice ? matrix.depth - k : kSlice;
      for (Index r = 0; r < rows; r += kRows) {
        with_constant<kRows>(rows - r, [&](auto block_rows) {
          block<decltype(block_rows)::value, kVectors>(
              x + r * x_stride + k, x_stride, panel + k * kVectors * kLanes, depth,
              bias == nullptr ? nullptr : bias + first, k == 0, out + r * out_stride, out_stride,
              columns);
        });
      }
      k += depth;
    } while (k < matrix.depth);
  });
}

// out[r] = bias + x[r] @ kernel. The rows are few enough to stay in the cache, panel after panel.
inline void multiply_rows(const float* x, Index x_stride, Index rows, const Matrix& matrix,
                          const float* bias, float* out, Index out_stride) {
  for (Index first = 0; first < matrix.columns; first += kPanel * kLanes) {
    multiply_panel(x, x_stride, rows, matrix, first, bias, out + first, out_stride);
  }
}

SEGUE_END
