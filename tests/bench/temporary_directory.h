#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace dashcap {

// A directory on a real disk, gone with the object. /tmp may be memory, which has no direct writes.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = "/var/tmp/dashcap-bench.XXXXXX";
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("make " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  static void Touch(const std::string& file) {
    if (std::FILE* made = std::fopen(file.c_str(), "a")) std::fclose(made);
  }

 private:
  std::string path_;
};

}  // namespace dashcap
