#include "storage/lane_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "storage/block_builder.h"
#include "storage/block_compressor.h"
#include "storage/block_writes.h"
#include "storage/blockfile_header.h"
#include "storage/open_blockfile.h"
#include "storage/publisher.h"
#include "storage/zstd_frame.h"

namespace dashcap {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kRetryInterval = std::chrono::milliseconds(100);
// How often the file in progress is looked at to see whether it is still there.
constexpr auto kLookInterval = std::chrono::seconds(1);

// A statistics record with all its options stays below this.
constexpr size_t kStatisticsSize = 128;

}  // namespace

class LaneWriter::Impl {
 public:
  Impl(LaneOptions options, std::vector<Interface> interfaces, std::function<void(LaneEvent)> on_event,
       std::unique_ptr<PacketLedger> ledger, BlockWrites writes)
      : options_(std::move(options)),
        interfaces_(std::move(interfaces)),
        interface_counts_(interfaces_.size()),
        on_event_(std::move(on_event)),
        pool_(BlockPool::Create(std::max<size_t>(options_.block_count, 4),
                                options_.compression ? BlockPool::Frames::kOneEach : BlockPool::Frames::kNone)),
        ledger_(std::move(ledger)),
        writes_(std::move(writes)) {
    if (options_.compression)
      compressor_ = std::make_unique<BlockCompressor>(*options_.compression, pool_->block_count());
  }

  Status Append(const Packet& packet) {
    if (packet.bytes.size() > kMaxCapturedLength) return AppendCut(packet);
    if (builder_ && builder_->Append(packet)) {
      packet_bytes_ += packet.bytes.size();
      return {};
    }
    Status appended = AppendToNewBlock(packet);
    if (!appended) ledger_->Lost({packet.interface_id, 1, packet.timestamp, packet.timestamp}, LossReason::kNoFile);
    return appended;
  }

  Status Tick() {
    CollectWrites(DiskWriter::Wait::kNo);
    const auto now = SteadyClock::now();
    Status status;
    if (builder_ && builder_->packet_count() > 0 && now - block_begun_ >= options_.flush_interval)
      status = WriteBlock();
    const bool removed = current_ && now - last_look_ >= kLookInterval && current_->Removed();
    if (now - last_look_ >= kLookInterval) last_look_ = now;
    if (status && current_ && (removed || now - current_->created() >= options_.max_file_age)) status = Rotate();
    return status ? writes_.TakeFailure() : status;
  }

  Status Rotate() {
    Status status = WriteBlock();
    if (current_) {
      current_->Close();
      closing_.push_back(std::move(current_));
    }
    PublishFinished();
    return status;
  }

  Status SetInterfaces(std::vector<Interface> interfaces) {
    if (interfaces == interfaces_) return {};
    if (Status status = CheckInterfaces(interfaces); !status) return status;
    if (interfaces.front().link_type != interfaces_.front().link_type) {
      return Fail(ErrorKind::kInvalidInput, options_.directory + ": a lane keeps its link type");
    }
    Status status = Rotate();
    interfaces_ = std::move(interfaces);
    interface_counts_.resize(interfaces_.size());
    return status;
  }

  void SetCounts(uint32_t interface_id, const InterfaceCounts& counts) { interface_counts_[interface_id] = counts; }

  Status Finish() {
    Status status = Rotate();
    while (!closing_.empty() || !publisher_.idle()) {
      if (compressor_ && !compressor_->idle()) {
        compressor_->WaitForOne();
      } else if (writes_.empty() && !publisher_.idle()) {
        publisher_.WaitForOne();
      }
      CollectWrites(DiskWriter::Wait::kForOne);
    }
    return status ? writes_.TakeFailure() : status;
  }

  LaneCounts counts() const {
    LaneCounts counts = counts_;
    counts.packets = ledger_->total();
    counts.write_errors += writes_.write_errors();
    return counts;
  }
  PacketLedger& ledger() const { return *ledger_; }

  std::optional<Timestamp> oldest_unwritten() const {
    std::optional<Timestamp> oldest = writes_.oldest();
    for (const Timestamp time : compressing_) oldest = std::min(oldest.value_or(time), time);
    if (!builder_ || builder_->packet_count() == 0) return oldest;
    return std::min(oldest.value_or(builder_->first_time()), builder_->first_time());
  }

 private:
  Status AppendCut(Packet packet) {
    packet.bytes = packet.bytes.first(kMaxCapturedLength);
    ledger_->Cut(packet.interface_id);
    return Append(packet);
  }

