#include "daemon/fanout_program.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace dashcap {
namespace {

// Scratch memory of the program.
constexpr uint32_t kType = 0;
constexpr uint32_t kOffset = 1;  // of the network layer in what loads see
constexpr uint32_t kSource = 2;
constexpr uint32_t kDestination = 3;
constexpr uint32_t kMixed = 4;

// Odd, with well spread bits (xxHash's primes).
constexpr uint32_t kMultiplierA = 0x9E3779B1;
constexpr uint32_t kMultiplierB = 0x85EBCA77;
constexpr uint32_t kMultiplierC = 0xC2B2AE3D;

constexpr int kMostTags = 3;
constexpr int kMostLabels = 6;

class Program {
 public:
  explicit Program(bool ethernet) : ethernet_(ethernet) {}

  std::vector<sock_filter> Write() && {
    FindType();
    PassTags();
    TellTypes();
    PassLabels();
    PassPppoe();
    TakeAddresses();
    TakeMacs();
    Mix();
    for (const auto& [at, place] : jumps_) {
      const size_t distance = places_[place] - at - 1;
      sock_filter& jump = code_[at];
      if (jump.code == (BPF_JMP | BPF_JA)) {
        jump.k = static_cast<uint32_t>(distance);
      } else {
        jump.jt = static_cast<uint8_t>(distance);
      }
    }
    return std::move(code_);
  }

 private:
  enum Place { kIncoming, kTyped, kUntagged, kLabelled, kPppoe, kIp, kIpv6, kMix, kNotIp, kFirstFree };

  void Add(int code, uint32_t operand = 0) { code_.push_back({static_cast<uint16_t>(code), 0, 0, operand}); }
  void Load(int mode, int32_t offset) { Add(BPF_LD | mode, static_cast<uint32_t>(offset)); }
  void JumpIf(int condition, uint32_t operand, size_t place) {
    jumps_.emplace_back(code_.size(), place);
    Add(BPF_JMP | condition | BPF_K, operand);
  }
  void Jump(size_t place) {
    jumps_.emplace_back(code_.size(), place);
    Add(BPF_JMP | BPF_JA);
  }
  void Here(size_t place) { places_[place] = code_.size(); }
  size_t NewPlace() {
    places_.push_back(0);
    return places_.size() - 1;
  }

  // A: the EtherType. X: the offset behind it. Loads see what comes in from its network layer on, the outer tag taken off,
  // and what goes out from its MAC header on.
  void FindType() {
    Add(BPF_LDX | BPF_IMM, 0);
    if (ethernet_) {
      const size_t outgoing = NewPlace();
      Load(BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE);
      JumpIf(BPF_JEQ, PACKET_OUTGOING, outgoing);
      Jump(kIncoming);
      Here(outgoing);
      Add(BPF_LDX | BPF_IMM, ETH_HLEN);
      Load(BPF_H | BPF_ABS, 2 * ETH_ALEN);
      Jump(kTyped);
    }
    Here(kIncoming);
    Load(BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL);
    Here(kTyped);
  }

  void MoveOn(uint32_t bytes) {
    Add(BPF_MISC | BPF_TXA);
    Add(BPF_ALU | BPF_ADD | BPF_K, bytes);
    Add(BPF_MISC | BPF_TAX);
  }

  void PassTags() {
    for (int i = 0; i < kMostTags; i++) {
      const size_t tagged = NewPlace();
      for (const uint32_t type : {ETH_P_8021Q, ETH_P_8021AD, ETH_P_QINQ1}) JumpIf(BPF_JEQ, type, tagged);
      Jump(kUntagged);
      Here(tagged);
      Load(BPF_H | BPF_IND, 2);
      Add(BPF_ST, kType);
      MoveOn(4);
      Add(BPF_LD | BPF_MEM, kType);
    }
    Here(kUntagged);
  }

  void TellTypes() {
    for (const uint32_t type : {ETH_P_IP, ETH_P_IPV6}) JumpIf(BPF_JEQ, type, kIp);
    for (const uint32_t type : {ETH_P_MPLS_UC, ETH_P_MPLS_MC}) JumpIf(BPF_JEQ, type, kLabelled);
    JumpIf(BPF_JEQ, ETH_P_PPP_SES, kPppoe);
    Jump(kNotIp);
  }

