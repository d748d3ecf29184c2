#include "daemon/lane_sources.h"

#include <utility>

#include "daemon/af_packet_source.h"
#include "daemon/file_source.h"
#include "daemon/filter_compiler.h"
#include "daemon/lane_name.h"
#include "daemon/pcap_source.h"

namespace dashcap {
namespace {

using Sources = std::vector<std::unique_ptr<CaptureSource>>;

FanoutBy FanoutOf(CaptureConfig::Fanout fanout) {
  switch (fanout) {
    case CaptureConfig::Fanout::kHosts:
      return FanoutBy::kHosts;
    case CaptureConfig::Fanout::kFlow:
      return FanoutBy::kFlow;
    case CaptureConfig::Fanout::kCpu:
      return FanoutBy::kCpu;
  }
  return FanoutBy::kHosts;
}

AfPacketOptions AfPacketOptionsOf(const CaptureConfig& capture) {
  AfPacketOptions options;
  options.interface = capture.interface;
  options.filter = capture.filter;
  options.promiscuous = capture.promiscuous;
  options.snap_length = capture.snap_length;
  options.ring.bytes = capture.ring_bytes;
  options.ring.block_bytes = static_cast<uint32_t>(capture.ring_block_bytes);
  options.ring.block_timeout = std::chrono::ceil<std::chrono::milliseconds>(capture.ring_timeout);
  options.hardware_timestamps = capture.hardware_timestamps;
  options.lock_filter = capture.lock_filter;
  using Direction = CaptureConfig::Direction;
  if (capture.direction == Direction::kIn) options.direction = PacketFilter::Direction::kIn;
  if (capture.direction == Direction::kOut) options.direction = PacketFilter::Direction::kOut;
  options.lanes = capture.lanes;
  options.cpus = capture.cpus;
  options.fanout.by = FanoutOf(capture.fanout);
  options.fanout.rollover = capture.rollover;
  return options;
}

PcapOptions PcapOptionsOf(const CaptureConfig& capture) {
  PcapOptions options;
  options.device = capture.interface;
  options.filter = capture.filter;
  options.promiscuous = capture.promiscuous;
  options.snap_length = capture.snap_length;
  options.buffer_bytes = capture.ring_bytes;
  options.immediate = capture.immediate;
  options.monitor_mode = capture.monitor_mode;
  options.timestamp_type = capture.timestamp_type;
  options.link_type = capture.link_type;
  options.nanoseconds = capture.nanoseconds;
  using Direction = CaptureConfig::Direction;
  if (capture.direction == Direction::kIn) options.direction = PcapOptions::Direction::kIn;
  if (capture.direction == Direction::kOut) options.direction = PcapOptions::Direction::kOut;
  return options;
}

Result<std::unique_ptr<CaptureSource>> OpenSingle(const CaptureConfig& capture) {
  if (capture.source == CaptureConfig::Source::kPcap) return OpenPcap(PcapOptionsOf(capture));
  return OpenFileSource(capture.file, capture.pace == CaptureConfig::Pace::kFast ? Pace::kFast : Pace::kRecorded);
}

Result<Sources> OpenSources(const CaptureConfig& capture) {
  if (capture.source == CaptureConfig::Source::kAfPacket) return OpenAfPacket(AfPacketOptionsOf(capture));
  auto source = OpenSingle(capture);
  if (!source) return Fail(source.error());
  Sources sources;
  sources.push_back(std::move(*source));
  return sources;
}

}  // namespace

Status CheckFilter(const CaptureConfig& capture) {
  const std::string path = "capture of " + capture.interface + ": ";
  if (capture.source != CaptureConfig::Source::kAfPacket)
    return Fail(ErrorKind::kInvalidInput, path + "a new filter needs a restart");
  if (capture.lock_filter)
    return Fail(ErrorKind::kInvalidInput, path + "the filter is locked, so that a new one needs a restart");
  auto compiler = FilterCompiler::Open(capture.interface);
  // It can't be known before the interface is there.
  if (!compiler) return {};
  auto compiled = compiler->Compile(capture.filter);
  return compiled ? Status() : Fail(compiled.error());
}

Result<std::vector<LaneSource>> OpenLaneSources(const Config& config) {
  if (config.capture.empty())
    return Fail(ErrorKind::kInvalidInput, "nothing to capture: name an interface in \"capture\"");
  std::vector<LaneSource> lanes;
  for (size_t i = 0; i < config.capture.size(); i++) {
    auto sources = OpenSources(config.capture[i]);
    if (!sources) return Fail(sources.error());
    const std::string name = LaneName(config.capture[i].interface);
    const bool several = sources->size() > 1;
    for (size_t number = 0; number < sources->size(); number++) {
      const std::string directory = several ? name + "." + std::to_string(number) : name;
      for (const LaneSource& other : lanes) {
        if (other.name != directory) continue;
        return Fail(ErrorKind::kInvalidInput, "capture: " + config.capture[other.capture].interface + " and " +
                                                  config.capture[i].interface + " would both record into " + directory);
      }
      lanes.push_back({directory, i, number, std::move((*sources)[number])});
    }
  }
  return lanes;
}

}  // namespace dashcap
