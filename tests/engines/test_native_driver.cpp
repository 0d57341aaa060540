// The engine by itself, for sanitizers: random decoders generate samples and score them.
#include "engine.cpp"

#include <cstdio>
#include <random>

static std::mt19937 generator(0);

static std::vector<float> noise(size_t size) {
  std::normal_distribution<float> normal(0, 0.3f);
  std::vector<float> values(size);
  for (float& value : values) value = normal(generator);
  return values;
}

static void run(Sizes sizes, std::vector<int32_t> dilations, int threads, int batch) {
  const size_t layers = dilations.size(), gates = 2 * sizes.gate;
  sizes.num_layers = int32_t(layers);
  const auto embedding = noise(sizes.levels * sizes.residual);
  const auto taps = noise(layers * sizes.kernel * gates * sizes.residual);
  const auto conditioning = noise(layers * gates * sizes.conditioning);
  const auto residual = noise((layers - 1) * sizes.residual * sizes.gate);
  const auto skip = noise(sizes.skip * layers * sizes.gate), skip_bias = noise(sizes.skip);
  const auto post = noise(sizes.post * sizes.skip), post_bias = noise(sizes.post);
  const auto logits = noise(sizes.levels * sizes.post), logits_bias = noise(sizes.levels);
  const DecoderWeights weights{dilations.data(), embedding.data(), taps.data(), conditioning.data(),
                        residual.data(),  skip.data(),      skip_bias.data(), post.data(),
                        post_bias.data(), logits.data(),    logits_bias.data()};
  Decoder* const decoder = decoder_new(&sizes, &weights, threads);
  decoder_read(decoder, 2);

  size_t remembered = 0;
  for (const int dilation : dilations) remembered += (sizes.kernel - 1) * dilation;
  const auto past = noise(remembered * batch * sizes.residual);
  const auto offsets = noise(batch * layers * gates);
  const std::vector<int64_t> newest(batch, 1);
  const int64_t first_position = 3, count = 50;
  Session* const session =
      session_new(decoder, batch, first_position, newest.data(), past.data(), offsets.data());
  const int64_t first = first_position / sizes.hop;
  const int64_t num_vectors = (first_position + 2 * count + sizes.hop) / sizes.hop - first;
  const auto vectors = noise(num_vectors * batch * sizes.conditioning);
  const ConditioningVectors given{vectors.data(), first, num_vectors};
  std::vector<float> uniforms(count * batch, 0.4f), made(count * batch * sizes.levels);
  std::vector<int64_t> levels(count * batch);
  const SamplingOptions how{0.9f, sizes.levels - 1, 0.95f};
  session_generate(session, &given, count, &how, uniforms.data(), levels.data());
  session_score(session, &given, count, levels.data(), made.data());
  session_free(session);
  decoder_free(decoder);
}

int main() {
  for (const int threads : {1, 3})
    for (const int batch : {1, 5}) {
      run({0, 2, 37, 23, 70, 19, 100, 6, 5}, {1, 2, 4, 8, 16, 32, 1, 24}, threads, batch);
      run({0, 3, 7, 5, 9, 11, 32, 6, 1}, {1, 2, 16}, threads, batch);
      run({0, 1, 1, 1, 1, 1, 2, 0, 256}, {1, 2}, threads, batch);
      run({0, 2, 16, 16, 16, 16, 16, 16, 4}, {1}, threads, batch);
    }
  std::puts("done");
}
