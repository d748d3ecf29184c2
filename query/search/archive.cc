#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "query/language/matcher.h"
#include "query/language/parser.h"
#include "query/search/count.h"
#include "query/search/file_opener.h"
#include "query/search/flow_selection.h"
#include "query/search/merged_stream.h"
#include "query/search/search.h"
#include "storage/gap_journal.h"

namespace dashcap {
namespace {

// Everything that a search needs to know before it reads packets.
struct Prepared {
  Question question;
  std::vector<CandidateFile> files;
  Missing missing;
  SearchStatistics statistics;
};

uint64_t Difference(uint64_t now, uint64_t before) { return now >= before ? now - before : now; }

}  // namespace

bool Missing::empty() const {
  return gaps.empty() && damage.empty() && vanished.empty() && dropped_packets == 0 && !archive_begins &&
         !limit_reached;
}

class Archive::Impl {
 public:
  explicit Impl(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  // A file that is published while we read the directory can be missed under both of its names; it can't a second time.
  Result<std::vector<BlockfileEntry>> List() {
    std::map<std::pair<std::string, Timestamp>, BlockfileEntry> found;
    for (int round = 0; round < 2; round++) {
      for (const std::string& directory : directories_) {
        auto files = ListArchive(directory);
        if (!files) return files;
        for (BlockfileEntry& file : *files) found.insert_or_assign({file.lane_directory, file.start}, std::move(file));
      }
    }
    std::vector<BlockfileEntry> files;
    files.reserve(found.size());
    for (auto& [name, file] : found) files.push_back(std::move(file));
    std::stable_sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
    infos_.Keep(files);
    return files;
  }

  Result<Prepared> Prepare(const SearchRequest& request) {
    Prepared prepared{MakeQuestion(request), {}, {}, {}};
    auto listed = List();
    if (!listed) return Fail(listed.error());
    prepared.statistics.files = listed->size();

    std::optional<Timestamp> oldest;
    std::map<std::string, CandidateFile> previous;  // file of the same lane
    for (const BlockfileEntry& entry : *listed) {
      auto info = infos_.Get(entry);
      if (!info) {
        // Of a file that was just begun there may be nothing to read yet.
        if (!entry.open) NoteUnreadable(entry, info.error(), prepared.missing);
        continue;
      }
      if (info->packets == 0) continue;
      oldest = std::min(oldest.value_or(info->first_time), info->first_time);
      CandidateFile file{entry, *info};
      if (prepared.question.range.Overlaps(info->first_time, info->last_time)) {
        const auto before = previous.find(entry.lane_directory);
        prepared.missing.dropped_packets += DroppedIn(file, before == previous.end() ? nullptr : &before->second);
        prepared.files.push_back(file);
      }
      previous.insert_or_assign(entry.lane_directory, std::move(file));
    }
    prepared.statistics.files_in_range = prepared.files.size();
    const Timestamp begin = prepared.question.range.begin;
    if (begin > kMinTimestamp && (!oldest || begin < *oldest))
      prepared.missing.archive_begins = oldest.value_or(kMaxTimestamp);
    auto gaps = GapsIn(prepared.question.range);
    if (gaps) {
      prepared.missing.gaps = std::move(*gaps);
    } else {
      prepared.missing.damage.push_back({0, 0, 0, gaps.error().message});
    }
    return prepared;
  }

  Result<std::vector<LaneGap>> Gaps(const SearchRequest& request) { return GapsIn(MakeQuestion(request).range); }

  Result<std::unique_ptr<PacketStream>> Search(const SearchRequest& request, std::stop_token stop) {
    auto prepared = Prepare(request);
    if (!prepared) return Fail(prepared.error());
    return std::make_unique<MergedStream>(opener_, std::move(prepared->question), std::move(prepared->files),
                                          std::move(prepared->missing), prepared->statistics, std::move(stop));
  }

  Result<CountAnswer> Count(const SearchRequest& request, std::stop_token stop) {
    auto prepared = Prepare(request);
    if (!prepared) return Fail(prepared.error());
    CountAnswer answer;
    answer.missing = std::move(prepared->missing);
    answer.statistics = prepared->statistics;
    for (const CandidateFile& file : prepared->files) {
      auto counted = CountByIndex(opener_, file, prepared->question, stop, answer);
      if (!counted) return Fail(counted.error());
      if (*counted) {
        answer.statistics.files_by_index++;
      } else if (Status status = CountByScan(file, prepared->question, stop, answer); !status) {
        return Fail(status.error());
      }
    }
    answer.statistics.packets = answer.packets;
    answer.statistics.bytes = answer.bytes;
    return answer;
  }

  Result<std::string> Explain(const SearchRequest& request) {
    auto prepared = Prepare(request);
    if (!prepared) return Fail(prepared.error());
    const Question& question = prepared->question;
    std::string text = fmt::format("query: {}\n", PrintQuery(*request.expression));
    text += fmt::format("time: {} to {}\n", BoundText(question.range.begin), BoundText(question.range.end));
    text += question.slices ? fmt::format("slices of time in which flows alone decide: {}\n", question.slices->size())
                            : std::string("too many time bounds for the index: every packet is looked at\n");
    text += fmt::format("files: {} of {} overlap the time\n", prepared->files.size(), prepared->statistics.files);
    for (const CandidateFile& file : prepared->files) text += ExplainFile(file, question);
    return text;
  }

  Result<std::vector<FileStatus>> Files() {
    auto listed = List();
    if (!listed) return Fail(listed.error());
    std::vector<FileStatus> files;
    for (BlockfileEntry& entry : *listed) {
      FileStatus status;
      auto info = infos_.Get(entry);
      if (info) {
        status.first_time = info->first_time;
        status.last_time = info->last_time;
        status.packets = info->packets;
        status.counts = info->counts;
      } else {
        status.problem = info.error().message;
      }
      status.file = std::move(entry);
      files.push_back(std::move(status));
    }
    return files;
  }

  void IgnoreIndexes(bool ignore) { opener_.IgnoreIndexes(ignore); }

 private:
  Result<std::vector<LaneGap>> GapsIn(TimeRange range) {
    std::vector<LaneGap> gaps;
    for (const std::string& directory : directories_) {
      auto lanes = ListLanes(directory);
      if (!lanes) return Fail(lanes.error());
      for (const std::string& lane : *lanes) {
        auto of_lane = ReadGaps(lane, Now());
        if (!of_lane) return Fail(of_lane.error());
        for (Gap& gap : *of_lane) {
          if (gap.Overlaps(range) && !(gap.lasts() && range == TimeRange()))
            gaps.push_back({lane.substr(lane.rfind('/') + 1), std::move(gap)});
        }
      }
    }
    std::stable_sort(gaps.begin(), gaps.end(),
                     [](const LaneGap& a, const LaneGap& b) { return a.gap.begin < b.gap.begin; });
    return gaps;
  }

  // The recorder's counts only grow while it runs; a file's share is what was added since the file before it.
  static uint64_t DroppedIn(const CandidateFile& file, const CandidateFile* before) {
    if (file.info.dropped() == 0) return 0;
    if (before) {
      return file.info.counts.received >= before->info.counts.received
                 ? Difference(file.info.dropped(), before->info.dropped())
                 : file.info.dropped();
    }
    const auto first = ReadFirstCounts(file.entry);
    return first ? Difference(file.info.dropped(), first->dropped()) : file.info.dropped();
  }

  Status CountByScan(const CandidateFile& file, const Question& question, std::stop_token stop, CountAnswer& answer) {
    auto packets = opener_.Open(file.entry, question, answer.missing, answer.statistics);
    if (!packets) return Fail(packets.error());
    while (*packets) {
      auto next = (*packets)->Next(stop, answer.missing.damage);
      if (!next) return Fail(next.error());
      if (!*next) break;
      CountPacket((*next)->packet, answer);
    }
    return {};
  }

  static std::string BoundText(Timestamp time) {
    if (time == kMinTimestamp) return "the beginning";
    if (time == kMaxTimestamp) return "now";
    return FormatTime(time);
  }

  std::string ExplainFile(const CandidateFile& file, const Question& question) {
    const std::string head = fmt::format("{}: {} packets, {} to {}: ", file.entry.path(), file.info.packets,
                                         FormatTime(file.info.first_time), FormatTime(file.info.last_time));
    auto reader = OpenListed(file.entry);
    if (!reader) return head + reader.error().message + "\n";
    std::string why;
    const auto table = question.slices ? opener_.TableOf(file.entry, *reader, why) : nullptr;
    if (!table) return head + "scan, because " + (why.empty() ? "of the time bounds" : why) + "\n";
    uint64_t flows = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;
    for (const TimeSlice& slice : *question.slices) {
      const Status status = ForEachMatchingFlow(*table, slice.expression, slice.range, [&](const MatchingFlow& flow) {
        flows++;
        packets += flow.packets();
        bytes += flow.bytes();
        return true;
      });
      if (!status) return head + "scan, because " + status.error().message + "\n";
    }
    return head + fmt::format("index, {} of {} flows, at most {} packets and {} bytes\n", flows, table->summary().flows,
                              packets, bytes);
  }

  const std::vector<std::string> directories_;
  FileInfoCache infos_;
  FileOpener opener_;
};

Archive::Archive(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Archive::~Archive() = default;

Result<std::unique_ptr<Archive>> Archive::Open(std::vector<std::string> directories) {
  for (const std::string& directory : directories) {
    struct stat status;
    if (::stat(directory.c_str(), &status) != 0) return Fail(SystemError("archive " + directory));
    if (!S_ISDIR(status.st_mode)) return Fail(ErrorKind::kInvalidInput, "archive " + directory + ": not a directory");
  }
  return std::unique_ptr<Archive>(new Archive(std::make_unique<Impl>(std::move(directories))));
}

Result<std::unique_ptr<PacketStream>> Archive::Search(const SearchRequest& request, std::stop_token stop) {
  return impl_->Search(request, std::move(stop));
}
Result<CountAnswer> Archive::Count(const SearchRequest& request, std::stop_token stop) {
  return impl_->Count(request, std::move(stop));
}
Result<std::string> Archive::Explain(const SearchRequest& request) { return impl_->Explain(request); }
Result<std::vector<Archive::FileStatus>> Archive::Files() { return impl_->Files(); }
Result<std::vector<LaneGap>> Archive::Gaps(const SearchRequest& request) { return impl_->Gaps(request); }
void Archive::IgnoreIndexes(bool ignore) { impl_->IgnoreIndexes(ignore); }

}  // namespace dashcap
