#include "storage/lane_set.h"

#include <algorithm>
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
  const std::string directory = options.directory;
  auto lock = LaneLock::Take(directory);
  if (!lock) return Fail(lock.error());
  auto recovered = RecoverLane(directory);
  if (!recovered) return Fail(recovered.error());
  callbacks_.on_recovered(directory, *recovered);
  Interface interface;
  interface.link_type = type;
  auto writer = LaneWriter::Open(std::move(options), {interface}, callbacks_.on_event);
  if (!writer) return Fail(writer.error());
  auto lane = std::make_unique<Lane>(Lane{directory, std::move(*lock), {}, {}, {}, std::move(*writer)});
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
    (*lane)->interface_ids.push_back(static_cast<uint32_t>(i));
    places_.push_back({*lane, static_cast<uint32_t>((*lane)->interfaces.size() - 1)});
  }
  for (const auto& [type, lane] : lanes_) {
    if (Status status = lane->writer->SetInterfaces(lane->interfaces); !status) return status;
  }
  return {};
}

Status LaneSet::AppendAs(uint32_t interface_id, const Packet& packet, LaneWriter& writer) {
  if (packet.interface_id == interface_id) return writer.Append(packet);
  Packet renumbered = packet;
  renumbered.interface_id = interface_id;
  return writer.Append(renumbered);
}

Status LaneSet::Append(const Packet& packet) {
  const Place& place = places_.at(packet.interface_id);
  Status appended = AppendAs(place.interface_id, packet, *place.lane->writer);
  if (appended) return appended;
  Status made = MakeAgainIfGone(*place.lane);
  return made ? appended : made;
}

// For the packets to come.
Status LaneSet::MakeAgainIfGone(Lane& lane) {
  constexpr auto kInterval = std::chrono::milliseconds(100);
  const auto now = std::chrono::steady_clock::now();
  if (now < lane.next_look) return {};
  lane.next_look = now + kInterval;
  if (lane.lock.InPlace()) return {};
  auto lock = LaneLock::Take(lane.directory);
  if (!lock) return Fail(lock.error());
  lane.lock = std::move(*lock);
  return {};
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

std::optional<Timestamp> LaneSet::oldest_unwritten() const {
  std::optional<Timestamp> oldest;
  for (const auto& [type, lane] : lanes_) {
    if (const auto of_lane = lane->writer->oldest_unwritten()) oldest = std::min(oldest.value_or(*of_lane), *of_lane);
  }
  return oldest;
}

PacketCounts LaneSet::CountsOf(uint32_t interface_id) const {
  const Place& place = places_.at(interface_id);
  const std::vector<PacketCounts>& counts = place.lane->writer->ledger().counts();
  return place.interface_id < counts.size() ? counts[place.interface_id] : PacketCounts();
}

std::vector<LostPackets> LaneSet::TakeLost() {
  std::vector<LostPackets> all;
  for (const auto& [type, lane] : lanes_) {
    for (LostPackets& lost : lane->writer->TakeLost()) {
      lost.interface_id = lane->interface_ids.at(lost.interface_id);
      all.push_back(lost);
    }
  }
  return all;
}

LaneCounts LaneSet::counts() const {
  LaneCounts sum;
  for (const auto& [type, lane] : lanes_) {
    const LaneCounts counts = lane->writer->counts();
    sum.packets += counts.packets;
    sum.bytes += counts.bytes;
    sum.files += counts.files;
    sum.write_errors += counts.write_errors;
    sum.no_room_waits += counts.no_room_waits;
    sum.compressed_blocks += counts.compressed_blocks;
    sum.compression_skipped += counts.compression_skipped;
  }
  return sum;
}

}  // namespace dashcap