  // RFC 3032: the third byte's last bit marks the last label.
  void PassLabels() {
    Here(kLabelled);
    for (int i = 0; i < kMostLabels; i++) {
      const size_t last = NewPlace();
      Load(BPF_B | BPF_IND, 2);
      JumpIf(BPF_JSET, 1, last);
      MoveOn(4);
      const size_t next = NewPlace();
      Jump(next);
      Here(last);
      MoveOn(4);
      Jump(kIp);
      Here(next);
    }
    Jump(kNotIp);
  }

  // RFC 2516: six bytes of PPPoE, two of PPP.
  void PassPppoe() {
    Here(kPppoe);
    MoveOn(8);
  }

  void TakeAddresses() {
    Here(kIp);
    Add(BPF_STX, kOffset);
    Load(BPF_B | BPF_IND, 0);
    Add(BPF_ALU | BPF_RSH | BPF_K, 4);
    JumpIf(BPF_JEQ, 6, kIpv6);
    const size_t ipv4 = NewPlace();
    JumpIf(BPF_JEQ, 4, ipv4);
    Jump(kNotIp);
    Here(ipv4);
    TakeWords(12, 1, kSource);
    TakeWords(16, 1, kDestination);
    Jump(kMix);
    Here(kIpv6);
    TakeWords(8, 4, kSource);
    TakeWords(24, 4, kDestination);
    Jump(kMix);
  }

  // Folds some words behind the network layer's offset into one.
  void TakeWords(int offset, int count, uint32_t into) {
    for (int i = 0; i < count; i++) {
      if (i > 0) Add(BPF_LDX | BPF_MEM, kOffset);
      Load(BPF_W | BPF_IND, offset + 4 * i);
      if (i > 0) {
        Add(BPF_LDX | BPF_MEM, into);
        Add(BPF_ALU | BPF_ADD | BPF_X);
      }
      if (i + 1 < count) Add(BPF_ALU | BPF_MUL | BPF_K, kMultiplierA);
      Add(BPF_ST, into);
    }
    Add(BPF_LDX | BPF_MEM, kOffset);
  }

  // Symmetric in source and destination; then every bit reaches the low ones, by which the kernel chooses.
  void Mix() {
    Here(kMix);
    Add(BPF_LDX | BPF_MEM, kDestination);
    Add(BPF_LD | BPF_MEM, kSource);
    Add(BPF_ALU | BPF_XOR | BPF_X);
    Add(BPF_ALU | BPF_MUL | BPF_K, kMultiplierA);
    Add(BPF_ST, kMixed);
    Add(BPF_LD | BPF_MEM, kSource);
    Add(BPF_ALU | BPF_ADD | BPF_X);
    Add(BPF_ALU | BPF_MUL | BPF_K, kMultiplierB);
    Add(BPF_LDX | BPF_MEM, kMixed);
    Add(BPF_ALU | BPF_ADD | BPF_X);
    for (const uint32_t shift : {16, 13}) {
      Add(BPF_MISC | BPF_TAX);
      Add(BPF_ALU | BPF_RSH | BPF_K, shift);
      Add(BPF_ALU | BPF_XOR | BPF_X);
      Add(BPF_ALU | BPF_MUL | BPF_K, kMultiplierC);
    }
    Add(BPF_MISC | BPF_TAX);
    Add(BPF_ALU | BPF_RSH | BPF_K, 16);
    Add(BPF_ALU | BPF_XOR | BPF_X);
    Add(BPF_RET | BPF_A);
  }

  void TakeMacs() {
    Here(kNotIp);
    if (!ethernet_) return Add(BPF_RET | BPF_K, 0);
    const std::pair<int, uint32_t> addresses[] = {{0, kDestination}, {ETH_ALEN, kSource}};
    for (const auto& [offset, into] : addresses) {
      Load(BPF_H | BPF_ABS, SKF_LL_OFF + offset + 4);
      Add(BPF_ALU | BPF_MUL | BPF_K, kMultiplierA);
      Add(BPF_MISC | BPF_TAX);
      Load(BPF_W | BPF_ABS, SKF_LL_OFF + offset);
      Add(BPF_ALU | BPF_ADD | BPF_X);
      Add(BPF_ST, into);
    }
  }

  const bool ethernet_;
  std::vector<sock_filter> code_;
  std::vector<std::pair<size_t, size_t>> jumps_;  // instruction, place
  std::vector<size_t> places_ = std::vector<size_t>(kFirstFree);
};

}  // namespace

std::vector<sock_filter> HostsProgram(bool ethernet) { return Program(ethernet).Write(); }

}  // namespace dashcap
