// Functions that Python calls through ctypes, see library.py.
#include "sampling.hpp"
#include "worker.hpp"

struct Session {
  Decoder& decoder;
  Streams streams;
  std::vector<std::unique_ptr<Worker>> workers;  // by partition of the weights

  Session(Decoder& decoder, int batch, int64_t first_position, const int64_t* levels,
          const float* past, const float* offsets)
      : decoder(decoder), streams(decoder, batch, first_position, levels, past) {
    for (int part = 0; part < decoder.team.size(); part++)
      workers.push_back(std::make_unique<Worker>(decoder, streams, part, offsets));
  }

  // Steps all streams; `choose(thread, sample, stream, logits)` returns a stream's next level.
  template <class Choose>
  void run(int64_t num_samples, const ConditioningVectors& conditioning, Choose choose) {
    ThreadTeam& team = decoder.team;
    team.run([&](int thread) {
      for (int64_t sample = 0; sample < num_samples; sample++) {
        const int active = team.active();
        if (thread >= active) return;
        step(thread, active, streams.num_steps + sample, conditioning);
        for (int stream = thread; stream < streams.batch; stream += active)
          streams.levels[stream] = choose(thread, sample, stream, streams.logits.of(stream));
        if (thread == 0) team.reconsider();
        team.meet(thread, active);
      }
    });
    streams.num_steps += num_samples;
  }

  // One thread's work on the logits of the levels that follow the newest.
  void step(int thread, int active, int64_t number, const ConditioningVectors& conditioning) {
    ThreadTeam& team = decoder.team;
    const auto each = [&](auto work) {
      for (size_t part = thread; part < workers.size(); part += active) work(*workers[part]);
    };
    const int last = decoder.sizes.num_layers - 1;
    each([&](Worker& worker) { worker.begin(number, conditioning); });
    for (int layer = 0; layer <= last; layer++) {
      each([&](Worker& worker) { worker.make_gated(layer, number); });
      team.meet(thread, active);  // the next products need all gated channels
      each([&](Worker& worker) { worker.take_gated(); });
      if (layer < last) {
        each([&](Worker& worker) { worker.add_residual(layer); });
        team.arrive(thread, active);
      }
      each([&](Worker& worker) { worker.add_skips(layer); });
      if (layer < last) team.wait(thread, active);  // the next layer needs all residual channels
    }
    each([&](Worker& worker) { worker.finish_skips(); });
    team.meet(thread, active);
    each([&](Worker& worker) { worker.make_posts(); });
    team.meet(thread, active);
    each([&](Worker& worker) { worker.make_logits(); });
    team.meet(thread, active);
  }
};

#define EXPORTED extern "C" __attribute__((visibility("default")))

// Returns null if there is not enough memory.
EXPORTED Decoder* decoder_new(const Sizes* sizes, const DecoderWeights* weights,
                              int32_t num_threads) {
  try {
    return new Decoder(*sizes, *weights, num_threads);
  } catch (const std::exception&) {
    return nullptr;
  }
}

// Returns null if there is not enough memory.
EXPORTED Session* session_new(Decoder* decoder, int32_t batch, int64_t first_position,
                              const int64_t* levels, const float* past, const float* offsets) {
  try {
    return new Session(*decoder, batch, first_position, levels, past, offsets);
  } catch (const std::exception&) {
    return nullptr;
  }
}

EXPORTED void decoder_free(Decoder* decoder) { delete decoder; }
EXPORTED void session_free(Session* session) { delete session; }
EXPORTED int32_t decoder_threads(const Decoder* decoder) { return decoder->team.active(); }
EXPORTED int64_t decoder_bytes(const Decoder* decoder) { return int64_t(decoder->bytes()); }
EXPORTED void decoder_read(Decoder* decoder, int64_t repeats) { decoder->read(repeats); }

// Samples levels (n, B) by uniform numbers (n, B).
EXPORTED void session_generate(Session* session, const ConditioningVectors* conditioning,
                               int64_t num_samples, const SamplingOptions* sampling,
                               const float* uniforms, int64_t* levels) {
  const Sizes& sizes = session->decoder.sizes;
  const int batch = session->streams.batch;
  std::vector<Sampler> samplers(session->workers.size(), Sampler(sizes.levels, *sampling));
  const auto choose_level = [&](int thread, int64_t sample, int stream, const float* logits) {
    const int64_t place = sample * batch + stream;
    return levels[place] = samplers[thread].sample(logits, uniforms[place]);
  };
  session->run(num_samples, *conditioning, choose_level);
}

// Computes the logits (n, B, Q) of given levels (n, B).
EXPORTED void session_score(Session* session, const ConditioningVectors* conditioning,
                            int64_t num_samples, const int64_t* levels, float* logits) {
  const int batch = session->streams.batch, num_levels = session->decoder.sizes.levels;
  const auto use_given = [&](int, int64_t sample, int stream, const float* made) {
    const int64_t place = sample * batch + stream;
    std::copy_n(made, num_levels, logits + place * num_levels);
    return levels[place];
  };
  session->run(num_samples, *conditioning, use_given);
}
