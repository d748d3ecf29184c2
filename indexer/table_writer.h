#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "indexer/flow_table.h"
#include "storage/blockfile_reader.h"

namespace dashcap {

// What a table is made from.
struct TableContents {
  uint64_t file_id = 0;
  bool damaged = false;  // see TableSummary
  const FlowTable& flows;
  const std::vector<BlockSummary>& blocks;
};

// Writes the index table of one blockfile to a new file at `path`, and syncs it.
Status WriteIndexTable(const std::string& path, const TableContents& contents);

}  // namespace dashcap
