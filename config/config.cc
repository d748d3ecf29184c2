#include "config/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <charconv>
#include <map>

#include "base/file_descriptor.h"
#include "config/rules.h"

namespace dashcap {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kKibi = uint64_t{1} << 10;
constexpr uint64_t kMebi = uint64_t{1} << 20;
constexpr uint64_t kGibi = uint64_t{1} << 30;
constexpr size_t kLongestSocketPath = 107;     // sun_path of unix(7), less its final zero byte
constexpr size_t kLongestInterfaceName = 127;  // ALTIFNAMSIZ of linux/if.h, less its final zero byte
constexpr size_t kLongestFile = kMebi;

bool IsNotEmpty(std::string_view text) { return !text.empty(); }

bool IsNameCharacter(char c) { return static_cast<unsigned char>(c) > ' ' && c != '/' && c != ':' && c != 0x7f; }

// As the kernel's dev_valid_name(); an interface also names a directory.
bool IsInterfaceName(std::string_view text) {
  return !text.empty() && text.size() <= kLongestInterfaceName && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), IsNameCharacter);
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && port != 0;
}

// A name, an IPv4 address, or an IPv6 address in brackets.
bool IsHost(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  else if (text.find(':') != std::string_view::npos)
    return false;
  return !text.empty() && text.find_first_of("[] /") == std::string_view::npos;
}

bool IsTcp(std::string_view address) { return address.starts_with("tcp:"); }

bool IsListenAddress(std::string_view text) {
  if (text.starts_with("unix:/")) return text.size() - std::string_view("unix:").size() <= kLongestSocketPath;
  if (!IsTcp(text)) return false;
  const std::string_view address = text.substr(std::string_view("tcp:").size());
  const size_t colon = address.rfind(':');
  return colon != std::string_view::npos && IsHost(address.substr(0, colon)) && IsPort(address.substr(colon + 1));
}

Rule<uint64_t> PowerOfTwo(uint64_t least, uint64_t most) {
  Rule<uint64_t> rule = Size(least, most);
  rule.allowed += ", and a power of two";
  rule.read = [read = rule.read, allowed = rule.allowed](const Json& value, const std::string& path) {
    Result<uint64_t> size = read(value, path);
    if (!size || !std::has_single_bit(*size)) size = Refuse(value, path, allowed);
    return size;
  };
  return rule;
}

Rule<std::string> Path() { return TextThat(IsNotEmpty, "a path"); }

// The tables: adding a key is adding its line here, its member in config.h, and its row in docs/configuration.md.

KeyTable<ArchiveConfig> ArchiveKeys() {
  using C = ArchiveConfig;
  return {
      {"directories", &C::directories, ListOf(Path(), 1, "paths"),
       "where blockfiles and their indexes are kept; lanes are spread over the directories"},
      {"min_free_percent", &C::min_free_percent, Percent(0, 99),
       "the oldest files go when less than this part of the file system is free"},
      {"max_bytes", &C::max_bytes, OrNull(Size(kMebi)), "the oldest files go when the archive holds more"},
      {"max_age", &C::max_age, OrNull(Duration(seconds(1))), "files go when their last packet is older"},
      {"file_bytes", &C::file_bytes, Size(2 * kMebi, 16 * kGibi), "a blockfile is closed when it is this large"},
      {"file_age", &C::file_age, Duration(seconds(1), hours(24)), "a blockfile is closed when it is this old"},
      {"sync", &C::sync,
       OneOf<C::Sync>({{"none", C::Sync::kNone}, {"publish", C::Sync::kPublish}, {"block", C::Sync::kBlock}}),
       "what is made to survive a power cut: nothing, each file when it is closed, or each block when it is written"},
      {"compression_level", &C::compression_level, OrNull(Number(1, 19)),
       "store each block as a zstd frame of this level, on a thread for each lane; null stores it as it is"},
      {"retention_interval", &C::retention_interval, Duration(milliseconds(100), hours(24)),
       "how often free space, size and age are looked at"},
  };
}

