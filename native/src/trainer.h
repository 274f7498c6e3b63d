// Many updates of a network in one call.
//
// A batch is cut into shards, by a rule that knows nothing of threads. A thread takes a shard
// through the whole network and back, into gradients of its own, which are then added in the order
// of the shards: so the bits are the same with any number of threads.
#pragma once

#include "denormals.h"
#include "losses.h"
#include "optimizers.h"
#include "team.h"
#include "training_recurrent_layer.h"

SEGUE_BEGIN

constexpr Index kWeightsOfPiece = 4096;  // that a thread takes at once, when gradients are added

// The gradients of more weights than this leave the second cache: there each shard has to use each
// weight so many times that adding them is little beside.
constexpr Index kManyWeights = 65536, kUsesOfMany = 64;

// Multiplications of a forward pass over some sequences, about.
inline Index work_of(const segue_network& network, Index sequences, Index steps) {
  Index rows = steps, work = 0;
  for (Index i = 0; i < network.layer_count; ++i) {
    const segue_layer& layer = network.layers[i];
    if (layer.kind == SEGUE_LAYER_POOL || layer.kind == SEGUE_LAYER_FLATTEN) rows = sequences;
    if (layer.kind == SEGUE_LAYER_DENSE) work += rows * layer.inputs * layer.outputs;
    if (layer.kind != SEGUE_LAYER_RECURRENT) continue;
    const Index ways = layer.merge == SEGUE_ONE_DIRECTION ? 1 : 2, units = layer.outputs;
    work += rows * ways * (layer.inputs + units) * units * gates_of(layer.function);
    if (!layer.keeps_sequence) rows = sequences;
  }
  return work;
}

// Into how many shards a batch is cut.
inline Index shards_of(const segue_network& network, Index sequences, Index steps) {
  const Index wanted = shards_of(sequences);
  Index most = kMostShards;
  if (network.shared > kManyWeights) {
    most = work_of(network, sequences, steps) / network.shared / kUsesOfMany;
  }
  return wanted < most ? wanted : most < 1 ? 1 : most;
}
inline Index shards(const segue_network* network, Index sequences, Index steps) {
  return shards_of(*network, sequences, steps);
}

// A stretch of the weights, and the sum of the squares of its gradient.
struct Piece {
  Index first, end;
  double squares;
};

class Trainer {
 public:
  Trainer(const segue_network& network, const segue_examples& examples,
          const segue_updates& updates, segue_progress& progress)
      : network_(network),
        examples_(examples),
        updates_(updates),
        progress_(progress),
        loss_{static_cast<segue_loss>(network.loss), network.layers[network.layer_count - 1].outputs,
              network.smoothing, network.scores_losses != 0, network.scale},
        packed_(updates.store),
        gradients_(updates.store),
        total_(updates.store),
        of_tokens_(updates.store) {}
  ~Trainer() {
    for (Index i = 0; i < made_; ++i) delete layers_.data[i].layer;
    delete[] arenas_;
  }
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // False where there is no memory; the weights are then as after the last update that is done.
  bool run() {
    if (!prepare()) return false;
    const double began = seconds_now();
    progress_.done = 0, progress_.bytes = 0, progress_.threads = threads_;
    Team team(threads_);
    bool goes_on = true;
    for (Index update = 0; update < updates_.count && goes_on; ++update) {
      goes_on = run_update(team, update) && seconds_now() - began < updates_.seconds;
    }
    for (Index i = 0; i < threads_; ++i) {
      if (arenas_[i].bytes() > progress_.bytes) progress_.bytes = arenas_[i].bytes();
    }
    return !has_failed_.is_set();
  }

 private:
  // Fewer multiplications of an update are not worth a second thread.
  static constexpr Index kWorkOfTeam = 2'000'000;

  struct Placed {
    TrainingLayer* layer;
    Index packed;  // where its packed weights begin
  };

  // -- before the first update --------------------------------------------------------------------

