#include "daemon/status_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/file_descriptor.h"

namespace dashcap {
namespace {

using Json = nlohmann::ordered_json;

Json LostJson(const PacketCounts& packets, uint64_t unplaced) {
  Json json;
  for (size_t i = 0; i < kLossReasons; i++) {
    const auto reason = static_cast<LossReason>(i);
    json[NameOf(reason)] = packets.lost[i] + (reason == LossReason::kNoFile ? unplaced : 0);
  }
  return json;
}

// received = stored + dropped_kernel + filtered + lost + what is on its way.
Json CountsJson(const InterfaceCounts& counts, const PacketCounts& packets, uint64_t unplaced) {
  return {{"received", counts.received},
          {"stored", packets.stored},
          {"dropped_kernel", counts.dropped_kernel},
          {"dropped_nic", counts.dropped_nic},
          {"filtered", counts.filtered},
          {"lost", packets.lost_in_all() + unplaced},
          {"lost_by_reason", LostJson(packets, unplaced)},
          {"cut", packets.cut}};
}

Json LaneJson(const LaneStatus& lane) {
  InterfaceCounts sum;
  Json interfaces = Json::array();
  for (const LaneStatus::OfInterface& of : lane.interfaces) {
    sum.received += of.counts.received;
    sum.dropped_kernel += of.counts.dropped_kernel;
    sum.dropped_nic += of.counts.dropped_nic;
    sum.filtered += of.counts.filtered;
    Json json = {{"name", of.name}};
    json.update(CountsJson(of.counts, of.packets, 0));
    interfaces.push_back(std::move(json));
  }
  Json json = {{"interface", lane.interface}, {"directory", lane.directory}};
  json.update(CountsJson(sum, lane.written.packets, lane.unplaced_packets));
  json["interfaces"] = std::move(interfaces);
  json["bytes"] = lane.written.bytes;
  json["files"] = lane.written.files;
  json["files_indexed_late"] = lane.files_skipped;
  json["write_errors"] = lane.written.write_errors;
  json["no_room_waits"] = lane.written.no_room_waits;
  json["compressed_blocks"] = lane.written.compressed_blocks;
  json["compression_skipped"] = lane.written.compression_skipped;
  if (lane.last_packet != Timestamp{}) json["last_packet"] = FormatTime(lane.last_packet);
  json["complete_until"] = FormatTime(lane.complete_until);
  json["recording"] = !lane.ended;
  if (!lane.failure.empty()) json["failure"] = lane.failure;
  return json;
}

Json ArchiveJson(const RetentionThread::ArchiveStatus& archive) {
  Json json = {{"directory", archive.directory},          {"bytes", archive.bytes},
               {"disk_bytes", archive.space.total_bytes}, {"disk_free_bytes", archive.space.available_bytes},
               {"files_removed", archive.files_removed},  {"bytes_removed", archive.bytes_removed}};
  if (archive.oldest) json["oldest"] = FormatTime(*archive.oldest);
  if (!archive.failure.empty()) json["failure"] = archive.failure;
  return json;
}

}  // namespace

std::string FormatStatus(const RecorderStatus& status) {
  Json json = {{"version", DASHCAP_VERSION},
               {"pid", ::getpid()},
               {"started", FormatTime(status.started)},
               {"time", FormatTime(status.now)},
               {"index_backlog", status.index_backlog}};
  json["lanes"] = Json::array();
  for (const LaneStatus& lane : status.lanes) json["lanes"].push_back(LaneJson(lane));
  json["archives"] = Json::array();
  for (const auto& archive : status.archives) json["archives"].push_back(ArchiveJson(archive));
  // Names of interfaces and directories may be any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status WriteStatusFile(const std::string& runtime_directory, const RecorderStatus& status) {
  const std::string path = runtime_directory + "/status.json";
  const std::string hidden = runtime_directory + "/.status.json";
  auto file = OpenFile(hidden, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
  if (!file) return Fail(file.error());
  const std::string text = FormatStatus(status);
  const ssize_t written = ::write(file->get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size()))
    return Fail(SystemError("write " + hidden, written < 0 ? errno : ENOSPC));
  if (::rename(hidden.c_str(), path.c_str()) != 0) return Fail(SystemError("rename " + hidden));
  return {};
}

}  // namespace dashcap
