#include "indexer/file_indexer.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "indexer/table_writer.h"
#include "packet/decoder.h"
#include "storage/block_reader.h"
#include "storage/catalog.h"
#include "storage/open_blockfile.h"

namespace dashcap {

FileIndexer::FileIndexer(uint64_t file_id, LinkType link_type) : file_id_(file_id), link_type_(link_type) {
  batch_.reserve(FlowTable::kBatch);
}

void FileIndexer::Add(const SealedBlock& block) {
  BlockReader reader(block.closing, block.records(), BlockReader::Trust::kOwnMemory);
  while (const auto packet = reader.Next()) AddPacket(*packet);
  AddBatch();
  blocks_.push_back(Summarize(block.closing));
}

void FileIndexer::AddPacket(const NumberedPacket& packet) {
  const bool consecutive = packet.number == batch_begin_ + batch_.size();
  if (batch_.size() == FlowTable::kBatch || !consecutive) AddBatch();
  if (batch_.empty()) batch_begin_ = static_cast<uint32_t>(packet.number);
  FlowTable::Item& item = batch_.emplace_back();
  item.time = packet.packet.timestamp;
  item.original_length = packet.packet.original_length;
  Decode(link_type_, packet.packet.bytes, item.decoded);
  if (item.decoded.fragment.is_fragment) fragments_.Resolve(item.time, item.decoded);
}

void FileIndexer::AddBatch() {
  if (!batch_.empty()) flows_.Add(batch_begin_, batch_);
  batch_.clear();
}

size_t FileIndexer::memory_bytes() const { return flows_.memory_bytes() + blocks_.capacity() * sizeof(BlockSummary); }

Status FileIndexer::WriteTable(const std::string& blockfile) const {
  const std::filesystem::path published(IndexPathOf(blockfile));
  const std::filesystem::path hidden = published.parent_path() / ("." + published.filename().string());
  if (Status status = WriteIndexTable(hidden.string(), {file_id_, damaged_, flows_, blocks_}); !status) return status;
  if (::rename(hidden.c_str(), published.c_str()) != 0) return Fail(SystemError("rename " + hidden.string()));
  // Retention may have removed the blockfile meanwhile; an index without one has no use.
  if (::access(blockfile.c_str(), F_OK) != 0) ::unlink(published.c_str());
  return {};
}

Status FileIndexer::AddBlockfile(const BlockfileReader& reader) {
  std::vector<DamagedRange> damage;
  auto blocks = reader.Blocks(damage);
  if (!blocks) return Fail(blocks.error());
  std::vector<uint8_t> buffer;
  for (const BlockSummary& block : *blocks) {
    Status read = reader.ReadBlock(
        block, buffer,
        [this](const NumberedPacket& packet) {
          AddPacket(packet);
          return true;
        },
        damage);
    if (!read) return read;
    AddBatch();
    blocks_.push_back(block);
  }
  damaged_ = !damage.empty();
  return {};
}

Status IndexBlockfile(const std::string& blockfile) {
  auto reader = BlockfileReader::Open(blockfile);
  if (!reader) return Fail(reader.error());
  FileIndexer indexer(reader->file_id(), reader->link_type());
  if (Status status = indexer.AddBlockfile(*reader); !status) return status;
  return indexer.WriteTable(blockfile);
}

}  // namespace dashcap
