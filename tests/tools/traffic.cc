// Sends test traffic onto an interface, as raw Ethernet frames, and says how much it sent.
//
//   traffic IFACE --flows N --bytes B [--rate PPS] [--packets N]     N made-up IPv4 flows, interleaved at random
//   traffic IFACE --capture FILE… [--rate PPS] [--packets N]         the frames of captures, in their order, again and
//   again
//
// Prints one line of JSON: {"packets":…,"bytes":…,"seconds":…}. A frame that the kernel refuses is sent again, so that
// the figures are what went out. Rate 0 (the default) is as fast as it can.

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_order.h"
#include "packet/capture_reader.h"

namespace dashcap {
namespace {

using Frame = std::vector<uint8_t>;

constexpr size_t kLargestFrame = 1514;  // Ethernet, MTU 1500
constexpr unsigned kBatch = 64;

// A UDP or TCP frame between two hosts of 65,536 each, to a well-known port. Checksums are left zero: a recorder does
// not look at them.
Frame MakeFrame(std::mt19937& random, size_t bytes, bool tcp) {
  static constexpr std::array<uint16_t, 8> kPorts = {80, 443, 53, 22, 25, 8080, 123, 3389};
  constexpr size_t kIp = 14;
  constexpr size_t kTransport = kIp + 20;
  Frame frame(bytes);
  for (uint8_t& byte : frame) byte = static_cast<uint8_t>(random());
  const std::array<uint8_t, 14> ethernet = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  std::copy(ethernet.begin(), ethernet.end(), frame.begin());
  std::fill_n(frame.begin() + kIp, 20, uint8_t{0});
  frame[kIp] = 0x45;
  StoreBig16(&frame[kIp + 2], static_cast<uint16_t>(bytes - kIp));
  frame[kIp + 8] = 64;
  frame[kIp + 9] = tcp ? 6 : 17;
  StoreBig32(&frame[kIp + 12], 0x0A000000 | (random() & 0xFFFF));
  StoreBig32(&frame[kIp + 16], 0xC0A80000 | (random() & 0xFFFF));
  StoreBig16(&frame[kTransport], static_cast<uint16_t>(1024 + random() % 60000));
  StoreBig16(&frame[kTransport + 2], kPorts[random() % kPorts.size()]);
  if (tcp) {
    frame[kTransport + 12] = 0x50;
    frame[kTransport + 13] = 0x10;
  } else {
    StoreBig16(&frame[kTransport + 4], static_cast<uint16_t>(bytes - kTransport));
  }
  return frame;
}

Result<std::vector<Frame>> ReadFrames(const std::vector<std::string>& paths) {
  std::vector<Frame> frames;
  for (const std::string& path : paths) {
    auto reader = OpenCapture(path);
    if (!reader) return Fail(reader.error());
    while (true) {
      auto packet = (*reader)->Next();
      if (!packet || !*packet) break;  // a damaged tail: what was sound is sent
      const auto& bytes = (*packet)->bytes;
      if ((*packet)->link_type != LinkType::kEthernet || bytes.size() < 14 || bytes.size() > kLargestFrame) continue;
      frames.emplace_back(bytes.begin(), bytes.end());
    }
  }
  if (frames.empty()) return Fail(ErrorKind::kInvalidInput, "no Ethernet frame of 14 to 1514 bytes in the captures");
  return frames;
}

Result<FileDescriptor> OpenSender(const std::string& interface) {
  FileDescriptor socket(::socket(AF_PACKET, SOCK_RAW, 0));
  if (!socket.valid()) return Fail(SystemError("packet socket"));
  int on = 1;
  ::setsockopt(socket.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (address.sll_ifindex == 0) return Fail(SystemError("interface " + interface));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return Fail(SystemError("bind to " + interface));
  }
  return socket;
}

struct Sent {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

Status SendBatch(int socket, mmsghdr* messages, unsigned count, Sent& sent) {
  for (unsigned done = 0; done < count;) {
    int n = ::sendmmsg(socket, messages + done, count - done, 0);
    if (n < 0) {
      if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR) continue;
      return Fail(SystemError("send"));
    }
    for (int i = 0; i < n; i++) sent.bytes += messages[done + i].msg_hdr.msg_iov->iov_len;
    done += static_cast<unsigned>(n);
  }
  sent.packets += count;
  return {};
}

struct Options {
  std::string interface;
  std::vector<std::string> captures;
  uint32_t flows = 0;
  size_t bytes = 64;
  double rate = 0;
  uint64_t packets = 1'000'000;
};

Status Run(const Options& options) {
  using Clock = std::chrono::steady_clock;
  std::mt19937 random(42);
  std::vector<Frame> frames;
  const bool interleave = options.captures.empty();
  if (interleave) {
    for (uint32_t i = 0; i < options.flows; i++) frames.push_back(MakeFrame(random, options.bytes, i % 2 == 1));
  } else {
    auto read = ReadFrames(options.captures);
    if (!read) return Fail(read.error());
    frames = std::move(*read);
  }
  auto socket = OpenSender(options.interface);
  if (!socket) return Fail(socket.error());

  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors{};
  Sent sent;
  size_t next = 0;
  const auto start = Clock::now();
  while (sent.packets < options.packets) {
    const auto count = static_cast<unsigned>(std::min<uint64_t>(kBatch, options.packets - sent.packets));
    for (unsigned i = 0; i < count; i++) {
      Frame& frame = frames[interleave ? random() % frames.size() : next++ % frames.size()];
      vectors[i] = {frame.data(), frame.size()};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (Status status = SendBatch(socket->get(), messages.data(), count, sent); !status) return status;
    if (options.rate > 0) {
      std::this_thread::sleep_until(start +
                                    std::chrono::duration<double>(static_cast<double>(sent.packets) / options.rate));
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"packets\":%lu,\"bytes\":%lu,\"seconds\":%.3f}\n", sent.packets, sent.bytes, seconds);
  return {};
}

}  // namespace
}  // namespace dashcap

int main(int argc, char** argv) {
  dashcap::Options options;
  CLI::App app("Sends test traffic onto an interface");
  app.add_option("interface", options.interface)->required();
  auto* captures = app.add_option("--capture", options.captures, "Captures whose frames are sent");
  app.add_option("--flows", options.flows, "Number of made-up flows")->excludes(captures)->check(CLI::PositiveNumber);
  app.add_option("--bytes", options.bytes, "Length of made-up frames")->check(CLI::Range(60, 1514));
  app.add_option("--rate", options.rate, "Packets per second")->check(CLI::NonNegativeNumber);
  app.add_option("--packets", options.packets, "Packets to send");
  CLI11_PARSE(app, argc, argv);
  if (options.captures.empty() && options.flows == 0) {
    std::fprintf(stderr, "traffic: one of --flows and --capture is needed\n");
    return 2;
  }
  if (dashcap::Status status = dashcap::Run(options); !status) {
    std::fprintf(stderr, "traffic: %s\n", status.error().message.c_str());
    return 1;
  }
  return 0;
}
