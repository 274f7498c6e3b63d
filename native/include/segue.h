/* The native kernels of segue: forward passes over ragged batches, and training, in float32;
 * of training some products in bfloat16, where that is asked for.
 *
 * Signals are ragged: `values` [steps, feature] of all sequences one behind the other, and
 * `offsets` [n + 1]: sequence i has the steps from offsets[i] up to, not including, offsets[i + 1].
 * Arrays are contiguous, the last axis first, unless a stride (in floats) is given. Nothing is
 * checked here: that is the caller's part. Functions that return int give 0, or 1 where there was
 * no memory.
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
#define SEGUE_ABI 9

/* Gates and their order as in src/segue/kernels/cells.py. */
typedef enum {
  SEGUE_LSTM = 0,       /* input, forget, cell, output */
  SEGUE_GRU = 1,        /* update, reset, candidate; bias [2, 3 * units]: input, recurrent */
  SEGUE_GRU_BEFORE = 2, /* the reset gate acts before the product; bias [3 * units] */
  SEGUE_RNN_TANH = 3,
  SEGUE_RNN_RELU = 4
} segue_cell;

/* As in src/segue/layers/activations.py; those that go over the features of a row are the last. */
typedef enum {
  SEGUE_LINEAR = 0,
  SEGUE_RELU,
  SEGUE_RELU6,
  SEGUE_LEAKY_RELU, /* parameter: slope */
  SEGUE_ELU,
  SEGUE_SELU,
  SEGUE_GELU,
  SEGUE_SILU,
  SEGUE_HARD_SILU,
  SEGUE_MISH,
  SEGUE_SOFTPLUS,
  SEGUE_SQUAREPLUS,
  SEGUE_SPARSE_PLUS,
  SEGUE_SOFTSIGN,
  SEGUE_TANH,
  SEGUE_HARD_TANH,
  SEGUE_TANH_SHRINK,
  SEGUE_SOFT_SHRINK, /* parameter: threshold */
  SEGUE_HARD_SHRINK, /* parameter: threshold */
  SEGUE_SIGMOID,
  SEGUE_HARD_SIGMOID,
  SEGUE_SPARSE_SIGMOID,
  SEGUE_LOG_SIGMOID,
  SEGUE_EXPONENTIAL,
  SEGUE_SOFTMAX,
  SEGUE_LOG_SOFTMAX,
  SEGUE_SPARSEMAX
} segue_activation;

/* -- training -------------------------------------------------------------------------------- */

typedef enum {
  SEGUE_LAYER_DENSE = 0,  /* function: its activation */
  SEGUE_LAYER_RECURRENT,  /* function: its cell; in one direction or two */
  SEGUE_LAYER_DROPOUT,
  SEGUE_LAYER_EMBEDDING,
  SEGUE_LAYER_POOL,       /* function: segue_pool */
  SEGUE_LAYER_FLATTEN,
  SEGUE_LAYER_ACTIVATION  /* function: the activation, not one over the features of a row */
} segue_layer_kind;

typedef enum { SEGUE_POOL_LAST = 0, SEGUE_POOL_MEAN, SEGUE_POOL_MAX } segue_pool;

typedef enum {
  SEGUE_ONE_DIRECTION = 0,
  SEGUE_CONCAT,
  SEGUE_SUM,
  SEGUE_MEAN
} segue_merge;

/* Of the products of a recurrent layer that is trained; sums, gates, states and weights are float32. */
typedef enum {
  SEGUE_FLOAT32 = 0,
  SEGUE_BFLOAT16,      /* in tiles of AMX */
  SEGUE_BFLOAT16_PLAIN /* the same in plain C++, for tests: slow */
} segue_precision;

/* Offsets are those of weights within the network's; -1: there is none. */
typedef struct {
  int32_t kind;
  int32_t function;
  int32_t merge;           /* of a recurrent layer: segue_merge */
  int32_t keeps_sequence;  /* whether the output has a time axis */
  float parameter;         /* of the activation */
  int32_t is_trained;      /* or the weights stay as they are */
  int32_t precision;       /* of a recurrent layer: segue_precision */
  double rate;             /* of dropout, of the inputs of a recurrent layer */
  double recurrent_rate;   /* of the hidden state, with a mask for each gate */
  int64_t inputs, outputs; /* features; outputs of a recurrent layer: units of a direction */
  int64_t kernel[2], recurrent_kernel[2], bias[2], initial_h[2], initial_c[2]; /* by direction */
  int64_t inputs_mask[2], hidden_mask[2]; /* numbers of the masks' keys, by direction */
} segue_layer;