  Status AppendToNewBlock(const Packet& packet) {
    if (packet.interface_id >= interfaces_.size()) {
      return Fail(ErrorKind::kInvalidInput, options_.directory + ": packet of interface " +
                                                std::to_string(packet.interface_id) + ", which the lane does not have");
    }
    if (Status status = WriteBlock(); !status) return status;
    if (current_ && (!current_->complete() || current_->size() + kMaxBlockSize > options_.max_file_bytes)) {
      if (Status status = Rotate(); !status) return status;
    }
    if (!current_) {
      if (Status status = BeginFileUnlessJustFailed(packet.timestamp); !status) return status;
    }
    if (Status status = writes_.TakeFailure(); !status) return status;
    BeginBlock();
    if (!builder_->Append(packet))
      return Fail(ErrorKind::kInvalidInput, options_.directory + ": the packet fits into no block");
    packet_bytes_ += packet.bytes.size();
    return {};
  }

  // Not for every packet: where a file can't be begun, asking again and again only takes time from the ring.
  Status BeginFileUnlessJustFailed(Timestamp first_packet) {
    if (no_file_ && SteadyClock::now() < next_try_) return Fail(*no_file_);
    Status begun = BeginFile(first_packet);
    no_file_ = begun ? std::nullopt : std::optional(begun.error());
    if (options_.no_space == LaneOptions::NoSpace::kWait) next_try_ = SteadyClock::now() + kRetryInterval;
    return begun;
  }

  Status BeginFile(Timestamp first_packet) {
    const OpenBlockfile::Contents contents{interfaces_.front().link_type, static_cast<uint32_t>(interfaces_.size()),
                                           options_.compression ? Packing::kZstd : Packing::kPlain};
    auto file = OpenBlockfile::Create(options_.directory, first_packet, contents, options_.sync);
    if (!file) return Fail(file.error());
    current_ = std::move(*file);
    std::shared_ptr<const SealedBlock> header = MakeHeaderBlock(current_->file_id(), interfaces_, contents.packing);
    current_->Number(*header);
    current_->Place(*header);
    writes_.Start(*current_, std::move(header));
    return {};
  }

  // Without its header block a file is none, so nothing else is written before. By the time that the first block is
  // full the header is long there.
  Status AwaitHeader() {
    if (current_->packets() > 0) return {};
    while (!current_->Settled()) CollectWrites(DiskWriter::Wait::kForOne);
    if (current_->complete()) return {};
    packet_bytes_ = 0;
    auto block = std::move(*builder_).Seal(kMaxTimestamp, kMinTimestamp);
    builder_.reset();
    ledger_->Lost(*block, LossReason::kWriteError);
    pool_->GiveBack(std::move(block));
    const std::string path = current_->path();
    current_->Close();
    closing_.push_back(std::move(current_));
    PublishFinished();
    if (Status status = writes_.TakeFailure(); !status) return status;
    return Fail(ErrorKind::kIo, "write " + path + ": the header block could not be written");
  }

  void BeginBlock() {
    std::unique_ptr<SealedBlock> block = pool_->TryTake();
    if (!block) {
      counts_.no_room_waits++;
      while (!(block = pool_->TryTake())) WaitForBlocks();
    }
    const size_t frame = options_.compression ? kFrameReserve : 0;
    builder_.emplace(std::move(block), current_->NextPlace(), interfaces_.size() * kStatisticsSize + frame);
    block_begun_ = SteadyClock::now();
  }

