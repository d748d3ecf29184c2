#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "indexer/flow_table.h"
#include "packet/fragment_table.h"
#include "storage/block.h"
#include "storage/blockfile_reader.h"

namespace dashcap {

// Indexes one blockfile: takes its blocks in order as they are sealed, and in the end writes the table. One thread.
class FileIndexer {
 public:
  FileIndexer(uint64_t file_id, LinkType link_type);

  void Add(const SealedBlock& block);
  // Takes the blocks from the disk instead.
  Status AddBlockfile(const BlockfileReader& reader);
  size_t memory_bytes() const;
  uint64_t file_id() const { return file_id_; }

  // Writes the table hidden beside the blockfile, syncs and renames it; none is left when the blockfile has gone.
  // `blockfile` is the published path.
  Status WriteTable(const std::string& blockfile) const;

 private:
  void AddPacket(const NumberedPacket& packet);
  void AddBatch();

  uint64_t file_id_;
  LinkType link_type_;
  FlowTable flows_;
  FragmentTable fragments_;
  std::vector<BlockSummary> blocks_;
  bool damaged_ = false;
  std::vector<FlowTable::Item> batch_;
  uint32_t batch_begin_ = 0;  // number of its first packet
};

// Makes the index of a published blockfile from the file itself: after a crash, or when the indexer had fallen behind.
Status IndexBlockfile(const std::string& blockfile);

}  // namespace dashcap
