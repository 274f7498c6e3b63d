// Dense layers.
#pragma once

#include "matmul.h"
#include "memory.h"

SEGUE_BEGIN

constexpr Index kRowsOfTask = 96;  // with their inputs they stay in the cache

inline int dense(const float* x, Index rows, Index depth, const float* packed, const float* bias,
                 Index columns, float* out, Index threads) {
  const Matrix matrix(packed, depth, columns);
  const Index tasks = (rows + kRowsOfTask - 1) / kRowsOfTask;
  parallel(tasks, threads, rows * depth * columns, [&](Index i) {
    const Index first = i * kRowsOfTask;
    const Index count = rows - first < kRowsOfTask ? rows - first : kRowsOfTask;
    multiply_rows(x + first * depth, depth, count, matrix, bias, out + first * columns, columns);
    return true;
  });
  return 0;
}

SEGUE_END
