// Sampling of a level from logits, as in decoders/base.py.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "functions.hpp"
#include "matrix.hpp"

constexpr float IMPOSSIBLE = -std::numeric_limits<float>::infinity();

// temperature  divides the logits; 0 for always the most probable level
// top_k        samples from the k most probable levels; 0 for all
// top_p        samples from the fewest levels that together have this probability
struct SamplingOptions {
  float temperature;
  int32_t top_k;
  float top_p;
};

// Sampler with buffers of its own, for one thread at a time.
class Sampler {
 public:
  Sampler(int num_levels, SamplingOptions how)
      : num_levels(num_levels), how(how), logits(padded(num_levels)), shares(logits.size()),
        ordered(num_levels) {}

  // Returns the level at which the cumulative distribution exceeds `uniform`, in [0, 1).
  int sample(const float* given, float uniform) {
    if (how.temperature == 0) return int(std::max_element(given, given + num_levels) - given);
    std::fill(logits.begin(), logits.end(), IMPOSSIBLE);
    for (int level = 0; level < num_levels; level++) logits[level] = given[level] / how.temperature;
    if (0 < how.top_k && how.top_k < num_levels) keep_most_probable();
    if (how.top_p < 1) keep_probable_together();
    return inverse(uniform);
  }

 private:
  // Sets each share to e^(logit - largest logit); returns their sum.
  float make_shares() {
    Floats largest_yet = load<Floats>(logits.data());
    for (size_t i = 0; i < logits.size(); i += LANES)
      largest_yet = maximum(load<Floats>(&logits[i]), largest_yet);
    const Floats most = all(largest(largest_yet));
    float sum = 0;
    for (size_t i = 0; i < logits.size(); i += LANES) {
      const Floats share = exponential(load<Floats>(&logits[i]) - most);
      store(&shares[i], share);
      sum += total(share);
    }
    return sum;
  }

  int inverse(float uniform) {
    const float target = uniform * make_shares();
    float below = 0;  // sum of the shares of the levels before `first`
    int first = 0;
    for (; first + LANES < num_levels; first += LANES) {
      const float up_to = below + total(load<Floats>(&shares[first]));
      if (up_to > target) break;
      below = up_to;
    }
    int level = first;
    for (; level < std::min(first + LANES, num_levels); level++) {
      below += shares[level];
      if (below > target) return level;
    }
    do level--;  // rounding has left the target above all sums: use the last possible level
    while (level > 0 && shares[level] == 0);
    return level;
  }

  void keep_most_probable() {
    ordered.assign(logits.begin(), logits.begin() + num_levels);
    const auto least = ordered.begin() + how.top_k - 1;
    std::nth_element(ordered.begin(), least, ordered.end(), std::greater<float>());
    for (auto& logit : logits)
      if (logit < *least) logit = IMPOSSIBLE;
  }

  void keep_probable_together() {
    const float sum = make_shares();
    order.resize(num_levels);
    for (int level = 0; level < num_levels; level++) order[level] = level;
    std::sort(order.begin(), order.end(), [this](int a, int b) {
      return shares[a] != shares[b] ? shares[a] > shares[b] : a < b;
    });
    float before = 0;
    for (const int level : order) {
      if (before >= how.top_p * sum) logits[level] = IMPOSSIBLE;
      before += shares[level];
    }
  }

  const int num_levels;
  const SamplingOptions how;
  std::vector<float> logits, shares, ordered;
  std::vector<int> order;
};
