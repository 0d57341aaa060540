// State of B streams that are generated side by side; vectors of the streams are in sequence.
#pragma once

#include "decoder.hpp"
#include "product.hpp"

// Ring of a layer's past inputs, packed for its products.
class Ring {
 public:
  Ring(int length, int batch, int width)
      : length(length), batch(batch), words_each(num_words(width)),
        words(size_t(length) * batch * words_each), scales(size_t(length) * batch) {}

  // Inputs of all streams `positions` ago, followed by later ones.
  Inputs ago(int positions) const {
    const size_t slot = positions > next ? next + length - positions : next - positions;
    return {&words[slot * batch * words_each], &scales[slot * batch]};
  }

  // Replaces the oldest inputs.
  void put(Inputs inputs) {
    const size_t slot = next;
    std::memcpy(&words[slot * batch * words_each], inputs.words, 4 * size_t(batch) * words_each);
    std::memcpy(&scales[slot * batch], inputs.scales, 4 * size_t(batch));
    next = next + 1 == length ? 0 : next + 1;
  }

 private:
  int length, batch, words_each, next = 0;
  Buffer<int32_t> words;
  Buffer<float> scales;
};

// One vector per stream, in whole lanes.
struct Vectors {
  int stride;
  Buffer<float> values;

  Vectors(int batch, int size) : stride(padded(size)), values(size_t(batch) * padded(size)) {}
  float* of(int stream) const { return &values[size_t(stream) * stride]; }
};

// Input vectors of one thread, packed for its products.
class PackedInputs {
 public:
  PackedInputs(int count, int most) : words(size_t(count) * num_words(most)), scales(count) {}

  Inputs inputs() const { return {words.data(), scales.data()}; }
  Inputs from(int index, int width) const {
    return {&words[size_t(index) * num_words(width)], &scales[index]};
  }

  void put(int index, const float* vector, int width) {
    scales[index] = pack_input(vector, padded(width), &words[size_t(index) * num_words(width)]);
  }

  Inputs put_all(int batch, const Vectors& vectors, int width) {
    for (int stream = 0; stream < batch; stream++) put(stream, vectors.of(stream), width);
    return inputs();
  }

 private:
  Buffer<int32_t> words;
  Buffer<float> scales;
};

// State of all streams.
struct Streams {
  const int batch;
  const int64_t first_position;  // conditioning vector v covers positions from v * hop on
  int64_t num_steps = 0;         // samples since then
  std::vector<int64_t> levels;   // newest level of each stream, the next step's input
  Vectors hidden, gated, skips, posts, logits;
  std::vector<Ring> rings;  // by layer; empty for filters of one tap

  // `past` holds the (k - 1) d past inputs of each layer, (., B, R), oldest first.
  Streams(const Decoder& decoder, int batch, int64_t first_position, const int64_t* levels,
          const float* past)
      : batch(batch), first_position(first_position), levels(levels, levels + batch),
        hidden(batch, decoder.sizes.residual), gated(batch, decoder.sizes.gate),
        skips(batch, decoder.sizes.skip), posts(batch, decoder.sizes.post),
        logits(batch, decoder.sizes.levels) {
    const int width = decoder.sizes.residual;
    PackedInputs packed(batch, width);
    std::vector<float> vector(padded(width));
    for (const int dilation : decoder.dilations) {
      const int length = (decoder.sizes.kernel - 1) * dilation;
      if (!length) continue;
      rings.emplace_back(length, batch, width);
      for (int position = 0; position < length; position++) {
        for (int stream = 0; stream < batch; stream++, past += width) {
          std::copy_n(past, width, vector.begin());
          packed.put(stream, vector.data(), width);
        }
        rings.back().put(packed.inputs());
      }
    }
  }
};
