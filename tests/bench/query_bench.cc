#include <map>

#include "indexer/file_indexer.h"
#include "packet/decoder.h"
#include "query/language/parser.h"
#include "query/search/search.h"
#include "storage/lane_writer.h"
#include "tests/bench/figures.h"
#include "tests/bench/temporary_directory.h"

namespace dashcap {
namespace {

// An archive with one traffic in it, indexed.
class Recorded {
 public:
  explicit Recorded(const Traffic& traffic) {
    LaneOptions options;
    options.directory = directory_.path() + "/lane";
    std::vector<std::string> published;
    auto writer = LaneWriter::Open(options, {Interface{}}, [&published](const LaneEvent& event) {
      if (const auto* file = std::get_if<BlockfilePublished>(&event)) published.push_back(file->path);
    });
    if (!writer) throw std::runtime_error(writer.error().message);
    const std::vector<Packet> packets = traffic.packets();
    for (const Packet& packet : packets) {
      if (!(*writer)->Append(packet)) throw std::runtime_error("append");
    }
    if (!(*writer)->Finish()) throw std::runtime_error("finish");
    for (const std::string& blockfile : published) {
      if (Status status = IndexBlockfile(blockfile); !status) throw std::runtime_error(status.error().message);
    }
    const Decoded middle = Decode(LinkType::kEthernet, packets[packets.size() / 2].bytes);
    host_ = FormatAddress(middle.key.source);
  }

  std::string path() const { return directory_.path(); }
  // A host that there is, from the middle of the traffic.
  const std::string& host() const { return host_; }

 private:
  TemporaryDirectory directory_;
  std::string host_;
};

const Recorded& RecordedOfKind(int kind) {
  static std::map<int, Recorded> all;
  const auto found = all.find(kind);
  return found != all.end() ? found->second : all.try_emplace(kind, TrafficOfKind(kind).traffic).first->second;
}

void Query(benchmark::State& state, const std::string& query) {
  auto archive = Archive::Open({RecordedOfKind(static_cast<int>(state.range(0))).path()});
  auto expression = ParseQuery(query, {});
  if (!archive || !expression) return state.SkipWithError("no archive, or no query");
  const SearchRequest request{*expression, {}, {}};
  size_t packets = 0;
  for (auto _ : state) {
    packets = 0;
    auto stream = (*archive)->Search(request, {});
    while (stream) {
      const auto next = (*stream)->Next();
      if (!next || !*next) break;
      packets++;
    }
  }
  state.counters["packets"] = static_cast<double>(packets);
  if (packets > 0) CountPackets(state, packets);
}

void QueryHost(benchmark::State& state) {
  if (!TrafficOf(state)) return;
  Query(state, "host " + RecordedOfKind(static_cast<int>(state.range(0))).host());
}
BENCHMARK(QueryHost)->Apply(EachTraffic);

void QueryAbsentHost(benchmark::State& state) {
  if (TrafficOf(state)) Query(state, "host 203.0.113.7");
}
BENCHMARK(QueryAbsentHost)->Apply(EachTraffic);

void QueryTcp(benchmark::State& state) {
  if (TrafficOf(state)) Query(state, "tcp");
}
BENCHMARK(QueryTcp)->Apply(EachTraffic);

}  // namespace
}  // namespace dashcap

BENCHMARK_MAIN();
