#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dashcap {

// A line on a terminal that says how far something is; nothing when standard error is no terminal, or in the first
// second.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  void Show(const std::string& object, uint64_t done, uint64_t total);

 private:
  const std::string what_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point shown_;
  bool drawn_ = false;
};

}  // namespace dashcap
