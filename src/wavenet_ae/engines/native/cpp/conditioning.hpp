// Conditioning, projected for the layers in chunks, so that its weights are seldom read.
#pragma once

#include "streams.hpp"

constexpr int VECTORS_AT_ONCE = 16;  // projected vectors per stream

// Conditioning vectors (count, B, C), of which `first` is the number of the first one.
struct ConditioningVectors {
  const float* values;
  int64_t first, count;
};

// Conditioning of one thread's rows of filter and gate.
class ProjectedConditioning {
 public:
  // `offsets` (B, L, 2G) are the contributions of bias and speaker.
  ProjectedConditioning(const Decoder& decoder, const WeightPartition& part, int batch,
                        const float* offsets)
      : sizes(decoder.sizes), part(part), batch(batch), width(int(part.gate_rows.size())),
        packed(batch * VECTORS_AT_ONCE, sizes.conditioning), vector(padded(sizes.conditioning)),
        offsets(size_t(sizes.num_layers) * batch * width),
        projected(size_t(sizes.num_layers) * batch * VECTORS_AT_ONCE * width) {
    for (int stream = 0; stream < batch; stream++)
      for (int layer = 0; layer < sizes.num_layers; layer++, offsets += 2 * sizes.gate)
        for (int row = 0; row < width; row++)
          if (part.gate_rows[row] != NO_ROW)
            this->offsets[place(layer, stream) + row] = offsets[part.gate_rows[row]];
  }

  // Makes vector `number` the current one, and projects a chunk if it is not yet projected.
  void set_current(int64_t number, const ConditioningVectors& given) {
    if (number < first || number >= first + count) project(number, given);
    current = number - first;
  }

  // The current vector, projected for a layer.
  const float* at(int layer, int stream) const {
    return &projected[place(layer, stream) * VECTORS_AT_ONCE + current * width];
  }

 private:
  size_t place(int layer, int stream) const { return (size_t(layer) * batch + stream) * width; }

  void project(int64_t number, const ConditioningVectors& given) {
    first = number;
    count = std::min<int64_t>(VECTORS_AT_ONCE, given.first + given.count - number);
    for (int stream = 0; stream < batch; stream++)
      for (int index = 0; index < count; index++) {
        const int64_t row = (number - given.first + index) * batch + stream;
        std::copy_n(given.values + row * sizes.conditioning, sizes.conditioning, vector.data());
        packed.put(stream * VECTORS_AT_ONCE + index, vector.data(), sizes.conditioning);
      }
    for (int layer = 0; layer < sizes.num_layers; layer++)
      for (int stream = 0; stream < batch; stream++)
        multiply(part.layers[layer].conditioning, int(count),
                 packed.from(stream * VECTORS_AT_ONCE, sizes.conditioning),
                 {&offsets[place(layer, stream)], 0},
                 &projected[place(layer, stream) * VECTORS_AT_ONCE], width);
  }

  const Sizes& sizes;
  const WeightPartition& part;
  const int batch, width;
  int64_t first = 0, count = 0, current = 0;
  PackedInputs packed;
  Buffer<float> vector, offsets, projected;
};
