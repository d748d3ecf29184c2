#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/language/expression.h"
#include "storage/blockfile_reader.h"
#include "storage/catalog.h"
#include "storage/gap.h"

namespace dashcap {

struct SearchLimits {
  std::optional<uint64_t> packets;
  std::optional<uint64_t> bytes;  // captured bytes
};

struct SearchRequest {
  ExpressionPtr expression;
  TimeRange range;  // on top of what the expression says
  SearchLimits limits;
};

// A packet of the answer. `interface` indexes PacketStream::interfaces().
struct FoundPacket {
  Packet packet;
  uint32_t interface = 0;
};

// What a lane's recorder says is missing.
struct LaneGap {
  std::string lane;
  Gap gap;
};

// What an answer does not hold and why. Goes with every answer.
struct Missing {
  std::vector<LaneGap> gaps;                // of the time range, in order of their begin
  std::vector<DamagedRange> damage;         // with the path in `reason`
  std::vector<std::string> vanished;        // blockfiles that retention took while we read
  uint64_t dropped_packets = 0;             // the capture dropped these in the blockfiles searched (kernel, NIC, ours)
  std::optional<Timestamp> archive_begins;  // set when the range asked for starts before the oldest packet held
  bool limit_reached = false;
  bool empty() const;
};

struct SearchStatistics {
  uint64_t files = 0;  // in the archive
  uint64_t files_in_range = 0;
  uint64_t files_by_index = 0;
  uint64_t files_scanned = 0;
  uint64_t packets = 0;  // given out so far
  uint64_t bytes = 0;
};

// The answer to a query, pulled packet by packet in order of time (in order of capture where times are equal or step
// back within a file). Reads no further than it is asked to. Memory: one block per blockfile that overlaps in time, and
// the packet numbers selected in those. One thread.
class PacketStream {
 public:
  virtual ~PacketStream() = default;
  // The next packet, valid until the next call; nullopt at the end. Errors are only those that end the whole answer;
  // what is damaged is left out and listed in missing().
  virtual Result<std::optional<FoundPacket>> Next() = 0;
  virtual const std::vector<Interface>& interfaces() const = 0;  // grows as files are opened
  virtual const Missing& missing() const = 0;                    // complete at the end
  virtual const SearchStatistics& statistics() const = 0;
};

// How much an answer would hold. Taken from the index where it can be, so packets that are damaged on disk are counted
// too.
struct CountAnswer {
  uint64_t packets = 0;
  uint64_t bytes = 0;  // original lengths
  std::optional<Timestamp> first;
  std::optional<Timestamp> last;
  Missing missing;
  SearchStatistics statistics;
};

// The archive as the query side sees it: directories on disk, read-only, listed afresh for each search; what is learnt
// about files that cannot change is kept. Any thread.
class Archive {
 public:
  static Result<std::unique_ptr<Archive>> Open(std::vector<std::string> directories);
  ~Archive();

  Result<std::unique_ptr<PacketStream>> Search(const SearchRequest& request, std::stop_token stop);
  Result<CountAnswer> Count(const SearchRequest& request, std::stop_token stop);
  // The plan in words and figures: tree, files in range, for each how it will be answered and the estimated cost.
  Result<std::string> Explain(const SearchRequest& request);

  struct FileStatus {
    BlockfileEntry file;
    Timestamp first_time{};
    Timestamp last_time{};
    uint64_t packets = 0;
    InterfaceCounts counts;  // of all interfaces, from the start of the recorder to the file's end
    std::string problem;     // why it can't be read; empty: it can
  };
  Result<std::vector<FileStatus>> Files();

  // What the recorders know to be missing from the request's time range, in order of its begin. What lasts until now is
  // not missing from a range without bounds.
  Result<std::vector<LaneGap>> Gaps(const SearchRequest& request);

  // For tests and for comparing: answers by scanning, whatever indexes there are.
  void IgnoreIndexes(bool ignore);

 private:
  class Impl;
  explicit Archive(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashcap
