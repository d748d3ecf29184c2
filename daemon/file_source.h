#pragma once

#include <memory>
#include <string>

#include "daemon/capture_source.h"

namespace dashcap {

enum class Pace {
  kFast,      // as fast as the lane takes them
  kRecorded,  // with the pauses between their timestamps
};

// A capture file or pipe ("-": standard input), pcap or pcapng. Ends with the file.
Result<std::unique_ptr<CaptureSource>> OpenFileSource(const std::string& path, Pace pace);

}  // namespace dashcap
