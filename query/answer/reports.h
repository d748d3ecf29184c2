#pragma once

#include <string>
#include <vector>

#include "query/search/search.h"

namespace dashcap {

// What `count`, `gaps`, `files` and `status` say, as JSON text with a final newline.
std::string CountReport(const CountAnswer& count, const std::string& query);
std::string GapsReport(const std::vector<LaneGap>& gaps);
std::string FilesReport(const std::vector<Archive::FileStatus>& files);
// `recorder` is the recorder's own status file, as it stands; empty when there is none.
std::string StatusReport(const std::vector<Archive::FileStatus>& files, const std::string& recorder);

}  // namespace dashcap
