#include "storage/lane_set.h"

#include <utility>

#include "packet/link_type.h"

namespace dashcap {

Result<LaneSet::Lane*> LaneSet::LaneOf(LinkType type) {
  if (const auto known = lanes_.find(type); known != lanes_.end()) return known->second.get();
  LaneOptions options = options_;
  if (!lanes_.empty()) {
    std::string name = LinkTypeName(type);
    for (char& c : name) c = c == ' ' ? '-' : c;
    options.directory += "-" + name;
  }
  auto lock = LaneLock::Take(options.directory);
  if (!lock) return Fail(lock.error());
  auto recovered = RecoverLane(options.directory);
  if (!recovered) return Fail(recovered.error());
  callbacks_.on_recovered(options.directory, *recovered);
  Interface interface;
  interface.link_type = type;
  auto writer = LaneWriter::Open(std::move(options), {interface}, callbacks_.on_event);
  if (!writer) return Fail(writer.error());
  auto lane = std::make_unique<Lane>(Lane{std::move(*lock), {}, std::move(*writer)});
  return lanes_.emplace(type, std::move(lane)).first->second.get();
}

Status LaneSet::SetInterfaces(const std::vector<Interface>& interfaces) {
  for (size_t i = 0; i < places_.size(); i++) {
    places_[i].lane->interfaces[places_[i].interface_id] = interfaces.at(i);
  }
  for (size_t i = places_.size(); i < interfaces.size(); i++) {
    auto lane = LaneOf(interfaces[i].link_type);
    if (!lane) return Fail(lane.error());
    (*lane)->interfaces.push_back(interfaces[i]);
    places_.push_back({*lane, static_cast<uint32_t>((*lane)->interfaces.size() - 1)});
  }
  for (const auto& [type, lane] : lanes_) {
    if (Status status = lane->writer->SetInterfaces(lane->interfaces); !status) return status;
  }
  return {};
}

Status LaneSet::Append(const Packet& packet) {
  const Place& place = places_.at(packet.interface_id);
  if (packet.interface_id == place.interface_id) return place.lane->writer->Append(packet);
  Packet renumbered = packet;
  renumbered.interface_id = place.interface_id;
  return place.lane->writer->Append(renumbered);
}

Status LaneSet::ForEach(const std::function<Status(LaneWriter&)>& action) {
  Status first_failure;
  for (const auto& [type, lane] : lanes_) {
    Status status = action(*lane->writer);
    if (!status && first_failure) first_failure = std::move(status);
  }
  return first_failure;
}

Status LaneSet::Tick(Timestamp now) {
  return ForEach([now](LaneWriter& writer) { return writer.Tick(now); });
}
Status LaneSet::Rotate() {
  return ForEach([](LaneWriter& writer) { return writer.Rotate(); });
}
Status LaneSet::Finish() {
  return ForEach([](LaneWriter& writer) { return writer.Finish(); });
}

void LaneSet::SetCounts(uint32_t interface_id, const InterfaceCounts& counts) {
  const Place& place = places_.at(interface_id);
  place.lane->writer->SetCounts(place.interface_id, counts);
}

LaneCounts LaneSet::counts() const {
  LaneCounts sum;
  for (const auto& [type, lane] : lanes_) {
    const LaneCounts counts = lane->writer->counts();
    sum.packets += counts.packets;
    sum.bytes += counts.bytes;
    sum.cut += counts.cut;
    sum.lost_packets += counts.lost_packets;
    sum.files += counts.files;
    sum.write_errors += counts.write_errors;
    sum.no_room_waits += counts.no_room_waits;
    sum.compressed_blocks += counts.compressed_blocks;
    sum.compression_skipped += counts.compression_skipped;
  }
  return sum;
}

}  // namespace dashcap
