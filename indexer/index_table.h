#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "indexer/flow_record.h"
#include "indexer/postings.h"
#include "storage/blockfile_reader.h"

namespace dashcap {

struct TableSummary {
  uint64_t file_id = 0;  // of the blockfile it belongs to
  uint64_t packets = 0;
  uint64_t flows = 0;
  Timestamp first_time{};  // earliest and latest packet
  Timestamp last_time{};
  bool damaged = false;  // the blockfile was, when it was indexed: only a scan tells what is missing
  bool operator==(const TableSummary&) const = default;
};

// Packet numbers, half open.
struct PacketNumbers {
  uint64_t begin = 0;
  uint64_t end = uint64_t{1} << 32;
};

// Reads an index table. Whatever is damaged in it becomes an error (kDamaged), never a wrong answer: LevelDB checks
// each block's CRC, and flow ids and packet numbers are checked against the summary. The caller then scans the
// blockfile. Const members may be called by several threads at once.
class IndexTable {
 public:
  static Result<IndexTable> Open(const std::string& path);
  ~IndexTable();
  IndexTable(IndexTable&&) noexcept;
  IndexTable& operator=(IndexTable&&) noexcept;

  const TableSummary& summary() const;

  // In file order.
  Result<std::vector<BlockSummary>> Blocks() const;

  // Flows with this attribute, ascending; empty when there is none. The Bloom filter makes a miss cheap.
  Result<std::vector<FlowId>> FlowsWith(const Attribute& attribute) const;
  // Flows with an attribute of one kind whose value lies between the two, both inclusive; ascending, without repeats.
  // Linear in what it reads: one pass, one sort.
  Result<std::vector<FlowId>> FlowsBetween(const Attribute& first, const Attribute& last) const;

  Result<FlowRecord> Flow(FlowId id) const;
  // Visits the flows in the list (ascending), or all when it is nullptr, reading sequentially where that is cheaper,
  // until `visit` returns false.
  Status ForEachFlow(const std::vector<FlowId>* ids, const std::function<bool(FlowId, const FlowRecord&)>& visit) const;

  // Appends the postings of a flow whose numbers lie in the range; chunks outside are skipped.
  Status Postings(FlowId id, PacketNumbers range, std::vector<Posting>& out) const;

 private:
  class Impl;
  explicit IndexTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashcap
