#include "query/search/file_answer.h"

#include <algorithm>
#include <utility>

#include "packet/decoder.h"
#include "packet/fragment_table.h"
#include "query/language/matcher.h"
#include "query/search/flow_selection.h"
#include "query/search/packet_set.h"

namespace dashcap {
namespace {

bool Overlaps(const BlockSummary& block, TimeRange range) {
  return block.packet_count > 0 && range.Overlaps(block.first_time, block.last_time);
}

// Numbers between which all packets lie that may be in the range.
PacketNumbers NumbersIn(const std::vector<BlockSummary>& blocks, TimeRange range) {
  PacketNumbers numbers{UINT64_MAX, 0};
  for (const BlockSummary& block : blocks) {
    if (!Overlaps(block, range)) continue;
    numbers.begin = std::min(numbers.begin, block.first_packet_number);
    numbers.end = std::max(numbers.end, block.first_packet_number + block.packet_count);
  }
  return numbers;
}

// The packets of a slice of time, and which of them are asked for.
struct Selection {
  TimeRange range;
  PacketSet packets;
};

class IndexedAnswer final : public FileAnswer {
 public:
  IndexedAnswer(BlockfileReader reader, std::vector<BlockSummary> blocks, std::vector<Selection> selections)
      : FileAnswer(std::move(reader), std::move(blocks)), selections_(std::move(selections)) {}

 private:
  Status Select(const BlockSummary& block, std::vector<uint8_t>& buffer, std::vector<NumberedPacket>& out,
                std::vector<DamagedRange>& damage) override {
    numbers_.clear();
    size_t sources = 0;
    for (const Selection& selection : selections_) {
      if (!Overlaps(block, selection.range)) continue;
      selection.packets.AppendThoseIn(block, numbers_);
      sources++;
    }
    if (sources > 1) {
      std::sort(numbers_.begin(), numbers_.end());
      numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
    }
    if (numbers_.empty()) return {};
    if (Status status = reader().ReadPackets(block, numbers_, buffer, out, damage); !status) return status;
    out.erase(std::remove_if(out.begin(), out.end(), [this](const NumberedPacket& found) { return !Wants(found); }),
              out.end());
    return {};
  }

  bool Wants(const NumberedPacket& found) const {
    return std::any_of(selections_.begin(), selections_.end(), [&found](const Selection& selection) {
      return selection.range.Contains(found.packet.timestamp) &&
             selection.packets.Contains(static_cast<uint32_t>(found.number));
    });
  }

  std::vector<Selection> selections_;
  std::vector<uint32_t> numbers_;
};

class ScanningAnswer final : public FileAnswer {
 public:
  // `blocks` begin early enough for the fragments of the first packet that matters.
  ScanningAnswer(BlockfileReader reader, std::vector<BlockSummary> blocks, const Question& question)
      : FileAnswer(std::move(reader), std::move(blocks)),
        expression_(question.expression),
        range_(question.range),
        everything_(IsAll(*expression_)) {}

 private:
  Status Select(const BlockSummary& block, std::vector<uint8_t>& buffer, std::vector<NumberedPacket>& out,
                std::vector<DamagedRange>& damage) override {
    return reader().ReadBlock(
        block, buffer,
        [this, &out](const NumberedPacket& found) {
          if (Wants(found.packet)) out.push_back(found);
          return true;
        },
        damage);
  }

  bool Wants(const Packet& packet) {
    const bool in_range = range_.Contains(packet.timestamp);
    if (everything_) return in_range;
    Decode(packet.link_type, packet.bytes, decoded_ = {});
    if (decoded_.fragment.is_fragment) fragments_.Resolve(packet.timestamp, decoded_);
    return in_range && Matches(*expression_, decoded_.key, packet.timestamp);
  }

