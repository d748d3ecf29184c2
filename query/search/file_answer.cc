#include "query/search/file_answer.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "packet/decoder.h"
#include "packet/fragment_table.h"
#include "query/language/encapsulation.h"
#include "query/language/fold.h"
#include "query/language/matcher.h"
#include "query/language/parser.h"
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

// More sets of packets than this aren't worth their memory.
constexpr size_t kMaxSelections = 16;

// Packets of a slice of time that are asked for.
struct Selection {
  TimeRange range;
  PacketSet packets;
  std::shared_ptr<const PacketMatcher> rest;  // what they still have to be asked; nullptr: nothing
};

class IndexedAnswer final : public FileAnswer {
 public:
  IndexedAnswer(BlockfileReader reader, std::vector<BlockSummary> blocks, std::vector<Selection> selections,
                std::shared_ptr<FilterPrograms> programs)
      : FileAnswer(std::move(reader), std::move(blocks)),
        programs_(std::move(programs)),
        selections_(std::move(selections)) {}

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
             selection.packets.Contains(static_cast<uint32_t>(found.number)) &&
             (!selection.rest || selection.rest->MatchesWithoutKey(found.packet));
    });
  }

  std::shared_ptr<FilterPrograms> programs_;  // used by the selections
  std::vector<Selection> selections_;
  std::vector<uint32_t> numbers_;
};

class ScanningAnswer final : public FileAnswer {
 public:
  // `blocks` begin early enough for the fragments of the first packet that matters.
  ScanningAnswer(BlockfileReader reader, std::vector<BlockSummary> blocks, const Question& question)
      : FileAnswer(std::move(reader), std::move(blocks)),
        programs_(question.programs),
        matcher_(question.expression, this->reader().link_type(), *programs_),
        range_(question.range),
        everything_(IsAll(*question.expression)) {}

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
    return in_range && matcher_.Matches(packet, decoded_.key);
  }

  std::shared_ptr<FilterPrograms> programs_;
  PacketMatcher matcher_;
  TimeRange range_;
  bool everything_;
  FragmentTable fragments_;
  Decoded decoded_;
};

// A flow of which one direction or both are wanted.
struct WantedFlow {
  FlowId id;
  std::array<bool, 2> directions;
};

// Flows whose packets have to be asked the same.
struct Wanted {
  ExpressionPtr rest;
  std::vector<WantedFlow> flows;
  uint64_t expected = 0;  // packets
};

// By what is left to ask, in words.
using WantedByRest = std::map<std::string, Wanted>;

void Add(const MatchingFlow& flow, WantedByRest& wanted) {
  for (const Direction direction : {Direction::kForward, Direction::kReverse}) {
    const ExpressionPtr& rest = flow.Asked(direction);
    if (!rest) continue;
    Wanted& same = IsAll(*rest) ? wanted[""] : wanted[PrintQuery(*rest)];
    same.rest = rest;
    if (same.flows.empty() || same.flows.back().id != flow.id) same.flows.push_back({flow.id, {}});
    same.flows.back().directions[static_cast<size_t>(direction)] = true;
    same.expected += flow.record.packets[static_cast<size_t>(direction)];
  }
}

Result<PacketSet> PacketsOf(const IndexTable& table, const std::vector<BlockSummary>& blocks, TimeRange time,
                            const Wanted& wanted) {
  const PacketNumbers range = NumbersIn(blocks, time);
  uint64_t end = 0;
  for (const BlockSummary& block : blocks) end = std::max(end, block.first_packet_number + block.packet_count);
  PacketSet packets(wanted.expected, end);
  std::vector<Posting> postings;
  for (const WantedFlow& flow : wanted.flows) {
    postings.clear();
    if (Status status = table.Postings(flow.id, range, postings); !status) return Fail(status.error());
    for (const Posting& posting : postings) {
      const bool wants = flow.directions[static_cast<size_t>(posting.direction)];
      if (wants && posting.packet_number < end) packets.Add(posting.packet_number);
    }
  }
  packets.Finish();
  return packets;
}

// Which packets of the file a slice asks for.
Status Select(const IndexTable& table, const std::vector<BlockSummary>& blocks, const TimeSlice& slice,
              LinkType link_type, const Question& question, std::vector<Selection>& selections) {
  if (IsAll(*slice.expression)) {
    selections.push_back({slice.range, PacketSet::All(), nullptr});
    return {};
  }
  WantedByRest wanted;
  Status status = ForEachMatchingFlow(table, slice.expression, slice.range, [&wanted](const MatchingFlow& flow) {
    Add(flow, wanted);
    return wanted.size() <= kMaxSelections;
  });
  if (!status) return status;
  if (wanted.size() + selections.size() > std::max(kMaxSelections, question.slices->size()))
    return Fail(ErrorKind::kUnavailable, "flows differ too much in what their packets have to be asked");
  for (const auto& [text, flows] : wanted) {
    auto packets = PacketsOf(table, blocks, slice.range, flows);
    if (!packets) return Fail(packets.error());
    std::shared_ptr<const PacketMatcher> rest;
    if (!IsAll(*flows.rest)) rest = std::make_shared<PacketMatcher>(flows.rest, link_type, *question.programs);
    selections.push_back({slice.range, std::move(*packets), std::move(rest)});
  }
  return {};
}

}  // namespace

Question MakeQuestion(const SearchRequest& request) {
  Question question{WithInnerReading(request.expression),
                    Intersect(request.range, TimeBounds(*request.expression)),
                    {},
                    request.limits,
                    std::make_shared<FilterPrograms>()};
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
                                                  const Question& question) {
  auto blocks = table.Blocks();
  if (!blocks) return Fail(blocks.error());
  std::vector<Selection> selections;
  for (const TimeSlice& slice : *question.slices) {
    if (!slice.range.Overlaps(table.summary().first_time, table.summary().last_time)) continue;
    if (Status status = Select(table, *blocks, slice, reader.link_type(), question, selections); !status)
      return Fail(status.error());
  }
  return std::make_unique<IndexedAnswer>(std::move(reader), std::move(*blocks), std::move(selections),
                                         question.programs);
}

Result<std::unique_ptr<FileAnswer>> AnswerByNumbers(BlockfileReader reader, const IndexTable& table, TimeRange range,
                                                    const std::vector<uint32_t>& numbers) {
  auto blocks = table.Blocks();
  if (!blocks) return Fail(blocks.error());
  PacketSet packets(numbers.size(), uint64_t{1} << 32);
  for (const uint32_t number : numbers) packets.Add(number);
  packets.Finish();
  std::vector<Selection> selections;
  selections.push_back({range, std::move(packets), nullptr});
  return std::make_unique<IndexedAnswer>(std::move(reader), std::move(*blocks), std::move(selections), nullptr);
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
