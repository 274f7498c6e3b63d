// Ragged sequences, time after time: what recurrent layers are trained on.
#pragma once

#include "simd.h"

SEGUE_BEGIN

// The sequences are sorted by length, the longest first. A signal on them is [total, features]: the
// first steps of all sequences, then the second steps of those that have one, and so on.
struct Steps {
  Index n;              // sequences
  Index count;          // steps of the longest
  Index total;          // steps of all
  const Index* active;  // [count] sequences that have step t: the first ones
  const Index* start;   // [count + 1] the row of the first sequence's step t
  const Index* length;  // [n]

  // Sequences that have step t; none behind the longest.
  Index running(Index t) const { return t < count ? active[t] : 0; }

  // The row of the t-th step that sequence r takes, which a reversed one begins at its end.
  Index row(Index t, Index r, bool reversed) const {
    return start[reversed ? length[r] - 1 - t : t] + r;
  }
};

SEGUE_END
