#pragma once

#include <memory>
#include <queue>
#include <stop_token>
#include <vector>

#include "query/search/file_opener.h"
#include "query/search/search.h"

namespace dashcap {

// Merges the answers of the candidate files by time. A file is opened when the merge reaches its earliest packet, and
// closed when it has given its last.
class MergedStream final : public PacketStream {
 public:
  MergedStream(FileOpener& opener, Question question, std::vector<CandidateFile> files, Missing missing,
               SearchStatistics statistics, std::stop_token stop);

  Result<std::optional<FoundPacket>> Next() override;
  const std::vector<Interface>& interfaces() const override { return interfaces_; }
  const Missing& missing() const override { return missing_; }
  const SearchStatistics& statistics() const override { return statistics_; }

 private:
  struct Source {
    std::unique_ptr<FileAnswer> answer;
    NumberedPacket head;
    size_t order = 0;                  // among files of equal times: oldest first
    std::vector<uint32_t> interfaces;  // of the file, as indexes into interfaces_
  };
  struct Later {
    bool operator()(const std::unique_ptr<Source>& a, const std::unique_ptr<Source>& b) const {
      const auto key = [](const Source& s) { return std::pair(s.head.packet.timestamp, s.order); };
      return key(*a) > key(*b);
    }
  };

  Status OpenDueFiles();
  // Puts the source back with its next packet, or drops it.
  Status Advance(std::unique_ptr<Source> source);
  std::vector<uint32_t> InterfacesOf(const BlockfileReader& reader);
  bool LimitReached(const Packet& next) const;

  FileOpener& opener_;
  const Question question_;
  std::vector<CandidateFile> files_;  // by first time
  size_t next_file_ = 0;
  const std::stop_token stop_;
  std::priority_queue<std::unique_ptr<Source>, std::vector<std::unique_ptr<Source>>, Later> sources_;
  std::unique_ptr<Source> given_out_;  // its head is with the caller
  std::vector<Interface> interfaces_;
  Missing missing_;
  SearchStatistics statistics_;
};

}  // namespace dashcap