  bool prepare() {
    Index packed = 0;
    if (!layers_.make(network_.layer_count)) return false;
    for (Index i = 0; i < network_.layer_count; ++i) {
      TrainingLayer* const layer = make_layer(network_.layers[i]);
      if (layer == nullptr) return false;
      layers_.data[made_++] = Placed{layer, packed};
      packed += (layer->packed_size() + kLanes - 1) / kLanes * kLanes;
      const bool learns = layer->spec().is_trained != 0;
      if (learns && first_trained_ < 0) first_trained_ = i;
      if (layer->spec().kind == SEGUE_LAYER_EMBEDDING) embedding_ = &layer->spec();
    }
    const Index batches = updates_.first_batches[updates_.count];
    Index most_steps = 0;
    for (Index b = updates_.first_batches[0]; b < batches; ++b) {
      const Index shards = shards_of_batch(b), steps = steps_of(b);
      if (shards > most_shards_) most_shards_ = shards;
      if (steps > most_steps) most_steps = steps;
    }
    const Index most = most_shards_ < updates_.threads ? most_shards_ : updates_.threads;
    if (work_of_update() >= kWorkOfTeam && most > 1) threads_ = most;
    arenas_ = new (std::nothrow) Arena[threads_];
    if (arenas_ == nullptr) return false;
    for (Index i = 0; i < threads_; ++i) arenas_[i].use(updates_.store);
    const bool trains = updates_.trains != 0;
    Index pieces = 0;
    for (Index i = 0; trains && i < network_.trained_count; ++i) {
      pieces += (network_.trained[2 * i + 1] - network_.trained[2 * i]) / kWeightsOfPiece + 1;
    }
    if (!packed_.make(packed) || !sums_.make(4 * most_shards_) || !pieces_.make(pieces)) return false;
    if (trains && (!gradients_.make(most_shards_ * network_.shared) || !total_.make(network_.size))) {
      return false;
    }
    if (trains && embedding_ && embedding_->is_trained &&
        (!of_tokens_.make(most_steps * embedding_->outputs) || !tokens_.make(most_steps))) {
      return false;
    }
    for (Index i = 0; trains && i < network_.trained_count; ++i) {
      const Index end = network_.trained[2 * i + 1];
      for (Index first = network_.trained[2 * i]; first < end; first += kWeightsOfPiece) {
        const Index left = end - first;
        pieces_.data[piece_count_++] =
            Piece{first, first + (left < kWeightsOfPiece ? left : kWeightsOfPiece), 0.0};
      }
    }
    return true;
  }

  // What is only measured is so in float32.
  TrainingLayer* make_layer(const segue_layer& spec) const {
    const Tiles* const tiles = updates_.trains ? tiles_of_precision(spec.precision) : nullptr;
    switch (static_cast<segue_layer_kind>(spec.kind)) {
      case SEGUE_LAYER_DENSE: return new (std::nothrow) DenseTraining(spec);
      case SEGUE_LAYER_RECURRENT: return new (std::nothrow) RecurrentLayerTraining(spec, tiles);
      case SEGUE_LAYER_DROPOUT: return new (std::nothrow) DropoutTraining(spec);
      case SEGUE_LAYER_EMBEDDING: return new (std::nothrow) EmbeddingTraining(spec);
      case SEGUE_LAYER_POOL: return new (std::nothrow) PoolTraining(spec);
      case SEGUE_LAYER_FLATTEN: return new (std::nothrow) FlattenTraining(spec);
      case SEGUE_LAYER_ACTIVATION: return new (std::nothrow) ActivationTraining(spec);
    }
    return nullptr;
  }

  Index shards_of_batch(Index batch) const {
    const Index size = updates_.batch_offsets[batch + 1] - updates_.batch_offsets[batch];
    return shards_of(network_, size, steps_of(batch));
  }

  Index steps_of(Index batch) const {
    Index steps = 0;
    for (Index i = updates_.batch_offsets[batch]; i < updates_.batch_offsets[batch + 1]; ++i) {
      const Index s = updates_.sequences[i];
      steps += examples_.offsets[s + 1] - examples_.offsets[s];
    }
    return steps;
  }

