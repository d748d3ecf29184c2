#include "daemon/recorder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "daemon/lane_sources.h"
#include "daemon/memory_report.h"

namespace dashcap {
namespace {

Status CheckArchive(const std::string& directory) {
  struct stat status;
  if (::stat(directory.c_str(), &status) != 0) return Fail(SystemError("archive " + directory));
  if (!S_ISDIR(status.st_mode)) return Fail(ErrorKind::kInvalidInput, "archive " + directory + ": not a directory");
  if (::access(directory.c_str(), W_OK | X_OK) != 0) return Fail(SystemError("archive " + directory));
  return {};
}

Status CheckArchives(const Config& config) {
  for (const std::string& directory : config.archive.directories) {
    if (Status status = CheckArchive(directory); !status) return status;
  }
  return {};
}

LaneOptions::Sync SyncOf(ArchiveConfig::Sync sync) {
  switch (sync) {
    case ArchiveConfig::Sync::kNone:
      return LaneOptions::Sync::kNone;
    case ArchiveConfig::Sync::kBlock:
      return LaneOptions::Sync::kBlock;
    case ArchiveConfig::Sync::kPublish:
      break;
  }
  return LaneOptions::Sync::kPublish;
}

void LogRecovery(const std::string& directory, const RecoveryReport& report) {
  if (report.files_published + report.files_empty + report.orphan_indexes > 0) {
    LogInfo("{}: recovered {} blockfiles ({} bytes cut), removed {} without a packet and {} stray indexes", directory,
            report.files_published, report.bytes_cut, report.files_empty, report.orphan_indexes);
  }
  for (const std::string& failure : report.failures) LogError("recovery: {}", failure);
  if (!report.unindexed.empty()) LogInfo("{}: {} blockfiles to index", directory, report.unindexed.size());
}

}  // namespace

Result<Recorder::Sources> Recorder::OpenSources(const Config& config) {
  if (Status status = CheckArchives(config); !status) return Fail(status.error());
  LogInfo("{}", DescribeMemory(config));
  auto sources = OpenLaneSources(config);
  if (!sources) return sources;
  for (LaneSource& source : *sources) source.began = Now();
  return sources;
}

Result<std::unique_ptr<Recorder>> Recorder::Open(const Config& config, Sources sources) {
  if (Status status = CheckArchives(config); !status) return Fail(status.error());
  std::unique_ptr<Recorder> recorder(new Recorder(config));
  for (LaneSource& source : sources) {
    if (Status status = recorder->OpenLane(std::move(source)); !status) return Fail(status.error());
  }
  return recorder;
}

Recorder::Recorder(const Config& config)
    : config_(config),
      started_(Now()),
      tables_(config.index_memory_bytes / kIndexMemoryParts),
      journals_([this](const std::string& lane) { return OldestPacket(lane); }) {}

Recorder::~Recorder() { (void)Stop(false); }

// Lanes are spread over the archive's directories.
Status Recorder::OpenLane(LaneSource source) {
  const CaptureConfig& capture = config_.capture[source.capture];
  const std::vector<std::string>& archives = config_.archive.directories;
  Lane::Settings settings;
  settings.name = capture.interface;
  settings.options.directory = archives[lanes_.size() % archives.size()] + "/" + source.name;
  settings.options.max_file_bytes = config_.archive.file_bytes;
  settings.options.max_file_age = config_.archive.file_age;
  settings.options.sync = SyncOf(config_.archive.sync);
  settings.options.block_count = capture.block_memory_bytes / kMaxBlockSize;
  if (config_.archive.compression_level) {
    settings.options.compression = LaneOptions::Compression{static_cast<int>(*config_.archive.compression_level)};
    settings.options.block_count /= 2;  // a block and its frame
  }
  settings.options.stop = stop_.get_token();
  if (!capture.cpus.empty()) settings.cpu = capture.cpus[source.number % capture.cpus.size()];
  settings.on_recovered = [this](const std::string& directory, const RecoveryReport& report) {
    LogRecovery(directory, report);
    for (const std::string& blockfile : report.unindexed) tables_.IndexLater(blockfile);
  };
  // Blocks that wait for the indexer must leave the lane enough to fill and to write.
  LaneThreads threads;
  threads.queue = std::make_unique<LaneEventQueue>(std::max<size_t>(settings.options.block_count / 2, 2));
  auto lane = Lane::Open(std::move(settings), std::move(source.source), *threads.queue);
  if (!lane) return Fail(lane.error());
  threads.lane = std::move(*lane);
  threads.capture = source.capture;
  // The time of a capture file is not the time of its reading.
  if (capture.source != CaptureConfig::Source::kFile) journals_.Add(*threads.lane, source.began);
  lanes_.push_back(std::move(threads));
  return {};
}

void Recorder::Start() {
  for (LaneThreads& threads : lanes_) {
    StartIndexer(threads);
    threads.lane->Start();
  }
  const ArchiveConfig& archive = config_.archive;
  RetentionLimits limits;
  limits.min_free_percent = archive.min_free_percent;
  limits.max_bytes = archive.max_bytes;
  limits.max_age = archive.max_age;
  retention_ = std::make_unique<RetentionThread>(archive.directories, limits, archive.retention_interval);
  journals_.Start();
}

std::optional<Timestamp> Recorder::OldestPacket(const std::string& lane_directory) const {
  for (const RetentionThread::ArchiveStatus& archive : retention_->status()) {
    if (lane_directory.starts_with(archive.directory + "/")) return archive.oldest;
  }
  return std::nullopt;
}

void Recorder::StartIndexer(LaneThreads& threads) {
  const size_t memory = config_.index_memory_bytes / kIndexMemoryParts / lanes_.size();
  threads.indexer = std::make_unique<IndexThread>(*threads.queue, tables_, memory,
                                                  [lane = threads.lane.get()] { lane->RequestRotate(); });
}

void Recorder::Rotate() {
  for (LaneThreads& threads : lanes_) threads.lane->RequestRotate();
}

Status Recorder::Reload(const Config& config) {
  Config changed = config_;
  for (CaptureConfig& capture : changed.capture) {
    for (const CaptureConfig& wanted : config.capture) {
      if (wanted.interface == capture.interface) capture.filter = wanted.filter;
    }
  }
  for (size_t i = 0; i < changed.capture.size(); i++) {
    if (changed.capture[i].filter == config_.capture[i].filter) continue;
    if (Status status = CheckFilter(changed.capture[i]); !status) return status;
  }
  for (LaneThreads& threads : lanes_) {
    const std::string& filter = changed.capture[threads.capture].filter;
    if (filter != config_.capture[threads.capture].filter) threads.lane->RequestFilter(filter);
  }
  config_ = std::move(changed);
  return {};
}

bool Recorder::AllEnded() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const LaneThreads& threads) { return threads.lane->status().ended; });
}

Status Recorder::Stop(bool with_backlog) {
  stop_.request_stop();
  for (LaneThreads& threads : lanes_) threads.lane->RequestStop();
  for (LaneThreads& threads : lanes_) threads.lane->Join();
  for (LaneThreads& threads : lanes_) {
    if (threads.indexer) threads.indexer->Finish();
    threads.indexer.reset();
  }
  journals_.Finish();
  tables_.Finish(with_backlog);
  retention_.reset();
  for (const LaneThreads& threads : lanes_) {
    if (std::string failure = threads.lane->status().failure; !failure.empty()) return Fail(ErrorKind::kIo, failure);
  }
  return {};
}

RecorderStatus Recorder::status() const {
  RecorderStatus status;
  status.started = started_;
  status.now = Now();
  for (const LaneThreads& threads : lanes_) status.lanes.push_back(threads.lane->status());
  if (retention_) status.archives = retention_->status();
  status.index_backlog = tables_.backlog();
  return status;
}

}  // namespace dashcap
