#include "base/page_memory.h"

#include <sys/mman.h>

#include <new>

namespace dashcap {

PageMemory::PageMemory(size_t size) : size_((size + kHugePage - 1) / kHugePage * kHugePage) {
  // More than is needed, so that an aligned part can be cut out of it.
  const size_t mapped_size = size_ + kHugePage;
  void* mapped = ::mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<uint8_t*>(mapped);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  data_ = begin + before;
  if (before > 0) ::munmap(begin, before);
  ::munmap(data_ + size_, mapped_size - before - size_);
  (void)::madvise(data_, size_, MADV_HUGEPAGE);  // only a hint
}

PageMemory::~PageMemory() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace dashcap
