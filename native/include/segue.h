/* The native kernels of segue: forward passes over ragged batches, in float32.
 *
 * Signals are ragged: `values` [steps, feature] of all sequences one behind the other, and `offsets`
 * [n + 1]: sequence i has the steps from offsets[i] up to, not including, offsets[i + 1]. Arrays are
 * contiguous, the last axis first, unless a stride (in floats) is given. Nothing is checked here:
 * that is the caller's part. Functions that return int give 0, or 1 where there was no memory.
 *
 * The result of a row (of a sequence) has the same bits whatever stands beside it in the batch,
 * whatever the number of threads, and in whatever pieces a sequence comes. `threads` is the most
 * that are started, for one call; small calls start none.
 */
#ifndef SEGUE_H
#define SEGUE_H

#include <stdint.h>

#if defined(_WIN32)
#define SEGUE_API __declspec(dllexport)
#elif defined(__GNUC__)
#define SEGUE_API __attribute__((visibility("default")))
#else
#define SEGUE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a signature, the order of `segue_kernels` or a packed layout changes. */
#define SEGUE_ABI 1

/* Gates and their order as in src/segue/kernels/cells.py. */
typedef enum {
  SEGUE_LSTM = 0,       /* input, forget, cell, output */
  SEGUE_GRU = 1,        /* update, reset, candidate; bias [2, 3 * units]: input, recurrent */
  SEGUE_GRU_BEFORE = 2, /* the reset gate acts before the product; bias [3 * units] */
  SEGUE_RNN_TANH = 3,
  SEGUE_RNN_RELU = 4
} segue_cell;

typedef struct {
  /* kernel [depth, columns] into the order in which it is read; sizes in floats. */
  int64_t (*packed_size)(int64_t depth, int64_t columns);
  void (*pack)(const float *kernel, int64_t depth, int64_t columns, float *packed);

  /* out [rows, columns] = x [rows, depth] @ kernel + bias; bias may be NULL. */
  int (*dense)(const float *x, int64_t rows, int64_t depth, const float *packed, const float *bias,
               int64_t columns, float *out, int64_t threads);

  /* kernel [channels, gates * units], recurrent_kernel [units, gates * units]. */
  int64_t (*packed_cell_size)(int cell, int64_t channels, int64_t units);
  void (*pack_cell)(int cell, const float *kernel, const float *recurrent_kernel,
                    const float *bias, int64_t channels, int64_t units, float *packed);

  /* h, c [n, units]: before the first step (NULL: zeros), and h_after, c_after: after the last one
   * taken; c and c_after of an LSTM only. With `backward` each sequence runs from its own end, and
   * its outputs stand at the steps that they belong to. outputs [steps, units] may be NULL. */
  int (*recurrent)(int cell, const float *packed, int64_t channels, int64_t units,
                   const float *values, const int64_t *offsets, int64_t n, const float *h,
                   const float *c, int backward, float *outputs, int64_t outputs_stride,
                   float *h_after, float *c_after, int64_t threads);
} segue_kernels;

SEGUE_API int segue_abi(void);

/* "avx512", "avx2" or "portable": the best that this processor has. */
SEGUE_API const char *segue_best_path(void);

/* The kernels of a path; NULL where the library or the processor has not got it. */
SEGUE_API const segue_kernels *segue_path(const char *path);

#ifdef __cplusplus
}
#endif

#endif
