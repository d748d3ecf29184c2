#include "query/answer/reports.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "query/answer/missing_report.h"

namespace dashcap {
namespace {

using Json = nlohmann::ordered_json;

// Paths and interface names may be any bytes.
std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

struct LaneTotals {
  uint64_t files = 0;
  uint64_t without_index = 0;
  uint64_t packets = 0;
  uint64_t bytes = 0;
  std::optional<Timestamp> oldest;
  std::optional<Timestamp> newest;
  InterfaceCounts counts;  // of the newest file

  void Add(const Archive::FileStatus& file) {
    files++;
    bytes += file.file.bytes;
    if (!file.file.open && !file.file.has_index) without_index++;
    if (file.packets == 0) return;
    packets += file.packets;
    counts = file.counts;
    oldest = std::min(oldest.value_or(file.first_time), file.first_time);
    newest = std::max(newest.value_or(file.last_time), file.last_time);
  }

  Json ToJson() const {
    Json json = {{"files", files}, {"files_without_index", without_index}, {"packets", packets}, {"bytes", bytes}};
    if (oldest) json["oldest"] = FormatTime(*oldest);
    if (newest) json["newest"] = FormatTime(*newest);
    return json;
  }
};

}  // namespace

std::string CountReport(const CountAnswer& count, const std::string& query) {
  Json json = {{"query", query}, {"packets", count.packets}, {"bytes", count.bytes}};
  if (count.first) json["first"] = FormatTime(*count.first);
  if (count.last) json["last"] = FormatTime(*count.last);
  json["complete"] = count.missing.empty();
  json["missing"] = MissingJson(count.missing, 0);
  json["files"] = {{"in_archive", count.statistics.files},
                   {"in_range", count.statistics.files_in_range},
                   {"by_index", count.statistics.files_by_index},
                   {"scanned", count.statistics.files_scanned}};
  return Dump(json);
}

std::string GapsReport(const std::vector<LaneGap>& gaps) {
  Json list = Json::array();
  for (const LaneGap& gap : gaps) list.push_back(GapJson(gap));
  return Dump({{"gaps", std::move(list)}});
}

std::string FilesReport(const std::vector<Archive::FileStatus>& files) {
  Json list = Json::array();
  for (const Archive::FileStatus& file : files) {
    Json json = {{"path", file.file.path()},
                 {"lane", file.file.lane},
                 {"state", file.file.open        ? "open"
                           : file.file.has_index ? "indexed"
                                                 : "published"},
                 {"bytes", file.file.bytes},
                 {"packets", file.packets}};
    if (file.packets > 0) {
      json["first"] = FormatTime(file.first_time);
      json["last"] = FormatTime(file.last_time);
    }
    if (!file.problem.empty()) json["problem"] = file.problem;
    list.push_back(std::move(json));
  }
  return Dump({{"files", std::move(list)}});
}

std::string StatusReport(const std::vector<Archive::FileStatus>& files, const std::string& recorder) {
  LaneTotals total;
  std::map<std::string, LaneTotals> lanes;
  for (const Archive::FileStatus& file : files) {
    total.Add(file);
    lanes[file.file.lane_directory].Add(file);
  }
  Json json = {{"version", DASHCAP_VERSION}, {"archive", total.ToJson()}};
  for (const auto& [directory, totals] : lanes) {
    json["archive"]["lanes"].push_back(totals.ToJson());
    Json& lane = json["archive"]["lanes"].back();
    lane["directory"] = directory;
    lane["counted"] = {{"received", totals.counts.received},
                       {"delivered", totals.counts.delivered},
                       {"dropped_kernel", totals.counts.dropped_kernel},
                       {"dropped_nic", totals.counts.dropped_nic},
                       {"filtered", totals.counts.filtered},
                       {"lost", totals.counts.lost}};
  }
  json["recorder"] = Json::parse(recorder, nullptr, false);
  if (json["recorder"].is_discarded()) json["recorder"] = nullptr;
  return Dump(json);
}

}  // namespace dashcap
