#include "indexer/index_table.h"

#include <fcntl.h>
#include <leveldb/env.h>
#include <leveldb/filter_policy.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/byte_order.h"
#include "base/file_descriptor.h"
#include "indexer/flow_group.h"
#include "indexer/table_values.h"

namespace dashcap {
namespace {

// Reads with pread: LevelDB's own would map the file, and a file that is cut while it is mapped kills the process.
class InputFile final : public leveldb::RandomAccessFile {
 public:
  explicit InputFile(FileDescriptor file) : file_(std::move(file)) {}

  leveldb::Status Read(uint64_t offset, size_t size, leveldb::Slice* result, char* scratch) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(file_.get(), scratch + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return leveldb::Status::IOError("read", std::strerror(errno));
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    *result = leveldb::Slice(scratch, done);
    return leveldb::Status::OK();
  }

 private:
  FileDescriptor file_;
};

std::string_view View(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

leveldb::ReadOptions Checked() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  return options;
}

// Flow id in a kFlows or kPostings key.
FlowId FlowOfKey(const leveldb::Slice& key) { return LoadBig32(reinterpret_cast<const uint8_t*>(key.data()) + 1); }

bool IsGroupKey(const leveldb::Slice& key) { return key.size() == 5 && key[0] == static_cast<char>(KeyKind::kFlows); }

struct DeleteIterator {
  void operator()(leveldb::Iterator* iterator) const { delete iterator; }
};
using Iterator = std::unique_ptr<leveldb::Iterator, DeleteIterator>;

// Goes through flows in the order of their ids.
class FlowCursor {
 public:
  explicit FlowCursor(Iterator iterator) : iterator_(std::move(iterator)) {}

  // nullopt when it is not there, or damaged. The postings stay until the next call. Requires: ids ascending.
  std::optional<FlowGroupReader::Flow> GoTo(FlowId id) {
    const FlowId begin = id - id % kFlowsPerGroup;
    if (!group_ || FlowOfKey(iterator_->key()) != begin) {
      group_.reset();
      if (!MoveTo(begin)) return std::nullopt;
      group_.emplace(View(iterator_->value()));
      next_ = begin;
    }
    for (; next_ < id; next_++) {
      if (!group_->Next()) return std::nullopt;
    }
    next_++;
    return group_->Next();
  }

  leveldb::Status status() const { return iterator_->status(); }

 private:
  // A step to the next key costs a fraction of a seek.
  static constexpr FlowId kFlowsWorthASeek = 16 * kFlowsPerGroup;

  // To the group, from a place before it when that is near.
  bool MoveTo(FlowId begin) {
    const bool near = iterator_->Valid() && IsGroupKey(iterator_->key()) && FlowOfKey(iterator_->key()) <= begin &&
                      begin - FlowOfKey(iterator_->key()) <= kFlowsWorthASeek;
    if (!near) iterator_->Seek(FlowGroupKey(begin));
    while (iterator_->Valid() && IsGroupKey(iterator_->key()) && FlowOfKey(iterator_->key()) < begin) iterator_->Next();
    return iterator_->Valid() && IsGroupKey(iterator_->key()) && FlowOfKey(iterator_->key()) == begin;
  }

  Iterator iterator_;
  std::optional<FlowGroupReader> group_;
  FlowId next_ = 0;  // the group's next flow
};

}  // namespace

class IndexTable::Impl {
 public:
  static Result<std::unique_ptr<Impl>> Open(const std::string& path) {
    auto file = OpenFile(path, O_RDONLY | O_NOFOLLOW);
    if (!file) return Fail(file.error());
    struct stat status;
    if (::fstat(file->get(), &status) != 0) return Fail(SystemError("stat " + path));
    auto impl = std::make_unique<Impl>();
    impl->path_ = path;
    impl->file_ = std::make_unique<InputFile>(std::move(*file));
    impl->options_.paranoid_checks = true;
    leveldb::Table* table = nullptr;
    const leveldb::Status opened =
        leveldb::Table::Open(impl->options_, impl->file_.get(), static_cast<uint64_t>(status.st_size), &table);
    if (!opened.ok()) return Fail(impl->Damaged(opened.ToString()));
    impl->table_.reset(table);
    if (Status read = impl->ReadSummaryAndFilter(); !read) return Fail(read.error());
    return impl;
  }

