#include "daemon/pcap_source.h"

#include <pcap/pcap.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <thread>
#include <utility>

#include "base/log.h"

namespace dashcap {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr int kBufferTimeoutMilliseconds = 100;  // how long libpcap may collect packets before it hands them out
constexpr int kAtOnce = 4096;                    // packets of one Poll, so that the lane gets to its other duties
constexpr auto kShortestWait = milliseconds(1);
constexpr auto kWaitWithoutDescriptor = milliseconds(5);
constexpr auto kReopenInterval = std::chrono::seconds(1);

struct ClosePcap {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using Handle = std::unique_ptr<pcap_t, ClosePcap>;

ErrorKind KindOf(int pcap_error) {
  switch (pcap_error) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return ErrorKind::kNotFound;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return ErrorKind::kPermissionDenied;
    case PCAP_ERROR_IFACE_NOT_UP:
      return ErrorKind::kUnavailable;
    case PCAP_ERROR_RFMON_NOTSUP:
    case PCAP_ERROR_CANTSET_TSTAMP_TYPE:
      return ErrorKind::kInvalidInput;
    default:
      return ErrorKind::kIo;
  }
}

// libpcap's sentences begin as sentences do; ours stand behind a colon.
std::string LowerFirst(std::string text) {
  const bool word = text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z';
  if (word) text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

// libpcap tells the cause in general, and sometimes more of it.
std::string CauseOf(pcap_t* handle, int status) {
  const std::string general = LowerFirst(pcap_statustostr(status));
  std::string detail = LowerFirst(pcap_geterr(handle));
  if (status == PCAP_ERROR || status == PCAP_WARNING) return detail;
  return detail.empty() || detail == general ? general : general + " (" + detail + ")";
}

// "host, adapter" of the timestamp types that the device offers.
std::string TimestampTypes(pcap_t* handle) {
  int* types = nullptr;
  const int count = pcap_list_tstamp_types(handle, &types);
  std::string names;
  for (int i = 0; i < count; i++) {
    const char* name = pcap_tstamp_type_val_to_name(types[i]);
    names += (names.empty() ? "" : ", ") + std::string(name ? name : "?");
  }
  if (count > 0) pcap_free_tstamp_types(types);
  return names.empty() ? "its own only" : names;
}

std::string LinkTypes(pcap_t* handle) {
  int* types = nullptr;
  const int count = pcap_list_datalinks(handle, &types);
  std::string names;
  for (int i = 0; i < count; i++) {
    const char* name = pcap_datalink_val_to_name(types[i]);
    names += (names.empty() ? "" : ", ") + (name ? std::string(name) : std::to_string(types[i]));
  }
  if (count > 0) pcap_free_datalinks(types);
  return names;
}

class PcapSource final : public CaptureSource {
 public:
  explicit PcapSource(PcapOptions options) : options_(std::move(options)), name_("device " + options_.device) {}

  Status Open() {
    if (Status status = OpenDevice(); !status) return status;
    interfaces_ = {{options_.device, "", options_.filter, link_type_, options_.snap_length}};
    if (options_.nanoseconds && nanoseconds_in_unit_ != 1) LogInfo("{}: has microsecond timestamps only", name_);
    return {};
  }

  const std::vector<Interface>& interfaces() const override { return interfaces_; }

  Result<Outcome> Poll(milliseconds timeout, const std::function<void(const Packet&)>& deliver) override {
    if (!handle_) {
      Reopen(timeout);
      return Outcome::kMore;
    }
    int count = Dispatch(deliver);
    if (count == 0) {
      Wait(timeout);
      count = Dispatch(deliver);
    }
    if (count < 0) NoteTrouble(count);
    return Outcome::kMore;
  }

  bool LinkDown() const override { return !handle_; }

  std::vector<InterfaceCounts> Counts() override {
    AddStatistics();
    return {counts_};
  }

 private:
  Error Describe(const std::string& what, int status) const {
    Error error{KindOf(status), what + ": " + CauseOf(handle_.get(), status)};
    if (error.kind == ErrorKind::kPermissionDenied) error.message += "; run as root or with CAP_NET_RAW";
    return error;
  }

  // Leaves no handle behind when it fails.
  Status OpenDevice() {
    char message[PCAP_ERRBUF_SIZE] = "";
    handle_ = Handle(pcap_create(options_.device.c_str(), message));
    if (!handle_) return Fail(ErrorKind::kIo, name_ + ": " + message);
    Status status = SetUp();
    if (!status) handle_.reset();
    return status;
  }

  Status SetUp() {
    if (Status status = SetOptions(); !status) return status;
    const int activated = pcap_activate(handle_.get());
    if (activated < 0) return Fail(Describe(name_, activated));
    if (activated > 0) LogWarning("{}: {}", name_, CauseOf(handle_.get(), activated));
    if (Status status = SetLinkType(); !status) return status;
    if (Status status = SetDirection(); !status) return status;
    if (Status status = CompileFilter(); !status) return status;
    if (pcap_setnonblock(handle_.get(), 1, message_) != 0) return Fail(ErrorKind::kIo, name_ + ": " + message_);
    nanoseconds_in_unit_ = pcap_get_tstamp_precision(handle_.get()) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    last_statistics_ = {};
    return {};
  }

  Status SetOptions() {
    pcap_t* handle = handle_.get();
    pcap_set_snaplen(handle, static_cast<int>(options_.snap_length));
    pcap_set_promisc(handle, options_.promiscuous);
    pcap_set_timeout(handle, kBufferTimeoutMilliseconds);
    pcap_set_immediate_mode(handle, options_.immediate);
    constexpr uint64_t kLargest = std::numeric_limits<int>::max();
    pcap_set_buffer_size(handle, static_cast<int>(std::min(options_.buffer_bytes, kLargest)));
    // Where this is refused, timestamps are in microseconds.
    if (options_.nanoseconds) pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
    if (options_.monitor_mode) {
      const int possible = pcap_can_set_rfmon(handle);
      if (possible < 0) return Fail(Describe(name_ + ": monitor mode", possible));
      if (possible == 0) return Fail(ErrorKind::kInvalidInput, name_ + ": has no monitor mode");
      pcap_set_rfmon(handle, 1);
    }
    return SetTimestampType();
  }

  Status SetTimestampType() {
    if (options_.timestamp_type.empty()) return {};
    const int type = pcap_tstamp_type_name_to_val(options_.timestamp_type.c_str());
    if (type >= 0 && pcap_set_tstamp_type(handle_.get(), type) == 0) return {};
    return Fail(ErrorKind::kInvalidInput, name_ + ": has no timestamp type \"" + options_.timestamp_type +
                                              "\", but: " + TimestampTypes(handle_.get()));
  }

  Status SetLinkType() {
    pcap_t* handle = handle_.get();
    if (!options_.link_type.empty()) {
      const int dlt = pcap_datalink_name_to_val(options_.link_type.c_str());
      if (dlt < 0 || pcap_set_datalink(handle, dlt) != 0) {
        return Fail(ErrorKind::kInvalidInput,
                    name_ + ": has no link type \"" + options_.link_type + "\", but: " + LinkTypes(handle));
      }
    }
    auto link_type = FileLinkType(pcap_datalink(handle));
    if (!link_type) return Fail(link_type.error().kind, name_ + ": " + link_type.error().message);
    link_type_ = *link_type;
    return {};
  }

  Status SetDirection() {
    if (options_.direction == PcapOptions::Direction::kBoth) return {};
    const bool in = options_.direction == PcapOptions::Direction::kIn;
    const int status = pcap_setdirection(handle_.get(), in ? PCAP_D_IN : PCAP_D_OUT);
    if (status != 0) return Fail(Describe(name_ + ": direction", status));
    return {};
  }

  // libpcap itself judges the packets that came in before the filter was there.
  Status CompileFilter() {
    if (options_.filter.empty()) return {};
    pcap_t* handle = handle_.get();
    bpf_program program{};
    if (pcap_compile(handle, &program, options_.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
      return Fail(ErrorKind::kInvalidInput, "filter \"" + options_.filter + "\": " + pcap_geterr(handle));
    }
    const int status = pcap_setfilter(handle, &program);
    pcap_freecode(&program);
    if (status != 0) return Fail(Describe(name_ + ": filter", status));
    return {};
  }

  struct Delivery {
    PcapSource* source;
    const std::function<void(const Packet&)>* deliver;
  };

  int Dispatch(const std::function<void(const Packet&)>& deliver) {
    Delivery delivery{this, &deliver};
    return pcap_dispatch(handle_.get(), kAtOnce, &PcapSource::Take, reinterpret_cast<u_char*>(&delivery));
  }

  static void Take(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
    const Delivery& delivery = *reinterpret_cast<const Delivery*>(user);
    PcapSource& source = *delivery.source;
    Packet packet;
    packet.timestamp = Timestamp(std::chrono::seconds(header->ts.tv_sec) +
                                 Nanoseconds(header->ts.tv_usec * source.nanoseconds_in_unit_));
    packet.original_length = header->len;
    packet.link_type = source.link_type_;
    packet.bytes = {bytes, header->caplen};
    source.counts_.delivered++;
    (*delivery.deliver)(packet);
  }

  // Not every device has a descriptor to wait for, and some want to be asked again before it says anything.
  void Wait(milliseconds timeout) const {
    if (const timeval* longest = pcap_get_required_select_timeout(handle_.get())) {
      const auto asked = std::chrono::seconds(longest->tv_sec) + std::chrono::microseconds(longest->tv_usec);
      const auto rounded = std::chrono::ceil<milliseconds>(asked);
      timeout = std::min(timeout, std::max(rounded, kShortestWait));
    }
    pollfd events{pcap_get_selectable_fd(handle_.get()), POLLIN, 0};
    if (events.fd < 0) {
      std::this_thread::sleep_for(std::min(timeout, kWaitWithoutDescriptor));
      return;
    }
    ::poll(&events, 1, static_cast<int>(timeout.count()));
    // An error that stays would make this a busy loop; Dispatch tells what it is.
    if ((events.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) std::this_thread::sleep_for(kShortestWait);
  }

  // What ps_recv counts is different on each platform (pcap_stats(3PCAP)), and with a direction, or on loopback, has
  // packets in it that libpcap never hands out. So what was received is what was handed out or dropped.
  void AddStatistics() {
    pcap_stat now{};
    if (handle_ && pcap_stats(handle_.get(), &now) == 0) {
      counts_.dropped_kernel = Continue(counts_.dropped_kernel, last_statistics_.ps_drop, now.ps_drop);
      counts_.dropped_nic = Continue(counts_.dropped_nic, last_statistics_.ps_ifdrop, now.ps_ifdrop);
      last_statistics_ = now;
    }
    counts_.received = counts_.delivered + counts_.dropped_kernel;
  }

  void NoteTrouble(int status) {
    LogWarning("{}; waiting for it", Describe(name_, status).message);
    AddStatistics();
    handle_.reset();
    last_failure_.clear();
  }

  void Reopen(milliseconds timeout) {
    const auto now = SteadyClock::now();
    if (now < next_reopen_) {
      std::this_thread::sleep_until(std::min(next_reopen_, now + timeout));
      return;
    }
    next_reopen_ = now + kReopenInterval;
    const LinkType before = link_type_;
    Status status = OpenDevice();
    if (status && link_type_ != before) {
      status = Fail(ErrorKind::kUnavailable, name_ + ": is back with another link type, " + LinkTypeName(link_type_));
      handle_.reset();
      link_type_ = before;
    }
    if (status) {
      LogInfo("{}: recording again", name_);
    } else if (std::exchange(last_failure_, status.error().message) != status.error().message) {
      LogInfo("{}", status.error().message);
    }
  }

  const PcapOptions options_;
  const std::string name_;  // for messages
  Handle handle_;           // none while the device is waited for
  char message_[PCAP_ERRBUF_SIZE] = "";
  LinkType link_type_ = LinkType::kEthernet;
  int64_t nanoseconds_in_unit_ = 1000;  // of the fraction of a second in a packet's time
  std::vector<Interface> interfaces_;
  InterfaceCounts counts_;
  pcap_stat last_statistics_{};
  SteadyClock::time_point next_reopen_;
  std::string last_failure_;
};

}  // namespace

Result<std::unique_ptr<CaptureSource>> OpenPcap(PcapOptions options) {
  auto source = std::make_unique<PcapSource>(std::move(options));
  if (Status status = source->Open(); !status) return Fail(status.error());
  return source;
}

// The map between the two is libpcap's own secret, so this looks at what it writes.
Result<LinkType> FileLinkType(int dlt) {
  constexpr int kAnyLength = 65535;
  constexpr size_t kHeaderSize = 24;
  constexpr size_t kLinkTypeOffset = 20;
  const Handle handle(pcap_open_dead(dlt, kAnyLength));
  char* text = nullptr;
  size_t size = 0;
  FILE* file = ::open_memstream(&text, &size);
  if (!file) return Fail(SystemError("link type"));
  pcap_dumper_t* dumper = pcap_dump_fopen(handle.get(), file);
  if (dumper) {
    pcap_dump_close(dumper);
  } else {
    std::fclose(file);
  }
  const std::unique_ptr<char, decltype(&std::free)> header(text, &std::free);
  if (!dumper || size < kHeaderSize) {
    return Fail(ErrorKind::kInvalidInput, "link type DLT " + std::to_string(dlt) + ": no file format has it");
  }
  // The upper half can hold more than the link type. The file is in this machine's byte order.
  uint32_t field = 0;
  std::copy_n(header.get() + kLinkTypeOffset, sizeof field, reinterpret_cast<char*>(&field));
  return static_cast<LinkType>(field & 0xFFFF);
}

uint64_t Continue(uint64_t total, uint32_t before, uint32_t now) {
  const uint32_t difference = now - before;
  const bool began_again = difference > std::numeric_limits<uint32_t>::max() / 2;
  return total + (began_again ? now : difference);
}

}  // namespace dashcap
