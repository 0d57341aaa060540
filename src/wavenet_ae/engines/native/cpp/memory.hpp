// Zeroed memory in whole cache lines. Large blocks use huge pages, which need fewer address
// translations when weights are read from end to end.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

constexpr size_t LINE = 64, HUGE_PAGE = size_t(1) << 21;

inline void* zeroed(size_t bytes) {
  const size_t unit = bytes >= HUGE_PAGE ? HUGE_PAGE : LINE;
  bytes = (bytes / unit + 1) * unit;
  void* memory = std::aligned_alloc(unit, bytes);
  if (!memory) throw std::bad_alloc();
#if defined(__linux__)
  if (unit == HUGE_PAGE) madvise(memory, bytes, MADV_HUGEPAGE);  // the system may ignore this
#endif
  return std::memset(memory, 0, bytes);
}

template <class Value>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t size) : values(static_cast<Value*>(zeroed(size * sizeof(Value)))) {}

  Value* data() const { return values.get(); }
  Value& operator[](size_t index) const { return values.get()[index]; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<Value, Free> values;
};

// Block of memory that is handed out line by line, in two passes: before `allocate`, `take` only
// counts and returns null; after it, the same calls return memory.
class Arena {
 public:
  template <class Value>
  Value* take(size_t size) {
    char* const piece = memory.data() ? memory.data() + used : nullptr;
    used += (size * sizeof(Value) + LINE - 1) / LINE * LINE;
    return reinterpret_cast<Value*>(piece);
  }

  void allocate() {
    memory = Buffer<char>(used);
    used = 0;
  }

  const char* begin() const { return memory.data(); }
  size_t size() const { return used; }

 private:
  Buffer<char> memory;
  size_t used = 0;
};
