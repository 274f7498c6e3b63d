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

// Into how many shards a batch is cut: of at most 16 sequences, of 8 where two of them are enough.
constexpr Index kMostShards = 32;
inline Index shards_of(Index sequences) {
  const Index wanted = sequences <= 8 ? 1 : sequences <= 16 ? 2 : (sequences + 15) / 16;
  return wanted < kMostShards ? wanted : kMostShards;
}

SEGUE_END