  // Multiplications of the first update, about: forward, and two products backward.
  Index work_of_update() const {
    const Index first = updates_.first_batches[0], end = updates_.first_batches[1];
    Index steps = 0;
    for (Index b = first; b < end; ++b) steps += steps_of(b);
    return 3 * work_of(network_, updates_.batch_offsets[end] - updates_.batch_offsets[first], steps);
  }

  // -- the updates --------------------------------------------------------------------------------

  // Calls task(i, thread) for each i below count, each in one of the threads.
  template <class Task>
  static void share(Team& team, Index count, const Task& task) {
    team.run(
        count,
        [](void* context, Index i, Index thread) {
          const WithoutDenormals mode;
          (*static_cast<const Task*>(context))(i, thread);
        },
        const_cast<Task*>(&task));
  }

  // False where the weights are as they were.
  bool run_update(Team& team, Index update) {
    const Index first = updates_.first_batches[update], end = updates_.first_batches[update + 1];
    if (update == 0 || updates_.trains) {
      share(team, network_.layer_count, [&](Index i, Index) {
        layers_.data[i].layer->pack(network_.weights, packed_.data + layers_.data[i].packed);
      });
    }
    const double count = targets_of(first, end);
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    for (Index batch = first; batch < end; ++batch) {
      const Index size = updates_.batch_offsets[batch + 1] - updates_.batch_offsets[batch];
      const Index shards = shards_of_batch(batch);
      share(team, shards, [&](Index shard, Index thread) {
        if (!run_shard(arenas_[thread], batch, size, shard, shards, count)) has_failed_.set();
      });
      if (has_failed_.is_set()) return false;
      for (Index i = 0; i < 4 * shards; ++i) sums[i % 4] += sums_.data[i];
      if (updates_.trains) add_gradients(team, batch, shards, batch == first, batch + 1 == end);
    }
    return finish(team, update, sums, count);
  }

  // The number of targets of some batches.
  double targets_of(Index first, Index end) const {
    Index count = 0;
    for (Index i = updates_.batch_offsets[first]; i < updates_.batch_offsets[end]; ++i) {
      const Index s = updates_.sequences[i];
      if (!network_.every) ++count;
      for (Index t = examples_.offsets[s]; network_.every && t < examples_.offsets[s + 1]; ++t) {
        count += examples_.classes[t] >= 0;
      }
    }
    return static_cast<double>(count);
  }

  // Adds the gradients of the shards to those of the batches before, and takes the squares of the
  // last.
  void add_gradients(Team& team, Index batch, Index shards, bool is_first, bool is_last) {
    const Index stripes = scatters() ? vectors(embedding_->outputs) : 0;
    share(team, piece_count_ + stripes, [&](Index i, Index) {
      if (i >= piece_count_) return add_embedding(batch, i - piece_count_, is_first);
      Piece& piece = pieces_.data[i];
      if (piece.first >= network_.shared) return;
      for (Index shard = 0; shard < shards; ++shard) {
        const float* const from = gradients_.data + shard * network_.shared;
        float* const to = total_.data;
        const bool is_begin = is_first && shard == 0;
        for (Index k = piece.first; k < piece.end; k += kLanes) {
          const Vector v = load_row(from, k, piece.end);
          store_row(to, is_begin ? v : load_row(to, k, piece.end) + v, k, piece.end);
        }
      }
      if (is_last) take_squares(piece);
    });
    if (stripes && is_last) {
      share(team, piece_count_, [&](Index i, Index) {
        if (pieces_.data[i].first >= network_.shared) take_squares(pieces_.data[i]);
      });
    }
  }

  void take_squares(Piece& piece) const {
    Vector squares = zero();
    for (Index k = piece.first; k < piece.end; k += kLanes) {
      const Vector v = load_row(total_.data, k, piece.end);
      squares = fma(v, v, squares);
    }
    piece.squares = sum(squares);
  }

  bool scatters() const { return embedding_ && embedding_->is_trained; }

