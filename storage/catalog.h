#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "storage/block_format.h"

namespace dashcap {

// Names in an archive: ARCHIVE/LANE/START_NS.pcapng, or .pcapng.zst when its blocks are zstd frames, and
// ARCHIVE/LANE/START_NS.index, with a leading dot while being written. START_NS has 19 digits, so that names sort by time; it is the time of the file's first packet, or a little
// more to be unique.
inline constexpr char kBlockfileSuffix[] = ".pcapng";
inline constexpr char kZstdSuffix[] = ".pcapng.zst";
inline constexpr char kIndexSuffix[] = ".index";
inline constexpr char kPinSuffix[] = ".pin";

struct BlockfileEntry {
  std::string lane_directory;  // ARCHIVE/LANE
  std::string lane;
  Timestamp start{};  // from the name
  bool open = false;  // still being written (hidden)
  Packing packing = Packing::kPlain;
  bool has_index = false;
  bool pinned = false;  // ARCHIVE/LANE/START_NS.pin exists
  uint64_t bytes = 0;   // blockfile and index
  // Filled in by retention: no packet of the file is younger; nullopt: not known.
  std::optional<Timestamp> newest_packet_before;
  std::string path() const;
  std::string index_path() const;
  bool operator==(const BlockfileEntry&) const = default;
};

std::string BlockfileName(Timestamp start, bool open, Packing packing);  // ".1795492168144787000.pcapng"
// Of the index that belongs, or would belong, to a published blockfile.
std::string IndexPathOf(const std::string& blockfile);
std::optional<BlockfileEntry> ParseBlockfileName(const std::string& lane_directory, const std::string& name);

// The lane directories of an archive, sorted; hidden ones and lost+found are none.
Result<std::vector<std::string>> ListLanes(const std::string& archive);

// The blockfiles of one lane directory, oldest start first.
Result<std::vector<BlockfileEntry>> ListLane(const std::string& lane_directory);

// The same by reading the directory only: `bytes` are 0.
Result<std::vector<BlockfileEntry>> ListLaneWithoutSizes(const std::string& lane_directory);
// Asks for the size; 0 when the file is gone.
uint64_t SizeOf(const BlockfileEntry& file);

// The blockfiles of an archive directory, oldest start first. Names that are not ours are passed over; symbolic links
// are not followed. A lane directory that can't be read is an error.
Result<std::vector<BlockfileEntry>> ListArchive(const std::string& archive);

}  // namespace dashcap
