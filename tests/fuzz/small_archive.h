#pragma once

#include <memory>
#include <string>

#include "query/http/access.h"
#include "query/search/search.h"
#include "storage/lane_writer.h"
#include "tests/fuzz/target.h"
#include "tests/packet/frames.h"
#include "tests/storage/temporary_directory.h"

namespace dashcap {

// An archive of three packets, made once.
inline Archive& SmallArchive() {
  static const TemporaryDirectory directory(kInMemory);
  static const std::unique_ptr<Archive> archive = [] {
    LaneOptions options;
    options.directory = directory.path() + "/lane";
    options.block_count = 4;
    auto writer = LaneWriter::Open(options, {Interface{}}, [](const LaneEvent&) {});
    Require(writer.has_value(), "a lane can be written");
    const Bytes frame = Macs() + Hex("08 00") + Ipv4Header("11") + UdpHeader();
    for (int i = 0; i < 3; i++) {
      Packet packet;
      packet.timestamp = FromUnixNanoseconds(1'700'000'000'000'000'000 + i);
      packet.original_length = static_cast<uint32_t>(frame.size());
      packet.bytes = frame;
      Require((*writer)->Append(packet).has_value(), "a packet can be stored");
    }
    Require((*writer)->Finish().has_value(), "a blockfile can be published");
    auto opened = Archive::Open({directory.path()});
    Require(opened.has_value(), "the archive can be opened");
    return std::move(*opened);
  }();
  return *archive;
}

inline constexpr char kToken[] = "let-me-in-please";

// Knows kToken, whose SHA-256 coreutils' sha256sum printed.
inline TokenCheck SmallTokens() {
  TokenConfig token;
  token.name = "fuzz";
  token.sha256 = "57f03a923bca2c5f747433c4f4d0cc1a2e65e27f51fca5946f740c376b366d33";
  return TokenCheck(std::vector<TokenConfig>{token});
}

}  // namespace dashcap
