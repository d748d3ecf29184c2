#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#include "base/sanitizers.h"

namespace dashcap {

// Memory aligned for O_DIRECT, straight from the kernel. Buffers of half a huge page and more that are made one after
// the other lie side by side, and so in huge pages where the system gives them (transparent_hugepage madvise or always).
// Throws std::bad_alloc, like new.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 4096;

  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size) : size_(size) {
    const size_t whole = (size + kAlignment - 1) / kAlignment * kAlignment;
    void* memory = kGuardsHeap ? std::aligned_alloc(kAlignment, whole) : Map(whole);
    if (!memory) throw std::bad_alloc();
    data_ = std::unique_ptr<uint8_t[], Free>(static_cast<uint8_t*>(memory), Free(whole));
  }

  uint8_t* data() { return data_.get(); }
  const uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }
  std::span<uint8_t> span() { return {data_.get(), size_}; }
  std::span<const uint8_t> span() const { return {data_.get(), size_}; }

 private:
  static constexpr size_t kHalfHugePage = size_t{1} << 20;

  static void* Map(size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (size >= kHalfHugePage) (void)::madvise(memory, size, MADV_HUGEPAGE);  // only a hint
    return memory;
  }

  struct Free {
    Free() : size(0) {}
    explicit Free(size_t mapped) : size(mapped) {}
    size_t size;
    void operator()(uint8_t* p) const {
      if (kGuardsHeap)
        std::free(p);
      else
        ::munmap(p, size);
    }
  };
  std::unique_ptr<uint8_t[], Free> data_;
  size_t size_ = 0;
};

}  // namespace dashcap
