// Products of bfloat16 matrices in tiles, with sums in float32: those of a processor with AMX, or
// the same in plain C++, which is for tests on any other.
//
// A tile has 16 rows of 64 bytes: 32 elements of a's depth, or 16 sums. Of b it has 16 pairs of
// depth, each with its two elements of 16 columns: [pair][column][2].
#pragma once

#include <cstdint>

#include "threads.h"

namespace segue {

using Bfloat16 = std::uint16_t;  // the upper half of a float

constexpr Index kTileRows = 16, kTileColumns = 16, kTileDepth = 32, kTileSize = 512;

static inline Index tiles_of(Index count, Index size) { return (count + size - 1) / size; }
static inline Index whole_tiles(Index count, Index size) { return tiles_of(count, size) * size; }

// c [16 * row_tiles, 16 * column_tiles] = a @ b over 32 * blocks of depth; or added to what is
// there. Each element adds its products in the order of depth: its bits depend on its own row and
// column only. Strides are in elements.
struct TileProduct {
  const Bfloat16* a;
  Index a_row, a_block, a_tile;  // from a row, a block of depth, a tile of rows to the next one
  const Bfloat16* b;             // tiles, block after block
  Index b_tile;                  // from a tile of columns to the next one
  Index row_tiles, column_tiles, blocks;
  float* c;
  Index c_row;
  bool adds;
};

// Floats to bfloat16, rounded to the nearest even: `count` of each row, then zeros up to `padded`.
struct NarrowRows {
  const float* from;
  Index from_row, rows, count;
  Bfloat16* to;
  Index to_row, padded;
};

struct Tiles {
  void (*begin)();  // in each thread, before and after products
  void (*end)();
  void (*multiply)(const TileProduct&);
  void (*narrow)(const NarrowRows&);
};

// Those of a segue_precision; null for float32, and where the processor or the system has none.
const Tiles* tiles_of_precision(int precision);

}  // namespace segue
