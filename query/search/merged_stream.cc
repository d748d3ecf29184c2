#include "query/search/merged_stream.h"

#include <algorithm>
#include <utility>

namespace dashcap {

MergedStream::MergedStream(FileOpener& opener, Question question, std::vector<CandidateFile> files, Missing missing,
                           SearchStatistics statistics, std::stop_token stop)
    : opener_(opener),
      question_(std::move(question)),
      files_(std::move(files)),
      stop_(std::move(stop)),
      missing_(std::move(missing)),
      statistics_(statistics) {
  std::stable_sort(files_.begin(), files_.end(), [](const CandidateFile& a, const CandidateFile& b) {
    return a.info.first_time < b.info.first_time;
  });
}

Result<std::optional<FoundPacket>> MergedStream::Next() {
  if (given_out_) {
    if (Status status = Advance(std::move(given_out_)); !status) return Fail(status.error());
  }
  if (missing_.limit_reached) return std::optional<FoundPacket>{};
  if (Status status = OpenDueFiles(); !status) return Fail(status.error());
  if (sources_.empty()) return std::optional<FoundPacket>{};
  const Packet& next = sources_.top()->head.packet;
  if (LimitReached(next)) {
    missing_.limit_reached = true;
    return std::optional<FoundPacket>{};
  }
  given_out_ = std::move(const_cast<std::unique_ptr<Source>&>(sources_.top()));
  sources_.pop();
  FoundPacket found{given_out_->head.packet, given_out_->interfaces[given_out_->head.packet.interface_id]};
  found.packet.interface_id = found.interface;
  statistics_.packets++;
  statistics_.bytes += found.packet.bytes.size();
  return std::optional(found);
}

bool MergedStream::LimitReached(const Packet& next) const {
  const SearchLimits& limits = question_.limits;
  return (limits.packets && statistics_.packets >= *limits.packets) ||
         (limits.bytes && statistics_.bytes + next.bytes.size() > *limits.bytes);
}

Status MergedStream::OpenDueFiles() {
  while (next_file_ < files_.size() &&
         (sources_.empty() || files_[next_file_].info.first_time <= sources_.top()->head.packet.timestamp)) {
    const size_t order = next_file_++;
    auto answer = opener_.Open(files_[order].entry, question_, missing_, statistics_);
    if (!answer) return Fail(answer.error());
    if (!*answer) continue;
    auto source = std::make_unique<Source>();
    source->answer = std::move(*answer);
    source->order = order;
    source->interfaces = InterfacesOf(source->answer->reader());
    if (Status status = Advance(std::move(source)); !status) return status;
  }
  return {};
}

Status MergedStream::Advance(std::unique_ptr<Source> source) {
  auto next = source->answer->Next(stop_, missing_.damage);
  if (!next) return Fail(next.error());
  if (!*next) return {};
  source->head = **next;
  sources_.push(std::move(source));
  return {};
}

std::vector<uint32_t> MergedStream::InterfacesOf(const BlockfileReader& reader) {
  std::vector<uint32_t> indexes;
  for (const Interface& interface : reader.interfaces()) {
    const auto known = std::find(interfaces_.begin(), interfaces_.end(), interface);
    indexes.push_back(static_cast<uint32_t>(known - interfaces_.begin()));
    if (known == interfaces_.end()) interfaces_.push_back(interface);
  }
  return indexes;
}

}  // namespace dashcap
