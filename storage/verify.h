#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/blockfile_reader.h"

namespace dashcap {

struct VerifyReport {
  uint64_t blocks = 0;
  uint64_t packets = 0;
  uint64_t bytes = 0;
  std::vector<DamagedRange> damage;         // empty: every byte is as it was written
  std::vector<DamagedRange> never_written;  // what a forced stop left out
};

// Reads a blockfile from end to end: checksums, sequence, counts, times. `progress` (may be empty) gets the bytes done.
Result<VerifyReport> VerifyBlockfile(const std::string& path, const std::function<void(uint64_t)>& progress);

}  // namespace dashcap
