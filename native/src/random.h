// Masks of dropout: a pure function of a key and of the position in the mask.
//
// The numbers are those of NumPy's Philox: Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011 (4 words of 64 bits, 10 rounds).
#pragma once

#include "simd.h"

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

SEGUE_BEGIN

using Word = std::uint64_t;

SEGUE_INLINE Word multiply_words(Word a, Word b, Word* high) {
#if defined(__SIZEOF_INT128__)
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  *high = static_cast<Word>(product >> 64);
  return static_cast<Word>(product);
#elif defined(_MSC_VER) && defined(_M_X64)
  return _umul128(a, b, high);
#else
  const Word low = 0xffffffffu, a0 = a & low, a1 = a >> 32, b0 = b & low, b1 = b >> 32;
  const Word first = a0 * b0, second = a1 * b0 + (first >> 32), third = a0 * b1 + (second & low);
  *high = a1 * b1 + (second >> 32) + (third >> 32);
  return a * b;
#endif
}

struct Philox {
  Word key[2];

  void block(Word counter, Word step, Word out[4]) const {
    Word c[4] = {counter, step, 0, 0}, k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
      Word high0, high1;
      const Word low0 = multiply_words(0xD2E7470EE14C6C93u, c[0], &high0);
      const Word low1 = multiply_words(0xCA5A826395121157u, c[2], &high1);
      c[0] = high1 ^ c[1] ^ k0, c[1] = low1, c[2] = high0 ^ c[3] ^ k1, c[3] = low0;
      k0 += 0x9E3779B97F4A7C15u, k1 += 0xBB67AE8584CAA73Bu;
    }
    for (int i = 0; i < 4; ++i) out[i] = c[i];
  }
};

// The mask of one layer in one batch: 0 with probability `rate`, else 1 / (1 - rate).
class KeepMask {
 public:
  KeepMask(const Word* key, Index step, double rate)
      : draws_{{key[0], key[1]}},
        step_(static_cast<Word>(step)),
        least_(threshold(rate)),
        kept_(static_cast<float>(1.0 / (1.0 - rate))) {}

  // Elements first, first + 1, ... of the mask.
  void fill(Index first, Index count, float* out) const {
    constexpr Index kElements = 8;  // of a block
    Word words[4];
    for (Index i = first; i < first + count; ++i) {
      const Index element = i % kElements;
      if (i == first || element == 0) draws_.block(static_cast<Word>(i / kElements) + 1, step_, words);
      const Word drawn = words[element / 2] >> (element % 2 * 32) & 0xffffffffu;
      out[i - first] = drawn >= least_ ? kept_ : 0.0f;
    }
  }

 private:
  static Word threshold(double rate) {
    const double least = std::nearbyint(rate * 4294967296.0);
    return least < 4294967295.0 ? static_cast<Word>(least) : 0xffffffffu;
  }

  Philox draws_;
  Word step_, least_;
  float kept_;
};

SEGUE_END
