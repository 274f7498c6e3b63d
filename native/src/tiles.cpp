#include "tiles.h"

#include <cstring>

#include "../include/segue.h"

#if defined(SEGUE_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace segue {

#if defined(SEGUE_AMX)
extern const Tiles amx_tiles;
bool has_amx_bf16();  // the processor; library.cpp
#endif

namespace {

float widen(Bfloat16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

Bfloat16 narrowed(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) return static_cast<Bfloat16>(bits >> 16 | 0x40);
  return static_cast<Bfloat16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void narrow(const NarrowRows& n) {
  for (Index r = 0; r < n.rows; ++r) {
    const float* const from = n.from + r * n.from_row;
    Bfloat16* const to = n.to + r * n.to_row;
    for (Index i = 0; i < n.count; ++i) to[i] = narrowed(from[i]);
    for (Index i = n.count; i < n.padded; ++i) to[i] = 0;
  }
}

// One pair of depth after the other, as the instruction TDPBF16PS takes them.
void multiply_tile(const TileProduct& p, const Bfloat16* a, const Bfloat16* b, float* c) {
  for (Index block = 0; block < p.blocks; ++block, a += p.a_block, b += kTileSize) {
    for (Index r = 0; r < kTileRows; ++r) {
      for (Index pair = 0; pair < kTileDepth / 2; ++pair) {
        const float even = widen(a[r * p.a_row + 2 * pair]);
        const float odd = widen(a[r * p.a_row + 2 * pair + 1]);
        for (Index n = 0; n < kTileColumns; ++n) {
          const Bfloat16* const both = b + (pair * kTileColumns + n) * 2;
          c[r * p.c_row + n] += even * widen(both[0]);
          c[r * p.c_row + n] += odd * widen(both[1]);
        }
      }
    }
  }
}

void multiply(const TileProduct& p) {
  for (Index i = 0; i < p.row_tiles; ++i) {
    for (Index j = 0; j < p.column_tiles; ++j) {
      float* const c = p.c + i * kTileRows * p.c_row + j * kTileColumns;
      for (Index r = 0; r < kTileRows && !p.adds; ++r) {
        for (Index n = 0; n < kTileColumns; ++n) c[r * p.c_row + n] = 0.0f;
      }
      multiply_tile(p, p.a + i * p.a_tile, p.b + j * p.b_tile, c);
    }
  }
}

void nothing() {}

const Tiles plain_tiles = {nothing, nothing, multiply, narrow};

#if defined(SEGUE_AMX)
// The system keeps the tiles of those programs only that have asked for them.
bool has_permission() {
  constexpr int kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}
#endif

}  // namespace

const Tiles* tiles_of_precision(int precision) {
  if (precision == SEGUE_BFLOAT16_PLAIN) return &plain_tiles;
#if defined(SEGUE_AMX)
  static const bool has_tiles = has_amx_bf16() && has_permission();
  if (precision == SEGUE_BFLOAT16 && has_tiles) return &amx_tiles;
#endif
  return nullptr;
}

}  // namespace segue
