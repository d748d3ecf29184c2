// A libpcap that is none: what dashcapd asks of pcap/pcap.h, for devices "zc:NAME" that hand out 100 packets of 802.11
// with microseconds, have no descriptor to wait for, and claim to have dropped some. Stands in for the builds of libpcap
// that drivers bring along.

#include <pcap/pcap.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

struct pcap {
  std::string device;
  std::string error;
  std::string filter;
  int packets = 0;
  int dlt = DLT_IEEE802_11_RADIO;
};

namespace {

constexpr int kPackets = 100;
constexpr int kBegan = 1'700'000'000;
std::string last_filter;

}  // namespace

extern "C" {

pcap_t* pcap_create(const char* device, char*) { return new pcap{device ? device : "", "", ""}; }
pcap_t* pcap_open_dead(int dlt, int) { return new pcap{"", "", "", 0, dlt}; }
void pcap_close(pcap_t* handle) { delete handle; }

int pcap_activate(pcap_t* handle) {
  if (handle->device.rfind("zc:", 0) == 0) return 0;
  handle->error = "only devices named zc:NAME";
  return PCAP_ERROR_NO_SUCH_DEVICE;
}
char* pcap_geterr(pcap_t* handle) { return handle->error.data(); }
const char* pcap_statustostr(int) { return "No such zero-copy device"; }

int pcap_set_snaplen(pcap_t*, int) { return 0; }
int pcap_set_promisc(pcap_t*, int) { return 0; }
int pcap_set_timeout(pcap_t*, int) { return 0; }
int pcap_set_buffer_size(pcap_t*, int) { return 0; }
int pcap_set_immediate_mode(pcap_t*, int) { return 0; }
int pcap_can_set_rfmon(pcap_t*) { return 0; }
int pcap_set_rfmon(pcap_t*, int) { return 0; }
int pcap_setdirection(pcap_t*, pcap_direction_t) { return 0; }
int pcap_setnonblock(pcap_t*, int, char*) { return 0; }
int pcap_fileno(pcap_t*) { return -1; }
int pcap_get_selectable_fd(pcap_t*) { return -1; }
const struct timeval* pcap_get_required_select_timeout(pcap_t*) { return nullptr; }

int pcap_set_tstamp_precision(pcap_t*, int precision) {
  return precision == PCAP_TSTAMP_PRECISION_MICRO ? 0 : PCAP_ERROR_TSTAMP_PRECISION_NOTSUP;
}
int pcap_get_tstamp_precision(pcap_t*) { return PCAP_TSTAMP_PRECISION_MICRO; }
int pcap_set_tstamp_type(pcap_t*, int) { return PCAP_WARNING_TSTAMP_TYPE_NOTSUP; }
int pcap_list_tstamp_types(pcap_t*, int**) { return 0; }
void pcap_free_tstamp_types(int*) {}
int pcap_tstamp_type_name_to_val(const char*) { return PCAP_ERROR; }
const char* pcap_tstamp_type_val_to_name(int) { return nullptr; }

int pcap_datalink(pcap_t* handle) { return handle->dlt; }
int pcap_set_datalink(pcap_t*, int) { return PCAP_ERROR; }
int pcap_list_datalinks(pcap_t*, int**) { return 0; }
void pcap_free_datalinks(int*) {}
int pcap_datalink_name_to_val(const char*) { return PCAP_ERROR; }
const char* pcap_datalink_val_to_name(int) { return "ZERO_COPY_RADIOTAP"; }

int pcap_compile(pcap_t*, bpf_program* program, const char* text, int, bpf_u_int32) {
  last_filter = text;
  program->bf_len = 1;
  program->bf_insns = new bpf_insn{BPF_RET | BPF_K, 0, 0, 65535};
  return 0;
}
int pcap_setfilter(pcap_t* handle, bpf_program*) {
  handle->filter = last_filter;
  return 0;
}
void pcap_freecode(bpf_program* program) { delete program->bf_insns; }
u_int bpf_filter(const bpf_insn*, const u_char*, u_int length, u_int) { return length; }

// Each packet holds the device, the filter, and its number, zero-terminated.
int pcap_dispatch(pcap_t* handle, int count, pcap_handler handler, u_char* user) {
  int done = 0;
  for (; done < count && handle->packets < kPackets; done++, handle->packets++) {
    std::array<u_char, 256> bytes{};
    const std::string text = handle->device + " " + handle->filter + " " + std::to_string(handle->packets);
    std::memcpy(bytes.data(), text.data(), text.size());
    pcap_pkthdr header{};
    header.ts.tv_sec = kBegan;
    header.ts.tv_usec = handle->packets;
    header.caplen = static_cast<bpf_u_int32>(bytes.size());
    header.len = 1000;
    handler(user, &header, bytes.data());
  }
  return done;
}
int pcap_stats(pcap_t* handle, pcap_stat* statistics) {
  *statistics = {static_cast<u_int>(handle->packets), 7, 3};
  return 0;
}

pcap_dumper_t* pcap_dump_fopen(pcap_t* handle, FILE* file) {
  pcap_file_header header{0xa1b2c3d4, 2, 4, 0, 0, 65535, static_cast<bpf_u_int32>(handle->dlt)};
  std::fwrite(&header, sizeof header, 1, file);
  return reinterpret_cast<pcap_dumper_t*>(file);
}
void pcap_dump_close(pcap_dumper_t* dumper) { std::fclose(reinterpret_cast<FILE*>(dumper)); }

}  // extern "C"
