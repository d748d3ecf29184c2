#include "daemon/memory_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace dashcap {
namespace {

constexpr uint64_t kMebi = uint64_t{1} << 20;
constexpr uint64_t kFewestRingBlocks = 2;

// The one in brackets of "always [madvise] never".
std::string HugePages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  std::getline(file, modes);
  const size_t begin = modes.find('[');
  const size_t end = modes.find(']');
  return begin == std::string::npos || end == std::string::npos ? "none" : modes.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::string DescribeMemory(const Config& config) {
  uint64_t rings = 0;
  uint64_t blocks = 0;
  for (const CaptureConfig& capture : config.capture) {
    blocks += capture.lanes * capture.block_memory_bytes;
    if (capture.source == CaptureConfig::Source::kFile) continue;
    rings += capture.lanes * std::max(capture.ring_bytes, kFewestRingBlocks * capture.ring_block_bytes);
  }
  return fmt::format("memory: {} MiB for rings, {} MiB for blocks, {} MiB for flow tables: {} MiB; huge pages: {}",
                     rings / kMebi, blocks / kMebi, config.index_memory_bytes / kMebi,
                     (rings + blocks + config.index_memory_bytes) / kMebi, HugePages());
}

}  // namespace dashcap