KeyTable<CaptureConfig> CaptureKeys() {
  using C = CaptureConfig;
  return {
      {"interface", &C::interface, TextThat(IsNotEmpty, "the name of an interface"),
       "the interface to record; with source \"pcap\" any device that libpcap knows, with source \"file\" the name to "
       "record under, by default that of the file",
       Need::kRequired},
      {"source", &C::source,
       OneOf<C::Source>({{"af_packet", C::Source::kAfPacket}, {"pcap", C::Source::kPcap}, {"file", C::Source::kFile}}),
       "where packets come from: a network interface, a device of libpcap, or a capture file"},
      {"filter", &C::filter, Text(), "record only what this pcap-filter(7) expression accepts"},
      {"promiscuous", &C::promiscuous, Boolean(), "also record frames that are addressed to other machines"},
      {"direction", &C::direction,
       OneOf<C::Direction>({{"both", C::Direction::kBoth}, {"in", C::Direction::kIn}, {"out", C::Direction::kOut}}),
       "with sources \"af_packet\" and \"pcap\": record only what comes in or goes out"},
      {"snap_length", &C::snap_length, Number(64, 1048576), "bytes to keep of each packet"},
      {"lanes", &C::lanes, Number(1, 64),
       "capture threads, each with its own ring, blockfiles and index, among which the packets are dealt"},
      {"fanout", &C::fanout,
       OneOf<C::Fanout>({{"hosts", C::Fanout::kHosts}, {"flow", C::Fanout::kFlow}, {"cpu", C::Fanout::kCpu}}),
       "with several lanes, by what packets are dealt: the two addresses, the kernel's flow hash, the receiving CPU"},
      {"rollover", &C::rollover, Boolean(),
       "with several lanes, hand a packet to another lane when the ring of its own is full"},
      {"cpus", &C::cpus, ListOf(Number(0, 1023), 0, "CPU numbers"),
       "the CPUs that the lanes' capture threads are bound to, in turn; empty: any CPU"},
      {"ring_bytes", &C::ring_bytes, Size(kMebi, 4 * kGibi),
       "kernel memory of each lane that holds packets until they are taken; it covers bursts"},
      {"ring_block_bytes", &C::ring_block_bytes, PowerOfTwo(64 * kKibi, 16 * kMebi),
       "with source \"af_packet\": the ring is handed over in blocks of this size; longer packets are cut"},
      {"ring_timeout", &C::ring_timeout, Duration(milliseconds(1), milliseconds(500)),
       "with source \"af_packet\": a part-filled block of the ring is handed over after this time"},
      {"hardware_timestamps", &C::hardware_timestamps, Boolean(),
       "with source \"af_packet\": timestamps by the clock of the network card, which has to be able to give them"},
      {"lock_filter", &C::lock_filter, Boolean(),
       "with source \"af_packet\": nobody can change the filter, so that a new one needs a restart"},
      {"block_memory_bytes", &C::block_memory_bytes, Size(4 * kMebi),
       "memory of each lane for blocks on their way to the disk; it covers a disk that pauses"},
      {"immediate", &C::immediate, Boolean(),
       "with source \"pcap\": hand out each packet at once rather than many together"},
      {"monitor_mode", &C::monitor_mode, Boolean(), "with source \"pcap\": record 802.11 as it is on the air"},
      {"nanoseconds", &C::nanoseconds, Boolean(),
       "with source \"pcap\": ask for timestamps in nanoseconds; devices without them give microseconds"},
      {"timestamp_type", &C::timestamp_type, Text(),
       "with source \"pcap\": a timestamp type of pcap-tstamp(7) that the device has; empty for its own"},
      {"link_type", &C::link_type, Text(),
       "with source \"pcap\": one of the link types that `tcpdump -L` prints for the device; empty for its own"},
      {"file", &C::file, Text(), "with source \"file\": the pcap or pcapng file, or - for standard input"},
      {"pace", &C::pace, OneOf<C::Pace>({{"fast", C::Pace::kFast}, {"recorded", C::Pace::kRecorded}}),
       "with source \"file\": as fast as it can be stored, or with the pauses between the packets' times"},
  };
}

