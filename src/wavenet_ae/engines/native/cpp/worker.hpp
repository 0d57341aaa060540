// Computation of the channels of a sample that belong to one partition of the weights.
#pragma once

#include "conditioning.hpp"
#include "functions.hpp"

class Worker {
 public:
  Worker(const Decoder& decoder, Streams& streams, int index, const float* offsets)
      : decoder(decoder), part(decoder.parts[index]), streams(streams), index(index),
        batch(streams.batch), width(int(part.gate_rows.size())),
        conditioning(decoder, part, batch, offsets), inputs(batch, widest(decoder.sizes)),
        gated_inputs(batch, decoder.sizes.gate), gates(size_t(batch) * width),
        skips(size_t(batch) * part.skip.count), nothing(width) {
    for (const int dilation : decoder.dilations)
      ahead.emplace_back(size_t(samples_ahead(dilation)) * batch * width);
  }

  // Embeds the newest levels and initializes the sums over skips by their bias.
  void begin(int64_t step, const ConditioningVectors& vectors) {
    conditioning.set_current((streams.first_position + step) / decoder.sizes.hop, vectors);
    for (int stream = 0; stream < batch; stream++) {
      const float* const vector = decoder.embedded(streams.levels[stream]);
      inputs.put(stream, vector, decoder.sizes.residual);
      std::copy_n(vector + part.residual.first, part.residual.count,
                  streams.hidden.of(stream) + part.residual.first);
      std::copy_n(part.skip_bias.data(), part.skip.count, &skips[size_t(stream) * part.skip.count]);
    }
  }

  // Computes tanh(filter) * sigmoid(gate).
  void make_gated(int layer, int64_t step) {
    const LayerWeights& weights = part.layers[layer];
    if (layer) inputs.put_all(batch, streams.hidden, decoder.sizes.residual);
    Columns before{nothing.data(), 0};
    if (!weights.past.empty()) {
      const int samples = samples_ahead(decoder.dilations[layer]);
      const int64_t sample = step & (samples - 1);  // a power of two
      if (sample == 0) look_ahead(layer, samples);
      before = {&ahead[layer][sample * batch * width], width};
    }
    multiply(weights.present, batch, inputs.inputs(), before, gates.data(), width);
    for (int stream = 0; stream < batch; stream++) {
      const float* sums = &gates[size_t(stream) * width];
      const float* more = conditioning.at(layer, stream);
      float* to = streams.gated.of(stream) + part.gate.first;
      for (int row = 0; row < width; row += 2 * LANES, to += LANES) {
        const Floats signal = load<Floats>(sums + row) + load<Floats>(more + row);
        const Floats gate = load<Floats>(sums + row + LANES) + load<Floats>(more + row + LANES);
        store(to, gated(signal, gate));
      }
    }
  }

  // Packs the gated channels of all threads.
  void take_gated() { gated_inputs.put_all(batch, streams.gated, decoder.sizes.gate); }

  void add_residual(int layer) {
    const Inputs gated = gated_inputs.inputs();
    float* const hidden = streams.hidden.of(0) + part.residual.first;
    const int stride = streams.hidden.stride;
    multiply(part.layers[layer].residual, batch, gated, {hidden, stride}, hidden, stride);
  }

  void add_skips(int layer) {
    const LayerWeights& weights = part.layers[layer];
    if (index == 0 && !weights.past.empty()) streams.rings[layer].put(inputs.inputs());
    const Inputs gated = gated_inputs.inputs();
    const int count = part.skip.count;
    multiply(weights.skip, batch, gated, {skips.data(), count}, skips.data(), count);
  }

  void finish_skips() {
    for (int stream = 0; stream < batch; stream++)
      rectify(&skips[size_t(stream) * part.skip.count], part.skip,
              streams.skips.of(stream) + part.skip.first);
  }

  void make_posts() {
    inputs.put_all(batch, streams.skips, decoder.sizes.skip);
    float* const posts = streams.posts.of(0) + part.post.first;
    multiply(part.post_weights, batch, inputs.inputs(), {part.post_bias.data(), 0}, posts,
             streams.posts.stride);
    for (int stream = 0; stream < batch; stream++) {
      float* const own = streams.posts.of(stream) + part.post.first;
      rectify(own, part.post, own);
    }
  }

  void make_logits() {
    inputs.put_all(batch, streams.posts, decoder.sizes.post);
    float* const logits = streams.logits.of(0) + part.levels.first;
    multiply(part.logits_weights, batch, inputs.inputs(), {part.logits_bias.data(), 0}, logits,
             streams.logits.stride);
  }

 private:
  static int widest(const Sizes& sizes) {
    return std::max({sizes.residual, sizes.skip, sizes.post});
  }

  // Sums the past taps for this sample and those that follow.
  void look_ahead(int layer, int samples) {
    const LayerWeights& weights = part.layers[layer];
    float* const sums = ahead[layer].data();
    Columns before{nothing.data(), 0};
    for (size_t tap = 0; tap < weights.past.size(); tap++) {
      const int back = int(weights.past.size() - tap) * decoder.dilations[layer];
      const Inputs past = streams.rings[layer].ago(back);
      multiply(weights.past[tap], samples * batch, past, before, sums, width);
      before = {sums, width};
    }
  }

  static void rectify(const float* from, const RowRange& rows, float* to) {
    for (int i = 0; i < rows.count; i += LANES)
      store(to + i, rectified(load<Floats>(from + i)));
  }

  const Decoder& decoder;
  const WeightPartition& part;
  Streams& streams;
  const int index, batch, width;  // width: rows of filter and gate
  ProjectedConditioning conditioning;
  PackedInputs inputs, gated_inputs;
  Buffer<float> gates, skips, nothing;
  std::vector<Buffer<float>> ahead;  // by layer: sums of past taps (samples, B, width)
};
