// Recurrent cells over ragged batches.
//
// Sequences are sorted by length, the longest first, and cut into tiles of rows. A tile goes
// through all its steps, at each of which the sequences that still run are its first rows.
//
// With few rows the weights are read more often than they need be. There the products with x are
// taken before, of many steps at once; the sums go on from them, so the bits are the same.
#pragma once

#include "cells.h"
#include "memory.h"
#include "threads.h"

SEGUE_BEGIN

// Up to so many rows the products with x are taken before, of so many steps, where x has so many
// channels.
constexpr Index kFewRows = 3, kStepsBefore = 32, kChannelsBefore = 4;

// The rows of a tile: their panels' weights come from the second cache once for all of them.
constexpr Index kTile = 48;

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

// One tile: the sequences order[first], ... and the memory that they need.
class Tile {
 public:
  Tile(const RecurrentCall& call, Index first, Index count)
      : call_(call),
        first_(first),
        count_(count),
        stride_(call.shape.stride),
        cells_stride_(call.shape.panels() * kLanes),
        of_x_width_(gates_of(call.cell) * cells_stride_),
        takes_x_before_(count <= kFewRows && call.shape.channels >= kChannelsBefore),
        steps_before_(call.length(first) < kStepsBefore ? call.length(first) : kStepsBefore),
        rows_(2 * count * stride_),
        cells_(count * cells_stride_),
        reset_(call.cell == SEGUE_GRU_BEFORE ? count * stride_ : 0),
        of_x_(takes_x_before_ ? count * steps_before_ * of_x_width_ : 0) {}

  explicit operator bool() const { return rows_ && cells_ && reset_ && of_x_; }

  void run() {
    now_ = rows_.data, next_ = now_ + count_ * stride_;
    begin();
    for (Index t = 0, active = count_;; ++t) {
      for (; active > 0 && call_.length(first_ + active - 1) == t; --active) end(active - 1);
      if (active == 0) return;
      read(t, active);
      Step step{call_.shape, call_.packed, now_, h(next_, 0), cells_.data, reset_.data};
      step.cells_stride = cells_stride_;
      if (takes_x_before_) {
        step.of_x = of_x_.data + t % steps_before_ * of_x_width_;
        step.of_x_stride = steps_before_ * of_x_width_;
      }
      take_step(static_cast<segue_cell>(call_.cell), step, active);
      write(t, active);
      float* other = now_;
      now_ = next_, next_ = other;
    }
  }

 private:
  float* h(float* rows, Index r) const { return rows + r * stride_ + call_.shape.channels; }
  std::size_t bytes() const { return sizeof(float) * call_.shape.units; }

  // The states before the first step.
  void begin() {
    for (Index r = 0; r < count_; ++r) {
      const Index at = call_.order[first_ + r] * call_.shape.units;
      if (call_.h) std::memcpy(h(now_, r), call_.h + at, bytes());
      if (call_.c && call_.cell == SEGUE_LSTM) {
        std::memcpy(cells_.data + r * cells_stride_, call_.c + at, bytes());
      }
    }
  }

  // The state of a sequence that has no more steps.
  void end(Index r) {
    const Index at = call_.order[first_ + r] * call_.shape.units;
    std::memcpy(call_.h_after + at, h(now_, r), bytes());
    if (call_.cell == SEGUE_LSTM) {
      std::memcpy(call_.c_after + at, cells_.data + r * cells_stride_, bytes());
    }
  }

  // x_t of each row; or, where they are taken before, the products with x of the next steps.
  void read(Index t, Index active) {
    const Index channels = call_.shape.channels;
    if (!takes_x_before_) {
      for (Index r = 0; r < active; ++r) {
        const float* x = call_.values + call_.place(first_ + r, t) * channels;
        std::memcpy(now_ + r * stride_, x, sizeof(float) * channels);
        if (resets_before()) std::memcpy(reset_.data + r * stride_, x, sizeof(float) * channels);
      }
      return;
    }
    if (t % steps_before_ != 0) return;
    for (Index r = 0; r < active; ++r) {
      const Index left = call_.length(first_ + r) - t;
      project_steps(static_cast<segue_cell>(call_.cell), call_.shape, call_.packed,
                    call_.values + call_.place(first_ + r, t) * channels,
                    call_.backward ? -channels : channels,
                    left < steps_before_ ? left : steps_before_,
                    of_x_.data + r * steps_before_ * of_x_width_, of_x_width_);
    }
  }

  void write(Index t, Index active) {
    if (call_.outputs == nullptr) return;
    for (Index r = 0; r < active; ++r) {
      std::memcpy(call_.outputs + call_.place(first_ + r, t) * call_.outputs_stride, h(next_, r),
                  bytes());
    }
  }

  bool resets_before() const { return call_.cell == SEGUE_GRU_BEFORE; }

  const RecurrentCall& call_;
  const Index first_, count_, stride_, cells_stride_, of_x_width_;
  const bool takes_x_before_;
  const Index steps_before_;
  Scratch<float> rows_, cells_, reset_, of_x_;
  float* now_ = nullptr;
  float* next_ = nullptr;
};

inline int recurrent(int cell, const float* packed, Index channels, Index units,
                     const float* values, const Index* offsets, Index n, const float* h,
                     const float* c, int backward, float* outputs, Index outputs_stride,
                     float* h_after, float* c_after, Index threads) {
  Scratch<Index> order(n);
  if (!order) return 1;
  sort_by_length(offsets, n, order.data);
  const RecurrentCall call{cell,
                           packed,
                           CellShape(channels, units),
                           values,
                           offsets,
                           order.data,
                           h,
                           c,
                           backward != 0,
                           outputs,
                           outputs_stride,
                           h_after,
                           c_after};
  const Index work = (offsets[n] - offsets[0]) * call.shape.depth() * gates_of(cell) * units;
  const Index share = threads > 1 && work > kWorkOfThread ? (n + threads - 1) / threads : n;
  const Index tile = share < kTile ? share : kTile;
  const bool done = tile == 0 || parallel((n + tile - 1) / tile, threads, work, [&](Index i) {
                      const Index first = i * tile;
                      Tile rows(call, first, n - first < tile ? n - first : tile);
                      if (!rows) return false;
                      rows.run();
                      return true;
                    });
  return done ? 0 : 1;
}

SEGUE_END
