// The primitives of simd.h in plain C++, for any machine and compiler: 4 lanes.
//
// Compiled without contraction, so that the same source gives the same bits everywhere.
#pragma once

SEGUE_BEGIN

constexpr int kLanes = 4, kRegisters = 16;

#if defined(__GNUC__)  // GCC and Clang keep these in registers, and an array in memory
typedef float Lanes __attribute__((vector_size(sizeof(float) * kLanes)));
#else
struct Lanes {
  float value[kLanes];
  float& operator[](int i) { return value[i]; }
  float operator[](int i) const { return value[i]; }
};
#define SEGUE_LANES_OPERATOR(op)                          \
  inline Lanes operator op(Lanes a, Lanes b) {            \
    for (int i = 0; i < kLanes; ++i) a[i] = a[i] op b[i]; \
    return a;                                             \
  }
SEGUE_LANES_OPERATOR(+)
SEGUE_LANES_OPERATOR(-)
SEGUE_LANES_OPERATOR(*)
SEGUE_LANES_OPERATOR(/)
#undef SEGUE_LANES_OPERATOR
#endif

struct Vector {
  Lanes lane;
};
struct Mask {
  bool lane[kLanes];
};

template <class Function>
SEGUE_INLINE Vector each_lane(Function function) {
  Vector result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = function(i);
  return result;
}

SEGUE_INLINE Vector load(const float* p) {
  Vector a;
  std::memcpy(&a.lane, p, sizeof a.lane);
  return a;
}
SEGUE_INLINE void store(float* p, Vector a) { std::memcpy(p, &a.lane, sizeof a.lane); }
SEGUE_INLINE Vector load_first(const float* p, std::int64_t n) {
  return each_lane([&](int i) { return i < n ? p[i] : 0.0f; });
}
SEGUE_INLINE void store_first(float* p, Vector a, std::int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = a.lane[i];
}
SEGUE_INLINE void keep(Vector&) {}
SEGUE_INLINE Vector broadcast(float x) { return {Lanes{x, x, x, x}}; }

SEGUE_INLINE Vector operator+(Vector a, Vector b) { return {a.lane + b.lane}; }
SEGUE_INLINE Vector operator-(Vector a, Vector b) { return {a.lane - b.lane}; }
SEGUE_INLINE Vector operator*(Vector a, Vector b) { return {a.lane * b.lane}; }
SEGUE_INLINE Vector operator/(Vector a, Vector b) { return {a.lane / b.lane}; }
SEGUE_INLINE Vector fma(Vector a, Vector b, Vector c) {  // std::fma is a call on many machines
  return {a.lane * b.lane + c.lane};
}
SEGUE_INLINE Vector min(Vector a, Vector b) {
  return each_lane([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
SEGUE_INLINE Vector max(Vector a, Vector b) {
  return each_lane([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
SEGUE_INLINE Vector sqrt(Vector a) {
  return each_lane([&](int i) { return ::sqrtf(a.lane[i]); });
}

SEGUE_INLINE Mask less(Vector a, Vector b) {
  Mask mask;
  for (int i = 0; i < kLanes; ++i) mask.lane[i] = a.lane[i] < b.lane[i];
  return mask;
}
SEGUE_INLINE Mask equal(Vector a, Vector b) {
  Mask mask;
  for (int i = 0; i < kLanes; ++i) mask.lane[i] = a.lane[i] == b.lane[i];
  return mask;
}
SEGUE_INLINE unsigned bits(Mask mask) {
  unsigned found = 0;
  for (int i = 0; i < kLanes; ++i) found |= static_cast<unsigned>(mask.lane[i]) << i;
  return found;
}
SEGUE_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return each_lane([&](int i) { return mask.lane[i] ? a.lane[i] : b.lane[i]; });
}

// Nearest integer for |a| below 2^22: what lies behind the point is pushed out of the mantissa.
SEGUE_INLINE Vector round(Vector a) {
  const Vector shift = broadcast(12582912.0f);  // 1.5 * 2^23
  return (a + shift) - shift;
}
SEGUE_INLINE Vector scale(Vector a, Vector n) {  // 2^n by its exponent
  return each_lane([&](int i) {
    const float shifted = n.lane[i] + 12583039.0f;  // as above: n + 127 in the lowest bits
    std::uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits <<= 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return a.lane[i] * power;
  });
}
SEGUE_INLINE Vector reciprocal(Vector a) { return broadcast(1.0f) / a; }

SEGUE_END