typedef enum {
  SEGUE_SOFTMAX_LOSS = 0, /* targets: class numbers */
  SEGUE_BINARY_LOSS,      /* one logit; targets: 0 or 1 */
  SEGUE_SIGMOID_LOSS,     /* targets: class numbers */
  SEGUE_MULTILABEL_LOSS,  /* targets: float [outputs] */
  SEGUE_SQUARED_LOSS      /* targets: float [outputs] */
} segue_loss;

typedef enum { SEGUE_ADAM = 0, SEGUE_ADAMW, SEGUE_RMSPROP, SEGUE_SGD } segue_optimizer;

typedef struct {
  const segue_layer* layers;
  int64_t layer_count;
  float* weights;
  int64_t size;          /* of the weights, in floats */
  int64_t shared;        /* of the first ones: behind them are embeddings */
  const int64_t* trained; /* [trained_count, 2]: first and end, none across `shared` */
  int64_t trained_count;
  int32_t loss;
  int32_t every;     /* a target at every step, -1 for none; or one for a sequence */
  float smoothing;   /* of labels */
  int32_t scores_losses;  /* the score is the loss, and not whether the target is predicted */
  int32_t reports_scores; /* the loss that is reported is the score: in the target's own unit */
  const float* scale; /* [outputs]: of the score of a squared loss; NULL: 1 */
  int32_t optimizer;
  float momentum, weight_decay;
  float clip_norm; /* 0: none */
  float* moments;  /* [2, size]: the optimizer's */
} segue_network;

typedef struct {
  const float* values;   /* [steps, channels], or */
  const int32_t* tokens; /* [steps] */
  int64_t channels;
  const int64_t* offsets; /* [n + 1] */
  const int64_t* classes; /* [n], or [steps] for every step; or */
  const float* targets;   /* [n, outputs] */
  const float* weights;   /* as many as targets; NULL: each counts once */
} segue_examples;

/* Memory that a call leaves for the next one. */
typedef struct segue_store segue_store;

typedef struct {
  const int64_t* sequences;     /* of all batches, one behind the other */
  const int64_t* batch_offsets; /* [batches + 1] */
  const int64_t* batch_numbers; /* [batches]: within the epoch, for the masks */
  const int64_t* first_batches; /* [count + 1]: of each update */
  const double* rates;          /* [count]: learning rates */
  int64_t count;
  const uint64_t* keys; /* [masks, 2] */
  int32_t trains;       /* 0: loss and score only */
  double seconds;       /* after which no update is begun but the first */
  int64_t threads;
  segue_store* store; /* of what the calls of a training need; NULL: each makes its own */
} segue_updates;

typedef struct {
  int64_t steps; /* of the optimizer so far */
  int64_t done;  /* updates */
  double loss, norm; /* of the last one; where one is not finite, the weights are those before */
  double sums[3];    /* loss, score, number of targets: added to */
  int64_t bytes;     /* the most that a shard took */
  int64_t threads;   /* that took part */
} segue_progress;

/* A recurrent layer over a padded batch [batch, time, channels], of which sequence i has the first
 * lengths[i] steps; what lies behind them is never read. */
typedef struct {
  int cell;
  int64_t channels, units;
  const float* kernel;           /* [channels, gates * units] */
  const float* recurrent_kernel; /* [units, gates * units] */
  const float* bias;
  const int64_t* lengths;
  int64_t batch, time;
  const float* input_masks;  /* [batch, gates, channels], or NULL */
  const float* hidden_masks; /* [batch, gates, units], or NULL */
} segue_recurrence;