KeyTable<TokenConfig> TokenKeys() {
  using C = TokenConfig;
  return {
      {"name", &C::name, TextThat(IsNotEmpty, "text that is not empty"), "what the audit log calls who holds the token",
       Need::kRequired},
      {"sha256", &C::sha256, SecretThat(IsSha256, "64 hex digits, the SHA-256 of the token"),
       "what `printf %s TOKEN | sha256sum` prints; the token itself is not stored", Need::kRequired},
  };
}

KeyTable<QueryConfig> QueryKeys() {
  using C = QueryConfig;
  return {
      {"listen", &C::listen,
       ListOf(TextThat(IsListenAddress, "\"unix:/PATH\" or \"tcp:HOST:PORT\""), 1,
              "addresses, \"unix:/PATH\" or \"tcp:HOST:PORT\""),
       "where the query service listens; a tcp address needs a token"},
      {"socket_group", &C::socket_group, Text(), "the group that may use Unix sockets; empty for the service's own"},
      {"tokens", &C::tokens, ListOf(Section(TokenKeys()), 0, "objects"), "who may query over TCP"},
      {"max_concurrent_queries", &C::max_concurrent_queries, Number(1, 1024),
       "more queries at a time than this are refused"},
      {"user", &C::user, Text(),
       "whom the query service becomes when root starts it; empty for dashcap-query, or else dashcap, if they exist"},
  };
}

KeyTable<Config> FileKeys() {
  using C = Config;
  return {
      {"archive", &C::archive, Section(ArchiveKeys()), "what is kept, where, and for how long"},
      {"capture", &C::capture, ListOf(Section(CaptureKeys()), 0, "objects"), "what is recorded"},
      {"query", &C::query, Section(QueryKeys()), "who may read it"},
      {"runtime_directory", &C::runtime_directory, Path(), "where the recorder writes its status file"},
      {"index_memory_bytes", &C::index_memory_bytes, Size(16 * kMebi),
       "memory for the flow tables of all lanes together, a third of it for files that are being recorded; a file is "
       "closed when its share is full"},
      {"user", &C::user, Text(),
       "whom the recorder becomes when root starts it; empty for dashcap, if there is such a user"},
      {"sandbox", &C::sandbox, Boolean(),
       "confine both daemons by Landlock and seccomp to what they need; a libpcap that needs more may ask for false"},
  };
}

tl::unexpected<Error> Invalid(std::string message) { return Fail(ErrorKind::kInvalidInput, std::move(message)); }

// "office" of "/tmp/office.pcap.gz"; what an interface name can't hold becomes "_".
std::string InterfaceNameOf(const std::string& file) {
  if (file == "-") return "stdin";
  std::string name = file.substr(file.rfind('/') + 1);
  name = name.substr(0, std::min(name.find('.', 1), kLongestInterfaceName));
  for (char& c : name) {
    if (!IsNameCharacter(c)) c = '_';
  }
  return IsInterfaceName(name) ? name : "file";
}

// The keys of a capture that depend on each other, before they are checked one by one.
Status CheckSource(const CaptureConfig& capture, const std::string& path) {
  const bool from_file = capture.source == CaptureConfig::Source::kFile;
  if (from_file && capture.file.empty()) return Invalid(path + ".file: required with source \"file\"");
  if (!from_file && !capture.file.empty()) return Invalid(path + ".file: allowed with source \"file\" only");
  if (capture.source != CaptureConfig::Source::kAfPacket && capture.lanes != 1)
    return Invalid(path + ".lanes: several are allowed with source \"af_packet\" only");
  // What names a device is libpcap's business.
  if (capture.source == CaptureConfig::Source::kPcap) return {};
  if (!IsInterfaceName(capture.interface))
    return Refuse(Json(capture.interface), path + ".interface", "the name of an interface");
  const CaptureConfig defaults;
  const std::pair<const char*, bool> given[] = {
      {"immediate", capture.immediate != defaults.immediate},
      {"monitor_mode", capture.monitor_mode != defaults.monitor_mode},
      {"nanoseconds", capture.nanoseconds != defaults.nanoseconds},
      {"timestamp_type", capture.timestamp_type != defaults.timestamp_type},
      {"link_type", capture.link_type != defaults.link_type},
  };
  for (const auto& [key, is_given] : given) {
    if (is_given) return Invalid(path + "." + key + ": allowed with source \"pcap\" only");
  }
  return {};
}

