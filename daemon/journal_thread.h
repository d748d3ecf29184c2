#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "daemon/lane.h"
#include "storage/gap_journal.h"

namespace dashcap {

// Keeps the lanes' gap journals: once a second it writes down what is missing and that the recorder lives. Away from
// the lanes' own threads, which must not wait for a file system.
class JournalThread {
 public:
  // The oldest packet in the archive that a lane directory lies in, when that is known.
  using OldestPacket = std::function<std::optional<Timestamp>(const std::string& lane_directory)>;
  explicit JournalThread(OldestPacket oldest_packet) : oldest_packet_(std::move(oldest_packet)) {}
  ~JournalThread();

  // The lane must outlive this, and has been receiving packets since `began`. Before Start().
  void Add(Lane& lane, Timestamp began);
  void Start();
  // Requires: the lanes have ended, or were never started.
  void Finish();

 private:
  struct Journaled {
    Lane* lane;
    Timestamp began;
    GapJournal journal;
    bool failing = false;
  };

  void Run(std::stop_token stop);
  void Begin(Journaled& lane);
  void WriteDown(Journaled& lane);
  static void Note(Journaled& lane, const Status& status);

  const OldestPacket oldest_packet_;
  std::vector<Journaled> lanes_;
  Mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace dashcap
