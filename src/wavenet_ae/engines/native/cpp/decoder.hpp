// Weights of a decoder, partitioned among threads.
//
// Each thread has some rows of every matrix and computes some channels of every vector. Blocks of
// filter and gate rows alternate, so that a thread can compute its own gated channels.
#pragma once

#include "matrix.hpp"
#include "threads.hpp"

struct Sizes {
  int32_t num_layers, kernel, residual, gate, skip, post, levels, conditioning, hop;
};

// Weights in float32, with the shapes of decoders/wavenet.py. L layers, k taps, R residual, G gate,
// S skip, P post and C conditioning channels, Q levels.
struct DecoderWeights {
  const int32_t* dilations;   // (L,)
  const float* embedding;     // (Q, R)
  const float* taps;          // (L, k, 2G, R), oldest sample first
  const float* conditioning;  // (L, 2G, C)
  const float* residual;      // (L - 1, R, G)
  const float* skip;          // (S, L G)
  const float* skip_bias;
  const float* post;  // (P, S)
  const float* post_bias;
  const float* logits;  // (Q, P)
  const float* logits_bias;
};

// Past taps are computed ahead: their inputs are known `dilation` samples before they are needed,
// so their weights are read once for several samples, whose number divides the dilation.
constexpr int MOST_AHEAD = 16;

inline int samples_ahead(int dilation) {
  int samples = 1;
  while (samples < MOST_AHEAD && dilation % (2 * samples) == 0) samples *= 2;
  return samples;
}

// Range of a vector's channels that a thread computes, in whole blocks.
struct RowRange {
  int first, count;

  RowRange(int size, int thread, int num_threads) {
    const int blocks = padded(size) / LANES;
    first = blocks * thread / num_threads * LANES;
    count = blocks * (thread + 1) / num_threads * LANES - first;
  }

  std::vector<int> rows(int size) const {
    std::vector<int> rows(count);
    for (int i = 0; i < count; i++) rows[i] = first + i < size ? first + i : NO_ROW;
    return rows;
  }

  // Rows of filter and gate, each of `size` rows, in alternating blocks.
  std::vector<int> gate_rows(int size) const {
    std::vector<int> rows;
    for (int block = first; block < first + count; block += LANES)
      for (const int part : {0, size})
        for (int row = block; row < block + LANES; row++)
          rows.push_back(row < size ? part + row : NO_ROW);
    return rows;
  }
};

struct LayerWeights {
  std::vector<Matrix> past;  // taps, oldest sample first
  Matrix present, residual, skip, conditioning;
};

// One thread's share of the weights.
struct WeightPartition {
  RowRange residual, gate, skip, post, levels;
  std::vector<int> gate_rows;
  std::vector<LayerWeights> layers;
  Matrix post_weights, logits_weights;
  Buffer<float> skip_bias, post_bias, logits_bias;
  Arena per_sample, per_chunk;  // weights read for each sample, and for each conditioning chunk

  WeightPartition(const Sizes& sizes, const DecoderWeights& weights, int thread, int num_threads)
      : residual(sizes.residual, thread, num_threads), gate(sizes.gate, thread, num_threads),
        skip(sizes.skip, thread, num_threads), post(sizes.post, thread, num_threads),
        levels(sizes.levels, thread, num_threads), gate_rows(gate.gate_rows(sizes.gate)),
        skip_bias(own(weights.skip_bias, skip.rows(sizes.skip))),
        post_bias(own(weights.post_bias, post.rows(sizes.post))),
        logits_bias(own(weights.logits_bias, levels.rows(sizes.levels))) {
    pack_all(sizes, weights);  // the arenas count
    per_sample.allocate();
    per_chunk.allocate();
    pack_all(sizes, weights);  // the arenas are filled
  }

