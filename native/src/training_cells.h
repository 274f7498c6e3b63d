// Recurrent cells for training: a step forward that leaves what the gradient needs, and the
// gradient of a step.
//
// The tape holds the rows [x | h] of all steps, which the products of the step and the gradients of
// the weights read, and for each panel (a vector of units) the values of its gates, row after row.
// The gradient overwrites them by that of the sums that went into the gates. A cell says in which
// slot of a row each of them is.
#pragma once

#include "cells.h"
#include "steps.h"

SEGUE_BEGIN

constexpr Index kMostGates = 4;

// Slots of a row that go through the same weights together, and the gates that they are there.
struct Gates {
  Index slot, count;
  Index gate[kMostGates];
};

// How a cell's gradients run through its weights.
struct CellGates {
  Index slots;
  Gates input, hidden;
  Gates candidate;  // of a GRU that resets before: through r * h in place of h

  bool joined() const { return hidden.slot == 0 && hidden.count == slots; }
};

inline CellGates cell_gates(int cell) {
  const Gates none{0, 0, {}};
  switch (cell) {
    case SEGUE_LSTM: return {4, {0, 4, {0, 1, 2, 3}}, {0, 4, {0, 1, 2, 3}}, none};
    case SEGUE_GRU: return {4, {0, 3, {2, 0, 1}}, {1, 3, {0, 1, 2}}, none};
    case SEGUE_GRU_BEFORE: return {3, {0, 3, {0, 1, 2}}, {0, 2, {0, 1}}, {2, 1, {2}}};
    default: return {1, {0, 1, {0}}, {0, 1, {0}}, none};
  }
}

// One step of a shard, of the first sequences on.
struct TrainingStep {
  const CellShape& shape;
  const float* packed;
  const float* operand;  // [active] rows [x | h]; with masks those of the first gate
  Index stride;
  Index gate_stride;  // from one gate's operands to the next one's; 0 without masks
  float* rows;        // those of all steps, and behind them of n sequences: their last h
  float* reset;       // [x | r * h] of all steps
  float* gates;       // [panels][total][slots]
  Index slots;
  float* c;       // [panels][total + n]: before each step
  float* tanh_c;  // [panels][total]
  Index n, total;
  Index hidden;          // units of h that are multiplied: none of a state of zeros
  Index row;             // that of the first sequence's step
  Index next_row, next;  // and of its next step; sequences that have one

  Index depth() const { return shape.channels + hidden; }
  Index after(Index r) const { return r < next ? next_row + r : total + r; }
  float* h(Index at) const { return rows + at * stride + shape.channels; }
  float* reset_h(Index r) const { return reset + (row + r) * stride + shape.channels; }
  float* slots_of(Index panel, Index r) const {
    return gates + (panel * total + row + r) * slots * kLanes;
  }
  float* c_of(Index panel, Index at) const { return c + (panel * (total + n) + at) * kLanes; }
  float* tanh_c_of(Index panel, Index r) const {
    return tanh_c + (panel * total + row + r) * kLanes;
  }
};

// A step whose products tiles have taken: of a GRU's candidate with x and with h.
struct TiledStep : TrainingStep {
  explicit TiledStep(const TrainingStep& step) : TrainingStep(step) {}

  const float* sums = nullptr;        // [active] rows
  Index sums_row = 0, sums_gate = 0;  // from a row and from a gate to the next one
};

// sum[..][gate] += the products of tiles, from those of gate `from` on.
template <int Gate, int Panels, int Rows, int Gates>
SEGUE_INLINE void add_sums(Vector (&sum)[Panels][Rows][Gates], const TiledStep& s, Index row,
                           Index panel, Index from) {
  for (int p = 0; p < Panels; ++p) {
    for (int r = 0; r < Rows; ++r) {
      const float* at = s.sums + (row + r) * s.sums_row + (panel + p) * kLanes + from * s.sums_gate;
      for (int v = Gate; v < Gates; ++v, at += s.sums_gate) {
        sum[p][r][v] = sum[p][r][v] + load(at);
      }
    }
  }
}

// sum += the products of `depth` elements of each row's operand from `first` on.
template <class Cell, int Panels, int Rows>
SEGUE_INLINE void add_products(Vector (&sum)[Panels][Rows][Cell::kGates], const TrainingStep& s,
                               Index row, Index panel, Index panel_stride, Index first,
                               Index depth) {
  const float* a = s.operand + row * s.stride + first;
  const float* weights =
      s.packed + panel * panel_stride + (Cell::kBiases + first * Cell::kGates) * kLanes;
  if (s.gate_stride == 0) return multiply(sum, a, s.stride, weights, panel_stride, depth);
  for (Index k = 0; k < depth; ++k) {
    for (int p = 0; p < Panels; ++p) {
      for (int v = 0; v < Cell::kGates; ++v) {
        const Vector b = load(weights + p * panel_stride + (k * Cell::kGates + v) * kLanes);
        for (int r = 0; r < Rows; ++r) {
          const Vector x = broadcast(a[r * s.stride + v * s.gate_stride + k]);
          sum[p][r][v] = fma(x, b, sum[p][r][v]);
        }
      }
    }
  }
}

