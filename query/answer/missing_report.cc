#include "query/answer/missing_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace dashcap {

std::vector<std::string> DescribeMissing(const Missing& missing, uint64_t left_out) {
  std::vector<std::string> lines;
  if (missing.dropped_packets > 0) {
    lines.push_back(
        fmt::format("{} packets were dropped while the blockfiles in question were recorded", missing.dropped_packets));
  }
  for (const DamagedRange& range : missing.damage) lines.push_back(fmt::format("damaged: {}", range.reason));
  for (const std::string& path : missing.vanished)
    lines.push_back(fmt::format("removed by retention while it was read: {}", path));
  if (missing.archive_begins == kMaxTimestamp) {
    lines.push_back("the archive holds no packets");
  } else if (missing.archive_begins) {
    lines.push_back(fmt::format("the archive begins at {}", FormatTime(*missing.archive_begins)));
  }
  if (missing.limit_reached) lines.push_back("the limit that was asked for was reached");
  if (left_out > 0) {
    lines.push_back(fmt::format("{} packets of another link type do not fit into a pcap; ask for pcapng", left_out));
  }
  return lines;
}

nlohmann::ordered_json MissingJson(const Missing& missing, uint64_t left_out) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (missing.dropped_packets > 0) json["dropped_packets"] = missing.dropped_packets;
  for (const DamagedRange& range : missing.damage) {
    json["damage"].push_back(
        {{"reason", range.reason}, {"offset", range.offset}, {"bytes", range.length}, {"packets", range.packets}});
  }
  if (!missing.vanished.empty()) json["vanished"] = missing.vanished;
  if (missing.archive_begins == kMaxTimestamp) {
    json["archive_empty"] = true;
  } else if (missing.archive_begins) {
    json["archive_begins"] = FormatTime(*missing.archive_begins);
  }
  if (missing.limit_reached) json["limit_reached"] = true;
  if (left_out > 0) json["left_out_by_format"] = left_out;
  return json;
}

}  // namespace dashcap