 private:
  void pack_all(const Sizes& sizes, const DecoderWeights& weights) {
    layers.clear();
    for (int layer = 0; layer < sizes.num_layers; layer++)
      layers.push_back(pack_layer(sizes, weights, layer));
    post_weights = pack(per_sample, {weights.post, sizes.skip, sizes.skip}, post.rows(sizes.post));
    logits_weights =
        pack(per_sample, {weights.logits, sizes.post, sizes.post}, levels.rows(sizes.levels));
  }

  LayerWeights pack_layer(const Sizes& sizes, const DecoderWeights& weights, int layer) {
    const ptrdiff_t gates = 2 * sizes.gate, all_gated = sizes.num_layers * sizes.gate;
    const float* const taps = weights.taps + layer * sizes.kernel * gates * sizes.residual;
    LayerWeights part;
    for (int tap = 0; tap < sizes.kernel; tap++) {
      const MatrixView source{taps + tap * gates * sizes.residual, sizes.residual, sizes.residual};
      if (tap + 1 < sizes.kernel)
        part.past.push_back(pack(per_sample, source, gate_rows));
      else
        part.present = pack(per_sample, source, gate_rows);
    }
    if (layer + 1 < sizes.num_layers) {
      const float* const values = weights.residual + ptrdiff_t(layer) * sizes.residual * sizes.gate;
      const auto rows = residual.rows(sizes.residual);
      part.residual = pack(per_sample, {values, sizes.gate, sizes.gate}, rows);
    }
    const MatrixView skips{weights.skip + ptrdiff_t(layer) * sizes.gate, sizes.gate, all_gated};
    part.skip = pack(per_sample, skips, skip.rows(sizes.skip));
    const float* const values = weights.conditioning + layer * gates * sizes.conditioning;
    const MatrixView conditioning{values, sizes.conditioning, sizes.conditioning};
    part.conditioning = pack(per_chunk, conditioning, gate_rows);
    return part;
  }

  static Buffer<float> own(const float* values, const std::vector<int>& rows) {
    Buffer<float> chosen(rows.size());
    for (size_t i = 0; i < rows.size(); i++) chosen[i] = rows[i] == NO_ROW ? 0 : values[rows[i]];
    return chosen;
  }
};

struct Decoder {
  const Sizes sizes;
  const std::vector<int> dilations;
  Buffer<float> embedding;  // (Q, padded R)
  ThreadTeam team;
  std::vector<WeightPartition> parts;  // by thread

  Decoder(const Sizes& sizes, const DecoderWeights& weights, int num_threads)
      : sizes(sizes), dilations(weights.dilations, weights.dilations + sizes.num_layers),
        embedding(size_t(sizes.levels) * padded(sizes.residual)), team(num_threads) {
    for (int level = 0; level < sizes.levels; level++)
      std::copy_n(weights.embedding + ptrdiff_t(level) * sizes.residual, sizes.residual,
                  embedded(level));
    for (int thread = 0; thread < team.size(); thread++)
      parts.emplace_back(sizes, weights, thread, team.size());
  }

  float* embedded(int64_t level) const { return &embedding[level * padded(sizes.residual)]; }

  // Bytes of weights that are read for each sample, without conditioning.
  size_t bytes() const {
    size_t sum = 0;
    for (const WeightPartition& part : parts) sum += part.per_sample.size();
    return sum;
  }

  // Reads all weights from end to end and does nothing else. No engine that reads all weights for
  // each sample can be faster.
  void read(int64_t repeats) {
    team.run([&](int thread) {
      Words sums[8] = {};
      for (int64_t repeat = 0; repeat < repeats; repeat++) {
        for (size_t part = thread; part < parts.size(); part += team.active()) {
          const Arena& arena = parts[part].per_sample;
          const auto* from = reinterpret_cast<const int32_t*>(arena.begin());
          const auto* const end = from + arena.size() / 4;
          for (; from + 8 * LANES <= end; from += 8 * LANES)
            for (int i = 0; i < 8; i++) sums[i] ^= load<Words>(from + i * LANES);
        }
        asm volatile("" ::: "memory");  // otherwise the compiler would read once
      }
      for (const Words& sum : sums) asm volatile("" ::"m"(sum));
    });
  }
};
