// The 84 kernels of MiniROCKET, and four numbers of the steps at which a response passes a bias.
#pragma once

#include "taps.h"

SEGUE_BEGIN

constexpr Index kFixedKernels = 84;  // three taps of nine weigh 2, the others -1
constexpr Index kWord = 64;          // steps whose signs are the bits of a word

inline Index first_ones(std::uint64_t word) {  // from the lowest bit on
  Index count = 0;
#if defined(__GNUC__)
  count = ~word ? __builtin_ctzll(~word) : kWord;
#else
  while (count < kWord && (word >> count & 1)) ++count;
#endif
  return count;
}
inline Index last_ones(std::uint64_t word) {  // from the highest bit down
  Index count = 0;
#if defined(__GNUC__)
  count = ~word ? __builtin_clzll(~word) : kWord;
#else
  while (count < kWord && (word >> (kWord - 1 - count) & 1)) ++count;
#endif
  return count;
}
inline Index count_ones(std::uint64_t word) {
#if defined(__GNUC__)
  return __builtin_popcountll(word);
#else
  Index count = 0;
  for (; word; word &= word - 1) ++count;
  return count;
#endif
}

// The longest run of ones in words that come one after the other.
struct LongestRun {
  Index longest = 0, now = 0;

  void add(std::uint64_t word) {
    if (!~word) {
      now += kWord;
    } else {
      keep(now + first_ones(word));
      if (longest < count_ones(word)) {
        Index inside = 0;
        for (std::uint64_t left = word; left; left &= left << 1) ++inside;
        keep(inside);
      }
      now = last_ones(word);
    }
    keep(now);
  }

 private:
  void keep(Index run) {
    if (longest < run) longest = run;
  }
};

// For all steps of a signal; `total` [length]: the sum of the taps, each less the one in the middle.
inline void sum_of_taps(const float* padded, Index length, Index dilation, float* total) {
  for (Index step = 0; step < length; step += kLanes) {
    Vector taps[kTaps];
    load_taps(padded, step, dilation, taps);
    Vector all = taps[0];
    for (Index tap = 1; tap < kTaps; ++tap) all = all + taps[tap];
    store_row(total, all, step, length);
  }
}

inline void respond(const float* padded, const float* total, Index length, Index dilation,
                    const Index (&heavy)[3], float* response) {
  for (Index step = 0; step < length; step += kLanes) {
    const Vector middle = load(padded + step + kMiddle * dilation);
    Vector three = load(padded + step + heavy[0] * dilation) - middle;
    three = three + (load(padded + step + heavy[1] * dilation) - middle);
    three = three + (load(padded + step + heavy[2] * dilation) - middle);
    store_row(response, three * broadcast(3.0f) - load_row(total, step, length), step, length);
  }
}

// The share of responses above a bias, the longest run of such ones as a share, the mean of what
// they have more, and the mean of their places, counted from 1, as a share.
struct Pooled {
  float share, stretch, mean, place;
};

inline Pooled pool_responses(const float* response, Index count, float bias) {
  const Vector edge = broadcast(bias), lanes = broadcast(static_cast<float>(kLanes));
  const Vector first = numbers_from_one();
  LongestRun run;
  Index above = 0;
  double excess = 0.0, places = 0.0;
  for (Index begin = 0; begin < count; begin += kWord) {
    std::uint64_t word = 0;
    Vector over = zero(), place = zero(), number = first;
    for (Index at = 0; at < kWord && begin + at < count; at += kLanes) {
      const Vector more = load_row(response, begin + at, count) - edge;
      Mask positive = less(zero(), more);
      if (begin + at + kLanes > count) {
        const Vector one = select(positive, broadcast(1.0f), zero());
        positive = less(zero(), select(lanes_below(count - begin - at), one, zero()));
      }
      over = over + select(positive, more, zero());
      place = place + select(positive, number, zero());
      number = number + lanes;
      word |= static_cast<std::uint64_t>(bits(positive)) << at;
    }
    const Index ones = count_ones(word);
    above += ones;
    run.add(word);
    excess += sum(over);
    places += static_cast<double>(sum(place)) + static_cast<double>(begin) * ones;
  }
  const double all = static_cast<double>(count), passed = above ? static_cast<double>(above) : 1.0;
  return {static_cast<float>(above / all), static_cast<float>(run.longest / all),
          static_cast<float>(excess / passed), static_cast<float>(places / passed / all)};
}

// bias [84, count]: of each kernel. Kernels whose number and `phase` have an even sum see zeros
// beyond the ends; the others are asked where they lie within a sequence, if they do anywhere.
inline int multirocket(const float* values, const Index* offsets, Index n, Index features,
                       const float* channels, const float* bias, Index count, Index dilation,
                       Index phase, float* out, Index out_stride, Index pool_stride,
                       Index threads) {
  const Index work = (offsets[n] - offsets[0]) * kFixedKernels * (kTaps + 8 * count);
  const bool done = parallel(n, threads, work, [&](Index i) {
    const Index length = offsets[i + 1] - offsets[i], reach = kMiddle * dilation;
    Signals signals(values + offsets[i] * features, length, features, dilation);
    Scratch<float> total(length), response(length);
    if (!signals || !total || !response) return false;
    const float* padded = nullptr;
    Index number = 0;
    for (Index a = 0; a < kTaps; ++a) {
      for (Index b = a + 1; b < kTaps; ++b) {
        for (Index c = b + 1; c < kTaps; ++c, ++number) {
          if (channels != nullptr || padded == nullptr) {
            padded = channels == nullptr ? signals.mix(nullptr, 0)
                                         : signals.mix(channels + number, kFixedKernels);
            sum_of_taps(padded, length, dilation, total.data);
          }
          respond(padded, total.data, length, dilation, {a, b, c}, response.data);
          const bool within = (number + phase) % 2 != 0 && length > 2 * reach;
          const float* from = response.data + (within ? reach : 0);
          float* to = out + i * out_stride + number * count;
          for (Index k = 0; k < count; ++k, ++to) {
            const Pooled found =
                pool_responses(from, length - (within ? 2 * reach : 0), bias[number * count + k]);
            to[0] = found.share;
            to[pool_stride] = found.stretch;
            to[2 * pool_stride] = found.mean;
            to[3 * pool_stride] = found.place;
          }
        }
      }
    }
    return true;
  });
  return done ? 0 : 1;
}

SEGUE_END
