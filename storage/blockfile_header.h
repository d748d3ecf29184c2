#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "packet/packet.h"
#include "storage/block.h"

namespace dashcap {

// The interfaces must have one link type, and at least one must be there.
Status CheckInterfaces(const std::vector<Interface>& interfaces);

// Block 0 of a blockfile: section header, interface descriptions, closing record.
std::unique_ptr<SealedBlock> MakeHeaderBlock(uint64_t file_id, const std::vector<Interface>& interfaces,
                                             Packing packing);

struct BlockfileHeader {
  ClosingRecord closing;
  std::vector<Interface> interfaces;
};

// Reads it back from the first bytes of a plain file, or from the content of the first frame; kDamaged says what is wrong and where.
Result<BlockfileHeader> DecodeHeaderBlock(std::span<const uint8_t> start_of_file);

}  // namespace dashcap
