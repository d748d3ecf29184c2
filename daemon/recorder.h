#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "daemon/index_thread.h"
#include "daemon/journal_thread.h"
#include "daemon/lane.h"
#include "daemon/lane_sources.h"
#include "daemon/retention_thread.h"
#include "daemon/status_file.h"
#include "daemon/table_thread.h"

namespace dashcap {

// All that dashcapd runs: the lanes with their indexer threads, table writing and retention. One thread calls it.
class Recorder {
 public:
  using Sources = std::vector<LaneSource>;
  // The only step that needs privileges: opens every source. No thread is started, so that the process can be confined
  // afterwards, and the archive is not written to yet.
  static Result<Sources> OpenSources(const Config& config);
  // Opens every archive directory; what is wrong shows here, before anything is recorded.
  static Result<std::unique_ptr<Recorder>> Open(const Config& config, Sources sources);
  ~Recorder();

  void Start();
  void Rotate();
  // Takes up the settings that can change while recording: the filters. All of them, or an error and none.
  Status Reload(const Config& config);
  // Whether every source has ended by itself.
  bool AllEnded() const;
  // Drains the sources, publishes every blockfile and writes the indexes. The files of `with_backlog` are those that
  // were found without an index. Gives the reason when a source ended with an error.
  Status Stop(bool with_backlog);

  RecorderStatus status() const;

 private:
  struct LaneThreads {
    std::unique_ptr<LaneEventQueue> queue;
    std::unique_ptr<Lane> lane;
    std::unique_ptr<IndexThread> indexer;
    size_t capture = 0;  // index into Config::capture
  };

  // Flows are in memory while their file grows, then until its table is written, and once more in what sorts them for it.
  static constexpr size_t kIndexMemoryParts = 3;

  explicit Recorder(const Config& config);
  Status OpenLane(LaneSource source);
  void StartIndexer(LaneThreads& threads);
  std::optional<Timestamp> OldestPacket(const std::string& lane_directory) const;

  Config config_;
  const Timestamp started_;
  std::stop_source stop_;  // for waits within the lanes
  TableThread tables_;
  std::vector<LaneThreads> lanes_;
  std::unique_ptr<RetentionThread> retention_;
  JournalThread journals_;
};

}  // namespace dashcap
