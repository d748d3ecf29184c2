#pragma once

#include <cstddef>
#include <cstdint>

// Constants of the pcapng format (draft-ietf-opsawg-pcapng). Shared by the reader, the writer and blockfiles.
namespace dashcap::pcapng {

inline constexpr uint32_t kSectionHeader = 0x0A0D0D0A;
inline constexpr uint32_t kInterfaceDescription = 1;
inline constexpr uint32_t kObsoletePacket = 2;
inline constexpr uint32_t kSimplePacket = 3;
inline constexpr uint32_t kNameResolution = 4;
inline constexpr uint32_t kInterfaceStatistics = 5;
inline constexpr uint32_t kEnhancedPacket = 6;
inline constexpr uint32_t kLocalUse = 0x80000000;  // set: readers that don't know the type skip the block

inline constexpr uint32_t kByteOrderMagic = 0x1A2B3C4D;

inline constexpr uint16_t kOptionEnd = 0;
inline constexpr uint16_t kOptionComment = 1;
inline constexpr uint16_t kIfName = 2;
inline constexpr uint16_t kIfDescription = 3;
inline constexpr uint16_t kIfTsResol = 9;
inline constexpr uint16_t kIfFilter = 11;
inline constexpr uint16_t kIfTsOffset = 14;
inline constexpr uint16_t kIsbStartTime = 2;
inline constexpr uint16_t kIsbEndTime = 3;
inline constexpr uint16_t kIsbIfRecv = 4;
inline constexpr uint16_t kIsbIfDrop = 5;
inline constexpr uint16_t kIsbFilterAccept = 6;
inline constexpr uint16_t kIsbOsDrop = 7;
inline constexpr uint16_t kIsbUsrDeliv = 8;
inline constexpr uint16_t kIsbLost = 0x8DC1;  // local use: readers that don't know it pass over it

// type, total length, interface, time high, time low, captured length, original length | bytes padded to 4 | total
// length
inline constexpr size_t kEnhancedPacketOverhead = 32;
inline constexpr size_t kEnhancedPacketHeader = 28;

constexpr size_t Padded(size_t size) { return (size + 3) & ~size_t{3}; }
constexpr size_t EnhancedPacketSize(size_t captured_length) {
  return kEnhancedPacketOverhead + Padded(captured_length);
}

}  // namespace dashcap::pcapng
