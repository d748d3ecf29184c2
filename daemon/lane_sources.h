#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "daemon/capture_source.h"

namespace dashcap {

// A lane to be: where its packets come from, and what the settings say about it.
struct LaneSource {
  std::string name;    // of its directory: "eth0", or "eth0.0", "eth0.1", … of an interface with several lanes
  size_t capture = 0;  // index into Config::capture
  size_t number = 0;   // among the lanes of the capture
  std::unique_ptr<CaptureSource> source;
  Timestamp began{};  // since when packets have been coming in
};

// Whether the filter of the capture could take the place of another while it runs.
Status CheckFilter(const CaptureConfig& capture);

// Opens the sources of all lanes that the settings ask for, in their order.
Result<std::vector<LaneSource>> OpenLaneSources(const Config& config);

}  // namespace dashcap
