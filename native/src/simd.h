// A vector of floats with the operators that the kernels are written in.
//
// Each path (AVX-512, AVX2, portable) defines `Vector`, `Mask` and the primitives below in its own
// header; this file includes the one of the path that is compiled and adds what follows from them.
//
//   keep(v)                                a register for v, where it would be loaded at each use
//   load, store, load_first, store_first   unaligned; the first n lanes only (the others are 0)
//   broadcast, +, -, *, /, fma(a, b, c)    fma is a * b + c, rounded once where the path can
//   min(a, b), max(a, b)                   b where one of both is NaN, so NaN travels in b
//   less, equal(a, b), select(mask, a, b)  lane by lane
//   bits(mask)                             of the first lane the lowest
//   round, scale(v, n)                     nearest integer; v * 2^n for integers n, -126 to 127
//   reciprocal                             1 / v to the last bit or two, for |v| below 1e38
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "threads.h"

#if defined(_MSC_VER) && !defined(__clang__)
#define SEGUE_INLINE __forceinline
#define SEGUE_RESTRICT __restrict
#elif defined(__GNUC__)
#define SEGUE_INLINE inline __attribute__((always_inline))
#define SEGUE_RESTRICT __restrict__
#else
#define SEGUE_INLINE inline
#define SEGUE_RESTRICT
#endif

// Everything of a path has the path's own namespace: what one of them compiles with its own
// instructions must never be what the linker keeps for another. For the same reason no template
// of the standard library is used in it.
#define SEGUE_BEGIN \
  namespace segue { \
  namespace SEGUE_PATH {
#define SEGUE_END \
  }               \
  }

#if defined(SEGUE_USE_AVX512)
#include "simd_avx512.h"
#elif defined(SEGUE_USE_AVX2)
#include "simd_avx2.h"
#else
#include "simd_portable.h"
#endif

SEGUE_BEGIN

SEGUE_INLINE Vector zero() { return broadcast(0.0f); }

// The lanes of a row of `n` floats, in whole vectors.
SEGUE_INLINE Index vectors(Index n) { return (n + kLanes - 1) / kLanes; }

// load, store of the vector that begins at element `first` of a row of `n` floats.
SEGUE_INLINE Vector load_row(const float* row, Index first, Index n) {
  return first + kLanes <= n ? load(row + first) : load_first(row + first, n - first);
}
SEGUE_INLINE void store_row(float* row, Vector v, Index first, Index n) {
  if (first + kLanes <= n) {
    store(row + first, v);
  } else {
    store_first(row + first, v, n - first);
  }
}

// The first n lanes; all of them where n is larger.
SEGUE_INLINE Mask lanes_below(Index n) {
  float lane[kLanes];
  for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<float>(i);
  return less(load(lane),
              broadcast(n < kLanes ? static_cast<float>(n) : static_cast<float>(kLanes)));
}

SEGUE_INLINE Vector numbers_from_one() {
  float lane[kLanes];
  for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<float>(i + 1);
  return load(lane);
}

// Over the lanes, in a fixed order.
SEGUE_INLINE float sum(Vector v) {
  float lane[kLanes];
  store(lane, v);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}
SEGUE_INLINE float largest(Vector v) {
  float lane[kLanes];
  store(lane, v);
  float most = lane[0];
  for (int i = 1; i < kLanes; ++i) most = most < lane[i] ? lane[i] : most;
  return most;
}

SEGUE_END
