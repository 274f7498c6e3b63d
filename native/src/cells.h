// One step of the recurrent cells, for the rows of a tile.
//
// The row of a sequence is [x_t | h]: its product with a panel gives all gates of a vector of
// units, which become the new state without leaving the registers. The new h goes into a second set
// of rows, so that every panel sees the old one.
#pragma once

#include "../include/segue.h"
#include "math.h"
#include "matmul.h"

SEGUE_BEGIN

// Panels that a block takes at once: with a single row there are too few sums to hide the time
// that a multiplication takes.
constexpr int kPanelsOfOneRow = 4;

// How the weights of a cell are laid out. A panel holds the weights of a vector of units: first
// the biases, then, depth after depth, one vector for each gate.
struct CellShape {
  Index channels, units, stride;  // stride: of rows [x_t | h], with h in whole vectors
  Index packed_depth;             // none where only the biases are packed

  CellShape(Index channels_, Index units_, bool has_weights = true)
      : channels(channels_),
        units(units_),
        stride(vectors(channels_ + vectors(units_) * kLanes) * kLanes),
        packed_depth(has_weights ? channels_ + units_ : 0) {}
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
  Index cells_stride = 0;
  const float* of_x = nullptr;  // the products with x of each row, where they were taken before
  Index of_x_stride = 0;
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

// The part of all gates that does not depend on h: biases and products with x.
template <class Cell, int Panels, int Rows>
SEGUE_INLINE void input_part(Vector (&sum)[Panels][Rows][Cell::kGates], const Step& s, Index row,
                             Index panel, const float* weights, Index panel_stride) {
  if (s.of_x == nullptr) {
    start(sum, weights, panel_stride);
    multiply(sum, s.rows + row * s.shape.stride, s.shape.stride, weights + Cell::kBiases * kLanes,
             panel_stride, s.shape.channels);
    return;
  }
  for (int p = 0; p < Panels; ++p) {
    for (int r = 0; r < Rows; ++r) {
      const float* from = s.of_x + (row + r) * s.of_x_stride + (panel + p) * Cell::kGates * kLanes;
      for (int v = 0; v < Cell::kGates; ++v) sum[p][r][v] = load(from + v * kLanes);
    }
  }
}

// The products with h, or with what stands in its place in `rows`.
template <class Cell, int Panels, int Rows>
SEGUE_INLINE void hidden_part(Vector (&sum)[Panels][Rows][Cell::kGates], const Step& s,
                              const float* rows, Index row, const float* weights,
                              Index panel_stride) {
  const Index channels = s.shape.channels;
  multiply(sum, rows + row * s.shape.stride + channels, s.shape.stride,
           weights + (Cell::kBiases + channels * Cell::kGates) * kLanes, panel_stride,
           s.shape.units);
}

// A cell says how many biases and gates its panels have, how many rows and panels a block takes,
// and what becomes of a block: the new h and the new c of `Rows` sequences.
struct Lstm {
  static constexpr int kBiases = 4, kGates = 4, kRows = rows_of_block(4), kPanels = 1;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][kGates];
    input_part<Lstm>(sum, s, row, panel, weights, panel_stride);
    hidden_part<Lstm>(sum, s, s.rows, row, weights, panel_stride);
    // In two rounds, so that the processor has several rows to work on at once.
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        float* cell = s.cells + (row + r) * s.cells_stride + (panel + p) * kLanes;
        Vector* gate = sum[p][r];
        Vector below[3] = {gate[0], gate[1], gate[3]};
        one_plus_exp_of_negative(below);
        const Fraction g = tanh_fraction(gate[2]);
        gate[2] = fma(reciprocal(below[1]), load(cell), g.above * reciprocal(g.below * below[0]));
        gate[3] = below[2];
        store(cell, gate[2]);
      }
    }
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Fraction c = tanh_fraction(sum[p][r][2]);
        store(s.next + (row + r) * s.shape.stride + (panel + p) * kLanes,
              c.above * reciprocal(c.below * sum[p][r][3]));
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
    Vector sum[Panels][Rows][kGates], of_x[Panels][Rows];
    input_part<Gru>(sum, s, row, panel, weights, panel_stride);
    for (int p = 0; p < Panels; ++p) {
      const Vector bias = load(weights + p * panel_stride + 3 * kLanes);
      for (int r = 0; r < Rows; ++r) {
        of_x[p][r] = sum[p][r][2];
        sum[p][r][2] = bias;
      }
    }
    hidden_part<Gru>(sum, s, s.rows, row, weights, panel_stride);
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index at = (row + r) * s.shape.stride + (panel + p) * kLanes;
        Vector below[2] = {sum[p][r][0], sum[p][r][1]};
        one_plus_exp_of_negative(below);
        const Vector z = reciprocal(below[0]), reset = reciprocal(below[1]);
        const Vector n = tanh(fma(reset, sum[p][r][2], of_x[p][r]));
        store(s.next + at, fma(z, load(s.rows + at + s.shape.channels) - n, n));
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
    Vector sum[Panels][Rows][kGates];
    input_part<GruGates>(sum, s, row, panel, weights, panel_stride);
    hidden_part<GruGates>(sum, s, s.rows, row, weights, panel_stride);
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes;
        const Index at = (row + r) * s.shape.stride + s.shape.channels + unit;
        Vector below[2] = {sum[p][r][0], sum[p][r][1]};
        one_plus_exp_of_negative(below);
        store(s.cells + (row + r) * s.cells_stride + unit, reciprocal(below[0]));
        store(s.reset + at, reciprocal(below[1]) * load(s.rows + at));
      }
    }
  }
};

