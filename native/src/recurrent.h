// Recurrent cells over ragged batches.
//
// Sequences are sorted by length, the longest first, and cut into tiles of rows. A tile goes
// through all its steps, at each of which the sequences that still run are its first rows. Before
// a step the row of a sequence is [x_t | h]: one product with a panel gives all gates of a vector
// of units, which become the new state without leaving the registers. The new h goes into a
// second set of rows, so that every panel sees the old one.
#pragma once

#include "../include/segue.h"
#include "math.h"
#include "matmul.h"
#include "memory.h"
#include "threads.h"

SEGUE_BEGIN

// The rows of a tile: their panels' weights come from the second cache once for all of them.
constexpr Index kTile = 48;

// Panels that a block takes at once: with a single row there are too few sums to hide the time
// that a multiplication takes.
constexpr int kPanelsOfOneRow = 4;

// How the weights of a cell are laid out. A panel holds the weights of a vector of units: first
// the biases, then, depth after depth, one vector for each gate.
struct CellShape {
  Index channels, units, stride;  // stride: of rows [x_t | h], with h in whole vectors

  CellShape(Index channels_, Index units_)
      : channels(channels_),
        units(units_),
        stride(vectors(channels_ + vectors(units_) * kLanes) * kLanes) {}
  Index depth() const { return channels + units; }
  Index panels() const { return vectors(units); }
};

// One step of one tile.
struct Step {
  const CellShape& shape;
  const float* packed;
  const float* rows;  // [x_t | h] of each sequence
  float* next;        // the h of the next step's rows, same stride
  float* cells;       // c of an LSTM, z of a GRU that resets before; stride `cells_stride`
  float* reset;       // [x_t | r * h] of a GRU that resets before
  Index cells_stride;
};

// sums = biases, for `Panels` panels from `panel` on.
template <int Panels, int Rows, int Vectors>
SEGUE_INLINE void start(Vector (&sum)[Panels][Rows][Vectors], const float* panel,
                        Index panel_stride) {
  for (int p = 0; p < Panels; ++p) {
    for (int v = 0; v < Vectors; ++v) {
      const Vector bias = load(panel + p * panel_stride + v * kLanes);
      for (int r = 0; r < Rows; ++r) sum[p][r][v] = bias;
    }
  }
}

// A cell says how many biases and gates its panels have, how many rows and panels a block takes,
// and what becomes of a block: the new h and the new c of `Rows` sequences.
struct Lstm {
  static constexpr int kBiases = 4, kGates = 4, kRows = rows_of_block(4), kPanels = 1;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][4];
    start(sum, weights, panel_stride);
    multiply(sum, s.rows + row * s.shape.stride, s.shape.stride, weights + kBiases * kLanes,
             panel_stride, s.shape.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes;
        float* cell = s.cells + (row + r) * s.cells_stride + unit;
        const Vector* gate = sum[p][r];
        const Vector c = fma(sigmoid(gate[1]), load(cell), sigmoid(gate[0]) * tanh(gate[2]));
        store(cell, c);
        store(s.next + (row + r) * s.shape.stride + unit, sigmoid(gate[3]) * tanh(c));
      }
    }
  }
};

// The candidate's product with h is apart, since the reset gate acts on it alone.
struct Gru {
  static constexpr int kBiases = 4, kGates = 3, kRows = rows_of_block(4), kPanels = 1;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    const float* rows = s.rows + row * s.shape.stride;
    const Index channels = s.shape.channels;
    Vector sum[Panels][Rows][3], of_x[Panels][Rows];
    start(sum, weights, panel_stride);
    weights += kBiases * kLanes;
    multiply(sum, rows, s.shape.stride, weights, panel_stride, channels);
    for (int p = 0; p < Panels; ++p) {
      const Vector bias = load(weights + p * panel_stride - kLanes);
      for (int r = 0; r < Rows; ++r) {
        of_x[p][r] = sum[p][r][2];
        sum[p][r][2] = bias;
      }
    }
    multiply(sum, rows + channels, s.shape.stride, weights + channels * 3 * kLanes, panel_stride,
             s.shape.units);
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index at = (row + r) * s.shape.stride + (panel + p) * kLanes;
        const Vector z = sigmoid(sum[p][r][0]), reset = sigmoid(sum[p][r][1]);
        const Vector n = tanh(fma(reset, sum[p][r][2], of_x[p][r]));
        store(s.next + at, fma(z, load(s.rows + at + channels) - n, n));
      }
    }
  }
};

// A GRU that resets before the product takes two passes: the gates, then the candidate.
struct GruGates {
  static constexpr int kBiases = 2, kGates = 2, kRows = rows_of_block(2) / 2, kPanels = 2;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    const Index channels = s.shape.channels;
    Vector sum[Panels][Rows][2];
    start(sum, weights, panel_stride);
    multiply(sum, s.rows + row * s.shape.stride, s.shape.stride, weights + kBiases * kLanes,
             panel_stride, s.shape.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes;
        const Index at = (row + r) * s.shape.stride + channels + unit;
        store(s.cells + (row + r) * s.cells_stride + unit, sigmoid(sum[p][r][0]));
        store(s.reset + at, sigmoid(sum[p][r][1]) * load(s.rows + at));
      }
    }
  }
};

