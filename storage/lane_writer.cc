#include "storage/lane_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "storage/block_builder.h"
#include "storage/blockfile_header.h"
#include "storage/disk_writer.h"
#include "storage/open_blockfile.h"

namespace dashcap {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr unsigned kWritesInFlight = 16;
constexpr auto kRetryInterval = std::chrono::milliseconds(100);
constexpr auto kPatienceAfterStop = std::chrono::seconds(2);

// A statistics record with all its options stays below this.
constexpr size_t kStatisticsSize = 128;

}  // namespace

class LaneWriter::Impl {
 public:
  Impl(LaneOptions options, std::vector<Interface> interfaces, std::function<void(LaneEvent)> on_event, DiskWriter disk)
      : options_(std::move(options)),
        interfaces_(std::move(interfaces)),
        interface_counts_(interfaces_.size()),
        on_event_(std::move(on_event)),
        pool_(BlockPool::Create(std::max<size_t>(options_.block_count, 4))),
        disk_(std::move(disk)) {}

  Status Append(const Packet& packet) {
    if (packet.bytes.size() > kMaxCapturedLength) return AppendCut(packet);
    if (builder_ && builder_->Append(packet)) {
      packet_bytes_ += packet.bytes.size();
      return {};
    }
    return AppendToNewBlock(packet);
  }

  Status Tick() {
    CollectWrites(DiskWriter::Wait::kNo);
    const auto now = SteadyClock::now();
    Status status;
    if (builder_ && builder_->packet_count() > 0 && now - block_begun_ >= options_.flush_interval)
      status = WriteBlock();
    if (status && current_ && now - current_->created() >= options_.max_file_age) status = Rotate();
    return status ? TakeFailure() : status;
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
    while (!closing_.empty()) {
      if (!pending_.empty()) {
        CollectWrites(DiskWriter::Wait::kForOne);
      } else {
        PublishFinished();
      }
    }
    return status ? TakeFailure() : status;
  }

  const LaneCounts& counts() const { return counts_; }

 private:
  struct PendingWrite {
    OpenBlockfile* file;
    std::shared_ptr<const SealedBlock> block;
    size_t done = 0;  // bytes
  };

  Status AppendCut(Packet packet) {
    packet.bytes = packet.bytes.first(kMaxCapturedLength);
    counts_.cut++;
    return Append(packet);
  }

  Status AppendToNewBlock(const Packet& packet) {
    if (packet.interface_id >= interfaces_.size()) {
      return Fail(ErrorKind::kInvalidInput, options_.directory + ": packet of interface " +
                                                std::to_string(packet.interface_id) + ", which the lane does not have");
    }
    if (Status status = WriteBlock(); !status) return status;
    if (current_ && (failed_file_ || current_->size() + kMaxBlockSize > options_.max_file_bytes)) {
      if (Status status = Rotate(); !status) return status;
    }
    if (!current_) {
      if (Status status = BeginFile(packet.timestamp); !status) return status;
    }
    if (Status status = TakeFailure(); !status) return status;
    BeginBlock();
    if (!builder_->Append(packet))
      return Fail(ErrorKind::kInvalidInput, options_.directory + ": the packet fits into no block");
    packet_bytes_ += packet.bytes.size();
    return {};
  }

  Status BeginFile(Timestamp first_packet) {
    auto file = OpenBlockfile::Create(options_.directory, first_packet, interfaces_.front().link_type,
                                      static_cast<uint32_t>(interfaces_.size()));
    if (!file) return Fail(file.error());
    current_ = std::move(*file);
    failed_file_ = false;
    StartWrite(std::shared_ptr<const SealedBlock>(MakeHeaderBlock(current_->file_id(), interfaces_)));
    // Without its header block a file is none, so nothing else is written before.
    while (!current_->Settled()) CollectWrites(DiskWriter::Wait::kForOne);
    if (current_->complete()) return {};
    const std::string path = current_->path();
    current_->Close();
    closing_.push_back(std::move(current_));
    PublishFinished();
    if (Status status = TakeFailure(); !status) return status;
    return Fail(ErrorKind::kIo, "write " + path + ": the header block could not be written");
  }

  void BeginBlock() {
    std::unique_ptr<SealedBlock> block = pool_->TryTake();
    if (!block) {
      counts_.no_room_waits++;
      while (!(block = pool_->TryTake())) WaitForBlocks();
    }
    builder_.emplace(std::move(block), current_->NextPlace(), interfaces_.size() * kStatisticsSize);
    block_begun_ = SteadyClock::now();
  }

