#include "storage/verify.h"

#include <algorithm>
#include <optional>

namespace dashcap {
namespace {

DamagedRange Contradiction(const BlockfileReader& reader, const BlockSummary& block, const std::string& what) {
  return {block.offset, block.length, 0, reader.path() + ": block at " + std::to_string(block.offset) + ": " + what};
}

// What a block's closing record says against the packets that are in it.
void VerifyBlock(const BlockfileReader& reader, const BlockSummary& block, std::vector<uint8_t>& buffer,
                 VerifyReport& report) {
  std::optional<Timestamp> first;
  std::optional<Timestamp> last;
  uint64_t packets = 0;
  const size_t damage_before = report.damage.size();
  const Status read = reader.ReadBlock(
      block, buffer,
      [&](const NumberedPacket& found) {
        if (found.number != block.first_packet_number + packets) packets = found.number - block.first_packet_number;
        packets++;
        first = std::min(first.value_or(found.packet.timestamp), found.packet.timestamp);
        last = std::max(last.value_or(found.packet.timestamp), found.packet.timestamp);
        report.packets++;
        return true;
      },
      report.damage);
  if (!read) report.damage.push_back(Contradiction(reader, block, read.error().message));
  if (report.damage.size() > damage_before) return;
  if (packets != block.packet_count) {
    report.damage.push_back(Contradiction(
        reader, block, "holds " + std::to_string(packets) + " packets, says " + std::to_string(block.packet_count)));
  } else if (first && (*first != block.first_time || *last != block.last_time)) {
    report.damage.push_back(Contradiction(reader, block, "first or last time differs from its packets"));
  }
}

}  // namespace

Result<VerifyReport> VerifyBlockfile(const std::string& path, const std::function<void(uint64_t)>& progress) {
  auto reader = BlockfileReader::Open(path);
  if (!reader) return Fail(reader.error());
  auto size = reader->size();
  if (!size) return Fail(size.error());
  VerifyReport report;
  report.bytes = *size;
  if (reader->header_damage()) report.damage.push_back(*reader->header_damage());
  std::vector<DamagedRange> gaps;
  auto blocks = reader->Blocks(gaps);
  if (!blocks) return Fail(blocks.error());
  for (DamagedRange& gap : gaps) (gap.never_written ? report.never_written : report.damage).push_back(std::move(gap));

  std::vector<uint8_t> buffer;
  uint64_t next_packet = 0;
  for (const BlockSummary& block : *blocks) {
    if (block.first_packet_number < next_packet) {
      report.damage.push_back(Contradiction(*reader, block,
                                            "numbers its packets from " + std::to_string(block.first_packet_number) +
                                                ", expected " + std::to_string(next_packet)));
    }
    next_packet = block.first_packet_number + block.packet_count;
    VerifyBlock(*reader, block, buffer, report);
    report.blocks++;
    if (progress) progress(block.offset + block.length);
  }
  return report;
}

}  // namespace dashcap