struct GruCandidate {
  static constexpr int kBiases = 1, kGates = 1, kRows = rows_of_block(4), kPanels = 4;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][1];
    start(sum, weights, panel_stride);
    multiply(sum, s.reset + row * s.shape.stride, s.shape.stride, weights + kBiases * kLanes,
             panel_stride, s.shape.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes, at = (row + r) * s.shape.stride + unit;
        const Vector n = tanh(sum[p][r][0]), h = load(s.rows + at + s.shape.channels);
        const Vector z = load(s.cells + (row + r) * s.cells_stride + unit);
        store(s.next + at, fma(z, h - n, n));
      }
    }
  }
};

template <bool IsTanh>
struct Rnn {
  static constexpr int kBiases = 1, kGates = 1, kRows = rows_of_block(4), kPanels = 4;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][1];
    start(sum, weights, panel_stride);
    multiply(sum, s.rows + row * s.shape.stride, s.shape.stride, weights + kBiases * kLanes,
             panel_stride, s.shape.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Vector z = sum[p][r][0];
        store(s.next + (row + r) * s.shape.stride + (panel + p) * kLanes,
              IsTanh ? tanh(z) : max(zero(), z));
      }
    }
  }
};

template <class Cell>
Index panel_size(const CellShape& shape) {
  return (Cell::kBiases + shape.depth() * Cell::kGates) * kLanes;
}

// All panels over the first `active` rows.
template <class Cell>
void pass(const Step& step, Index active) {
  const Index panels = step.shape.panels(), size = panel_size<Cell>(step.shape);
  for (Index panel = 0; panel < panels;) {
    Index taken = 1;
    if (active == 1) {
      taken = panels - panel < kPanelsOfOneRow ? panels - panel : kPanelsOfOneRow;
      with_constant<kPanelsOfOneRow>(taken, [&](auto count) {
        Cell::template block<1, decltype(count)::value>(step, 0, panel, size);
      });
    } else {
      taken = panels - panel < Cell::kPanels ? panels - panel : Cell::kPanels;
      with_constant<Cell::kPanels>(taken, [&](auto count) {
        for (Index row = 0; row < active; row += Cell::kRows) {
          with_constant<Cell::kRows>(active - row, [&](auto rows) {
            Cell::template block<decltype(rows)::value, decltype(count)::value>(step, row, panel,
                                                                                size);
          });
        }
      });
    }
    panel += taken;
  }
}

inline void take_step(segue_cell cell, Step& step, Index active) {
  switch (cell) {
    case SEGUE_LSTM:
      return pass<Lstm>(step, active);
    case SEGUE_GRU:
      return pass<Gru>(step, active);
    case SEGUE_RNN_TANH:
      return pass<Rnn<true>>(step, active);
    case SEGUE_RNN_RELU:
      return pass<Rnn<false>>(step, active);
    case SEGUE_GRU_BEFORE:
      pass<GruGates>(step, active);
      for (Index row = 0; row < active; ++row) {
        const Index at = row * step.shape.stride;
        std::memcpy(step.reset + at, step.rows + at, sizeof(float) * step.shape.channels);
      }
      step.packed += step.shape.panels() * panel_size<GruGates>(step.shape);
      return pass<GruCandidate>(step, active);
  }
}

// -- packing ----------------------------------------------------------------------------------

// One panel's biases or weights of a gate: `gate` of the columns of a row of `gates * units`.
inline void pack_gate(const float* row, Index gate, Index units, Index panel, float* packed) {
  store(packed, load_row(row + gate * units, panel * kLanes, units));
}

// The weights of the gates from `first` on, `count` of them, as the panels of one pass.
inline float* pack_pass(const float* kernel, const float* recurrent_kernel, const CellShape& shape,
                        Index gates, Index first, Index count, Index panel, float* packed) {
  for (Index k = 0; k < shape.depth(); ++k) {
    const float* row = k < shape.channels ? kernel + k * gates * shape.units
                                          : recurrent_kernel + (k - shape.channels) * gates * shape.units;
    for (Index gate = first; gate < first + count; ++gate, packed += kLanes) {
      pack_gate(row, gate, shape.units, panel, packed);
    }
  }
  return packed;
}

inline Index gates_of(int cell) {
  return cell == SEGUE_LSTM ? 4 : cell == SEGUE_GRU || cell == SEGUE_GRU_BEFORE ? 3 : 1;
}

inline Index packed_cell_size(int cell, Index channels, Index units) {
  const CellShape shape(channels, units);
  const Index biases = cell == SEGUE_GRU ? 4 : gates_of(cell);
  return shape.panels() * (biases + shape.depth() * gates_of(cell)) * kLanes;
}