template <class Cell, int Panels, int Rows>
SEGUE_INLINE void add_products(Vector (&sum)[Panels][Rows][Cell::kGates], const TiledStep& s,
                               Index row, Index panel, Index, Index first, Index) {
  if (first == 0) return add_sums<0>(sum, s, row, panel, 0);
  add_sums<Cell::kGates - 1>(sum, s, row, panel, Cell::kGates);
}

SEGUE_INLINE Vector one_minus(Vector v) { return broadcast(1.0f) - v; }

// The gradient d of a sigmoid's or a tanh's value, as that of what went into it.
SEGUE_INLINE Vector through_sigmoid(Vector d, Vector s) { return d * s * one_minus(s); }
SEGUE_INLINE Vector through_tanh(Vector d, Vector t) { return fma(zero() - d * t, t, d); }

// The gradients of the state after a step, which become those of the state before it, as far as
// they do not go through the recurrent weights.
struct StateGradient {
  float* h;      // [n, stride]
  float* c;      // [n, stride]
  float* reset;  // [n, stride], of r * h
  Index stride;
};

// -- the cells --------------------------------------------------------------------------------

// A cell is as in cells.h; `gradient` is that of a vector of units of one row.

// Slots: input, forget, cell, output.
struct LstmTraining : Lstm {
  template <int Rows, int Panels, class AnyStep>
  static void block(const AnyStep& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][kGates];
    start(sum, weights, panel_stride);
    add_products<Lstm>(sum, s, row, panel, panel_stride, 0, s.depth());
    // In two rounds, so that the processor has several rows to work on at once.
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        float* slots = s.slots_of(panel + p, row + r);
        Vector* gate = sum[p][r];
        Vector below[3] = {gate[0], gate[1], gate[3]};
        one_plus_exp_of_negative(below);
        const Vector i = reciprocal(below[0]), f = reciprocal(below[1]), g = tanh(gate[2]);
        const Vector c = fma(f, load(s.c_of(panel + p, s.row + row + r)), i * g);
        store(slots, i);
        store(slots + kLanes, f);
        store(slots + 2 * kLanes, g);
        store(s.c_of(panel + p, s.after(row + r)), c);
        gate[2] = c;
        gate[3] = reciprocal(below[2]);
      }
    }
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Vector t = tanh(sum[p][r][2]), o = sum[p][r][3];
        store(s.slots_of(panel + p, row + r) + 3 * kLanes, o);
        store(s.tanh_c_of(panel + p, row + r), t);
        store(s.h(s.after(row + r)) + (panel + p) * kLanes, o * t);
      }
    }
  }

  static SEGUE_INLINE void gradient(const TrainingStep& s, Index r, Index panel,
                                    const StateGradient& d) {
    float* slots = s.slots_of(panel, r);
    const Index at = r * d.stride + panel * kLanes;
    const Vector i = load(slots), f = load(slots + kLanes);
    const Vector g = load(slots + 2 * kLanes), o = load(slots + 3 * kLanes);
    const Vector t = load(s.tanh_c_of(panel, r)), dh = load(d.h + at);
    const Vector dc = load(d.c + at) + through_tanh(dh * o, t);
    store(slots, through_sigmoid(dc * g, i));
    store(slots + kLanes, through_sigmoid(dc * load(s.c_of(panel, s.row + r)), f));
    store(slots + 2 * kLanes, through_tanh(dc * i, g));
    store(slots + 3 * kLanes, through_sigmoid(dh * t, o));
    store(d.c + at, dc * f);
    store(d.h + at, zero());
  }
};

// Slots: the candidate's part of x, update, reset, the candidate's part of h. Forward they hold the
// candidate, both gates, and the product with h.
struct GruTraining : Gru {
  template <int Rows, int Panels, class AnyStep>
  static void block(const AnyStep& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][kGates], of_x[Panels][Rows];
    start(sum, weights, panel_stride);
    add_products<Gru>(sum, s, row, panel, panel_stride, 0, s.shape.channels);
    for (int p = 0; p < Panels; ++p) {
      const Vector bias = load(weights + p * panel_stride + 3 * kLanes);
      for (int r = 0; r < Rows; ++r) {
        of_x[p][r] = sum[p][r][2];
        sum[p][r][2] = bias;
      }
    }
    add_products<Gru>(sum, s, row, panel, panel_stride, s.shape.channels, s.hidden);
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes;
        float* slots = s.slots_of(panel + p, row + r);
        const Vector z = sigmoid(sum[p][r][0]), reset = sigmoid(sum[p][r][1]);
        const Vector n = tanh(fma(reset, sum[p][r][2], of_x[p][r]));
        store(slots, n);
        store(slots + kLanes, z);
        store(slots + 2 * kLanes, reset);
        store(slots + 3 * kLanes, sum[p][r][2]);
        store(s.h(s.after(row + r)) + unit, fma(z, load(s.h(s.row + row + r) + unit) - n, n));
      }
    }
  }

  static SEGUE_INLINE void gradient(const TrainingStep& s, Index r, Index panel,
                                    const StateGradient& d) {
    float* slots = s.slots_of(panel, r);
    float* of_h = d.h + r * d.stride + panel * kLanes;
    const Vector n = load(slots), z = load(slots + kLanes), reset = load(slots + 2 * kLanes);
    const Vector dh = load(of_h), dn = through_tanh(dh * one_minus(z), n);
    const Vector dz = dh * (load(s.h(s.row + r) + panel * kLanes) - n);
    store(slots, dn);
    store(slots + kLanes, through_sigmoid(dz, z));
    store(slots + 2 * kLanes, through_sigmoid(dn * load(slots + 3 * kLanes), reset));
    store(slots + 3 * kLanes, dn * reset);
    store(of_h, dh * z);
  }
};

