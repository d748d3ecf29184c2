#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "daemon/privileges.h"
#include "daemon/progress.h"
#include "daemon/recorder.h"

namespace dashcap {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct CommandLine {
  std::string config = "/etc/dashcap/dashcap.json";
  bool check = false;
  std::string interface;
  std::string source;
  std::string archive;
  std::string file;
  std::string pace = "fast";
  std::string runtime_directory;
};

// Options win over the file.
Config Override(Config config, const CommandLine& options) {
  if (!options.archive.empty()) config.archive.directories = {options.archive};
  if (!options.runtime_directory.empty()) config.runtime_directory = options.runtime_directory;
  if (!options.interface.empty() || !options.file.empty()) {
    CaptureConfig capture = config.capture.empty() ? CaptureConfig() : config.capture.front();
    if (!options.interface.empty()) {
      if (options.source == "pcap") capture.source = CaptureConfig::Source::kPcap;
      if (options.source == "af_packet") capture.source = CaptureConfig::Source::kAfPacket;
      if (capture.source == CaptureConfig::Source::kFile) capture.source = CaptureConfig::Source::kAfPacket;
      capture.interface = options.interface;
    }
    if (!options.file.empty()) {
      capture.source = CaptureConfig::Source::kFile;
      capture.file = options.file;
      capture.pace = options.pace == "recorded" ? CaptureConfig::Pace::kRecorded : CaptureConfig::Pace::kFast;
      if (options.interface.empty())
        capture.interface = options.file == "-" ? "stdin" : std::filesystem::path(options.file).stem().string();
    }
    config.capture = {capture};
  }
  return config;
}

// What the settings come to, for scripts.
void PrintSettings(const Config& config) {
  nlohmann::ordered_json interfaces = nlohmann::ordered_json::array();
  for (const CaptureConfig& capture : config.capture) interfaces.push_back(capture.interface);
  const nlohmann::ordered_json json = {{"interfaces", interfaces},
                                       {"directories", config.archive.directories},
                                       {"listen", config.query.listen},
                                       {"runtime_directory", config.runtime_directory}};
  std::printf("%s\n", json.dump(2).c_str());
}

sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is a write error like others
  return signals;
}

void PublishStatus(const Config& config, const RecorderStatus& status) {
  if (Status written = WriteStatusFile(config.runtime_directory, status); !written)
    LogWarning("{}", written.error().message);
  uint64_t stored = 0;
  uint64_t dropped = 0;
  for (const LaneStatus& lane : status.lanes) {
    stored += lane.written.packets.stored;
    dropped += lane.unplaced_packets + lane.written.packets.lost_in_all();
    for (const LaneStatus::OfInterface& of : lane.interfaces)
      dropped += of.counts.dropped_kernel + of.counts.dropped_nic;
  }
  ::sd_notifyf(0, "STATUS=%llu packets stored, %llu dropped", static_cast<unsigned long long>(stored),
               static_cast<unsigned long long>(dropped));
}

// New files are begun, with the filters that the settings have now. Settings that are wrong change nothing.
void Reload(Recorder& recorder, const CommandLine& options) {
  LogInfo("rotating and reading {}, as SIGHUP asked", options.config);
  recorder.Rotate();
  auto config = LoadConfig(options.config);
  const Status status = config ? recorder.Reload(Override(std::move(*config), options)) : Fail(config.error());
  if (!status) LogError("{}; recording goes on as before", status.error().message);
}

// Until a signal says to stop or every source has ended.
void RecordUntilTold(const Config& config, const CommandLine& options, Recorder& recorder, const sigset_t& signals) {
  std::vector<LaneStatus> before;
  while (!recorder.AllEnded()) {
    RecorderStatus status = recorder.status();
    PublishStatus(config, status);
    if (Progressed(before, status.lanes)) ::sd_notify(0, "WATCHDOG=1");
    before = std::move(status.lanes);
    const timespec second{config.capture.front().source == CaptureConfig::Source::kFile ? 0 : 1, 100'000'000};
    const int signal = ::sigtimedwait(&signals, nullptr, &second);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP) Reload(recorder, options);
  }
}

Status Run(const Config& config, const CommandLine& options) {
  const sigset_t signals = BlockSignals();
  auto sources = Recorder::OpenSources(config);
  if (!sources) return Fail(sources.error());
  if (Status status = GiveUpPrivileges(config, options.config); !status) return status;
  auto recorder = Recorder::Open(config, std::move(*sources));
  if (!recorder) return Fail(recorder.error());
  (*recorder)->Start();
  for (const LaneStatus& lane : (*recorder)->status().lanes)
    LogInfo("recording {} into {}", lane.interface, lane.directory);
  ::sd_notify(0, "READY=1");
  RecordUntilTold(config, options, **recorder, signals);
  ::sd_notify(0, "STOPPING=1");
  const bool from_file = config.capture.front().source == CaptureConfig::Source::kFile;
  Status stopped = (*recorder)->Stop(from_file);
  const RecorderStatus status = (*recorder)->status();
  PublishStatus(config, status);
  uint64_t stored = 0;
  for (const LaneStatus& lane : status.lanes) stored += lane.written.packets.stored;
  LogInfo("stopped; {} packets stored", stored);
  return stopped;
}

int Main(int argc, char** argv) {
  CLI::App app("Records every packet of an interface into blockfiles and indexes them.", "dashcapd");
  CommandLine options;
  app.set_version_flag("--version", "dashcapd " DASHCAP_VERSION);
  app.add_option("--config", options.config, "Settings")->type_name("FILE")->capture_default_str();
  app.add_flag("--check", options.check, "Check the settings, print what they come to or what is wrong, and exit");
  app.add_option("--interface", options.interface, "Record this interface instead of the configured ones");
  app.add_option("--source", options.source, "With --interface: af_packet, or pcap for any device that libpcap knows")
      ->check(CLI::IsMember({"af_packet", "pcap"}));
  app.add_option("--archive", options.archive, "Record into this directory instead of the configured ones")
      ->type_name("DIR");
  app.add_option("--read", options.file, "Record from this capture file (pcap, pcapng; - is standard input), then stop")
      ->type_name("FILE");
  app.add_option("--pace", options.pace, "With --read: fast, or recorded, with the pauses between the timestamps")
      ->check(CLI::IsMember({"fast", "recorded"}));
  app.add_option("--runtime-dir", options.runtime_directory, "Where the status file goes")->type_name("DIR");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  auto config = LoadConfig(options.config);
  if (!config) {
    std::fprintf(stderr, "dashcapd: %s\n", config.error().message.c_str());
    return kFailed;
  }
  const Config settings = Override(std::move(*config), options);
  if (options.check) {
    PrintSettings(settings);
    return 0;
  }
  if (Status status = Run(settings, options); !status) {
    LogError("{}", status.error().message);
    return kFailed;
  }
  return 0;
}

}  // namespace
}  // namespace dashcap

int main(int argc, char** argv) {
  try {
    return dashcap::Main(argc, argv);
  } catch (const std::exception& error) {  // of a library
    std::fprintf(stderr, "dashcapd: %s\n", error.what());
    return 1;
  }
}
