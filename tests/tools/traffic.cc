// Sends test traffic onto an interface, as raw Ethernet frames, and says how much it sent.
//
//   traffic IFACE --flows N --bytes B [--rate PPS] [--packets N] [--seconds S]   N made-up IPv4 flows, interleaved at
//                                                                                random
//   traffic IFACE --capture FILE… [--rate PPS] [--packets N] [--seconds S]       the frames of captures, in their order,
//                                                                                again and again
//
// Stops at the first of the two limits. Prints one line of JSON: {"packets":…,"bytes":…,"seconds":…}. A frame that the
// kernel refuses is sent again, so that the figures are what went out. Rate 0 (the default) is as fast as it can.

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

#include "packet/capture_reader.h"
#include "tests/tools/made_frames.h"

namespace dashcap {
namespace {

using Frame = std::vector<uint8_t>;

constexpr size_t kLargestFrame = 1514;  // Ethernet, MTU 1500
constexpr unsigned kBatch = 64;
constexpr size_t kCacheLine = 64;

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
  double seconds = 3600;
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
  for (unsigned i = 0; i < kBatch; i++) {
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  Sent sent;
  size_t next = 0;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(options.seconds);
  while (sent.packets < options.packets && Clock::now() < end) {
    const auto count = static_cast<unsigned>(std::min<uint64_t>(kBatch, options.packets - sent.packets));
    for (unsigned i = 0; i < count; i++) {
      Frame& frame = frames[interleave ? random() % frames.size() : next++ % frames.size()];
      vectors[i] = {frame.data(), frame.size()};
      // At random over many frames the sender's cache misses would be what is measured.
      for (size_t at = 0; at < frame.size(); at += kCacheLine) __builtin_prefetch(&frame[at]);
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
  app.add_option("--seconds", options.seconds, "Seconds to send for")->check(CLI::PositiveNumber);
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