  const TableSummary& summary() const { return summary_; }

  Result<std::vector<BlockSummary>> Blocks() const {
    auto value = Get(SingleKey(KeyKind::kDirectory));
    if (!value) return Fail(value.error());
    auto blocks = *value ? DecodeDirectory(**value) : std::nullopt;
    if (!blocks) return Fail(Damaged("the block directory makes no sense"));
    return std::move(*blocks);
  }

  Result<std::vector<FlowId>> FlowsWith(const Attribute& attribute) const {
    std::vector<FlowId> flows;
    const std::string key = attribute.key();
    if (!MayHold(key)) return flows;
    auto value = Get(key);
    if (!value) return Fail(value.error());
    if (*value && !DecodeFlowIds(**value, summary_.flows, flows))
      return Fail(Damaged("a list of flows makes no sense"));
    return flows;
  }

  Result<std::vector<FlowId>> FlowsBetween(const Attribute& first, const Attribute& last) const {
    std::vector<FlowId> flows;
    const std::string end = last.key();
    const auto iterator = NewIterator();
    for (iterator->Seek(first.key()); iterator->Valid() && View(iterator->key()) <= end; iterator->Next()) {
      if (!DecodeFlowIds(View(iterator->value()), summary_.flows, flows)) {
        return Fail(Damaged("a list of flows makes no sense"));
      }
    }
    if (!iterator->status().ok()) return Fail(Damaged(iterator->status().ToString()));
    std::sort(flows.begin(), flows.end());
    flows.erase(std::unique(flows.begin(), flows.end()), flows.end());
    return flows;
  }

  Result<FlowRecord> Flow(FlowId id) const {
    FlowCursor cursor(NewIterator());
    const auto flow = cursor.GoTo(id);
    if (!flow) return Fail(Missing(id, cursor));
    return flow->record;
  }

  Status ForEachFlow(const std::vector<FlowId>* ids,
                     const std::function<bool(FlowId, const FlowRecord&)>& visit) const {
    FlowCursor cursor(NewIterator());
    const uint64_t count = ids ? ids->size() : summary_.flows;
    for (uint64_t i = 0; i < count; i++) {
      const FlowId id = ids ? (*ids)[i] : static_cast<FlowId>(i);
      const auto flow = cursor.GoTo(id);
      if (!flow) return Fail(Missing(id, cursor));
      if (!visit(id, flow->record)) break;
    }
    return {};
  }

  Status Postings(FlowId id, PacketNumbers range, std::vector<Posting>& out) const {
    FlowCursor cursor(NewIterator());
    const auto flow = cursor.GoTo(id);
    if (!flow) return Fail(Missing(id, cursor));
    if (!flow->postings.empty()) return AddChunk(flow->postings, range, out);
    return AddChunks(id, range, out);
  }

 private:
  Iterator NewIterator() const { return Iterator(table_->NewIterator(Checked())); }

  Error Damaged(const std::string& what) const { return {ErrorKind::kDamaged, path_ + ": " + what}; }
  Error Missing(FlowId id, const FlowCursor& cursor) const {
    if (!cursor.status().ok()) return Damaged(cursor.status().ToString());
    return Damaged("flow " + std::to_string(id) + " is not there, or its record makes no sense");
  }

  Result<std::optional<std::string>> Get(const std::string& key) const {
    const auto iterator = NewIterator();
    iterator->Seek(key);
    if (!iterator->status().ok()) return Fail(Damaged(iterator->status().ToString()));
    if (!iterator->Valid() || View(iterator->key()) != key) return std::optional<std::string>{};
    return std::optional(iterator->value().ToString());
  }

  Status ReadSummaryAndFilter() {
    auto value = Get(SingleKey(KeyKind::kSummary));
    if (!value) return Fail(value.error());
    const auto summary = *value ? DecodeSummary(**value) : std::nullopt;
    if (!summary) return Fail(Damaged("no summary that this version reads"));
    summary_ = *summary;
    value = Get(SingleKey(KeyKind::kFilter));
    if (!value) return Fail(value.error());
    filter_ = std::move(*value);
    return {};
  }