  // Blocks come back from the disk, or from whoever else still reads them.
  void WaitForBlocks() {
    if (disk_.in_flight() > 0) {
      CollectWrites(DiskWriter::Wait::kForOne);
    } else {
      CollectWrites(DiskWriter::Wait::kNo);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  // Closes the block in progress, if there is one, and sends it to the disk.
  Status WriteBlock() {
    if (!builder_ || builder_->packet_count() == 0) return {};
    counts_.packets += builder_->packet_count();
    counts_.bytes += std::exchange(packet_bytes_, 0);
    std::vector<uint8_t> statistics;
    for (uint32_t id = 0; id < interface_counts_.size(); id++) {
      AppendPcapngStatistics(id, Now(), interface_counts_[id], "", statistics);
    }
    builder_->AppendOther(statistics);
    auto sealed = std::move(*builder_).Seal(current_->first_time(), current_->last_time());
    builder_.reset();
    std::shared_ptr<const SealedBlock> block = pool_->Share(std::move(sealed));
    StartWrite(block);
    on_event_(BlockSealed{current_->file_id(), current_->link_type(), std::move(block)});
    CollectWrites(DiskWriter::Wait::kNo);
    return {};
  }

  void StartWrite(std::shared_ptr<const SealedBlock> block) {
    while (disk_.in_flight() >= kWritesInFlight) CollectWrites(DiskWriter::Wait::kForOne);
    current_->Enter(*block);
    const uint64_t tag = next_tag_++;
    const PendingWrite& write = pending_.emplace(tag, PendingWrite{current_.get(), std::move(block)}).first->second;
    Submit(tag, write);
  }

  void Submit(uint64_t tag, const PendingWrite& write) {
    const auto bytes = write.block->bytes().subspan(write.done);
    disk_.Start(write.file->fd(), write.block->closing.block_offset + write.done, bytes, tag);
  }

  void CollectWrites(DiskWriter::Wait wait) {
    if (!retries_.empty()) {
      if (wait == DiskWriter::Wait::kForOne && disk_.in_flight() == 0) std::this_thread::sleep_until(next_retry_);
      Retry();
    }
    for (const DiskWriter::Done& done : disk_.Collect(wait)) Judge(done);
    PublishFinished();
  }

  void Judge(const DiskWriter::Done& done) {
    PendingWrite& write = pending_.at(done.tag);
    if (done.result > 0) {
      write.done += static_cast<size_t>(done.result);
      if (write.done == write.block->closing.block_length) {
        write.file->WriteDone();
        pending_.erase(done.tag);
        if (out_of_space_ && retries_.empty()) {
          LogInfo("{}: there is room again", options_.directory);
          out_of_space_ = false;
        }
      } else {
        Submit(done.tag, write);
      }
      return;
    }
    const int error = done.result == 0 ? ENOSPC : static_cast<int>(-done.result);
    if (error == EINTR || error == EAGAIN) {
      Submit(done.tag, write);
    } else if ((error == ENOSPC || error == EDQUOT) && options_.no_space == LaneOptions::NoSpace::kWait) {
      WaitForSpace(done.tag, error);
    } else {
      GiveUp(done.tag, error);
    }
  }

  void WaitForSpace(uint64_t tag, int error) {
    if (!out_of_space_) {
      LogError("{}; waiting for room", SystemError("write " + pending_.at(tag).file->path(), error).message);
      counts_.write_errors++;
      out_of_space_ = true;
    }
    retries_.push_back(tag);
    next_retry_ = SteadyClock::now() + kRetryInterval;
    if (options_.stop.stop_requested() && !give_up_at_) give_up_at_ = SteadyClock::now() + kPatienceAfterStop;
  }

  void Retry() {
    const auto now = SteadyClock::now();
    if (now < next_retry_) return;
    next_retry_ = now + kRetryInterval;
    for (const uint64_t tag : std::exchange(retries_, {})) {
      if (give_up_at_ && now >= *give_up_at_) {
        GiveUp(tag, ENOSPC);
      } else if (disk_.in_flight() < kWritesInFlight) {
        Submit(tag, pending_.at(tag));
      } else {
        retries_.push_back(tag);
      }
    }
  }

  // The block is lost. Its file ends here: a new one may have better luck, and the old one is published with what it
  // has.
  void GiveUp(uint64_t tag, int error) {
    const auto pending = pending_.find(tag);
    const PendingWrite& write = pending->second;
    const ClosingRecord& closing = write.block->closing;
    const Error reason = SystemError("write " + write.file->path(), error);
    counts_.write_errors++;
    counts_.lost_packets += closing.packet_count;
    counts_.packets -= closing.packet_count;
    if (write.file->complete()) LogError("{}: {} packets are lost", reason.message, closing.packet_count);
    if (options_.no_space == LaneOptions::NoSpace::kFail && !failure_) failure_ = reason;
    write.file->WriteFailed(closing.block_offset, closing.block_length, closing.packet_count);
    write.file->WriteDone();
    if (write.file == current_.get()) failed_file_ = true;
    pending_.erase(pending);
  }

  void PublishFinished() {
    for (auto file = closing_.begin(); file != closing_.end();) {
      if ((*file)->ReadyToPublish()) {
        Publish(**file);
        file = closing_.erase(file);
      } else {
        ++file;
      }
    }
  }

  void Publish(OpenBlockfile& file) {
    auto path = file.Publish(options_.sync_on_publish);
    if (!path) {
      // It stays hidden, whole as far as it goes; recovery publishes it at the next start.
      LogError("publish: {}", path.error().message);
      counts_.write_errors++;
      return;
    }
    if (*path) counts_.files++;
    on_event_(BlockfilePublished{file.file_id(), path->value_or(""), file.complete()});
  }

  Status TakeFailure() {
    if (!failure_) return {};
    return Fail(*std::exchange(failure_, std::nullopt));
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

  std::unordered_map<uint64_t, PendingWrite> pending_;
  uint64_t next_tag_ = 0;
  std::vector<uint64_t> retries_;
  SteadyClock::time_point next_retry_;
  std::optional<SteadyClock::time_point> give_up_at_;
  bool out_of_space_ = false;
  bool failed_file_ = false;  // the current file has lost a block and is not continued
  std::optional<Error> failure_;
  LaneCounts counts_;
  DiskWriter disk_;  // last: its destruction ends the writes before their blocks and files go
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
  auto disk = DiskWriter::Create(kWritesInFlight);
  if (!disk) return Fail(disk.error());
  return std::unique_ptr<LaneWriter>(new LaneWriter(
      std::make_unique<Impl>(std::move(options), std::move(interfaces), std::move(on_event), std::move(*disk))));
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
const LaneCounts& LaneWriter::counts() const { return impl_->counts(); }

}  // namespace dashcap
