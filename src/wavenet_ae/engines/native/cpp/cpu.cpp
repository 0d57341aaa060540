// Reports whether this processor has the instructions of a path; compiled for any processor.
#include <cstring>

extern "C" __attribute__((visibility("default"))) int cpu_has(const char* path) {
  const auto is = [path](const char* name) { return std::strcmp(path, name) == 0; };
  if (is("portable")) return 1;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  const bool bf16 = vnni && __builtin_cpu_supports("avx512bf16");
  if (is("avx2")) return avx2;
  if (is("avx512")) return avx512;
  if (is("avx512_vnni")) return vnni;
  if (is("avx512_bf16")) return bf16;
#endif
  return 0;
}
