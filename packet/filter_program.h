#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "packet/link_type.h"

struct bpf_program;

namespace dashcap {

// pcap-filter(7) text for stored packets of one link type, compiled by libpcap as for `tcpdump -r` of such a file.
// Constant once made; any thread.
class FilterProgram {
 public:
  // kInvalidInput, in libpcap's words, when the text is no filter or speaks of what packets of this link type don't
  // have. Names of hosts and networks in the text would be looked up; see to it that there are none. Any thread.
  static Result<FilterProgram> Compile(const std::string& text, LinkType link_type);

  // A packet that ends before a byte which the filter has to look at is not accepted, whatever is asked of that byte.
  bool Accepts(std::span<const uint8_t> bytes, uint32_t original_length) const;

 private:
  struct Free {
    void operator()(bpf_program* program) const;
  };
  explicit FilterProgram(std::unique_ptr<bpf_program, Free> program) : program_(std::move(program)) {}

  std::unique_ptr<bpf_program, Free> program_;
};

}  // namespace dashcap
