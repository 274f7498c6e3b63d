// Functions of windows along time: convolution, maximum, and random convolutions.
//
// The windows of a tile of outputs are copied side by side, with zeros for what lies outside their
// sequence. What follows is a product of rows with a matrix.
#pragma once

#include "activations.h"
#include "matmul.h"

SEGUE_BEGIN

constexpr Index kWindows = 64;  // of a tile

struct Windows {
  Index size, stride, dilation, before;

  Index first_step(Index output) const { return output * stride - before; }
};

// The window of one output: `size` steps of `features` each, of a sequence of `length` steps.
inline void copy_window(const float* sequence, Index length, Index features, const Windows& windows,
                        Index output, float* to) {
  Index step = windows.first_step(output);
  for (Index tap = 0; tap < windows.size; ++tap, step += windows.dilation, to += features) {
    if (step < 0 || step >= length) {
      for (Index f = 0; f < features; ++f) to[f] = 0.0f;
    } else if (features == 1) {
      to[0] = sequence[step];
    } else {
      std::memcpy(to, sequence + step * features, sizeof(float) * features);
    }
  }
}

// The sequence to which row `row` belongs, by bisection.
inline Index sequence_of(const Index* offsets, Index n, Index row) {
  Index low = 0, high = n;
  while (high - low > 1) {
    const Index middle = (low + high) / 2;
    (offsets[middle] <= row ? low : high) = middle;
  }
  return low;
}

inline int conv(const float* values, const Index* offsets, const Index* out_offsets, Index n,
                Index features, const float* packed, const float* bias, Index columns, Index size,
                Index stride, Index dilation, Index before, float* out, Index threads) {
  const Windows windows{size, stride, dilation, before};
  const Matrix matrix(packed, size * features, columns);
  const Index first = out_offsets[0], rows = out_offsets[n] - first;
  const Index tasks = (rows + kWindows - 1) / kWindows;
  const bool done = parallel(tasks, threads, rows * matrix.depth * columns, [&](Index task) {
    const Index begin = first + task * kWindows;
    const Index end = begin + kWindows < first + rows ? begin + kWindows : first + rows;
    Scratch<float> tile((end - begin) * matrix.depth);
    if (!tile) return false;
    Index i = sequence_of(out_offsets, n, begin);
    for (Index row = begin; row < end; ++row) {
      while (row >= out_offsets[i + 1]) ++i;
      copy_window(values + offsets[i] * features, offsets[i + 1] - offsets[i], features, windows,
                  row - out_offsets[i], tile.data + (row - begin) * matrix.depth);
    }
    multiply_rows(tile.data, matrix.depth, end - begin, matrix, bias, out + begin * columns,
                  columns);
    return true;
  });
  return done ? 0 : 1;
}

inline int max_pool(const float* values, const Index* offsets, const Index* out_offsets, Index n,
                    Index features, Index width, Index stride, Index before, float* out,
                    Index threads) {
  const Windows windows{width, stride, 1, before};
  const Index work = (out_offsets[n] - out_offsets[0]) * width * features;
  parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i];
    const float* sequence = values + offsets[i] * features;
    for (Index row = out_offsets[i]; row < out_offsets[i + 1]; ++row) {
      const Index start = windows.first_step(row - out_offsets[i]);
      const Index first = start < 0 ? 0 : start;
      const Index end = start + width < length ? start + width : length;
      for (Index f = 0; f < features; f += kLanes) {
        Vector most = broadcast(-INFINITY);
        for (Index step = first; step < end; ++step) {
          most = max(most, load_row(sequence + step * features, f, features));
        }
        store_row(out + row * features, most, f, features);
      }
    }
    return true;
  });
  return 0;
}

// Causal windows of kernels of one dilation: for each the sum of clamp(response / edge + 0.5, 0, 1)
// and the largest response, over the steps from `skip` on.
inline int random_conv(const float* values, const Index* offsets, Index n, Index features,
                       const float* packed, const float* bias, Index columns, Index size,
                       Index dilation, Index skip, float edge, float* positive, float* most,
                       Index out_stride, Index threads) {
  const Windows windows{size, 1, dilation, (size - 1) * dilation};
  const Matrix matrix(packed, size * features, columns);
  const Index panel = kPanel * kLanes, padded = vectors(columns) * kLanes;
  const Index work = (offsets[n] - offsets[0]) * matrix.depth * columns;
  const bool done = parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i];
    Scratch<float> tile(kWindows * matrix.depth), response(kWindows * panel);
    Scratch<Sum> sums(vectors(columns));
    Scratch<float> largest_ones(padded);
    if (!tile || !response || !sums || !largest_ones) return false;
    for (Index c = 0; c < padded; ++c) largest_ones.data[c] = -INFINITY;
    const Vector slope = broadcast(1.0f / edge), half = broadcast(0.5f);
    for (Index begin = skip; begin < length; begin += kWindows) {
      const Index rows = length - begin < kWindows ? length - begin : kWindows;
      for (Index r = 0; r < rows; ++r) {
        copy_window(values + offsets[i] * features, length, features, windows, begin + r,
                    tile.data + r * matrix.depth);
      }
      for (Index first = 0; first < columns; first += panel) {
        multiply_panel(tile.data, matrix.depth, rows, matrix, first, bias, response.data, panel);
        for (Index c = 0; c < panel && first + c < columns; c += kLanes) {
          Sum sum = sums.data[(first + c) / kLanes];
          Vector top = load(largest_ones.data + first + c);
          for (Index r = 0; r < rows; ++r) {
            const Vector x = load(response.data + r * panel + c);
            sum.add(clamp(fma(x, slope, half), 0.0f, 1.0f));
            top = max(top, x);
          }
          sums.data[(first + c) / kLanes] = sum;
          store(largest_ones.data + first + c, top);
        }
      }
    }
    for (Index c = 0; c < columns; c += kLanes) {
      store_row(positive + i * out_stride, sums.data[c / kLanes].total, c, columns);
      store_row(most + i * out_stride, load(largest_ones.data + c), c, columns);
    }
    return true;
  });
  return done ? 0 : 1;
}

SEGUE_END