// Slots: update, reset, candidate. Two passes, forward and back.
struct GruGatesTraining : GruGates {
  template <int Rows, int Panels, class AnyStep>
  static void block(const AnyStep& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][kGates];
    start(sum, weights, panel_stride);
    add_products<GruGates>(sum, s, row, panel, panel_stride, 0, s.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes;
        float* slots = s.slots_of(panel + p, row + r);
        const Vector reset = sigmoid(sum[p][r][1]);
        store(slots, sigmoid(sum[p][r][0]));
        store(slots + kLanes, reset);
        store(s.reset_h(row + r) + unit, reset * load(s.h(s.row + row + r) + unit));
      }
    }
  }

  // Of the reset gate, from that of r * h.
  static SEGUE_INLINE void gradient(const TrainingStep& s, Index r, Index panel,
                                    const StateGradient& d) {
    float* slots = s.slots_of(panel, r);
    const Index at = r * d.stride + panel * kLanes;
    const Vector reset = load(slots + kLanes), dr = load(d.reset + at);
    store(slots + kLanes, through_sigmoid(dr * load(s.h(s.row + r) + panel * kLanes), reset));
    store(d.h + at, fma(dr, reset, load(d.h + at)));
    store(d.reset + at, zero());
  }
};

struct GruCandidateTraining : GruCandidate {
  template <int Rows, int Panels, class AnyStep>
  static void block(const AnyStep& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][kGates];
    start(sum, weights, panel_stride);
    add_products<GruCandidate>(sum, s, row, panel, panel_stride, 0, s.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Index unit = (panel + p) * kLanes;
        float* slots = s.slots_of(panel + p, row + r);
        const Vector n = tanh(sum[p][r][0]), z = load(slots);
        store(slots + 2 * kLanes, n);
        store(s.h(s.after(row + r)) + unit, fma(z, load(s.h(s.row + row + r) + unit) - n, n));
      }
    }
  }

  // Of the candidate and the update gate.
  static SEGUE_INLINE void gradient(const TrainingStep& s, Index r, Index panel,
                                    const StateGradient& d) {
    float* slots = s.slots_of(panel, r);
    float* of_h = d.h + r * d.stride + panel * kLanes;
    const Vector z = load(slots), n = load(slots + 2 * kLanes), dh = load(of_h);
    const Vector dz = dh * (load(s.h(s.row + r) + panel * kLanes) - n);
    store(slots, through_sigmoid(dz, z));
    store(slots + 2 * kLanes, through_tanh(dh * one_minus(z), n));
    store(of_h, dh * z);
  }
};

// The slot: h itself.
template <bool IsTanh>
struct RnnTraining : Rnn<IsTanh> {
  template <int Rows, int Panels, class AnyStep>
  static void block(const AnyStep& s, Index row, Index panel, Index panel_stride) {
    const float* weights = s.packed + panel * panel_stride;
    Vector sum[Panels][Rows][1];
    start(sum, weights, panel_stride);
    add_products<Rnn<IsTanh>>(sum, s, row, panel, panel_stride, 0, s.depth());
    for (int p = 0; p < Panels; ++p) {
      for (int r = 0; r < Rows; ++r) {
        const Vector z = sum[p][r][0], h = IsTanh ? tanh(z) : max(zero(), z);
        store(s.slots_of(panel + p, row + r), h);
        store(s.h(s.after(row + r)) + (panel + p) * kLanes, h);
      }
    }
  }

  static SEGUE_INLINE void gradient(const TrainingStep& s, Index r, Index panel,
                                    const StateGradient& d) {
    float* slots = s.slots_of(panel, r);
    float* of_h = d.h + r * d.stride + panel * kLanes;
    const Vector h = load(slots), dh = load(of_h);
    store(slots, IsTanh ? through_tanh(dh, h) : select(less(zero(), h), dh, zero()));
    store(of_h, zero());
  }
};

// The gradients of the gates of the first `active` rows, panel after panel as they lie.
template <class Cell>
void step_gradient(const TrainingStep& step, Index active, const StateGradient& d) {
  for (Index panel = 0; panel < step.shape.panels(); ++panel) {
    for (Index r = 0; r < active; ++r) Cell::gradient(step, r, panel, d);
  }
}

SEGUE_END