  ExpressionPtr expression_;
  TimeRange range_;
  bool everything_;
  FragmentTable fragments_;
  Decoded decoded_;
};

// Which packets of the file a slice asks for.
Result<PacketSet> SelectPackets(const IndexTable& table, const std::vector<BlockSummary>& blocks,
                                const TimeSlice& slice) {
  if (IsAll(*slice.expression)) return PacketSet::All();
  struct Wanted {
    FlowId id;
    bool forward;
    bool reverse;
  };
  std::vector<Wanted> flows;
  uint64_t expected = 0;
  Status status = ForEachMatchingFlow(table, *slice.expression, slice.range, [&](const MatchingFlow& flow) {
    flows.push_back({flow.id, flow.forward, flow.reverse});
    expected += flow.packets();
    return true;
  });
  if (!status) return Fail(status.error());

  const PacketNumbers range = NumbersIn(blocks, slice.range);
  uint64_t end = 0;
  for (const BlockSummary& block : blocks) end = std::max(end, block.first_packet_number + block.packet_count);
  PacketSet packets(expected, end);
  std::vector<Posting> postings;
  for (const Wanted& flow : flows) {
    postings.clear();
    if (status = table.Postings(flow.id, range, postings); !status) return Fail(status.error());
    for (const Posting& posting : postings) {
      const bool wanted = posting.direction == Direction::kForward ? flow.forward : flow.reverse;
      if (wanted && posting.packet_number < end) packets.Add(posting.packet_number);
    }
  }
  packets.Finish();
  return packets;
}

}  // namespace

Question MakeQuestion(const SearchRequest& request) {
  Question question{request.expression, Intersect(request.range, TimeBounds(*request.expression)), {}, request.limits};
  question.slices = SliceByTime(question.expression, question.range);
  return question;
}

Result<std::optional<NumberedPacket>> FileAnswer::Next(std::stop_token stop, std::vector<DamagedRange>& damage) {
  while (next_found_ == found_.size()) {
    if (next_block_ == blocks_.size()) return std::optional<NumberedPacket>{};
    if (stop.stop_requested()) return Fail(ErrorKind::kUnavailable, "the search was stopped");
    found_.clear();
    next_found_ = 0;
    if (Status status = Select(blocks_[next_block_++], buffer_, found_, damage); !status) return Fail(status.error());
  }
  return std::optional(found_[next_found_++]);
}

Result<std::unique_ptr<FileAnswer>> AnswerByIndex(BlockfileReader reader, const IndexTable& table,
                                                  const std::vector<TimeSlice>& slices) {
  auto blocks = table.Blocks();
  if (!blocks) return Fail(blocks.error());
  std::vector<Selection> selections;
  for (const TimeSlice& slice : slices) {
    if (!slice.range.Overlaps(table.summary().first_time, table.summary().last_time)) continue;
    auto packets = SelectPackets(table, *blocks, slice);
    if (!packets) return Fail(packets.error());
    selections.push_back({slice.range, std::move(*packets)});
  }
  return std::make_unique<IndexedAnswer>(std::move(reader), std::move(*blocks), std::move(selections));
}

Result<std::unique_ptr<FileAnswer>> AnswerByNumbers(BlockfileReader reader, const IndexTable& table, TimeRange range,
                                                    const std::vector<uint32_t>& numbers) {
  auto blocks = table.Blocks();
  if (!blocks) return Fail(blocks.error());
  PacketSet packets(numbers.size(), uint64_t{1} << 32);
  for (const uint32_t number : numbers) packets.Add(number);
  packets.Finish();
  std::vector<Selection> selections;
  selections.push_back({range, std::move(packets)});
  return std::make_unique<IndexedAnswer>(std::move(reader), std::move(*blocks), std::move(selections));
}

Result<std::unique_ptr<FileAnswer>> AnswerByScan(BlockfileReader reader, const Question& question,
                                                 std::vector<DamagedRange>& damage) {
  auto blocks = reader.Blocks(damage);
  if (!blocks) return Fail(blocks.error());
  // Fragments get their ports from a first one that may lie before the range.
  TimeRange relevant = question.range;
  if (relevant.begin > kMinTimestamp + FragmentTable::kFragmentLifetime)
    relevant.begin -= FragmentTable::kFragmentLifetime;
  blocks->erase(std::remove_if(blocks->begin(), blocks->end(),
                               [&](const BlockSummary& block) { return !Overlaps(block, relevant); }),
                blocks->end());
  return std::make_unique<ScanningAnswer>(std::move(reader), std::move(*blocks), question);
}

}  // namespace dashcap