// Each name with the path where it stands. No two may be the same.
Status CheckDistinct(const std::vector<std::pair<std::string, std::string>>& names_and_paths) {
  std::map<std::string, std::string> first_paths;
  for (const auto& [name, path] : names_and_paths) {
    const auto [first, is_new] = first_paths.emplace(name, path);
    if (!is_new) return Invalid(fmt::format("{}: \"{}\": the same as {}", path, name, first->second));
  }
  return {};
}

Status CheckNames(const Config& config) {
  std::vector<std::pair<std::string, std::string>> interfaces;
  for (const CaptureConfig& capture : config.capture) {
    interfaces.emplace_back(capture.interface, fmt::format("capture[{}].interface", interfaces.size()));
  }
  std::vector<std::pair<std::string, std::string>> tokens;
  for (const TokenConfig& token : config.query.tokens) {
    tokens.emplace_back(token.name, fmt::format("query.tokens[{}].name", tokens.size()));
  }
  Status distinct = CheckDistinct(interfaces);
  return distinct ? CheckDistinct(tokens) : distinct;
}

Status CheckListen(const QueryConfig& query) {
  for (size_t i = 0; i < query.listen.size(); i++) {
    if (IsTcp(query.listen[i]) && query.tokens.empty()) {
      return Invalid(
          fmt::format("query.listen[{}]: \"{}\": needs at least one token in query.tokens", i, query.listen[i]));
    }
  }
  return {};
}

// What no single key can be wrong about.
Status CheckTogether(const Config& config) {
  for (size_t i = 0; i < config.capture.size(); i++) {
    if (Status source = CheckSource(config.capture[i], fmt::format("capture[{}]", i)); !source) return source;
  }
  if (Status names = CheckNames(config); !names) return names;
  return CheckListen(config.query);
}

// A capture file records under its own name when it is given no other. Done to the JSON, so that "interface" is simply
// a required key.
void NameFileSources(Json& json) {
  if (!json.is_object() || !json.contains("capture") || !json["capture"].is_array()) return;
  for (Json& capture : json["capture"]) {
    if (!capture.is_object() || capture.value("source", Json()) != "file" || capture.contains("interface")) continue;
    const Json file = capture.value("file", Json());
    if (file.is_string()) capture["interface"] = InterfaceNameOf(file.get<std::string>());
  }
}

Result<Config> ReadConfig(Json json) {
  NameFileSources(json);
  Result<Config> config = ReadSection(FileKeys(), json, "");
  if (!config) return config;
  if (Status together = CheckTogether(*config); !together) return Fail(together.error());
  return config;
}

Result<std::string> ReadFile(const std::string& path) {
  Result<FileDescriptor> file = OpenFile(path, O_RDONLY);
  if (!file) return Fail(file.error());
  std::string text;
  std::array<char, 16384> buffer;
  while (text.size() <= kLongestFile) {
    const ssize_t count = read(file->get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(SystemError("read " + path));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  return Invalid(fmt::format("{}: longer than {} bytes", path, kLongestFile));
}

}  // namespace

std::vector<ConfigKey> ConfigKeys() { return Section(FileKeys()).keys_within(""); }

Result<Config> ParseConfig(std::string_view text, const std::string& name) {
  Result<Json> json = ParseJsonText(text, name);
  if (!json) return Fail(json.error());
  Result<Config> config = ReadConfig(*std::move(json));
  if (!config) return Fail(config.error().kind, name + ": " + config.error().message);
  return config;
}

Result<Config> LoadConfig(const std::string& path) {
  Result<std::string> text = ReadFile(path);
  if (!text) return Fail(text.error());
  return ParseConfig(*text, path);
}

}  // namespace dashcap
