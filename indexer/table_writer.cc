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
#include <tuple>

#include "base/byte_order.h"
#include "base/file_descriptor.h"
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

// An attribute of one flow, of a form that sorts fast: kind, value left-aligned in two big-endian numbers, flow.
struct AttributeEntry {
  uint64_t high;
  uint64_t low;
  FlowId flow;
  KeyKind kind;
  uint8_t size;

  auto order() const { return std::tie(kind, high, low); }
  std::string key() const {
    std::array<uint8_t, 16> value;
    StoreBig64(value.data(), high);
    StoreBig64(&value[8], low);
    return SingleKey(kind) + std::string(reinterpret_cast<const char*>(value.data()), size);
  }
};

AttributeEntry MakeEntry(const Attribute& attribute, FlowId flow) {
  std::array<uint8_t, 16> value{};
  std::memcpy(value.data(), attribute.value.data(), attribute.value.size());
  return {LoadBig64(value.data()), LoadBig64(&value[8]), flow, attribute.kind,
          static_cast<uint8_t>(attribute.value.size())};
}

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
    std::vector<AttributeEntry> entries;
    for (FlowId flow = 0; flow < contents_.flows.flow_count(); flow++) {
      for (const Attribute& attribute : AttributesOf(contents_.flows.Record(flow).key))
        entries.push_back(MakeEntry(attribute, flow));
    }
    std::sort(entries.begin(), entries.end(), [](const AttributeEntry& a, const AttributeEntry& b) {
      return a.order() != b.order() ? a.order() < b.order() : a.flow < b.flow;
    });
    std::vector<std::string> keys;
    std::vector<FlowId> ids;
    for (auto entry = entries.begin(); entry != entries.end();) {
      ids.clear();
      const AttributeEntry& first = *entry;
      for (; entry != entries.end() && entry->order() == first.order(); ++entry) ids.push_back(entry->flow);
      keys.push_back(first.key());
      builder_.Add(keys.back(), EncodeFlowIds(ids));
    }
    MakeFilter(keys);
  }

  void MakeFilter(const std::vector<std::string>& keys) {
    if (keys.empty() || keys.size() > kMaxFilterKeys) return;
    const std::unique_ptr<const leveldb::FilterPolicy> policy(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey));
    const std::vector<leveldb::Slice> slices(keys.begin(), keys.end());
    policy->CreateFilter(slices.data(), static_cast<int>(slices.size()), &filter_);
  }

  void AddFlows() {
    std::vector<Posting> postings;
    for (FlowId flow = 0; flow < contents_.flows.flow_count(); flow++) {
      std::string value;
      AppendFlowRecord(contents_.flows.Record(flow), value);
      contents_.flows.Postings(flow, postings);
      AddPostings(flow, postings, value);
      builder_.Add(FlowRecordKey(flow), value);
    }
  }

  // Behind the record when they are few, else in keys of their own, which come later in the table.
  void AddPostings(FlowId flow, std::span<const Posting> postings, std::string& value) {
    for (size_t begin = 0; begin < postings.size(); begin += kPostingsPerChunk) {
      const auto part = postings.subspan(begin, std::min(kPostingsPerChunk, postings.size() - begin));
      chunk_.assign(part.begin(), part.end());
      std::string chunk = EncodePostings(chunk_);
      if (part.size() == postings.size() && chunk.size() <= kMaxInlinePostings) {
        value += chunk;
      } else {
        chunks_.emplace_back(PostingsKey(flow, part.front().packet_number), std::move(chunk));
      }
    }
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
  std::vector<Posting> chunk_;
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