  // A vector of features of the embedding's gradient: the rows of the tokens, in their order.
  void add_embedding(Index batch, Index stripe, bool is_first) {
    const Index features = embedding_->outputs, first = stripe * kLanes, rows = steps_of(batch);
    float* const to = total_.data + embedding_->kernel[0];
    for (Index token = 0; is_first && token < embedding_->inputs; ++token) {
      store_row(to + token * features, zero(), first, features);
    }
    for (Index row = 0; row < rows; ++row) {
      float* const of_token = to + tokens_.data[row] * features;
      const Vector d = load_row(of_tokens_.data + row * features, first, features);
      store_row(of_token, load_row(of_token, first, features) + d, first, features);
    }
  }

  // The optimizer, where loss and gradient are finite; and what is told of the update. False where
  // they are not.
  bool finish(Team& team, Index update, const double* sums, double count) {
    double squares = 0.0;
    for (Index i = 0; i < piece_count_; ++i) squares += pieces_.data[i].squares;
    const double norm = std::sqrt(squares), loss = sums[0] / (count < 1.0 ? 1.0 : count);
    const bool is_right = std::isfinite(norm) && std::isfinite(loss);
    if (updates_.trains && is_right) {
      const double most = network_.clip_norm, share_of_norm = most / (norm + 1e-6);
      const float kept = most > 0.0 && share_of_norm < 1.0 ? static_cast<float>(share_of_norm) : 1.0f;
      const Optimizer optimizer{static_cast<segue_optimizer>(network_.optimizer),
                                network_.momentum,
                                network_.weight_decay,
                                static_cast<float>(updates_.rates[update]),
                                kept,
                                progress_.steps + 1};
      share(team, piece_count_, [&](Index i, Index) {
        const Index first = pieces_.data[i].first;
        optimizer.update(network_.weights + first, total_.data + first, network_.moments + first,
                         network_.moments + network_.size + first, pieces_.data[i].end - first);
      });
    }
    progress_.loss = loss, progress_.norm = norm;
    for (int i = 0; i < 3; ++i) progress_.sums[i] += sums[i + 1];
    if (updates_.trains && !is_right) return false;
    progress_.done = update + 1;
    if (updates_.trains) ++progress_.steps;
    return true;
  }

  // -- a shard --------------------------------------------------------------------------------------

  bool run_shard(Arena& arena, Index batch, Index size, Index number, Index shards, double count) {
    arena.reset();
    for (int i = 0; i < 4; ++i) sums_.data[4 * number + i] = 0.0;
    const Index* const sequences = updates_.sequences + updates_.batch_offsets[batch];
    Shard shard{arena, {}, nullptr, nullptr, 0, updates_.batch_numbers[batch], updates_.trains != 0,
                updates_.keys, nullptr, nullptr};
    const Index first = number * size / shards, end = (number + 1) * size / shards;
    if (!shard.cut(sequences, first, end, examples_.offsets)) return false;
    Index before = 0;  // steps of the sequences before the shard
    for (Index i = 0; i < size; ++i) {
      const Index length = examples_.offsets[sequences[i] + 1] - examples_.offsets[sequences[i]];
      if (length > shard.longest) shard.longest = length;
      if (i < first) before += length;
    }
    Signal x{nullptr, examples_.channels, true};
    if (!gather(shard, x)) return false;
    Kept* const kept = static_cast<Kept*>(
        static_cast<void*>(arena.take(network_.layer_count * (sizeof(Kept) / sizeof(float)))));
    if (kept == nullptr) return false;
    for (Index i = 0; i < network_.layer_count; ++i) {
      const Placed& at = layers_.data[i];
      if (!at.layer->forward(shard, network_.weights, packed_.data + at.packed, x, kept[i])) {
        return false;
      }
    }
    float* d = arena.take(shard.rows(x) * x.features);
    if (d == nullptr) return false;
    score(shard, x, count, d, sums_.data + 4 * number);
    if (!updates_.trains) return true;
    shard.gradients = gradients_.data + number * network_.shared;
    std::memset(shard.gradients, 0, sizeof(float) * network_.shared);
    for (Index i = network_.layer_count - 1; first_trained_ >= 0 && i >= first_trained_; --i) {
      const Placed& at = layers_.data[i];
      if (!at.layer->backward(shard, packed_.data + at.packed, kept[i], i > first_trained_, d)) {
        return false;
      }
    }
    if (scatters()) {
      const Index total = shard.steps.total, features = embedding_->outputs;
      std::memcpy(of_tokens_.data + before * features, d, sizeof(float) * total * features);
      std::memcpy(tokens_.data + before, shard.tokens, sizeof(std::int32_t) * total);
    }
    return true;
  }

