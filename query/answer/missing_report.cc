#include "query/answer/missing_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dashcap {
namespace {

constexpr size_t kGapsInWords = 10;
constexpr size_t kGapsInJson = 1000;

std::string WhatHappened(const LaneGap& gap) {
  const std::string& interface = gap.gap.interface.empty() ? gap.lane : gap.gap.interface;
  const std::string packets = gap.gap.packets > 0 ? fmt::format("{} packets", gap.gap.packets) : "packets";
  switch (gap.gap.reason) {
    case GapReason::kStopped:
      return fmt::format("the recorder of {} was stopped", gap.lane);
    case GapReason::kKilled:
      return fmt::format("the recorder of {} ended unexpectedly", gap.lane);
    case GapReason::kInterfaceDown:
      return fmt::format("interface {} was down", interface);
    case GapReason::kKernelDrops:
      return fmt::format("{} dropped by the kernel on {}", packets, interface);
    case GapReason::kNicDrops:
      return fmt::format("{} dropped by interface {}", packets, interface);
    case GapReason::kNotStored:
      return fmt::format("{} of {} could not be stored", packets, interface);
    case GapReason::kNeverWritten:
      return fmt::format("{} of {} not yet written when the recorder ended", packets, interface);
  }
  return "";
}

void DescribeGaps(const std::vector<LaneGap>& gaps, std::vector<std::string>& lines) {
  for (size_t i = 0; i < std::min(gaps.size(), kGapsInWords); i++) lines.push_back(DescribeGap(gaps[i]));
  if (gaps.size() <= kGapsInWords) return;
  uint64_t packets = 0;
  for (size_t i = kGapsInWords; i < gaps.size(); i++) packets += gaps[i].gap.packets;
  lines.push_back(fmt::format("{} more gaps with {} known packets, up to {}", gaps.size() - kGapsInWords, packets,
                              FormatTime(gaps.back().gap.begin)));
}

}  // namespace

std::string DescribeGap(const LaneGap& gap) {
  const std::string what = WhatHappened(gap);
  if (gap.gap.lasts()) return fmt::format("{}, since {}", what, FormatTime(gap.gap.begin));
  return fmt::format("{}, {} to {}", what, FormatTime(gap.gap.begin), FormatTime(gap.gap.end));
}

nlohmann::ordered_json GapJson(const LaneGap& gap) {
  nlohmann::ordered_json json = {{"begin", FormatTime(gap.gap.begin)}, {"end", nullptr}};
  if (!gap.gap.lasts()) json["end"] = FormatTime(gap.gap.end);
  json["reason"] = NameOf(gap.gap.reason);
  if (gap.gap.packets > 0) json["packets"] = gap.gap.packets;
  if (!gap.gap.interface.empty()) json["interface"] = gap.gap.interface;
  json["lane"] = gap.lane;
  return json;
}

std::vector<std::string> DescribeMissing(const Missing& missing, uint64_t left_out) {
  std::vector<std::string> lines;
  if (missing.dropped_packets > 0) {
    lines.push_back(
        fmt::format("{} packets were dropped while the blockfiles in question were recorded", missing.dropped_packets));
  }
  DescribeGaps(missing.gaps, lines);
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
  for (size_t i = 0; i < std::min(missing.gaps.size(), kGapsInJson); i++)
    json["gaps"].push_back(GapJson(missing.gaps[i]));
  if (missing.gaps.size() > kGapsInJson) json["gaps_not_listed"] = missing.gaps.size() - kGapsInJson;
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