  // Blocks come back from the disk, or from whoever else still reads them.
  void WaitForBlocks() {
    if (writes_.in_flight() > 0) {
      CollectWrites(DiskWriter::Wait::kForOne);
    } else if (compressor_ && !compressor_->idle()) {
      compressor_->WaitForOne();
      CollectWrites(DiskWriter::Wait::kNo);
    } else {
      CollectWrites(DiskWriter::Wait::kNo);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  // Closes the block in progress, if there is one, and sends it to the disk, by way of the compressor if there is one.
  Status WriteBlock() {
    if (!builder_ || builder_->packet_count() == 0) return {};
    if (Status status = AwaitHeader(); !status) return status;
    counts_.bytes += std::exchange(packet_bytes_, 0);
    std::vector<uint8_t> statistics;
    for (uint32_t id = 0; id < interface_counts_.size(); id++) {
      AppendPcapngStatistics(id, Now(), interface_counts_[id], "", statistics);
    }
    builder_->AppendOther(statistics);
    auto sealed = std::move(*builder_).Seal(current_->first_time(), current_->last_time());
    builder_.reset();
    current_->Number(*sealed);
    if (compressor_) {
      compressing_.push_back(sealed->closing.first_time);
      compressor_->Give(*current_, std::move(sealed));
    } else {
      Send(*current_, std::move(sealed));
    }
    CollectWrites(DiskWriter::Wait::kNo);
    return {};
  }

  void Send(OpenBlockfile& file, std::unique_ptr<SealedBlock> sealed) {
    file.Place(*sealed);
    std::shared_ptr<const SealedBlock> block = pool_->Share(std::move(sealed));
    writes_.Start(file, block);
    on_event_(BlockSealed{file.file_id(), file.link_type(), std::move(block)});
  }

  // Only now is it known where their blocks begin, which their closing records tell.
  void EndFrames() {
    if (!compressor_) return;
    for (BlockCompressor::Item& item : compressor_->Collect()) {
      compressing_.pop_front();
      using Outcome = BlockCompressor::Item::Outcome;
      counts_.compressed_blocks += item.outcome == Outcome::kCompressed ? 1 : 0;
      counts_.compression_skipped += item.outcome == Outcome::kSkipped ? 1 : 0;
      item.block->closing.block_offset = item.file->next_offset();
      EndFrame(item.block->closing, item.frame_used, item.block->frame.span());
      Send(*item.file, std::move(item.block));
    }
  }

  void CollectWrites(DiskWriter::Wait wait) {
    EndFrames();
    writes_.Collect(wait);
    PublishFinished();
  }

  void PublishFinished() {
    // In the order in which they were begun: an older file's last write may be the later one to end.
    while (!closing_.empty() && closing_.front()->ReadyToPublish() && publisher_.TryPublish(closing_.front())) {
      closing_.erase(closing_.begin());
    }
    for (const Publisher::Outcome& outcome : publisher_.Collect()) Announce(outcome);
  }

  void Announce(const Publisher::Outcome& outcome) {
    if (!outcome.path) {
      // It stays hidden, whole as far as it goes; recovery publishes it at the next start.
      LogError("publish: {}", outcome.path.error().message);
      counts_.write_errors++;
      if (outcome.path.error().kind == ErrorKind::kNotFound) {
        for (const LostPackets& packets : outcome.file->StoredPackets())
          ledger_->LostAfterAll(packets, LossReason::kFileRemoved);
      }
      return;
    }
    const std::optional<std::string>& path = *outcome.path;
    if (path) counts_.files++;
    on_event_(BlockfilePublished{outcome.file->file_id(), path.value_or(""), outcome.file->complete()});
  }

  const LaneOptions options_;
  std::vector<Interface> interfaces_;
  std::vector<InterfaceCounts> interface_counts_;
  const std::function<void(LaneEvent)> on_event_;
  const std::shared_ptr<BlockPool> pool_;

  std::unique_ptr<OpenBlockfile> current_;
  std::vector<std::unique_ptr<OpenBlockfile>> closing_;
  std::optional<BlockBuilder> builder_;
  SteadyClock::time_point block_begun_;
  uint64_t packet_bytes_ = 0;  // of the block in progress

  SteadyClock::time_point last_look_;
  std::optional<Error> no_file_;  // why there is none
  SteadyClock::time_point next_try_;

  LaneCounts counts_;
  const std::unique_ptr<PacketLedger> ledger_;
  std::unique_ptr<BlockCompressor> compressor_;  // of a lane that compresses
  std::deque<Timestamp> compressing_;            // the first times of the blocks that it has
  Publisher publisher_{options_.sync};
  BlockWrites writes_;  // last: its destruction ends the writes before their files go
};

LaneWriter::LaneWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

LaneWriter::~LaneWriter() {
  if (Status status = impl_->Finish(); !status) LogError("{}", status.error().message);
}

Result<std::unique_ptr<LaneWriter>> LaneWriter::Open(LaneOptions options, std::vector<Interface> interfaces,
                                                     std::function<void(LaneEvent)> on_event) {
  if (Status status = CheckInterfaces(interfaces); !status) return Fail(status.error());
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) return Fail(SystemError("make " + options.directory, error.value()));
  options.max_file_bytes = std::clamp<uint64_t>(options.max_file_bytes, 2 * kMaxBlockSize, kMaxBlockfileSize);
  auto ledger = std::make_unique<PacketLedger>();
  auto writes = BlockWrites::Create(options, *ledger);
  if (!writes) return Fail(writes.error());
  return std::unique_ptr<LaneWriter>(new LaneWriter(std::make_unique<Impl>(
      std::move(options), std::move(interfaces), std::move(on_event), std::move(ledger), std::move(*writes))));
}

Status LaneWriter::Append(const Packet& packet) { return impl_->Append(packet); }
Status LaneWriter::Tick(Timestamp) { return impl_->Tick(); }
Status LaneWriter::Rotate() { return impl_->Rotate(); }
Status LaneWriter::SetInterfaces(std::vector<Interface> interfaces) {
  return impl_->SetInterfaces(std::move(interfaces));
}
void LaneWriter::SetCounts(uint32_t interface_id, const InterfaceCounts& counts) {
  impl_->SetCounts(interface_id, counts);
}
Status LaneWriter::Finish() { return impl_->Finish(); }
LaneCounts LaneWriter::counts() const { return impl_->counts(); }
const PacketLedger& LaneWriter::ledger() const { return impl_->ledger(); }
std::vector<LostPackets> LaneWriter::TakeLost() { return impl_->ledger().TakeLost(); }
std::optional<Timestamp> LaneWriter::oldest_unwritten() const { return impl_->oldest_unwritten(); }

}  // namespace dashcap
