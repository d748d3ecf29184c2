#include "indexer/table_writer.h"

#include <fcntl.h>
#include <leveldb/env.h>
#include <leveldb/filter_policy.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "base/file_descriptor.h"
#include "indexer/attribute_lists.h"
#include "indexer/flow_group.h"
#include "indexer/index_format.h"
#include "indexer/table_values.h"

namespace dashcap {
namespace {

// LevelDB's own file would be opened by name again and without our mode.
class OutputFile final : public leveldb::WritableFile {
 public:
  explicit OutputFile(int fd) : fd_(fd) { buffer_.reserve(kBuffer); }

  leveldb::Status Append(const leveldb::Slice& data) override {
    buffer_.append(data.data(), data.size());
    return buffer_.size() < kBuffer ? leveldb::Status::OK() : Flush();
  }
  leveldb::Status Flush() override {
    for (size_t done = 0; done < buffer_.size();) {
      const ssize_t written = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        error_ = errno;
        return leveldb::Status::IOError("write");
      }
      done += static_cast<size_t>(written);
    }
    buffer_.clear();
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return Flush(); }
  leveldb::Status Sync() override {
    if (leveldb::Status status = Flush(); !status.ok()) return status;
    if (::fdatasync(fd_) == 0) return leveldb::Status::OK();
    error_ = errno;
    return leveldb::Status::IOError("sync");
  }
  // Of the call that failed; LevelDB's own status has no number.
  int error() const { return error_; }

 private:
  static constexpr size_t kBuffer = 256 * 1024;
  int fd_;
  int error_ = 0;
  std::string buffer_;
};

// Adds keys in their order, remembering the first thing that went wrong.
class TableWriter {
 public:
  TableWriter(const TableContents& contents, const leveldb::Options& options, OutputFile& file)
      : contents_(contents), builder_(options, &file) {}

  leveldb::Status Write() {
    AddAttributes();
    AddFlows();
    for (auto& [key, chunk] : chunks_) builder_.Add(key, chunk);
    if (!filter_.empty()) builder_.Add(SingleKey(KeyKind::kFilter), filter_);
    builder_.Add(SingleKey(KeyKind::kDirectory), EncodeDirectory(contents_.blocks));
    builder_.Add(SingleKey(KeyKind::kSummary), EncodeSummary(Summary()));
    return builder_.Finish();
  }

 private:
  void AddAttributes() {
    const FlowTable& flows = contents_.flows;
    AttributeLists lists;
    for (FlowId flow = 0; flow < flows.flow_count(); flow++) {
      ForEachAttribute(flows.Key(flow), [&lists](KeyKind kind, std::span<const uint8_t>) { lists.Count(kind); });
    }
    lists.Reserve();
    for (FlowId flow = 0; flow < flows.flow_count(); flow++) {
      ForEachAttribute(flows.Key(flow),
                       [&lists, flow](KeyKind kind, std::span<const uint8_t> value) { lists.Add(kind, value, flow); });
    }
    std::vector<std::string> keys;
    lists.TakeAll([this, &keys](const std::string& key, const std::vector<FlowId>& ids) {
      value_.clear();
      EncodeFlowIds(ids, value_);
      builder_.Add(key, value_);
      if (keys.size() <= kMaxFilterKeys) keys.push_back(key);
    });
    MakeFilter(keys);
  }

  void MakeFilter(const std::vector<std::string>& keys) {
    if (keys.empty() || keys.size() > kMaxFilterKeys) return;
    const std::unique_ptr<const leveldb::FilterPolicy> policy(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey));
    const std::vector<leveldb::Slice> slices(keys.begin(), keys.end());
    policy->CreateFilter(slices.data(), static_cast<int>(slices.size()), &filter_);
  }

  void AddFlows() {
    const auto flow_count = static_cast<FlowId>(contents_.flows.flow_count());
    std::vector<Posting> postings;
    FlowGroupWriter group;
    for (FlowId flow = 0; flow < flow_count; flow++) {
      contents_.flows.Postings(flow, postings);
      group.Add(contents_.flows.Record(flow), InlinePostings(flow, postings));
      if ((flow + 1) % kFlowsPerGroup != 0 && flow + 1 != flow_count) continue;
      builder_.Add(FlowGroupKey(flow), group.value());
      group.Clear();
    }
  }

  // What stands in the flow's group: its postings when they are few. Others get keys of their own, which come later in
  // the table.
  const std::string& InlinePostings(FlowId flow, std::span<const Posting> postings) {
    value_.clear();
    if (postings.size() <= kPostingsPerChunk) {
      EncodePostings(postings, value_);
      if (value_.size() <= kMaxInlinePostings) return value_;
    }
    for (size_t begin = 0; begin < postings.size(); begin += kPostingsPerChunk) {
      const auto part = postings.subspan(begin, std::min(kPostingsPerChunk, postings.size() - begin));
      auto& [key, chunk] = chunks_.emplace_back(PostingsKey(flow, part.front().packet_number), "");
      EncodePostings(part, chunk);
    }
    value_.clear();
    return value_;
  }

  TableSummary Summary() const {
    TableSummary summary;
    summary.file_id = contents_.file_id;
    summary.damaged = contents_.damaged;
    summary.packets = contents_.flows.packet_count();
    summary.flows = contents_.flows.flow_count();
    bool first = true;
    for (const BlockSummary& block : contents_.blocks) {
      if (block.packet_count == 0) continue;
      summary.first_time = first ? block.first_time : std::min(summary.first_time, block.first_time);
      summary.last_time = first ? block.last_time : std::max(summary.last_time, block.last_time);
      first = false;
    }
    return summary;
  }

  const TableContents& contents_;
  leveldb::TableBuilder builder_;
  std::string filter_;
  std::string value_;
  std::vector<std::pair<std::string, std::string>> chunks_;
};

}  // namespace

Status WriteIndexTable(const std::string& path, const TableContents& contents) {
  auto file = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!file) return Fail(file.error());
  OutputFile output(file->get());
  leveldb::Options options;
  options.compression = leveldb::kSnappyCompression;
  leveldb::Status written = TableWriter(contents, options, output).Write();
  if (written.ok()) written = output.Sync();
  if (written.ok()) return {};
  ::unlink(path.c_str());
  return Fail(SystemError("write " + path, output.error() != 0 ? output.error() : EIO));
}

}  // namespace dashcap
