#include "storage/block_writes.h"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/log.h"

namespace dashcap {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr unsigned kWritesInFlight = 16;
constexpr auto kRetryInterval = std::chrono::milliseconds(100);
// Where some writes succeed and others don't, one line now and then is enough.
constexpr auto kComplaintInterval = std::chrono::seconds(10);
constexpr auto kPatienceAfterStop = std::chrono::seconds(2);

}  // namespace

BlockWrites::BlockWrites(const LaneOptions& options, PacketLedger& ledger, DiskWriter disk)
    : options_(options), ledger_(&ledger), disk_(std::move(disk)) {}

Result<BlockWrites> BlockWrites::Create(const LaneOptions& options, PacketLedger& ledger) {
  auto disk = DiskWriter::Create(kWritesInFlight);
  if (!disk) return Fail(disk.error());
  return BlockWrites(options, ledger, std::move(*disk));
}

void BlockWrites::Start(OpenBlockfile& file, std::shared_ptr<const SealedBlock> block) {
  while (disk_.in_flight() >= kWritesInFlight) Collect(DiskWriter::Wait::kForOne);
  const uint64_t tag = next_tag_++;
  Submit(tag, pending_.emplace(tag, PendingWrite{&file, std::move(block)}).first->second);
}

void BlockWrites::Submit(uint64_t tag, const PendingWrite& write) {
  const auto bytes = write.block->bytes().subspan(write.done);
  disk_.Start(write.file->fd(), write.block->closing.block_offset + write.done, bytes, tag);
}

void BlockWrites::Collect(DiskWriter::Wait wait) {
  if (!retries_.empty()) {
    if (wait == DiskWriter::Wait::kForOne && disk_.in_flight() == 0) std::this_thread::sleep_until(next_retry_);
    Retry();
  }
  for (const DiskWriter::Done& done : disk_.Collect(wait)) Judge(done);
}

void BlockWrites::Judge(const DiskWriter::Done& done) {
  PendingWrite& write = pending_.at(done.tag);
  if (done.result > 0) return Continue(done.tag, write, static_cast<size_t>(done.result));
  const int error = done.result == 0 ? ENOSPC : static_cast<int>(-done.result);
  if (error == EINTR || error == EAGAIN) {
    Submit(done.tag, write);
  } else if ((error == ENOSPC || error == EDQUOT) && options_.no_space == LaneOptions::NoSpace::kWait) {
    WaitForRoom(done.tag, error);
  } else {
    GiveUp(done.tag, error);
  }
}

void BlockWrites::Continue(uint64_t tag, PendingWrite& write, size_t bytes) {
  write.done += bytes;
  failing_ = false;
  if (write.done < write.block->bytes().size()) return Submit(tag, write);
  const std::vector<uint64_t> packets = PacketsByInterface(*write.block);
  ledger_->Stored(packets);
  write.file->WriteDone(packets);
  pending_.erase(tag);
  if (out_of_room_ && retries_.empty()) {
    LogInfo("{}: there is room again", options_.directory);
    out_of_room_ = false;
  }
}

void BlockWrites::WaitForRoom(uint64_t tag, int error) {
  if (!out_of_room_) {
    LogError("{}; waiting for room", SystemError("write " + pending_.at(tag).file->path(), error).message);
    write_errors_++;
    out_of_room_ = true;
  }
  retries_.push_back(tag);
  next_retry_ = SteadyClock::now() + kRetryInterval;
  if (options_.stop.stop_requested() && !give_up_at_) give_up_at_ = SteadyClock::now() + kPatienceAfterStop;
}

void BlockWrites::Retry() {
  const auto now = SteadyClock::now();
  if (now < next_retry_) return;
  options_.on_waiting_for_room();
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

// The block is lost. Its file ends here: a new one may have better luck, and the old one is published with what it has.
void BlockWrites::GiveUp(uint64_t tag, int error) {
  const auto pending = pending_.find(tag);
  const PendingWrite& write = pending->second;
  const ClosingRecord& closing = write.block->closing;
  const Error reason = SystemError("write " + write.file->path(), error);
  write_errors_++;
  ledger_->Lost(*write.block, reason.kind == ErrorKind::kNoSpace ? LossReason::kNoRoom : LossReason::kWriteError);
  const auto now = SteadyClock::now();
  if (!failing_ && now >= next_complaint_) {
    LogError("{}: {} packets are lost", reason.message, closing.packet_count);
    next_complaint_ = now + kComplaintInterval;
  }
  failing_ = true;
  if (options_.no_space == LaneOptions::NoSpace::kFail && !failure_) failure_ = reason;
  write.file->WriteFailed(closing.block_offset, closing.stored_length(), closing.packet_count);
  write.file->WriteDone({});
  pending_.erase(pending);
}

std::optional<Timestamp> BlockWrites::oldest() const {
  std::optional<Timestamp> oldest;
  for (const auto& [tag, write] : pending_) {
    const ClosingRecord& closing = write.block->closing;
    if (closing.packet_count > 0) oldest = std::min(oldest.value_or(closing.first_time), closing.first_time);
  }
  return oldest;
}

Status BlockWrites::TakeFailure() {
  if (!failure_) return {};
  return Fail(*std::exchange(failure_, std::nullopt));
}

}  // namespace dashcap