  bool MayHold(const std::string& key) const { return !filter_ || policy_->KeyMayMatch(key, *filter_); }

  Status AddChunk(std::string_view chunk, PacketNumbers range, std::vector<Posting>& out) const {
    const size_t before = out.size();
    if (!DecodePostings(chunk, out) || out.back().packet_number >= summary_packets_end()) {
      out.resize(before);
      return Fail(Damaged("a posting list makes no sense"));
    }
    const auto outside = [range](const Posting& p) {
      return p.packet_number < range.begin || p.packet_number >= range.end;
    };
    out.erase(std::remove_if(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), outside), out.end());
    return {};
  }

  // The chunk in which range.begin lies is the last that begins at or before it.
  Status AddChunks(FlowId id, PacketNumbers range, std::vector<Posting>& out) const {
    const auto is_ours = [id](const leveldb::Slice& key) {
      return key.size() == 9 && key[0] == static_cast<char>(KeyKind::kPostings) && FlowOfKey(key) == id;
    };
    const auto iterator = NewIterator();
    const auto begin = static_cast<uint32_t>(std::min<uint64_t>(range.begin, UINT32_MAX));
    iterator->Seek(PostingsKey(id, begin));
    if (!iterator->status().ok()) return Fail(Damaged(iterator->status().ToString()));
    if (!iterator->Valid() || View(iterator->key()) != PostingsKey(id, begin)) {
      iterator->Valid() ? iterator->Prev() : iterator->SeekToLast();
      if (!iterator->Valid() || !is_ours(iterator->key())) iterator->Seek(PostingsKey(id, 0));
    }
    for (; iterator->Valid() && is_ours(iterator->key()); iterator->Next()) {
      if (LoadBig32(reinterpret_cast<const uint8_t*>(iterator->key().data()) + 5) >= range.end) break;
      if (Status added = AddChunk(View(iterator->value()), range, out); !added) return added;
    }
    if (!iterator->status().ok()) return Fail(Damaged(iterator->status().ToString()));
    return {};
  }

  // Numbers go past the count of packets where blocks are missing, but never past this.
  static constexpr uint64_t summary_packets_end() { return uint64_t{1} << 32; }

  std::string path_;
  leveldb::Options options_;
  std::unique_ptr<InputFile> file_;
  std::unique_ptr<leveldb::Table> table_;
  const std::unique_ptr<const leveldb::FilterPolicy> policy_{leveldb::NewBloomFilterPolicy(kFilterBitsPerKey)};
  TableSummary summary_;
  std::optional<std::string> filter_;
};

IndexTable::IndexTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IndexTable::~IndexTable() = default;
IndexTable::IndexTable(IndexTable&&) noexcept = default;
IndexTable& IndexTable::operator=(IndexTable&&) noexcept = default;

Result<IndexTable> IndexTable::Open(const std::string& path) {
  auto impl = Impl::Open(path);
  if (!impl) return Fail(impl.error());
  return IndexTable(std::move(*impl));
}

const TableSummary& IndexTable::summary() const { return impl_->summary(); }
Result<std::vector<BlockSummary>> IndexTable::Blocks() const { return impl_->Blocks(); }
Result<std::vector<FlowId>> IndexTable::FlowsWith(const Attribute& attribute) const {
  return impl_->FlowsWith(attribute);
}
Result<std::vector<FlowId>> IndexTable::FlowsBetween(const Attribute& first, const Attribute& last) const {
  return impl_->FlowsBetween(first, last);
}
Result<FlowRecord> IndexTable::Flow(FlowId id) const { return impl_->Flow(id); }
Status IndexTable::ForEachFlow(const std::vector<FlowId>* ids,
                               const std::function<bool(FlowId, const FlowRecord&)>& visit) const {
  return impl_->ForEachFlow(ids, visit);
}
Status IndexTable::Postings(FlowId id, PacketNumbers range, std::vector<Posting>& out) const {
  return impl_->Postings(id, range, out);
}

}  // namespace dashcap
