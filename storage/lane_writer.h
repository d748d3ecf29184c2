#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "packet/capture_writer.h"
#include "packet/packet.h"
#include "storage/block.h"
#include "storage/lane_options.h"
#include "storage/packet_ledger.h"

namespace dashcap {

// What happened in a lane, in order. Sent from the thread that owns the LaneWriter.
struct BlockSealed {  // its write has been started, not necessarily finished
  uint64_t file_id;
  LinkType link_type;
  std::shared_ptr<const SealedBlock> block;
};
struct BlockfilePublished {  // whole, synced and renamed: `path` exists
  uint64_t file_id;
  std::string path;
  bool complete;  // false: a block could not be written, so the file must be indexed from disk
};
using LaneEvent = std::variant<BlockSealed, BlockfilePublished>;

struct LaneCounts {
  PacketCounts packets;
  uint64_t bytes = 0;  // captured, of the packets that were handed to the disk
  uint64_t files = 0;  // published
  uint64_t write_errors = 0;
  uint64_t no_room_waits = 0;  // times that every block was in use
  uint64_t compressed_blocks = 0;
  uint64_t compression_skipped = 0;  // blocks stored as they are, because the compressor had fallen behind
};

// Turns a sequence of packets of one link type into blockfiles of one lane directory: builds blocks, writes them with
// O_DIRECT and io_uring, several in flight, rotates by size and age, publishes by rename, on a thread of its own. A file
// is begun by its first packet and is named after that packet's time (made unique). Where the file system refuses
// O_DIRECT (tmpfs), through the page cache. One thread; every wait ends when the disk answers.
class LaneWriter {
 public:
  static Result<std::unique_ptr<LaneWriter>> Open(LaneOptions options, std::vector<Interface> interfaces,
                                                  std::function<void(LaneEvent)> on_event);
  // Like Finish, errors logged.
  ~LaneWriter();

  // Copies the packet. Waits for the disk when every block is in use. An error means that the packet is not stored; it
  // is in the ledger then.
  Status Append(const Packet& packet);

  // To be called at least every 100 ms of idle time: writes a part-filled block that is old enough, rotates by age,
  // collects finished writes. `now` is wall-clock time; that it may jump only changes when files are rotated.
  Status Tick(Timestamp now);

  // Closes the file in progress; the next packet begins a new one.
  Status Rotate();

  // A new set of interfaces, of the link type that the lane has; rotates when it differs.
  Status SetInterfaces(std::vector<Interface> interfaces);

  // Written into the statistics records of each block from now on. Requires: interface_id < interfaces.
  void SetCounts(uint32_t interface_id, const InterfaceCounts& counts);

  // Writes, waits for and publishes everything. The lane can go on afterwards.
  Status Finish();

  LaneCounts counts() const;
  // What became of the packets of each interface.
  const PacketLedger& ledger() const;
  std::vector<LostPackets> TakeLost();
  // The time of the earliest packet that is not on the disk yet.
  std::optional<Timestamp> oldest_unwritten() const;

 private:
  class Impl;
  explicit LaneWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashcap
