#include "daemon/journal_thread.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace dashcap {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);

}  // namespace

JournalThread::~JournalThread() { Finish(); }

void JournalThread::Add(Lane& lane, Timestamp began) {
  lanes_.push_back({&lane, began, GapJournal(lane.status().directory)});
}

void JournalThread::Start() {
  thread_ = std::jthread([this](std::stop_token stop) { Run(std::move(stop)); });
  ::pthread_setname_np(thread_.native_handle(), "journal");
}

void JournalThread::Finish() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void JournalThread::Run(std::stop_token stop) DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
  for (Journaled& lane : lanes_) Begin(lane);
  while (!stop.stop_requested()) {
    mutex_.lock();
    wake_.wait_for(mutex_, stop, kInterval, [] { return false; });
    mutex_.unlock();
    for (Journaled& lane : lanes_) WriteDown(lane);
  }
  for (Journaled& lane : lanes_) WriteDown(lane);
}

void JournalThread::Begin(Journaled& lane) {
  Note(lane, lane.journal.BeginLife(lane.began, lane.lane->status().last_recovered));
}

void JournalThread::WriteDown(Journaled& lane) {
  // In this order: what is not in the gaps yet is not complete yet either.
  const LaneStatus status = lane.lane->status();
  Status written;
  for (const Gap& gap : lane.lane->TakeGaps()) {
    if (Status added = lane.journal.Add(gap); !added) written = added;
  }
  const Timestamp complete_until = std::max(status.complete_until, lane.began);
  Status beaten = status.ended ? lane.journal.EndLife(complete_until, Now()) : lane.journal.Beat(complete_until, Now());
  if (!beaten) written = beaten;
  if (const auto oldest = oldest_packet_(status.directory)) {
    if (Status trimmed = lane.journal.Trim(*oldest); !trimmed) written = trimmed;
  }
  Note(lane, written);
}

// Once is enough to say that the disk refuses.
void JournalThread::Note(Journaled& lane, const Status& status) {
  if (!status && !lane.failing) LogError("gaps: {}", status.error().message);
  lane.failing = !status;
}

}  // namespace dashcap