struct GruCandidate {
  static constexpr int kBiases = 1, kGates = 1, kRows = rows_of_block(4), kPanels = 4;

  template <int Rows, int Panels>
  static void block(const Step& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][kGates];
    input_part<GruCandidate>(sum, s, row, panel, weights, panel_stride);
    hidden_part<GruCandidate>(sum, s, s.reset, row, weights, panel_stride);
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
    Vector sum[Panels][Rows][kGates];
    input_part<Rnn>(sum, s, row, panel, weights, panel_stride);
    hidden_part<Rnn>(sum, s, s.rows, row, weights, panel_stride);
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
  return (Cell::kBiases + shape.packed_depth * Cell::kGates) * kLanes;
}

// All panels over the first `active` rows.
template <class Cell, class AnyStep>
void pass(const AnyStep& step, Index active) {
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
        even_blocks<Cell::kRows>(active, [&](Index row, auto rows) {
          Cell::template block<decltype(rows)::value, decltype(count)::value>(step, row, panel,
                                                                              size);
        });
      });
    }
    panel += taken;
  }
}

inline void take_step(segue_cell cell, Step& step, Index active) {
  switch (cell) {
    case SEGUE_LSTM: return pass<Lstm>(step, active);
    case SEGUE_GRU: return pass<Gru>(step, active);
    case SEGUE_RNN_TANH: return pass<Rnn<true>>(step, active);
    case SEGUE_RNN_RELU: return pass<Rnn<false>>(step, active);
    case SEGUE_GRU_BEFORE:
      pass<GruGates>(step, active);
      step.packed += step.shape.panels() * panel_size<GruGates>(step.shape);
      if (step.of_x) step.of_x += step.shape.panels() * GruGates::kGates * kLanes;
      return pass<GruCandidate>(step, active);
  }
}

// The input part of `steps` steps of one sequence, into rows of all gates of all panels.
template <class Cell>
void project(const CellShape& shape, const float* packed, const float* x, Index x_stride,
             Index steps, float* to, Index to_stride) {
  const Index size = panel_size<Cell>(shape);
  for (Index panel = 0; panel < shape.panels(); ++panel, packed += size) {
    for (Index step = 0; step < steps; step += Cell::kRows) {
      with_constant<Cell::kRows>(steps - step, [&](auto rows) {
        constexpr int kRows = decltype(rows)::value;
        Vector sum[1][kRows][Cell::kGates];
        start(sum, packed, 0);
        multiply(sum, x + step * x_stride, x_stride, packed + Cell::kBiases * kLanes, 0,
                 shape.channels);
        for (int r = 0; r < kRows; ++r) {
          float* row = to + (step + r) * to_stride + panel * Cell::kGates * kLanes;
          for (int v = 0; v < Cell::kGates; ++v) store(row + v * kLanes, sum[0][r][v]);
        }
      });
    }
  }
}

inline void project_steps(segue_cell cell, const CellShape& shape, const float* packed,
                          const float* x, Index x_stride, Index steps, float* to, Index to_stride) {
  switch (cell) {
    case SEGUE_LSTM: return project<Lstm>(shape, packed, x, x_stride, steps, to, to_stride);
    case SEGUE_GRU: return project<Gru>(shape, packed, x, x_stride, steps, to, to_stride);
    case SEGUE_RNN_TANH:
    case SEGUE_RNN_RELU:
      return project<Rnn<true>>(shape, packed, x, x_stride, steps, to, to_stride);
    case SEGUE_GRU_BEFORE:
      project<GruGates>(shape, packed, x, x_stride, steps, to, to_stride);
      packed += shape.panels() * panel_size<GruGates>(shape);
      to += shape.panels() * GruGates::kGates * kLanes;
      return project<GruCandidate>(shape, packed, x, x_stride, steps, to, to_stride);
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
  for (Index k = 0; k < shape.packed_depth; ++k) {
    const float* row = k < shape.channels
                           ? kernel + k * gates * shape.units
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

inline Index packed_size_of(int cell, const CellShape& shape) {
  const Index biases = cell == SEGUE_GRU ? 4 : gates_of(cell);
  return shape.panels() * (biases + shape.packed_depth * gates_of(cell)) * kLanes;
}
inline Index packed_cell_size(int cell, Index channels, Index units) {
  return packed_size_of(cell, CellShape(channels, units));
}

inline void pack_shape(int cell, const CellShape& shape, const float* kernel,
                       const float* recurrent_kernel, const float* bias, float* packed) {
  const Index gates = gates_of(cell), panels = shape.panels(), units = shape.units;
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
inline void pack_cell(int cell, const float* kernel, const float* recurrent_kernel,
                      const float* bias, Index channels, Index units, float* packed) {
  pack_shape(cell, CellShape(channels, units), kernel, recurrent_kernel, bias, packed);
}

SEGUE_END
