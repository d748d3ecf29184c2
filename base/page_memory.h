#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace dashcap {

// Memory straight from the kernel: zeros, aligned for O_DIRECT and more, in huge pages where the system gives them
// (transparent_hugepage madvise or always). For what is large and touched at random: fewer page faults, and a fraction
// of the address translations. Throws std::bad_alloc, like new.
class PageMemory {
 public:
  static constexpr size_t kHugePage = size_t{2} << 20;

  PageMemory() = default;
  // Takes up whole huge pages: best for multiples of kHugePage.
  explicit PageMemory(size_t size);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PageMemory& operator=(PageMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dashcap
