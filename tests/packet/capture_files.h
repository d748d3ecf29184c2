#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace dashcap {

// The real captures that tests run over: the directory DASHCAP_CAPTURES, or ../shared/captures. Empty when there is
// none.
inline std::vector<std::string> CaptureFiles() {
  const char* configured = std::getenv("DASHCAP_CAPTURES");
  const std::filesystem::path root = configured ? configured : DASHCAP_SOURCE_DIR "/../shared/captures";
  std::vector<std::string> files;
  if (!std::filesystem::is_directory(root)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension();
    if (extension == ".pcap" || extension == ".pcapng" || extension == ".cap") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace dashcap