inline void pack_cell(int cell, const float* kernel, const float* recurrent_kernel,
                      const float* bias, Index channels, Index units, float* packed) {
  const CellShape shape(channels, units);
  const Index gates = gates_of(cell), panels = shape.panels();
  // A GRU that resets before has the panels of its gates, and then those of its candidate.
  const Index parts[2][2] = {{0, cell == SEGUE_GRU_BEFORE ? 2 : gates}, {2, 1}};
  for (Index part = 0; part < (cell == SEGUE_GRU_BEFORE ? 2 : 1); ++part) {
    const Index first = parts[part][0], count = parts[part][1];
    for (Index panel = 0; panel < panels; ++panel) {
      for (Index gate = first; gate < first + count; ++gate, packed += kLanes) {
        pack_gate(bias, gate, units, panel, packed);
      }
      if (cell == SEGUE_GRU) {  // update and reset: the sum of both biases; candidate: both
        for (Index gate = 0; gate < 2; ++gate) {
          float* sum = packed - (3 - gate) * kLanes;
          store(sum, load(sum) + load_row(bias + (3 + gate) * units, panel * kLanes, units));
        }
        pack_gate(bias, 5, units, panel, packed);
        packed += kLanes;
      }
      packed = pack_pass(kernel, recurrent_kernel, shape, gates, first, count, panel, packed);
    }
  }
}

// -- tiles ------------------------------------------------------------------------------------

struct RecurrentCall {
  int cell;
  const float* packed;
  CellShape shape;
  const float* values;
  const Index* offsets;
  const Index* order;
  const float* h;
  const float* c;
  bool backward;
  float* outputs;
  Index outputs_stride;
  float* h_after;
  float* c_after;

  Index length(Index row) const { return offsets[order[row] + 1] - offsets[order[row]]; }
  // The row in `values` of the t-th step that a sequence takes.
  Index place(Index row, Index t) const {
    return backward ? offsets[order[row] + 1] - 1 - t : offsets[order[row]] + t;
  }
};

// The sequences order[first], ... through all their steps.
inline bool run_tile(const RecurrentCall& call, Index first, Index count) {
  const CellShape& shape = call.shape;
  const Index channels = shape.channels, units = shape.units, stride = shape.stride;
  const Index cells_stride = shape.panels() * kLanes, bytes = sizeof(float) * units;
  const bool resets_before = call.cell == SEGUE_GRU_BEFORE;
  Scratch<float> rows(2 * count * stride), cells(count * cells_stride);
  Scratch<float> reset(resets_before ? count * stride : 0);
  if (!rows || !cells || !reset) return false;
  float *now = rows.data, *next = now + count * stride;
  for (Index r = 0; r < count; ++r) {
    const Index sequence = call.order[first + r];
    if (call.h) std::memcpy(now + r * stride + channels, call.h + sequence * units, bytes);
    if (call.c && call.cell == SEGUE_LSTM) {
      std::memcpy(cells.data + r * cells_stride, call.c + sequence * units, bytes);
    }
  }
  for (Index t = 0, active = count;; ++t) {
    for (; active > 0 && call.length(first + active - 1) == t; --active) {  // those that end here
      const Index r = active - 1, sequence = call.order[first + r];
      std::memcpy(call.h_after + sequence * units, now + r * stride + channels, bytes);
      if (call.cell == SEGUE_LSTM) {
        std::memcpy(call.c_after + sequence * units, cells.data + r * cells_stride, bytes);
      }
    }
    if (active == 0) return true;
    for (Index r = 0; r < active; ++r) {
      std::memcpy(now + r * stride, call.values + call.place(first + r, t) * channels,
                  sizeof(float) * channels);
    }
    Step step{shape, call.packed, now, next + channels, cells.data, reset.data, cells_stride};
    take_step(static_cast<segue_cell>(call.cell), step, active);
    for (Index r = 0; call.outputs && r < active; ++r) {
      std::memcpy(call.outputs + call.place(first + r, t) * call.outputs_stride,
                  next + r * stride + channels, bytes);
    }
    float* other = now;
    now = next, next = other;
  }
}

inline int recurrent(int cell, const float* packed, Index channels, Index units,
                     const float* values, const Index* offsets, Index n, const float* h,
                     const float* c, int backward, float* outputs, Index outputs_stride,
                     float* h_after, float* c_after, Index threads) {
  Scratch<Index> order(n);
  if (!order) return 1;
  sort_by_length(offsets, n, order.data);
  const RecurrentCall call{cell,    packed,        CellShape(channels, units),
                           values,  offsets,       order.data,
                           h,       c,             backward != 0,
                           outputs, outputs_stride, h_after,
                           c_after};
  const Index work = (offsets[n] - offsets[0]) * call.shape.depth() * gates_of(cell) * units;
  const Index share = threads > 1 && work > kWorkOfThread ? (n + threads - 1) / threads : n;
  const Index tile = share < kTile ? share : kTile;
  const bool done = tile == 0 || parallel((n + tile - 1) / tile, threads, work, [&](Index i) {
    const Index first = i * tile;
    return run_tile(call, first, n - first < tile ? n - first : tile);
  });
  return done ? 0 : 1;
}

SEGUE_END