typedef struct {
  /* kernel [depth, columns] into the order in which it is read; sizes in floats. */
  int64_t (*packed_size)(int64_t depth, int64_t columns);
  void (*pack)(const float* kernel, int64_t depth, int64_t columns, float* packed);

  /* out [rows, columns] = x [rows, depth] @ kernel + bias; bias may be NULL. */
  int (*dense)(const float* x, int64_t rows, int64_t depth, const float* packed, const float* bias,
               int64_t columns, float* out, int64_t threads);

  /* kernel [channels, gates * units], recurrent_kernel [units, gates * units]. */
  int64_t (*packed_cell_size)(int cell, int64_t channels, int64_t units);
  void (*pack_cell)(int cell, const float* kernel, const float* recurrent_kernel, const float* bias,
                    int64_t channels, int64_t units, float* packed);

  /* h, c [n, units]: before the first step (NULL: zeros), and h_after, c_after: after the last one
   * taken; c and c_after of an LSTM only. With `backward` each sequence runs from its own end, and
   * its outputs stand at the steps that they belong to. outputs [steps, units] may be NULL. */
  int (*recurrent)(int cell, const float* packed, int64_t channels, int64_t units,
                   const float* values, const int64_t* offsets, int64_t n, const float* h,
                   const float* c, int backward, float* outputs, int64_t outputs_stride,
                   float* h_after, float* c_after, int64_t threads);

  /* Output j of a sequence sees the steps j * stride - before + i * dilation, i < size; what lies
   * outside the sequence is 0. packed: of the kernel [size * features, columns]. The sequences of
   * out [out_steps, columns] have out_offsets. */
  int (*conv)(const float* values, const int64_t* offsets, const int64_t* out_offsets, int64_t n,
              int64_t features, const float* packed, const float* bias, int64_t columns,
              int64_t size, int64_t stride, int64_t dilation, int64_t before, float* out,
              int64_t threads);

  /* The largest value of each feature in such windows; what lies outside is left out. */
  int (*max_pool)(const float* values, const int64_t* offsets, const int64_t* out_offsets,
                  int64_t n, int64_t features, int64_t width, int64_t stride, int64_t before,
                  float* out, int64_t threads);

  /* Causal convolutions of one dilation, reduced over the steps of each sequence from `skip` on:
   * positive: sums of clamp(response / edge + 0.5, 0, 1); largest: largest responses. Rows of both
   * are `out_stride` apart. */
  int (*random_conv)(const float* values, const int64_t* offsets, int64_t n, int64_t features,
                     const float* packed, const float* bias, int64_t columns, int64_t size,
                     int64_t dilation, int64_t skip, float edge, float* positive, float* largest,
                     int64_t out_stride, int64_t threads);

  /* Quantiles of parts of each sequence, by feature. intervals [count, 4]: a sequence is cut into
   * `parts` of equal length, of which it is the one of this `number`; where `shifted` is not 0 it
   * lies half a part later; `quantiles`: how many evenly spaced ones, the least value first, of
   * which each second is less the mean; one alone is the median. An interval has at least one step.
   * out [n, features, sum of quantiles]. */
  int (*quantiles)(const float* values, const int64_t* offsets, int64_t n, int64_t features,
                   const int64_t* intervals, int64_t count, float* out, int64_t threads);

  /* Groups of kernels compete: at each step the one with the largest response, the first of equal
   * ones, adds it to its sum in `most`, and the one with the least adds 1 in `least`; rows of both,
   * [groups * kernels], are out_stride apart. kernel [9, groups * kernels]: its taps, of one
   * dilation around each step, multiply what the steps there are more than the one in the middle;
   * beyond the ends are zeros. channels [features, groups] weighs the features of the signal that
   * a group sees; NULL: there is one feature, as it is. */
  int (*hydra)(const float* values, const int64_t* offsets, int64_t n, int64_t features,
               const float* channels, const float* kernel, int64_t groups, int64_t kernels,
               int64_t dilation, float* most, float* least, int64_t out_stride, int64_t threads);

  /* The 84 kernels of nine taps of which three, in lexicographic order, weigh 2 and the others -1,
   * as for `hydra`. Those whose number and `phase` have an even sum see zeros beyond the ends, the
   * others lie within the sequence if it is as long as they are. Of the responses above each bias of
   * [84, count]: at out their share, and pool_stride, twice and three times that further their
   * longest run as a share, the mean of what they are above the bias, and the mean of their places,
   * counted from 1, as a share. channels [features, 84], or NULL. Rows are out_stride apart. */
  int (*multirocket)(const float* values, const int64_t* offsets, int64_t n, int64_t features,
                     const float* channels, const float* bias, int64_t count, int64_t dilation,
                     int64_t phase, float* out, int64_t out_stride, int64_t pool_stride,
                     int64_t threads);

  /* Distances, sums of absolute differences, of shapelets [size * features, count] to the windows
   * of each sequence, of the steps of one dilation; where `normalized` is not 0, a window's values
   * are less their mean, by feature, and divided by their deviation. A sequence that is shorter than
   * a window has one, with zeros beyond its end. At out the least distance, and part_stride and
   * twice that further its place, counted from 1, and the number of windows below the threshold, as
   * shares of the windows. Rows are out_stride apart. */
  int (*rdst)(const float* values, const int64_t* offsets, int64_t n, int64_t features,
              const float* shapelets, const float* thresholds, int64_t size, int64_t count,
              int64_t dilation, int normalized, float* out, int64_t out_stride,
              int64_t part_stride, int64_t threads);

  /* q, out [q_steps, features]; k, v [k_steps, features]. causal: query i of a sequence with a
   * queries and b keys sees the keys up to b - a + i. */
  int (*attention)(const float* q, const float* k, const float* v, const int64_t* q_offsets,
                   const int64_t* k_offsets, int64_t n, int64_t heads, int64_t features, int causal,
                   float* out, int64_t threads);

  /* out [n, parts * features]: means, or largest values, of the steps from part * length / parts
   * up to, not including, (part + 1) * length / parts, rounded up. */
  int (*pool)(const float* values, const int64_t* offsets, int64_t n, int64_t features, int is_mean,
              int64_t parts, float* out, int64_t threads);

  /* out [n, features]: means weighted by softmax(values @ query / sqrt(features)). */
  int (*pool_attention)(const float* values, const int64_t* offsets, int64_t n, int64_t features,
                        const float* query, float* out, int64_t threads);

  int (*layer_norm)(const float* values, int64_t rows, int64_t features, const float* gamma,
                    const float* beta, float epsilon, float* out, int64_t threads);
  int (*scale_shift)(const float* values, int64_t rows, int64_t features, const float* scale,
                     const float* shift, float* out, int64_t threads);
  int (*activate)(int activation, float parameter, const float* values, int64_t rows,
                  int64_t features, float* out, int64_t threads);
  int (*train)(const segue_network* network, const segue_examples* examples,
               const segue_updates* updates, segue_progress* progress);
  /* Into how many shards a batch of so many sequences and steps is cut: each has gradients of its
   * own, and a thread has the activations of one. */
  int64_t (*shards)(const segue_network* network, int64_t sequences, int64_t steps);


  /* Forward for the gradient: `tape`, of the caller, has as many floats as the size says (-1: no
   * memory), and is what backward needs; that overwrites it. h, c, h_after, c_after [batch, units]
   * are as for `recurrent`. outputs [batch, time, units] are 0 behind the ends. */
  int64_t (*recurrent_tape_size)(const segue_recurrence* call);
  int (*recurrent_forward)(const segue_recurrence* call, const float* x, const float* h,
                           const float* c, float* tape, float* outputs, float* h_after,
                           float* c_after, int64_t threads);

  /* d_outputs, d_h_after, d_c_after: NULL for zeros. The gradients of the weights are added to what
   * is there, unless d_kernel is NULL; d_x, d_h, d_c are overwritten, unless they are NULL. */
  int (*recurrent_backward)(const segue_recurrence* call, float* tape, const float* d_outputs,
                            const float* d_h_after, const float* d_c_after, float* d_kernel,
                            float* d_recurrent_kernel, float* d_bias, float* d_x, float* d_h,
                            float* d_c, int64_t threads);
} segue_kernels;

SEGUE_API int segue_abi(void);

/* "avx512", "avx2" or "portable": the best that this processor has. */
SEGUE_API const char* segue_best_path(void);

/* The kernels of a path; NULL where the library or the processor has not got it. */
SEGUE_API const segue_kernels* segue_path(const char* path);

/* Whether this library, processor and system have the products of a segue_precision. */
SEGUE_API int segue_has_precision(int precision);

/* An empty store (NULL: no memory), and the end of one that no call has any more. */
SEGUE_API segue_store* segue_store_new(void);
SEGUE_API void segue_store_free(segue_store* store);

#ifdef __cplusplus
}
#endif

#endif