  // The inputs of the shard, time after time.
  bool gather(Shard& shard, Signal& x) const {
    const Steps& steps = shard.steps;
    float* const taken = shard.arena.take(steps.total * (examples_.tokens ? 1 : x.features));
    if (taken == nullptr) return false;
    if (examples_.tokens) {
      auto* const tokens = static_cast<std::int32_t*>(static_cast<void*>(taken));
      each_step(shard, [&](Index row, Index step) { tokens[row] = examples_.tokens[step]; });
      shard.tokens = tokens;
      return true;
    }
    const Index features = x.features;
    each_step(shard, [&](Index row, Index step) {
      copy_features(examples_.values + step * features, features, taken + row * features);
    });
    x.values = taken;
    return true;
  }

  // Calls function(row of the shard, step of the examples).
  template <class Function>
  void each_step(const Shard& shard, const Function& function) const {
    for (Index t = 0, row = 0; t < shard.steps.count; ++t) {
      for (Index r = 0; r < shard.steps.active[t]; ++r, ++row) {
        function(row, examples_.offsets[shard.numbers[r]] + t);
      }
    }
  }

  // Loss and scores of the shard's targets; d [rows, outputs] is the gradient of the mean loss.
  void score(const Shard& shard, const Signal& logits, double count, float* d, double* sums) const {
    for (int i = 0; i < 4; ++i) sums[i] = 0.0;
    const Index outputs = logits.features;
    const auto add = [&](Index row, Index at) {
      float* const d_row = d + row * outputs;
      const Target target{examples_.classes ? examples_.classes[at] : 0,
                          examples_.targets ? examples_.targets + at * outputs : nullptr};
      if (target.number < 0) return each_element(d_row, outputs, d_row, [](Vector) { return zero(); });
      const double weight = examples_.weights ? examples_.weights[at] : 1.0;
      const Scored scored = score_row(loss_, logits.values + row * outputs, target, d_row);
      const Vector share = broadcast(static_cast<float>(weight / count));
      each_element(d_row, outputs, d_row, [&](Vector v) { return v * share; });
      sums[0] += scored.loss * weight;
      sums[1] += (network_.reports_scores ? scored.score : scored.loss) * weight;
      sums[2] += scored.score, sums[3] += 1.0;
    };
    if (network_.every) return each_step(shard, add);
    for (Index r = 0; r < shard.steps.n; ++r) add(r, shard.numbers[r]);
  }

  const segue_network& network_;
  const segue_examples& examples_;
  const segue_updates& updates_;
  segue_progress& progress_;
  const Loss loss_;
  Memory<Placed> layers_;
  Memory<float> packed_, gradients_, total_, of_tokens_;
  Memory<double> sums_;  // [shards, 4]: loss, loss that is reported, score, number of targets
  Memory<Piece> pieces_;
  Memory<std::int32_t> tokens_;
  Index made_ = 0, piece_count_ = 0, most_shards_ = 0, first_trained_ = -1;
  const segue_layer* embedding_ = nullptr;
  Index threads_ = 1;
  Arena* arenas_ = nullptr;  // of each thread
  Flag has_failed_;
};

inline int train(const segue_network* network, const segue_examples* examples,
                 const segue_updates* updates, segue_progress* progress) {
  return Trainer(*network, *examples, *updates, *progress).run() ? 0 : 1;
}

SEGUE_END
