#include "query/search/count.h"

#include <algorithm>
#include <utility>

#include "query/language/matcher.h"
#include "query/search/flow_selection.h"

namespace dashcap {
namespace {

void Extend(Timestamp first, Timestamp last, CountAnswer& answer) {
  answer.first = std::min(answer.first.value_or(first), first);
  answer.last = std::max(answer.last.value_or(last), last);
}

// A flow whose record does not tell: part of it lies outside the time asked for, or only one of its directions is asked
// for.
struct OpenFlow {
  FlowId id;
  bool forward;
  bool reverse;
  bool in_range;
  uint64_t packets;
  uint64_t bytes;
  Timestamp first_time;
  Timestamp last_time;

  bool Wants(Direction direction) const { return direction == Direction::kForward ? forward : reverse; }
  // Its packets are known in number, and when they were makes no difference.
  bool Within(const CountAnswer& answer) const {
    return in_range && answer.first && *answer.first <= first_time && *answer.last >= last_time;
  }
};

class FileCount {
 public:
  FileCount(BlockfileReader reader, std::shared_ptr<const IndexTable> table)
      : reader_(std::move(reader)), table_(std::move(table)) {}

  Status Add(const TimeSlice& slice, std::stop_token stop) {
    std::vector<OpenFlow> open;
    Status status = ForEachMatchingFlow(*table_, slice.expression, slice.range, [&](const MatchingFlow& flow) {
      const FlowRecord& record = flow.record;
      const bool in_range = slice.range.Covers(record.first_time, record.last_time);
      if (in_range && flow.whole()) {
        answer.packets += flow.packets();
        answer.bytes += flow.bytes();
        Extend(record.first_time, record.last_time, answer);
      } else {
        open.push_back({flow.id, flow.forward != nullptr, flow.reverse != nullptr, in_range, flow.packets(),
                        flow.bytes(), record.first_time, record.last_time});
      }
      return true;
    });
    if (!status) return status;
    return AddOpenFlows(open, slice.range, stop);
  }

  CountAnswer answer;

 private:
  Status AddOpenFlows(const std::vector<OpenFlow>& flows, TimeRange range, std::stop_token stop) {
    std::vector<uint32_t> numbers;
    std::vector<Posting> postings;
    for (const OpenFlow& flow : flows) {
      if (flow.Within(answer)) {
        answer.packets += flow.packets;
        answer.bytes += flow.bytes;
        continue;
      }
      postings.clear();
      if (Status status = table_->Postings(flow.id, {}, postings); !status) return status;
      for (const Posting& posting : postings) {
        if (flow.Wants(posting.direction)) numbers.push_back(posting.packet_number);
      }
    }
    return numbers.empty() ? Status() : AddPackets(numbers, range, stop);
  }

  Status AddPackets(const std::vector<uint32_t>& numbers, TimeRange range, std::stop_token stop) {
    auto reader = BlockfileReader::Open(reader_.path());
    if (!reader) return Fail(reader.error());
    auto packets = AnswerByNumbers(std::move(*reader), *table_, range, numbers);
    if (!packets) return Fail(packets.error());
    while (true) {
      auto next = (*packets)->Next(stop, answer.missing.damage);
      if (!next) return Fail(next.error());
      if (!*next) return {};
      CountPacket((*next)->packet, answer);
    }
  }

  BlockfileReader reader_;
  std::shared_ptr<const IndexTable> table_;
};

}  // namespace

void CountPacket(const Packet& packet, CountAnswer& answer) {
  answer.packets++;
  answer.bytes += packet.original_length;
  Extend(packet.timestamp, packet.timestamp, answer);
}

Result<bool> CountByIndex(FileOpener& opener, const CandidateFile& file, const Question& question, std::stop_token stop,
                          CountAnswer& answer) {
  if (!question.slices || AsksPackets(*question.expression)) return false;
  auto reader = OpenListed(file.entry);
  if (!reader) {
    NoteUnreadable(file.entry, reader.error(), answer.missing);
    return true;
  }
  std::string why;
  auto table = opener.TableOf(file.entry, *reader, why);
  if (!table) return false;
  FileCount count(std::move(*reader), std::move(table));
  for (const TimeSlice& slice : *question.slices) {
    if (Status status = count.Add(slice, stop); !status) {
      if (status.error().kind == ErrorKind::kDamaged) return false;
      return Fail(status.error());
    }
  }
  answer.packets += count.answer.packets;
  answer.bytes += count.answer.bytes;
  if (count.answer.first) Extend(*count.answer.first, *count.answer.last, answer);
  std::vector<DamagedRange>& damage = count.answer.missing.damage;
  answer.missing.damage.insert(answer.missing.damage.end(), damage.begin(), damage.end());
  return true;
}

}  // namespace dashcap
