#include "quantiles.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace segue {

namespace {

constexpr Index kWorkOfValue = 100;  // multiplications that a value in an interval is worth

struct Interval {
  Index parts, number, shifted, quantiles;
};
static_assert(sizeof(Interval) == 4 * sizeof(Index), "rows of four integers");

// A float as an integer of the same order, and back: any bits can be sorted, also those of what is
// not a number.
std::int32_t turned(std::int32_t bits) { return bits < 0 ? bits ^ 0x7fffffff : bits; }
std::int32_t key_of(float value) {
  std::int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return turned(bits);
}
float value_of(std::int32_t key) {
  const std::int32_t bits = turned(key);
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct Bounds {
  Index first, end;
};

// At least one step, also of a sequence with fewer steps than there are parts.
Bounds bounds_of(const Interval& interval, Index length) {
  const Index parts = interval.parts, number = interval.number;
  const Index shift = interval.shifted ? (length + 2 * parts - 1) / (2 * parts) : 0;
  const Index first = std::min(number * length / parts + shift, length - 1);
  return {first, std::max(std::min((number + 1) * length / parts + shift, length), first + 1)};
}

// Evenly spaced quantiles of sorted keys, the least and the largest included; each second one less
// the mean. One alone is the median.
void spread(const std::int32_t* keys, Index size, double mean, Index count, float* out) {
  const Index between = count == 1 ? 2 : count - 1;
  for (Index j = 0; j < count; ++j) {
    const Index place = (count == 1 ? 1 : j) * (size - 1);
    const Index low = place / between;
    const double below = value_of(keys[low]), above = value_of(keys[std::min(low + 1, size - 1)]);
    const double share = double(place % between) / double(between);
    out[j] = float(below + (share > 0 ? (above - below) * share : 0.0) - (j % 2 ? mean : 0.0));
  }
}

struct Call {
  const float* values;
  const Index* offsets;
  Index features;
  const Interval* intervals;
  Index count, width;
  float* out;
};

bool quantiles_of(const Call& call, Index i) {
  const Index begin = call.offsets[i], length = call.offsets[i + 1] - begin;
  std::vector<std::int32_t> keys;
  try {
    keys.resize(std::size_t(length));
  } catch (const std::bad_alloc&) {
    return false;
  }
  for (Index f = 0; f < call.features; ++f) {
    const float* column = call.values + begin * call.features + f;
    float* out = call.out + (i * call.features + f) * call.width;
    for (Index k = 0; k < call.count; ++k) {
      const Bounds at = bounds_of(call.intervals[k], length);
      double sum = 0.0;
      for (Index step = at.first; step < at.end; ++step) {
        const float value = column[step * call.features];
        sum += value;
        keys[std::size_t(step - at.first)] = key_of(value);
      }
      const Index size = at.end - at.first;
      std::sort(keys.begin(), keys.begin() + size);
      spread(keys.data(), size, sum / double(size), call.intervals[k].quantiles, out);
      out += call.intervals[k].quantiles;
    }
  }
  return true;
}

}  // namespace

int quantiles(const float* values, const Index* offsets, Index n, Index features,
              const Index* intervals, Index count, float* out, Index threads) {
  Call call{values, offsets, features, reinterpret_cast<const Interval*>(intervals), count, 0, out};
  double share = 0.0;  // of a sequence, in all intervals together
  for (Index k = 0; k < count; ++k) {
    call.width += call.intervals[k].quantiles;
    share += 1.0 / double(call.intervals[k].parts);
  }
  const double work = double(offsets[n] - offsets[0]) * double(features) * share * kWorkOfValue;
  const bool done = run_parallel(
      n, threads, Index(work),
      [](void* context, Index i) { return quantiles_of(*static_cast<const Call*>(context), i); },
      &call);
  return done ? 0 : 1;
}

}  // namespace segue
