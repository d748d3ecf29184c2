#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/packet.h"
#include "storage/lane_writer.h"
#include "storage/recovery.h"

namespace dashcap {

// Writes packets of any link types, one lane for each type, because a blockfile has only one. The first type's lane is
// DIRECTORY itself, another's is DIRECTORY-EN10MB or whatever its name is. Locks and recovers each lane before it
// writes; makes a directory again that somebody removes. One thread.
class LaneSet {
 public:
  struct Callbacks {
    std::function<void(LaneEvent)> on_event;
    std::function<void(const std::string& lane_directory, const RecoveryReport& report)> on_recovered;
  };

  // `options.directory` is the DIRECTORY above.
  LaneSet(LaneOptions options, Callbacks callbacks) : options_(std::move(options)), callbacks_(std::move(callbacks)) {}

  // The interfaces that Packet::interface_id speaks of. Opens the lane of the first one, so that what is wrong with the
  // directory shows before the first packet. The list may grow; of those that are known, only the
  // link type may not change. Files that describe them otherwise are ended.
  Status SetInterfaces(const std::vector<Interface>& interfaces);

  // Each as in LaneWriter, for all lanes.
  Status Append(const Packet& packet);
  Status Tick(Timestamp now);
  Status Rotate();
  Status Finish();
  void SetCounts(uint32_t interface_id, const InterfaceCounts& counts);
  LaneCounts counts() const;
  std::optional<Timestamp> oldest_unwritten() const;
  // What became of the packets of an interface. Requires: SetInterfaces() knew it.
  PacketCounts CountsOf(uint32_t interface_id) const;
  std::vector<LostPackets> TakeLost();

 private:
  struct Lane {
    std::string directory;
    LaneLock lock;
    std::chrono::steady_clock::time_point next_look;  // at the lock
    std::vector<Interface> interfaces;
    std::vector<uint32_t> interface_ids;  // those that Packet::interface_id speaks of
    std::unique_ptr<LaneWriter> writer;
  };
  struct Place {  // of an interface
    Lane* lane;
    uint32_t interface_id;  // in the lane
  };

  Result<Lane*> LaneOf(LinkType type);
  static Status AppendAs(uint32_t interface_id, const Packet& packet, LaneWriter& writer);
  static Status MakeAgainIfGone(Lane& lane);
  Status ForEach(const std::function<Status(LaneWriter&)>& action);

  LaneOptions options_;
  Callbacks callbacks_;
  std::map<LinkType, std::unique_ptr<Lane>> lanes_;
  std::vector<Place> places_;  // by interface id
};

}  // namespace dashcap
