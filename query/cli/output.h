#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace dashcap {

// Where an answer goes: a file, or standard output.
class Output {
 public:
  // `path` empty or "-": standard output, unless that is a terminal and the answer is binary.
  static Result<Output> Open(const std::string& path, bool binary);
  Status Write(std::span<const uint8_t> bytes);
  Status Close();

 private:
  std::string name_;
  FileDescriptor file_;
};

}  // namespace dashcap
