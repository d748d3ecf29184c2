#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "indexer/flow_record.h"
#include "indexer/index_table.h"
#include "storage/blockfile_reader.h"

// The values of an index table, other than flow records and postings.
namespace dashcap {

// Appends. Requires: ascending.
void EncodeFlowIds(const std::vector<FlowId>& ids, std::string& out);
// Appends; false when damaged or when an id is not below `flow_count`.
bool DecodeFlowIds(std::string_view value, uint64_t flow_count, std::vector<FlowId>& out);

std::string EncodeDirectory(const std::vector<BlockSummary>& blocks);
std::optional<std::vector<BlockSummary>> DecodeDirectory(std::string_view value);

std::string EncodeSummary(const TableSummary& summary);
// The version stands in front: nullopt also when it is not ours.
std::optional<TableSummary> DecodeSummary(std::string_view value);

}  // namespace dashcap
