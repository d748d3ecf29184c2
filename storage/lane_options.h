#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/time.h"

namespace dashcap {

struct LaneOptions {
  // Each block as a zstd frame, on a thread of its own.
  struct Compression {
    int level = 1;
    // What becomes of blocks when that thread falls behind: they are stored in plain frames (recording), or the lane
    // waits (import).
    enum class Behind { kStorePlain, kWait } behind = Behind::kStorePlain;
  };

  std::string directory;                        // ARCHIVE/LANE; made when missing
  uint64_t max_file_bytes = uint64_t{1} << 30;  // at most kMaxBlockfileSize
  Nanoseconds max_file_age = std::chrono::seconds(60);
  // How long a packet may wait in a part-filled block; a little under the second that is promised, because the ring's
  // and the disk's time come on top.
  Nanoseconds flush_interval = std::chrono::milliseconds(700);
  size_t block_count = 64;  // memory of the lane: blocks of kMaxBlockSize, twice that each with compression
  std::optional<Compression> compression;
  // What to do when the disk has no room: wait for retention (recording), or fail (import).
  enum class NoSpace { kWait, kFail } no_space = NoSpace::kWait;
  // What survives a power cut: what the disk got round to; every published file; every block once it is written.
  enum class Sync { kNone, kPublish, kBlock } sync = Sync::kPublish;
  // Once requested, a disk without room is waited for only a little longer; what can't be written then is lost and
  // counted.
  std::stop_token stop;
  // Called again and again, from the lane's thread, while everything waits for room on the disk.
  std::function<void()> on_waiting_for_room = [] {};
};

}  // namespace dashcap
