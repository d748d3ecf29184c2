#include "daemon/status_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/file_descriptor.h"

namespace dashcap {
namespace {

using Json = nlohmann::ordered_json;

Json LaneJson(const LaneStatus& lane) {
  Json json = {{"interface", lane.interface},
               {"directory", lane.directory},
               {"received", lane.counts.received},
               {"stored", lane.written.packets},
               {"bytes", lane.written.bytes},
               {"dropped_kernel", lane.counts.dropped_kernel},
               {"dropped_nic", lane.counts.dropped_nic},
               {"filtered", lane.counts.filtered},
               {"lost", lane.lost_packets + lane.written.lost_packets},
               {"cut", lane.written.cut},
               {"files", lane.written.files},
               {"files_indexed_late", lane.files_skipped},
               {"write_errors", lane.written.write_errors},
               {"no_room_waits", lane.written.no_room_waits},
               {"compressed_blocks", lane.written.compressed_blocks},
               {"compression_skipped", lane.written.compression_skipped}};
  if (lane.last_packet != Timestamp{}) json["last_packet"] = FormatTime(lane.last_packet);
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
